"""`unbroken identify`: Global IDs for tracks that somebody else has made."""

from __future__ import annotations

from pathlib import Path

import typer


def identify(
    file: Path = typer.Argument(..., help="Tracks: .npz or .parquet with camera, track, time or frame, features."),
    output: Path = typer.Option(..., "--output", "-o", help="Where to write the answer: .npz or .parquet."),
    rate: float = typer.Option(25.0, help="Frames per second, for a file with frames and no times."),
    policy: str = typer.Option("", help="How identities are decided: calibrated or fixed; default: as the site says."),
    site: Path | None = typer.Option(None, help="A site file: its topology, calibrations and identity settings hold."),
) -> None:
    """Give tracks that you already have one Global ID per person, over all cameras.

    The file holds one row per box: `camera`, `track` (the camera's own number), `time` in seconds or `frame`,
    and `features` (rows, dimension; dimension 0 without Re-ID). `box` (x1, y1, x2, y2 in pixels) and `ground` (x, y
    in metres) are used where they are there; with a site whose cameras are calibrated, boxes make ground points.
    The answer holds two numbers per row: `arrival`, the Global ID given when
    the track was over, and `final`, the same after all later corrections.

    A file with `person`, `camera`, `sequence`, `frame` and no `track` is taken as labelled boxes: `person` is used
    to cut tracks (gaps of at most 250 frames) and for nothing else.

    Examples:
        unbroken identify tracks.npz --output ids.npz

        unbroken identify tracks.parquet --rate 30 --output ids.parquet

        unbroken identify tracks.npz --site site.toml --output ids.npz
    """
    from rich.console import Console

    from unbroken.app.identify import check_writable, manager_by_name, placed, read_table, write_names
    from unbroken.app.identify import identify as run
    from unbroken.app.topology import manager_of

    check_writable(output)
    table = read_table(file, rate)
    if site is None:
        manager = manager_by_name(policy or "calibrated")
    else:
        manager, views = manager_of(site, policy)
        table = placed(table, views)
    named = run(table, manager)
    write_names(named, output)
    people = len(set(named.final.tolist()))
    Console().print(f"{len(named.final)} rows, {len(table.arrivals())} tracks, {people} people: {output}")
