"""`unbroken tune`: fit a tracker to one's own scene, and see whether that generalises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console


def tune(
    data: Path = typer.Argument(..., help="A MOTChallenge tree: SEQ/det/det.txt, SEQ/gt/gt.txt, perhaps SEQ/gmc.txt."),
    tracker: str = typer.Option("", help="Which tracker; the default one where left out."),
    metric: str = typer.Option(
        "HOTA+IDF1", help="What shall rise: a score of `unbroken eval`, or several joined by +."
    ),
    trials: int = typer.Option(50, min=1, help="How many settings are tried."),
    output: Path = typer.Option(Path("tune.json"), help="Every trial is kept here; a broken search goes on from it."),
    seed: int = typer.Option(0, help="Of the split and of the search."),
) -> None:
    """Search the settings of a tracker on half of the sequences and check them on the other half.

    The ranges searched are those that the tracker declares. Interrupt at any time and run again to go on.

    Examples:
        unbroken tune my/recordings --trials 100

        unbroken tune my/recordings --tracker bytetrack --metric MOTA
    """
    from rich.console import Console
    from rich.progress import Progress

    from unbroken.bench.recorded import read_all
    from unbroken.bench.tuning import Search, compared, search, split
    from unbroken.core.errors import SourceError
    from unbroken.tracking.registry import DEFAULT

    if not data.is_dir():
        raise SourceError(f"{data}: is not a folder; give a MOTChallenge tree")
    plan = Search(tracker or DEFAULT, metric, trials, seed)
    fit, held_out = split(read_all(data), seed)
    console = Console()
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("trials", total=trials)
        best, _ = search(
            plan, fit, output, lambda done, top: bar.update(task, completed=done, description=f"best {100 * top:.2f}")
        )
    rows = {"fitted": compared(plan, fit, best), "held out": compared(plan, held_out, best)}
    _show(rows, console)
    gain = sum(rows["held out"][1][name] - rows["held out"][0][name] for name in metric.split("+"))
    console.print(f"settings: {best or 'the defaults were best'}; all trials are in {output}")
    console.print(
        "They hold on what was held out." if gain > 0 or not best else "They do not generalise: keep the defaults."
    )


def _show(rows: dict[str, tuple[dict[str, float | int], dict[str, float | int]]], console: Console) -> None:
    from rich.table import Table

    table = Table(title="unbroken tune")
    for column in ("sequences", "settings", "HOTA", "AssA", "MOTA", "IDF1", "switches"):
        table.add_column(column)
    for label, pair in rows.items():
        for settings, scores in zip(("defaults", "tuned"), pair, strict=True):
            cells = [f"{100 * scores[name]:.2f}" for name in ("HOTA", "AssA", "MOTA", "IDF1")]
            table.add_row(label, settings, *cells, str(scores["IDSW"]))
    console.print(table)
