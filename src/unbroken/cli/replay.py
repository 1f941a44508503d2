"""`unbroken replay`: a recording run again."""

from __future__ import annotations

from pathlib import Path

import typer


def replay(
    folder: Path = typer.Argument(..., help="What `--record` of `unbroken track` or `unbroken run` wrote."),
    output: Path = typer.Option(Path("replayed.jsonl"), "--output", "-o", help="The file for events, JSON Lines."),
    wishes: list[str] = typer.Option([], "--set", help="A setting to change: `identity.NAME=VALUE`, again and again."),
    site: Path | None = typer.Option(None, "--site", help="Take identity, topology, zones and lines from this file."),
) -> None:
    """Run what entered the identity manager again, far faster than it happened, without any camera or net.

    Under the settings of the recording the events are the same to the bit; under others they show what these would have
    made of the same days. A recording is also how a fault is reported: it repeats it.

    Examples:
        unbroken replay monday.recording

        unbroken replay monday.recording --set identity.false_merge_rate=0.001 --output careful.jsonl

        unbroken replay monday.recording --site other.toml
    """
    from rich.console import Console
    from rich.progress import Progress

    from unbroken.app.replay import replay as run_again
    from unbroken.app.replay import settings_of

    settings = settings_of(folder, site, wishes)
    console = Console()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("replaying", total=None)
        done = run_again(folder, settings, output, lambda seconds: progress.update(task, completed=seconds))
    console.print(
        f"{done.steps} steps, {done.recorded:.1f} s in {done.taken:.2f} s: {done.speed:.0f} times as fast as recorded",
        highlight=False,
    )
    console.print(f"{done.persons} Global IDs, {done.events} events; they are in {output}", highlight=False)
    if done.refused:
        console.print(f"{done.refused} batches were refused, as when they were recorded", highlight=False)
