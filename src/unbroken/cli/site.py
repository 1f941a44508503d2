"""`unbroken site`: the file that describes a site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from unbroken.app.check import Report

site = typer.Typer(
    help="The file that describes a site: check it, start one, help editors with it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_FILE = typer.Argument(Path("site.toml"), help="The site file.")


@site.command()
def check(
    file: Path = _FILE,
    connect: bool = typer.Option(False, "--connect", help="Also ask every camera for a picture."),
    patience: float = typer.Option(10.0, min=0.1, max=600, help="Seconds for all cameras together, with --connect."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object, for programs."),
) -> None:
    """Tell everything that is wrong with a site: file, line, setting, value and how to mend it.

    Looks beyond the file too: calibrations, nets, folders, secrets, zones that lie outside their picture. The exit code
    is 0 where the site can run (there may be warnings), and 2 where it cannot.

    Examples:
        unbroken site check

        unbroken site check monday/site.toml --connect
    """
    import os

    from unbroken.app.check import check_site

    report = check_site(file, os.environ, connect=connect, patience=patience)
    typer.echo(_as_json(report, file)) if as_json else _tell(report, file)
    if report.errors:
        raise typer.Exit(2)


@site.command()
def init(
    place: Path = typer.Argument(Path(), help="A folder for site.toml, or the name of the file."),
    state: str = typer.Option("", "--state", help="The folder for what a running site writes; beside it if left out."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Ask nothing: write the example."),
) -> None:
    """Write a site.toml with every setting, its default, unit and bounds. An existing file is never overwritten.

    On a terminal it asks for the cameras, one by one.

    Examples:
        unbroken site init

        unbroken site init monday --yes

        unbroken site init /etc/unbroken --state /var/lib/unbroken
    """
    from unbroken.config.example import CAMERAS, example
    from unbroken.core.errors import StoreError
    from unbroken.core.files import writing

    path = place if place.suffix == ".toml" else place / "site.toml"
    if path.exists():
        raise StoreError(f"{path}: is there already and is left as it is; give another place")
    cameras = _asked() if _on_terminal() and not yes else []
    text = example(cameras or CAMERAS, state)
    with writing(path, "give another place"), path.open("x", encoding="utf-8") as file:
        file.write(text)
    typer.echo(f"written: {path}; next: unbroken site check {path}")


@site.command()
def schema(
    output: Path | None = typer.Option(None, "--output", "-o", help="A file; the screen where left out."),
) -> None:
    """Print the JSON Schema of site.toml, so that editors complete and check it.

    Save it beside the site file and start that with the line `#:schema ./site.schema.json`, which the TOML language
    servers of VS Code (Even Better TOML), Neovim, Helix and Zed read.

    Examples:
        unbroken site schema -o site.schema.json
    """
    from unbroken.config.reference import schema as schema_text
    from unbroken.core.files import writing

    if output is None:
        typer.echo(schema_text(), nl=False)
        return
    with writing(output):
        output.write_text(schema_text(), encoding="utf-8")
    typer.echo(f"written: {output}")


@site.command()
def explain(
    setting: str = typer.Argument("", help="A table or a setting, such as live or live.stall; all if left out."),
) -> None:
    """Say what settings mean, with defaults, units and bounds.

    Examples:
        unbroken site explain live

        unbroken site explain outputs.mqtt.port
    """
    from rich.console import Console
    from rich.table import Table

    from unbroken.config.reference import about

    console = Console()
    for found in about(setting):
        table = Table("setting", "default", "bounds", "what it is", title=f"{found.name}: {found.description}")
        table.title_justify = "left"
        for one in found.settings:
            table.add_row(one.name, one.default or "(needed)", one.limits, one.description)
        console.print(table)


def _tell(report: Report, file: Path) -> None:
    for problem in report.problems:
        typer.echo(f"{problem.grade}: {problem.sentence(str(file))}", err=problem.grade == "error")
    for answer in report.reached:
        if not answer.fault:
            size = f"{answer.size[0]} x {answer.size[1]} pixels"
            rate = f", {answer.frame_rate:.3g} pictures a second" if answer.frame_rate else ""
            typer.echo(f"camera {answer.camera}: {size}{rate}, first picture after {answer.seconds:.1f} s")
    warnings = len(report.problems) - report.errors
    typer.echo(f"{file}: {_counted(report.errors, 'error')}, {_counted(warnings, 'warning')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _as_json(report: Report, file: Path) -> str:
    import json
    from dataclasses import asdict

    content = {
        "file": str(file),
        "errors": report.errors,
        "problems": [asdict(problem) for problem in report.problems],
        "cameras": [asdict(answer) for answer in report.reached],
    }
    return json.dumps(content, indent=2)


def _on_terminal() -> bool:
    """Whether somebody is there to be asked."""
    import sys

    return sys.stdin.isatty()


def _asked() -> list[tuple[str, str]]:
    """Cameras that the user names, one by one; an empty name ends it."""
    from unbroken.config.reading import checked
    from unbroken.core.errors import ConfigError

    typer.echo("Cameras, one by one. Passwords: write ${NAME} and set NAME in the environment. Empty name: done.")
    cameras: list[tuple[str, str]] = []
    while name := typer.prompt(f"Camera {len(cameras) + 1}: name", default="", show_default=False).strip():
        source = typer.prompt("  source (rtsp://..., a file, a folder, the number of a webcam)").strip()
        wanted = [*cameras, (name, source)]
        try:
            checked({"cameras": [{"name": one, "source": address} for one, address in wanted]}, "this camera")
        except ConfigError as error:
            typer.echo(f"  {error}")
            continue
        cameras = wanted
    return cameras
