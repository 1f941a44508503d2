"""Every command shows examples, and what they and the README say can be typed as it stands there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from unbroken.cli.examples import listed
from unbroken.cli.main import app
from unbroken.models.cards import manifest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = typer.main.get_command(app)


def commands(command=COMMAND, words=("unbroken",)):
    """All commands that do something, with the words that call them."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name, below in inner.items():
        yield from commands(below, (*words, name))


ALL = dict(commands())


def understood(line):
    """Parse a line as the shell and the command would, without running it."""
    program, *rest = shlex.split(line, comments=True)
    assert program == "unbroken"
    if not rest or rest[0].startswith("-"):
        return
    words = next((words for words in ALL if words[1:] == tuple(rest[: len(words) - 1])), None)
    assert words is not None, f"no command is called by {line!r}"
    ALL[words].make_context(words[-1], rest[len(words) - 1 :])


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_examples_that_it_understands(words):
    examples = re.findall(r"(?m)^- `(.*)`$", ALL[words].help)
    assert examples, f"{' '.join(words)} --help has no example"
    for example in examples:
        assert tuple(shlex.split(example)[: len(words)]) == words
        understood(example)


@pytest.mark.parametrize("document", sorted(path.name for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]))
def test_documents_say_commands_that_are_understood(document):
    path = ROOT / document if document == "README.md" else ROOT / "docs" / document
    for block in re.findall(r"```(?:sh|bash)\n(.*?)```", path.read_text(), flags=re.DOTALL):
        for line in block.splitlines():
            called = re.search(r"(?:^|&& )(?:sudo )?(?:\S*/bin/)?(unbroken .*)", line)
            if called:
                understood(called.group(1))


def test_what_documents_and_examples_fetch_has_an_address():
    """The README began with a net that nobody can fetch."""
    said = [path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    said += [command.help for command in ALL.values()]
    fetched = set(re.findall(r"unbroken models fetch ([\w-]+)", "\n".join(said)))
    assert fetched
    assert {name for name in fetched if not any(manifest()[name].urls)} == set()


@pytest.mark.parametrize(
    "line", ["unbroken trakc hall.mp4", "unbroken track hall.mp4 --detektor x", "unbroken models show"]
)
def test_what_no_command_understands_is_noticed(line):
    with pytest.raises(Exception, match=r"no command|[Nn]o such option|[Mm]issing"):
        understood(line)


def test_help_without_examples_stays_as_it_is():
    assert listed("Do it.\n\nMore.") == "Do it.\n\nMore."


def test_the_help_of_the_program_loads_nothing_heavy():
    code = (
        "import sys, unbroken.cli.main; from typer.testing import CliRunner;"
        "CliRunner().invoke(unbroken.cli.main.app, ['--help']);"
        "heavy = {'numpy', 'scipy', 'cv2', 'av', 'onnxruntime', 'openvino', 'pydantic', 'starlette'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
