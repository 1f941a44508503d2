"""A page on which somebody clicks points of a picture, says where they are on the floor, and sees what that means."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from unbroken.app.calibrate import (
    PointPairs,
    draw_grid,
    errors_of,
    fit,
    grid_lines,
    save_picture,
    write_points,
)
from unbroken.core.arrays import Floats, Image
from unbroken.core.errors import ConfigError, ContractError, UnbrokenError
from unbroken.datasets.calibration import save_view
from unbroken.geometry.homography import FittedHomography
from unbroken.geometry.plane import GroundView
from unbroken.web.api import Said, WrongRequestError, body_of
from unbroken.web.guard import Guard, problem
from unbroken.web.keys import Keys
from unbroken.web.pages import page
from unbroken.web.words import Fields

_BODY = 262_144
_MOST = 500
"""Points: nobody clicks more."""
_FAR = 1e6
"""Pixels and metres beyond which nothing is meant."""
_LONGEST = 60
"""Corners of a grid line on the page."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A floor plan that is clicked in place of typing metres: a picture, and how long a pixel of it is."""

    image: Image
    metres_per_pixel: float


@dataclass(slots=True)
class Job:
    """One camera that is being calibrated.

    Attributes:
        image: what it sees, BGR.
        points: the file for the points.
        output: the file for the calibration.
        grid: the picture with the grid.
        known: points from before.
        plan: of the floor; `None` where metres are typed.
        tolerance: metres beyond which a point is an outlier.
        y_down: the ground's y axis points down.
        saved: is set when the user has saved.
        done: is set when the user is through.
    """

    image: Image
    points: Path
    output: Path
    grid: Path
    known: PointPairs
    plan: Plan | None = None
    tolerance: float = 0.5
    y_down: bool = False
    saved: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return int(self.image.shape[1]), int(self.image.shape[0])


def clicking(job: Job, keys: Keys) -> ASGIApp:
    """The page and what it asks for, behind the guard."""
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/picture.jpg", _picture),
            Route("/plan.jpg", _plan),
            Route("/api/job", _job),
            Route("/api/fit", _fit, methods=["POST"]),
            Route("/api/save", _save, methods=["POST"]),
            Route("/api/done", _done, methods=["POST"]),
        ],
        exception_handlers={WrongRequestError: _wrong, UnbrokenError: _refused},
    )
    app.state.job = job
    return Guard(app, keys, {"/": page("clicks").policy})


def _job_of(request: Request) -> Job:
    return cast("Job", request.app.state.job)


async def _page(request: Request) -> Response:
    return HTMLResponse(page("clicks").html)


async def _picture(request: Request) -> Response:
    return _jpeg(_job_of(request).image)


async def _plan(request: Request) -> Response:
    plan = _job_of(request).plan
    return _jpeg(plan.image) if plan else problem(404, "there is no floor plan; give one with --plan")


def _jpeg(image: Image) -> Response:
    return Response(bytes(cv2.imencode(".jpg", image)[1]), media_type="image/jpeg")


async def _job(request: Request) -> Response:
    """What the page begins with."""
    job = _job_of(request)
    rows = zip(job.known.names, job.known.image.tolist(), job.known.ground.tolist(), strict=True)
    plan = None
    if job.plan:
        height, width = job.plan.image.shape[:2]
        plan = {"size": [width, height], "metres_per_pixel": job.plan.metres_per_pixel}
    return Said(
        {
            "size": list(job.size),
            "points": [{"name": name, "image": image, "ground": ground} for name, image, ground in rows],
            "plan": plan,
            "tolerance": job.tolerance,
            "output": str(job.output),
        }
    )


async def _fit(request: Request) -> Response:
    """What the points mean: errors, matrix and grid, or why they mean nothing."""
    job = _job_of(request)
    points = points_from(await body_of(request, _BODY), job.size)
    return Said(await run_in_threadpool(meaning, points, job))


async def _save(request: Request) -> Response:
    """Write points, calibration and the picture with the grid."""
    job = _job_of(request)
    points = points_from(await body_of(request, _BODY), job.size)
    return Said({"written": await run_in_threadpool(save, points, job)})


async def _done(request: Request) -> Response:
    await body_of(request, _BODY)
    _job_of(request).done.set()
    return Said({})


async def _wrong(request: Request, error: Exception) -> Response:
    return problem(400, str(error))


async def _refused(request: Request, error: Exception) -> Response:
    return problem(409, str(error))


def points_from(said: Fields, size: tuple[int, int]) -> PointPairs:
    """The points of a body: `{"points": [{"name": .., "image": [x, y], "ground": [X, Y]}, ..]}`.

    Raises:
        WrongRequestError: there are none, or one is not of that form.
    """
    rows = said.get("points")
    if not isinstance(rows, list) or len(rows) > _MOST:
        raise WrongRequestError(f"points: give a list of at most {_MOST}")
    names, image, ground = [], [], []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise WrongRequestError(f"point {number}: is no object; give name, image and ground")
        names.append(str(row.get("name") or number)[:64])
        image.append(_pair(row.get("image"), f"point {number}: image"))
        ground.append(_pair(row.get("ground"), f"point {number}: ground"))
    return PointPairs(names, _rows(image), _rows(ground), size)


def _rows(pairs: list[tuple[float, float]]) -> Floats:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def _pair(value: object, name: str) -> tuple[float, float]:
    if isinstance(value, list) and len(value) == 2 and all(_is_number(one) for one in value):
        return float(value[0]), float(value[1])
    raise WrongRequestError(f"{name}: give two numbers")


def _is_number(value: object) -> bool:
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    return good and math.isfinite(cast("float", value)) and abs(cast("float", value)) <= _FAR


def meaning(points: PointPairs, job: Job) -> Fields:
    """What points mean for the page: `problem`, or `matrix`, `errors` and `grid`."""
    if len(points.names) < 4:
        missing = 4 - len(points.names)
        return {"problem": f"{missing} more {'point is' if missing == 1 else 'points are'} needed"}
    try:
        fitted, view = fitted_view(points, job)
        lines = grid_lines(view, job.size)
    except (ConfigError, ContractError) as error:
        return {"problem": str(error)}
    errors = errors_of(view, points)
    rows = zip(errors.pixels.tolist(), errors.metres.tolist(), fitted.used.tolist(), strict=True)
    return {
        "matrix": view.ground_from_ray.tolist(),
        "errors": [{"pixels": pixels, "metres": metres, "used": used} for pixels, metres, used in rows],
        "grid": [
            {"name": line.name, "strong": line.strong, "pixels": np.round(line.pixels[:: 400 // _LONGEST], 1).tolist()}
            for line in lines[:400]
        ],
    }


def fitted_view(points: PointPairs, job: Job) -> tuple[FittedHomography, GroundView]:
    """The view that points mean.

    Raises:
        ContractError: they make no view.
        ConfigError: the ground is mirrored.
    """
    fitted = fit(points, job.tolerance, 0, y_down=job.y_down)
    return fitted, GroundView(fitted.matrix, size=job.size)


def save(points: PointPairs, job: Job) -> list[str]:
    """Write the points, the calibration and the picture with the grid; returns their paths.

    Raises:
        UnbrokenError: the points make no view, or a file cannot be written.
    """
    fitted, view = fitted_view(points, job)
    drawn = draw_grid(job.image, view, points)
    write_points(job.points, points)
    save_view(job.output, fitted.matrix, job.size)
    save_picture(job.grid, drawn)
    job.saved.set()
    return [str(path) for path in (job.points, job.output, job.grid)]
