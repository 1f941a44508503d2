"""`unbroken calibrate points --click`: a page of this machine on which points are clicked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from unbroken.app.calibrate import PointPairs
    from unbroken.web.clicks import Job


@dataclass(frozen=True, slots=True)
class Clicks:
    """What is to be clicked.

    Attributes:
        pairs: points so far, which are kept as JSON beside it; or a picture or a video. `None`: `points.json`.
        picture: a picture or a video of the camera.
        site: a site file, where `camera` is named.
        camera: of the site.
        plan: a picture of the floor, from above.
        metres_per_pixel: of the plan.
        output: the calibration.
        grid: the picture with the grid.
        tolerance: metres.
        y_down: the ground's y axis points down.
        port: 0 for any free one.
    """

    pairs: Path | None
    picture: str
    site: Path
    camera: str
    plan: Path | None
    metres_per_pixel: float
    output: Path
    grid: Path
    tolerance: float
    y_down: bool
    port: int


def click_points(console: Console, wanted: Clicks) -> None:
    """Serve the page until the user is through, and say what was saved.

    Raises:
        ConfigError: no picture is named, or the port is in use.
        SourceError: the picture or the points cannot be read.
    """
    import time

    from unbroken.web.clicks import clicking
    from unbroken.web.keys import Keys
    from unbroken.web.serving import Serving

    job, keys = job_of(wanted), Keys("", time.time)
    with Serving(clicking(job, keys), "127.0.0.1", wanted.port) as serving:
        console.print(f"click at {serving.url}", highlight=False, soft_wrap=True)
        console.print("Done on the page, or Ctrl-C here, ends it", highlight=False)
        try:
            job.done.wait()
        except KeyboardInterrupt:
            console.print("")
    console.print(f"written: {wanted.output}" if job.saved.is_set() else "nothing was saved", highlight=False)


def job_of(wanted: Clicks) -> Job:
    """Picture, points so far and plan.

    Raises:
        ConfigError: no picture is named.
        SourceError: one of them cannot be read.
    """
    from unbroken.app.calibrate import picture_of
    from unbroken.web.clicks import Job, Plan

    address, points = _picture_and_points(wanted)
    image = picture_of(address)
    plan = Plan(picture_of(str(wanted.plan)), wanted.metres_per_pixel) if wanted.plan else None
    known = _known(points, (int(image.shape[1]), int(image.shape[0])))
    return Job(
        image, points.with_suffix(".json"), wanted.output, wanted.grid, known, plan, wanted.tolerance, wanted.y_down
    )


def _picture_and_points(wanted: Clicks) -> tuple[str, Path]:
    from unbroken.config.reading import read_site
    from unbroken.core.errors import ConfigError

    is_points = wanted.pairs is None or wanted.pairs.suffix.lower() in (".json", ".csv", ".toml")
    points = wanted.pairs if wanted.pairs is not None and is_points else Path("points.json")
    if wanted.picture or not is_points:
        return wanted.picture or str(wanted.pairs), points
    if not wanted.camera:
        raise ConfigError("--click needs a picture; give a video, --picture FILE, or --camera NAME of a site.toml")
    cameras = {camera.name: camera.source for camera in read_site(wanted.site).cameras}
    if wanted.camera not in cameras:
        raise ConfigError(f"{wanted.site}: has no camera {wanted.camera!r}; it has {', '.join(cameras)}")
    return cameras[wanted.camera], points


def _known(points: Path, size: tuple[int, int]) -> PointPairs:
    """The points so far; none where the file is yet to be made."""
    import numpy as np

    from unbroken.app.calibrate import PointPairs, read_points
    from unbroken.core.errors import ConfigError

    if not points.exists():
        return PointPairs([], np.zeros((0, 2)), np.zeros((0, 2)), size)
    found = read_points(points)
    if any(found.size) and found.size != size:
        raise ConfigError(
            f"{points}: its points belong to a picture of {found.size[0]} x {found.size[1]}, this one is "
            f"{size[0]} x {size[1]}; name another file for the points"
        )
    return found
