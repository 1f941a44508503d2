"""`unbroken calibrate`: where a camera stands over the floor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from unbroken.app.calibrate import PointErrors, PointPairs
    from unbroken.core.arrays import Bools
    from unbroken.geometry.plane import GroundView

calibrate = typer.Typer(
    help="Calibrate a site: from pixels to metres on the floor, and what strangers look like.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@calibrate.command()
def points(
    pairs: Path = typer.Argument(..., help="CSV rows x,y,X,Y (pixels, then metres), or JSON or TOML with `points`."),
    output: Path = typer.Option(Path("calibration.json"), "--output", "-o", help="The calibration to write."),
    picture: str = typer.Option("", help="A picture or a video of the camera: the grid is drawn over it."),
    grid: Path = typer.Option(Path("grid.png"), help="Where the picture with the grid goes."),
    tolerance: float = typer.Option(0.5, min=1e-6, help="Metres: points that are further off are left out, by name."),
    y_down: bool = typer.Option(False, "--y-down", help="The ground is a floor plan whose y axis points down."),
    seed: int = typer.Option(0, help="Of the sets of four that are tried where there are many points."),
) -> None:
    """Find the homography of points on the floor, say how far each is off, and write the calibration.

    Examples:
        unbroken calibrate points hall.csv -o hall.json

        unbroken calibrate points hall.toml --picture hall.mp4 --grid hall.png
    """
    from rich.console import Console

    from unbroken.app.calibrate import draw_grid, errors_of, fit, picture_of, read_points, save_picture
    from unbroken.datasets.calibration import save_view
    from unbroken.geometry.plane import GroundView

    console = Console()
    known = read_points(pairs)
    image = picture_of(picture) if picture else None
    size = (image.shape[1], image.shape[0]) if image is not None else known.size
    fitted = fit(known, tolerance, seed, y_down=y_down)
    view = GroundView(fitted.matrix, size=size)
    _show_errors(console, known, errors_of(view, known), fitted.used)
    save_view(output, fitted.matrix, size)
    console.print(f"written: {output}")
    if image is not None:
        save_picture(grid, draw_grid(image, view, known))
        console.print(f"written: {grid}")


@calibrate.command()
def appearance(
    sources: list[str] = typer.Argument(..., help="Footage of the site: videos, folders, or a `site.toml`."),
    rate: float = typer.Option(0.01, min=1e-6, max=0.5, help="Share of strangers that may pass for one person."),
    output: Path = typer.Option(Path("appearance.html"), "--output", "-o", help="The report; its JSON goes beside it."),
    detector: str = typer.Option("", help="As for `unbroken track`."),
    reid: str = typer.Option("", help="As for `unbroken track`: the net that is to be calibrated."),
    models: Path | None = typer.Option(None, envvar="UNBROKEN_MODELS", help="A folder with nets, searched first."),
    seconds: float = typer.Option(0.0, min=0, help="Stop after so many seconds of video; 0 runs to the end."),
) -> None:
    """Find the thresholds of the fixed rule for a net from your own footage, without labels, and see if it separates.

    Examples:
        unbroken calibrate appearance hall.mp4 door.mp4 --reid osnet_x0_25_msmt17 --models models/

        unbroken calibrate appearance site.toml --rate 0.001 -o monday.html
    """
    from rich.console import Console

    from unbroken.app.appearance import calibrate_appearance
    from unbroken.app.track import answers, opened_site, until
    from unbroken.app.wishes import settings_from

    wishes = {"detector": detector, "reid": reid, "models": str(models) if models else "", "identity": "none"}
    settings = settings_from(sources, {**wishes, "early_rejection": 2.0})
    console = Console()
    with opened_site(settings) as running, console.status("looking at the footage"):
        walk = answers(running.site, until(running.moments, seconds))
        point = calibrate_appearance(walk, rate, output, running.site.parts)
    console.print(f"{point.pairs[0]} pairs of one person, {point.pairs[1]} of strangers")
    console.print(f"same below {point.same:.3f}, different above {point.different:.3f} (cosine distance)")
    console.print(
        f"at that point {point.false_merges:.1%} of strangers pass and {point.missed:.1%} of pairs are missed"
    )
    for warning in point.warnings:
        console.print(f"warning: {warning}", style="yellow")
    console.print(f"written: {output}", soft_wrap=True)


@calibrate.command()
def check(
    calibrations: list[Path] = typer.Argument(..., help="Calibration files, one per camera."),
    pairs: Path | None = typer.Option(None, "--points", help="Points to check by; one calibration only."),
    picture: str = typer.Option("", help="A picture or a video of the camera; one calibration only."),
    grid: Path = typer.Option(Path("grid.png"), help="Where the picture with the grid goes."),
) -> None:
    """Read calibrations, say what they see, and check them by known points or by eye.

    Examples:
        unbroken calibrate check hall.json door.json

        unbroken calibrate check hall.json --points hall.csv --picture hall.mp4
    """
    from rich.console import Console

    from unbroken.app.calibrate import draw_grid, errors_of, picture_of, read_points, save_picture
    from unbroken.core.errors import ConfigError
    from unbroken.datasets.calibration import read_view

    console = Console()
    if len(calibrations) > 1 and (pairs or picture):
        raise ConfigError(f"{len(calibrations)} calibrations: --points and --picture belong to one camera; give one")
    views = {path: read_view(path) for path in calibrations}
    image = picture_of(picture) if picture else None
    size = (image.shape[1], image.shape[0]) if image is not None else (0, 0)
    _show_views(console, views, size)
    view = views[calibrations[0]]
    known = read_points(pairs) if pairs else None
    if known is not None:
        _show_errors(console, known, errors_of(view, known), None)
    if image is not None:
        save_picture(grid, draw_grid(image, view, known))
        console.print(f"written: {grid}")


def _show_errors(console: Console, known: PointPairs, errors: PointErrors, used: Bools | None) -> None:
    import numpy as np
    from rich.table import Table

    table = Table("point", "pixels off", "metres off", "")
    kept = np.ones(len(known.names), dtype=np.bool_) if used is None else used
    for name, pixels, metres, good in zip(known.names, errors.pixels, errors.metres, kept, strict=True):
        table.add_row(name, f"{pixels:.1f}", f"{metres:.3f}", "" if good else "outlier, left out")
    console.print(table)
    pixels, metres = errors.pixels[kept], errors.metres[kept]
    console.print(f"median {np.median(pixels):.1f} pixels, {np.median(metres):.3f} m; worst {metres.max():.3f} m")


def _show_views(console: Console, views: dict[Path, GroundView], size: tuple[int, int]) -> None:
    from rich.table import Table

    from unbroken.app.calibrate import scale_of, visible_ground

    table = Table("calibration", "size", "pixels per metre, middle", "lower edge", "sees x (m)", "sees y (m)")
    for path, view in views.items():
        seen = view.size if view.size[0] else size
        if not seen[0]:
            table.add_row(path.name, "unknown", "", "", "", "")
            continue
        middle, lower = scale_of(view, seen)
        low, high = visible_ground(view, seen)
        spans = [f"{start:.1f} to {end:.1f}" for start, end in zip(low, high, strict=True)]
        table.add_row(path.name, f"{seen[0]} x {seen[1]}", f"{middle:.0f}", f"{lower:.0f}", *spans)
    console.print(table)
