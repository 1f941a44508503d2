"""The examples of a command's docstring, as `--help` shows them: one below the other."""

from __future__ import annotations

import inspect

import typer

_HEADING = "Examples:"


def show_examples(app: typer.Typer) -> None:
    """Let every command of an app, and of the apps within it, show its examples as a list."""
    for command in app.registered_commands:
        if command.help is None and command.callback is not None:
            command.help = listed(inspect.getdoc(command.callback) or "")
    for group in app.registered_groups:
        if group.typer_instance is not None:
            show_examples(group.typer_instance)


def listed(text: str) -> str:
    r"""A docstring whose examples are the items of a Markdown list.

    >>> listed("Run it.\n\nExamples:\n    unbroken run a.toml\n\n    unbroken run b.toml")
    'Run it.\n\nExamples:\n\n- `unbroken run a.toml`\n\n- `unbroken run b.toml`'
    """
    before, heading, after = text.partition(_HEADING)
    if not heading:
        return text
    examples = [line.strip() for line in after.splitlines() if line.strip()]
    return "\n\n".join([f"{before.rstrip()}\n\n{_HEADING}", *(f"- `{example}`" for example in examples)]).strip()
