"""`unbroken doctor`: whether this machine has all it needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from unbroken.app.machine import Line


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
    from collections import Counter
    from dataclasses import asdict

    from unbroken.app.doctor import examine

    lines = []
    for line in examine(os.environ, site, patience):
        lines.append(line)
        if not as_json:
            _tell(line)
    counts = Counter(line.grade for line in lines)
    if as_json:
        content = {"failed": counts["fail"], "warned": counts["warn"], "lines": [asdict(line) for line in lines]}
        typer.echo(json.dumps(content, indent=2))
    else:
        ill = f"{counts['fail']} failed, {counts['warn']} to look at"
        typer.echo(ill if counts["fail"] + counts["warn"] else "all is well")
    if counts["fail"]:
        raise typer.Exit(1)


def _tell(line: Line) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True)
    console.print(Text(f"{line.grade:5}", _COLOURS[line.grade]), Text(f"{line.topic:12}"), Text(line.text))
    if line.mend:
        console.print(Text(f"{'':19}{'mend' if line.grade != 'ok' else 'hint'}: {line.mend}"))


_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}
