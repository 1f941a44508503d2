"""`unbroken count`: entries, exits, occupancy, dwell and people."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from unbroken.app.counting import Counts


class PeriodName(str, Enum):
    """What is counted together."""

    hour = "hour"
    day = "day"
    all = "all"


def count(
    source: Path = typer.Argument(..., help="`events.jsonl`, the `--output` of `unbroken track`, or a `site.toml`."),
    by: PeriodName = typer.Option(PeriodName.day, help="Count per hour or day of this machine's clock, or over all."),
    json: Path | None = typer.Option(None, help="Write the counts to this file as JSON."),
    csv: Path | None = typer.Option(None, help="Write the counts to this file as CSV."),
) -> None:
    """Count people in zones, across lines and in the whole site, from the events of a run.

    Nobody counts twice in one place: people whom several cameras see are one, and people who were merged later are one
    from their beginning. Who never got a Global ID counts as an entry, and is told apart as unknown.

    Examples:
        unbroken count unbroken-tracks

        unbroken count site.toml --by hour --csv monday.csv

        unbroken count events.jsonl --by all --json counts.json
    """
    from unbroken.app.counting import count_events
    from unbroken.cli.wide import wide_console

    console = wide_console()
    with console.status("reading events"):
        counts = count_events(source, by.value)
    show(counts, console)
    if json:
        _write_json(counts, json)
    if csv:
        _write_csv(counts, csv)
    if counts.damaged:
        typer.echo(f"{counts.damaged} lines are no events of this version and were left out", err=True)


def show(counts: Counts, console: Console) -> None:
    """Print one table of the site and its zones, and one of its lines."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    def table(title: str, first: str, columns: tuple[str, ...]) -> Table:
        made = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
        for name in (first, "from"):
            made.add_column(name, no_wrap=True)
        for name in columns:
            made.add_column(name, justify="right")
        return made

    zones = table("people", "zone", ("entries", "exits", "inside", "most", "dwell s", "people", "unknown"))
    for zone in counts.zones:
        dwell = f"{zone.dwell:.1f}" if zone.exits else "-"
        cells = (zone.entries, zone.exits, zone.inside, zone.most, dwell, zone.people, zone.unknown)
        zones.add_row(zone.place or "the site", moment(zone.start, live=counts.live), *map(str, cells))
    lines = table("lines", "line", ("in", "out", "people", "unknown"))
    for line in counts.lines:
        passed = (line.ins, line.outs, line.people, line.unknown)
        lines.add_row(line.line, moment(line.start, live=counts.live), *map(str, passed))
    for shown in (zones, lines):
        if shown.row_count:
            console.print(shown)
    if not zones.row_count and not lines.row_count:
        console.print("nobody was anywhere: the events tell of no person, zone or line", highlight=False)


def moment(seconds: float, *, live: bool) -> str:
    """A time as this machine's clock says it; for footage, seconds from its start."""
    from datetime import datetime

    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M") if live else f"{seconds:g} s"


def _write_json(counts: Counts, path: Path) -> None:
    from json import dumps

    from unbroken.core.files import writing

    with writing(path):
        path.write_text(dumps(counts.rows(), indent=2) + "\n", encoding="utf-8")


def _write_csv(counts: Counts, path: Path) -> None:
    from csv import DictWriter

    from unbroken.core.files import writing

    rows = counts.rows()
    names = list(dict.fromkeys(name for row in rows for name in row))
    with writing(path), path.open("w", newline="", encoding="utf-8") as file:
        writer = DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
