"""`unbroken doctor`: whether this machine has all it needs."""

from __future__ import annotations

from pathlib import Path

import typer


def doctor(
    site: Path | None = typer.Argument(None, help="A site file: its cameras, nets and folders are looked at too."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object, for programs."),
    patience: float = typer.Option(10.0, min=0.1, max=600, help="Seconds for all cameras together."),
) -> None:
    """Look at this machine, and at a site, and say in plain sentences what is well, what is not, and how to mend it.

    The exit code is 0 where nothing fails, and 1 otherwise. Nothing is changed.

    Examples:
        unbroken doctor

        unbroken doctor site.toml

        unbroken doctor site.toml --json
    """
    import json
    import os
    from dataclasses import asdict

    from rich.console import Console
    from rich.text import Text

    from unbroken.app.doctor import examine

    console = Console(soft_wrap=True)
    lines = []
    for line in examine(os.environ, site, patience):
        lines.append(line)
        if not as_json:
            console.print(Text(f"{line.grade:5}", _COLOURS[line.grade]), Text(f"{line.topic:12}"), Text(line.text))
            if line.mend:
                console.print(Text(f"{'':19}{'mend' if line.grade != 'ok' else 'hint'}: {line.mend}"))
    failed = sum(line.grade == "fail" for line in lines)
    warned = sum(line.grade == "warn" for line in lines)
    if as_json:
        typer.echo(
            json.dumps({"failed": failed, "warned": warned, "lines": [asdict(line) for line in lines]}, indent=2)
        )
    else:
        verdict = "all is well" if not failed + warned else f"{failed} failed, {warned} to look at"
        console.print(Text(verdict))
    if failed:
        raise typer.Exit(1)


_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}
