"""Calibrating a camera from points that are known in the picture and on the floor, and looking at the result."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unbroken.app.sources import PATIENCE
from unbroken.core.arrays import Bools, Floats, Image
from unbroken.core.errors import ConfigError, SourceError, StoreError
from unbroken.core.files import writing
from unbroken.datasets.calibration import LARGEST, size_from
from unbroken.geometry.homography import FittedHomography, mirrored, robust_homography
from unbroken.geometry.plane import (
    PERSON_HEIGHT,
    GroundView,
    ground_from_image,
    image_from_ground,
    pixels_per_metre,
)
from unbroken.video.guarded import LiveCamera
from unbroken.video.opening import is_live, open_recording

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_LINE, _FIFTH, _POINT, _WRONG = (190, 220, 120), (90, 255, 255), (60, 220, 60), (60, 60, 255)
_REACH = 60.0
"""Metres from its nearest visible ground to which the grid is drawn."""


_LEAST_POINTS = 4
"""As many points make a homography without any error."""
_LEAST_TALL, _MOST_TALL = 5.0, 10_000.0
"""Pixels: a person of another height where the points are, and one of the units is wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class PointPairs:
    """What the user knows: N points by name.

    Attributes:
        names: of the points.
        image: (N, 2) pixels.
        ground: (N, 2) metres.
        size: of the picture; (0, 0) where the file does not say.
    """

    names: list[str]
    image: Floats
    ground: Floats
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class PointErrors:
    """How far each point is off: (N,) metres on the ground and (N,) pixels in the picture."""

    metres: Floats
    pixels: Floats


def read_points(path: Path) -> PointPairs:
    """Read point pairs: CSV (`x,y,X,Y` and, where there is a heading, `name`), or JSON or TOML.

    JSON and TOML hold `points`: a list of `{"image": [x, y], "ground": [X, Y], "name": "..."}`, and maybe `size`.

    Raises:
        SourceError: the file cannot be read or holds something else.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); give a file of point pairs") from error
    try:
        if path.suffix.lower() == ".json":
            return _from_mapping(json.loads(text))
        if path.suffix.lower() == ".toml":
            return _from_mapping(tomllib.loads(text))
        return _from_csv(text)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, csv.Error) as error:
        raise SourceError(f"{path}: holds no point pairs ({error}); give rows x,y,X,Y: pixels, metres") from error


def write_points(path: Path, points: PointPairs) -> None:
    """Write point pairs as JSON, as `read_points` reads them.

    Raises:
        StoreError: the file cannot be written.
    """
    rows = zip(points.names, points.image.tolist(), points.ground.tolist(), strict=True)
    content = {
        "size": list(points.size),
        "points": [{"name": name, "image": image, "ground": ground} for name, image, ground in rows],
    }
    with writing(path):
        path.write_text(json.dumps(content, indent=1) + "\n")


def fit(points: PointPairs, tolerance: float, seed: int, *, y_down: bool = False) -> FittedHomography:
    """The homography of the points.

    Args:
        points: pairs.
        tolerance: metres beyond which a pair is an outlier.
        seed: of the sets of four that are tried where there are many points.
        y_down: the ground's y axis points towards the viewer, as in a floor plan whose rows count downwards.

    Raises:
        ContractError: the points make no view.
        ConfigError: the ground is mirrored.
    """
    fitted = robust_homography(points.image, points.ground, tolerance, np.random.default_rng(seed))
    centre = points.image[fitted.used].mean(axis=0)
    if mirrored(fitted.matrix, centre) != y_down:
        mend = "leave out" if y_down else "give"
        raise ConfigError(
            "points: the ground is mirrored, its axes turn the wrong way as seen from above; "
            f"swap X and Y of the ground, or {mend} --y-down"
        )
    return fitted


def errors_of(view: GroundView, points: PointPairs) -> PointErrors:
    """How far the view is off at each point; infinite where it does not see the point."""
    metres = np.linalg.norm(ground_from_image(view, points.image) - points.ground, axis=1)
    pixels = np.linalg.norm(image_from_ground(view, points.ground) - points.image, axis=1)
    return PointErrors(np.nan_to_num(metres, nan=np.inf), np.nan_to_num(pixels, nan=np.inf))


def doubts_of(view: GroundView, points: PointPairs, used: Bools) -> list[str]:
    """What is suspicious about a calibration whose errors are small, one sentence each.

    Args:
        view: as it was found.
        points: it was found from.
        used: (N,) those that are no outliers.
    """
    doubts = []
    tall = PERSON_HEIGHT * float(np.median(pixels_per_metre(view, points.image[used])))
    if not _LEAST_TALL <= tall <= _MOST_TALL:
        doubts.append(
            f"a person there would be {tall:.2g} pixels tall; give x, y in pixels of the picture and X, Y in metres"
        )
    if used.sum() == _LEAST_POINTS:
        doubts.append("four points always fit, so nothing checks these; give six or more")
    return doubts


def picture_of(address: str) -> Image:
    """A picture: an image file, or the first frame of a video, folder or stream.

    Raises:
        SourceError: there is none.
    """
    if Path(address).suffix.lower() in _PICTURES:
        image = cv2.imread(address)
        if image is None:
            raise SourceError(f"{address}: cannot be read as a picture; give a PNG, a JPEG or a video")
        return np.asarray(image, dtype=np.uint8)
    if is_live(address):
        return _live_picture(address)
    source = open_recording(address, "calibration")
    try:
        for frame in source:
            return frame.image.copy()
    finally:
        source.close()
    raise SourceError(f"{address}: has no frame; give a picture or a video")


def _live_picture(address: str) -> Image:
    camera = LiveCamera(address, "calibration", time.monotonic, lambda _: None)
    with closing(camera):
        camera.reach(PATIENCE)
        return next(iter(camera)).image


def save_picture(path: Path, image: Image) -> None:
    """Write a PNG.

    Raises:
        StoreError: it cannot be written.
    """
    with writing(path):
        if path.suffix.lower() not in _PICTURES or not cv2.imwrite(str(path), image):
            raise StoreError(f"{path}: cannot be written as a picture; give a name that ends in .png")


def draw_grid(image: Image, view: GroundView, points: PointPairs | None = None, step: float = 1.0) -> Image:
    """The picture with lines every `step` metres of ground, every fifth one stronger and labelled, and the points.

    Args:
        image: BGR.
        view: of the camera.
        points: green rings where they were clicked, red dots where the view puts them.
        step: metres.
    """
    drawn = image.copy()
    for line in grid_lines(view, (image.shape[1], image.shape[0]), step):
        _stroke(drawn, line.pixels, strong=line.strong)
        if line.strong:
            _label(drawn, line.pixels, line.name)
    if points is not None:
        _mark(drawn, view, points)
    return drawn


@dataclass(frozen=True, slots=True, eq=False)
class GridLine:
    """A line of the ground's grid: `x=5`; (N, 2) pixels, NaN above the horizon; every fifth one is strong."""

    name: str
    pixels: Floats
    strong: bool


