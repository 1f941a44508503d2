"""`python -m unbroken`: the command line."""

from unbroken.cli.main import main

main()
