"""`unbroken demo`: see it work, with nothing but the package."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from unbroken.app.demo import DemoOutcome
    from unbroken.app.track import Watch
    from unbroken.core.ports import Source

_WHOLE = ("IDSW", "ids", "people")


def demo(
    cameras: int = typer.Option(3, help="How many cameras; with 3, two overlap and one is elsewhere."),
    seconds: float = typer.Option(30.0, help="Seconds of video."),
    seed: int = typer.Option(0, help="Of the world: another seed, other people and other ways."),
    people: int = typer.Option(0, min=0, help="How many people; 0 takes two, and two more per camera."),
    output: Path = typer.Option(Path("unbroken-demo"), "--output", "-o", help="The folder for everything."),
    web: bool = typer.Option(False, "--web", help="Show it live on a page of this machine, which stays until Ctrl-C."),
    port: int = typer.Option(0, min=0, max=65535, help="Of the live page; 0 takes a free one."),
) -> None:
    """Film a synthetic building, follow everybody through it and score the Global IDs against the truth.

    The films are real videos: the built-in detector and descriptor see nothing else. No download, no GPU, no window.

    Examples:
        unbroken demo

        unbroken demo --web

        unbroken demo --cameras 5 --seconds 60 --seed 7 --output five-cameras
    """
    from rich.console import Console

    from unbroken.app.demo import DemoSettings, DemoWatch, run_demo
    from unbroken.cli.progress import FilmProgress, FrameProgress
    from unbroken.cli.watching import stay, watched

    console = Console()
    names = [f"cam{number}" for number in range(1, cameras + 1)]
    with watched(console, names, port if web else None) as sinks:
        with FilmProgress(console) as films, ExitStack() as stack:

            def tracked(sources: Sequence[Source]) -> Watch:
                return stack.enter_context(FrameProgress(console)).begin(sources)

            settings = DemoSettings(output, cameras, seconds, seed, people)
            outcome = run_demo(settings, DemoWatch(films.note, tracked, sinks))
        _close(console, outcome, output)
        if web:
            stay(console)


def _close(console: Console, outcome: DemoOutcome, output: Path) -> None:
    """Say what came of it.

    Raises:
        typer.Exit: the user stopped it.
    """
    if outcome.summary.interrupted:
        typer.echo(f"interrupted: the results in {output} are complete up to here", err=True)
        raise typer.Exit(130)
    if outcome.scores:
        _show(console, outcome)
    _tell(console, outcome, output)


def _show(console: Console, outcome: DemoOutcome) -> None:
    from rich.table import Table

    from unbroken.app.demo import SHOWN

    table = Table(
        title="Global IDs against the truth",
        caption="accuracies in percent; the last row counts an ID as "
        "right only where it is the same person's in every camera",
    )
    table.add_column("camera")
    for name in SHOWN:
        table.add_column(name, justify="right")
    for camera, scores in outcome.scores.items():
        cells = [str(scores[name]) if name in _WHOLE else f"{100 * scores[name]:.1f}" for name in SHOWN]
        table.add_row(camera, *cells)
    console.print(table)


def _tell(console: Console, outcome: DemoOutcome, folder: Path) -> None:
    """What was written where, what to open first, what to run next."""
    given = len(outcome.summary.persons)
    lines = [
        f"{outcome.people} people were filmed, {given} Global IDs were given.",
        "",
        f"Open first  {folder / 'mosaic.mp4'}: all cameras, one colour and number per person",
        f"       and  {folder / 'report.html'}: who was where and when, with pictures and a floor plan",
        f"Also there  {folder / 'people'}: a timeline per person; CAM.txt, tracks.jsonl, scores.json",
        f"            {folder / 'footage'} and {folder / 'truth'}: what was filmed and what is true",
        f"Run next    unbroken track {folder / 'site.toml'} --every 3 --output {folder}-every-3",
        f"            unbroken eval --gt {folder / 'truth'} --result {folder}-every-3 --across",
        "            unbroken track YOUR.mp4 OTHER.mp4",
    ]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
