"""`unbroken identify`: Global IDs for tracks that somebody else has made."""

from __future__ import annotations

from pathlib import Path

import typer


def identify(
    file: Path = typer.Argument(..., help="Tracks: .npz or .parquet with camera, track, time or frame, features."),
    output: Path = typer.Option(
        ..., "--output", "-o", help="Where to write the answer: .npz or .parquet; without either, as the file."
    ),
    rate: float | None = typer.Option(
        None, help="Frames per second, for a file with frames and no times; default: as the file says, or 25."
    ),
    policy: str = typer.Option("", help="How identities are decided: calibrated or fixed; default: as the site says."),
    site: Path | None = typer.Option(None, help="A site file: its topology, calibrations and identity settings hold."),
) -> None:
    """Give tracks that you already have one Global ID per person, over all cameras.

    The file holds one row per box: `camera`, `track` (the camera's own number), `time` in seconds or `frame`,
    and `features` (rows, dimension; dimension 0 without Re-ID). `box` (x1, y1, x2, y2 in pixels), `ground` (x, y
    in metres) and `rate` (frames per second) are used where they are there; with a site whose cameras are calibrated,
    boxes make ground points. The answer holds two numbers per row: `arrival`, the Global ID given when the track was
    over, and `final`, the same after all later corrections.

    A file with `person`, `camera`, `sequence`, `frame` and no `track` is taken as labelled boxes: `person` is used
    to cut tracks (gaps of at most 250 frames) and for nothing else.

    Examples:
        unbroken identify tracks.npz --output ids.npz

        unbroken identify tracks.parquet --rate 30 --output ids.parquet

        unbroken identify tracks.npz --site site.toml --output ids.npz
    """
    from rich.console import Console
    from rich.progress import Progress

    from unbroken.app.identify import answer_path, manager_by_name, write_names
    from unbroken.app.identify import identify as run
    from unbroken.app.tables import placed, read_table
    from unbroken.app.topology import manager_of

    output = answer_path(output, file)
    table = read_table(file, rate)
    if site is None:
        manager = manager_by_name(policy or "calibrated")
    else:
        manager, views = manager_of(site, policy)
        table = placed(table, views)
    tracks = len(table.arrivals())
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("tracks", total=tracks)
        named = run(table, manager, lambda: progress.advance(task))
    write_names(named, output)
    people = len(set(named.final.tolist()))
    Console().print(f"{len(named.final)} rows, {tracks} tracks, {people} people: {output}")