def grid_lines(view: GroundView, size: tuple[int, int], step: float = 1.0) -> list[GridLine]:
    """The lines every `step` metres of the ground that a picture of this size shows.

    Raises:
        ConfigError: the picture shows no ground.
    """
    low, high = visible_ground(view, size)
    lines = []
    for axis in (0, 1):
        for number in range(int(np.ceil(low[axis] / step)), int(np.floor(high[axis] / step)) + 1):
            along = np.linspace(low[1 - axis], high[1 - axis], 400)
            ground = np.column_stack([np.full(400, number * step), along])
            pixels = image_from_ground(view, ground if axis == 0 else ground[:, ::-1])
            lines.append(GridLine(f"{'xy'[axis]}={number * step:g}", pixels, number % 5 == 0))
    return lines


def visible_ground(view: GroundView, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """The corners of the upright rectangle of ground that the picture shows, within 60 m of its nearest point.

    Raises:
        ConfigError: the picture shows no ground.
    """
    columns, rows = np.meshgrid(np.linspace(0, size[0], 41), np.linspace(0, size[1], 41))
    ground = ground_from_image(view, np.column_stack([columns.ravel(), rows.ravel()]))
    nearest = ground_from_image(view, np.array([[size[0] / 2, size[1]]]))[0]
    known = ground[np.isfinite(ground).all(axis=1)]
    if not len(known):
        raise ConfigError("the calibration shows no ground in this picture; check its size and the points")
    start = nearest if np.isfinite(nearest).all() else np.median(known, axis=0)
    known = known[np.abs(known - start).max(axis=1) <= _REACH]
    return known.min(axis=0), known.max(axis=0)


def scale_of(view: GroundView, size: tuple[int, int]) -> tuple[float, float]:
    """Pixels per metre at the middle and at the lower edge of the picture; NaN above the horizon."""
    middle, lower = pixels_per_metre(view, np.array([[size[0] / 2, size[1] / 2], [size[0] / 2, size[1] - 1.0]]))
    return float(middle), float(lower)


def _from_csv(text: str) -> PointPairs:
    rows = [row for row in csv.reader(text.splitlines()) if row and not row[0].lstrip().startswith("#")]
    columns = {"x": 0, "y": 1, "X": 2, "Y": 3}
    if rows and not _is_number(rows[0][0]):
        heading = [cell.strip() for cell in rows.pop(0)]
        if missing := [name for name in columns if name not in heading]:
            raise ValueError(f"its first row names no column {missing[0]}")
        columns = {name: heading.index(name) for name in (*columns, *(["name"] if "name" in heading else []))}
    if not rows:
        raise ValueError("it is empty")
    rows = _long_enough(rows, columns)
    names = [row[columns["name"]] if "name" in columns else str(number) for number, row in enumerate(rows, 1)]
    table = np.array([[float(row[columns[key]]) for key in "xyXY"] for row in rows])
    return _checked(names, table[:, :2], table[:, 2:])


def _long_enough(rows: list[list[str]], columns: Mapping[str, int]) -> list[list[str]]:
    for row in rows:
        if len(row) <= max(columns.values()):
            raise ValueError(f"row {','.join(row)!r} is too short")
    return rows


def _from_mapping(content: object) -> PointPairs:
    if not isinstance(content, Mapping) or not isinstance(content.get("points"), list):
        raise ValueError("`points` is missing")
    points = content["points"]
    names = [str(point.get("name", number)) for number, point in enumerate(points, 1)]
    image = np.array([point["image"] for point in points], dtype=np.float64).reshape(-1, 2)
    ground = np.array([point["ground"] for point in points], dtype=np.float64).reshape(-1, 2)
    return _checked(names, image, ground, size_from(content.get("size", (0, 0))))


def _checked(names: list[str], image: Floats, ground: Floats, size: tuple[int, int] = (0, 0)) -> PointPairs:
    if len(image) != len(ground):
        raise ValueError("a point lacks its image or its ground")
    good = (np.abs(np.column_stack([image, ground])) <= LARGEST).all(axis=1)
    if not good.all():
        raise ValueError(f"point {names[int(np.argmin(good))]!r} is not a number")
    return PointPairs(names, image, ground, size)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _stroke(image: Image, pixels: Floats, *, strong: bool) -> None:
    height, width = image.shape[:2]
    near = np.isfinite(pixels).all(axis=1) & (np.abs(pixels) < 8 * max(width, height)).all(axis=1)
    colour, thickness = (_FIFTH, 2) if strong else (_LINE, 1)
    for row in np.flatnonzero(near[1:] & near[:-1]).tolist():
        start, end = pixels[row].round().astype(int).tolist(), pixels[row + 1].round().astype(int).tolist()
        cv2.line(image, tuple(start), tuple(end), colour, thickness, cv2.LINE_AA)


def _label(image: Image, pixels: Floats, text: str) -> None:
    """The name of a line where it enters the picture."""
    height, width = image.shape[:2]
    with np.errstate(invalid="ignore"):
        shown = (pixels >= [4, 14]).all(axis=1) & (pixels <= [width - 50, height - 6]).all(axis=1)
    if shown.any():
        u, v = pixels[int(np.argmax(shown))].round().astype(int).tolist()
        cv2.putText(image, text, (u, v), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(image, text, (u, v), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _FIFTH, 1, cv2.LINE_AA)


def _mark(image: Image, view: GroundView, points: PointPairs) -> None:
    for name, given, put in zip(points.names, points.image, image_from_ground(view, points.ground), strict=True):
        u, v = given.round().astype(int).tolist()
        cv2.circle(image, (u, v), 6, _POINT, 2, cv2.LINE_AA)
        cv2.putText(image, name, (u + 8, v - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _POINT, 1, cv2.LINE_AA)
        if np.isfinite(put).all() and np.abs(put).max() < 1e5:
            x, y = put.round().astype(int).tolist()
            cv2.circle(image, (x, y), 3, _WRONG, -1, cv2.LINE_AA)
