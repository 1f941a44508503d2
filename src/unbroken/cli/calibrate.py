"""`unbroken calibrate`: where a camera stands over the floor."""

from __future__ import annotations

from dataclasses import dataclass
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
    pairs: Path | None = typer.Argument(None, help="CSV rows x,y,X,Y (pixels, metres), JSON, TOML; to click: a video."),
    output: Path = typer.Option(Path("calibration.json"), "--output", "-o", help="The calibration to write."),
    picture: str = typer.Option("", help="A picture or a video of the camera: the grid is drawn over it."),
    grid: Path = typer.Option(Path("grid.png"), help="Where the picture with the grid goes."),
    tolerance: float = typer.Option(0.5, min=1e-6, help="Metres: points that are further off are left out, by name."),
    y_down: bool = typer.Option(False, "--y-down", help="The ground is a floor plan whose y axis points down."),
    seed: int = typer.Option(0, help="Of the sets of four that are tried where there are many points."),
    click: bool = typer.Option(False, "--click", help="Click the points on a page of this machine, and see the grid."),
    site: Path = typer.Option(Path("site.toml"), help="With --click and --camera: the site file."),
    camera: str = typer.Option("", help="With --click: the camera of the site whose picture is clicked."),
    plan: Path | None = typer.Option(None, help="With --click: a picture of the floor from above, to be clicked too."),
    metres_per_pixel: float = typer.Option(0.01, min=1e-6, help="Of the plan; its lower left corner is 0, 0."),
    port: int = typer.Option(0, min=0, max=65535, help="Of the page; 0 takes a free one."),
) -> None:
    """Find the homography of points on the floor, say how far each is off, and write the calibration.

    With `--click` a page opens on which you click points of the picture and type their metres (or click them on a floor
    plan); grid and errors follow while you do. Saving writes the points, the calibration and the picture with the grid.

    Examples:
        unbroken calibrate points hall.toml --picture hall.mp4 --grid hall.png

        unbroken calibrate points --click hall.mp4 -o hall.json

        unbroken calibrate points --click --camera hall --plan floor.png --metres-per-pixel 0.02 -o hall.json
    """
    from rich.console import Console

    from unbroken.cli.clicking import Clicks, click_points
    from unbroken.core.errors import ConfigError

    if click:
        wanted = Clicks(pairs, picture, site, camera, plan, metres_per_pixel, output, grid, tolerance, y_down, port)
        click_points(Console(), wanted)
        return
    if pairs is None:
        raise ConfigError("nothing to calibrate by; give a file of point pairs, or --click and a picture")
    fit_points(Console(), PointsJob(pairs, output, picture, grid, tolerance, y_down, seed))


@dataclass(frozen=True, slots=True)
class PointsJob:
    """What `unbroken calibrate points` does with a file of points; the attributes are its options."""

    pairs: Path
    output: Path
    picture: str
    grid: Path
    tolerance: float
    y_down: bool
    seed: int


def fit_points(console: Console, job: PointsJob) -> None:
    """Find and write the homography of points in a file, and say how far each is off."""
    from unbroken.app.calibrate import doubts_of, draw_grid, errors_of, fit, picture_of, read_points, save_picture
    from unbroken.datasets.calibration import save_view
    from unbroken.geometry.plane import GroundView

    known = read_points(job.pairs)
    image = picture_of(job.picture) if job.picture else None
    size = (image.shape[1], image.shape[0]) if image is not None else known.size
    fitted = fit(known, job.tolerance, job.seed, y_down=job.y_down)
    view = GroundView(fitted.matrix, size=size)
    _show_errors(console, known, errors_of(view, known), fitted.used)
    for doubt in doubts_of(view, known, fitted.used):
        console.print(f"[yellow]doubtful:[/yellow] {doubt}")
    save_view(job.output, fitted.matrix, size)
    console.print(f"written: {job.output}")
    if image is not None:
        save_picture(job.grid, draw_grid(image, view, known))
        console.print(f"written: {job.grid}")


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
        unbroken calibrate appearance hall.mp4 door.mp4 --reid person-reidentification-retail-0288

        unbroken calibrate appearance site.toml --rate 0.001 -o monday.html
    """
    from rich.console import Console

    from unbroken.app.appearance import calibrate_appearance
    from unbroken.app.track import answers, opened_site
    from unbroken.app.wishes import settings_from

    wishes = {"detector": detector, "reid": reid, "models": str(models) if models else "", "identity": "none"}
    settings = settings_from(sources, {**wishes, "early_rejection": 2.0})
    console = Console()
    with opened_site(settings, seconds) as running, console.status("looking at the footage"):
        walk = answers(running.site, running.moments)
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
    from unbroken.datasets.views import view_of

    console = Console()
    if len(calibrations) > 1 and (pairs or picture):
        raise ConfigError(f"{len(calibrations)} calibrations: --points and --picture belong to one camera; give one")
    views = {path: view_of(str(path)) for path in calibrations}
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


@calibrate.command()
def clocks(
    site: Path = typer.Argument(Path("site.toml"), help="The site file; its cameras are calibrated."),
    seconds: float = typer.Option(0.0, min=0, help="Stop after so much video; 0 runs to the end."),
) -> None:
    """Find cameras whose clocks are off from the others', by the paths of the people whom several cameras see.

    Examples:
        unbroken calibrate clocks site.toml

        unbroken calibrate clocks site.toml --seconds 120
    """
    from rich.console import Console
    from rich.table import Table

    from unbroken.app.clocks import find_clocks
    from unbroken.config.reading import read_site

    settings = read_site(site)
    console = Console()
    with console.status("comparing paths"):
        found = find_clocks(settings, seconds)
    given = {camera.name: camera.clock for camera in settings.cameras}
    table = Table("camera", "ahead by (s)", "in the site file")
    for camera, ahead in found.items():
        mend = f"clock = {given[camera] + ahead:.1f}" if ahead else "leave it"
        table.add_row(camera, f"{ahead:.1f}", mend)
    console.print(table)


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
