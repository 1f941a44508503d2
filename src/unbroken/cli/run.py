"""`unbroken run`: a site as a service."""

from __future__ import annotations

from pathlib import Path

import typer


def run(
    site: Path = typer.Argument(..., help="A `site.toml`; `unbroken site init` writes one."),
    seconds: float = typer.Option(0.0, min=0, help="Stop after so many seconds; 0 runs until it is stopped."),
) -> None:
    """Run a site for months: live cameras in, one Global ID per person and events out.

    Cameras that cannot be reached are tried again and again, and never hold the others up. Ctrl-C or SIGTERM stop the
    site within 5 seconds; nothing that was answered is lost.

    Examples:
        unbroken run site.toml

        unbroken run site.toml --seconds 3600
    """
    import signal
    import threading

    from unbroken.app.run import Service, run_site
    from unbroken.config.reading import read_site

    def ready(service: Service) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())

    lock = threading.Lock()

    def tell(line: str) -> None:
        with lock:
            typer.echo(line)

    run_site(read_site(site), tell, seconds, ready)
    tell("stopped; everything that was answered has been handed on")
    leave_hung_threads()


def leave_hung_threads() -> None:
    """End the process now where a thread hangs in a decoder: the interpreter would wait for it, or fall over it."""
    import os
    import sys
    import threading

    if any(thread.name.startswith(("intake ", "capture ", "scheduler")) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
