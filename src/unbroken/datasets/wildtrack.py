"""WILDTRACK (Chavdarova et al., CVPR 2018) and sets of its layout: seven calibrated cameras that look at one square.

`annotations_positions/*.json` (one file per frame, in the order of their names: `personID`, `positionID`, `views`),
`calibrations/extrinsic/extr_NAME.xml` and `calibrations/intrinsic_zero/intr_NAME.xml` (OpenCV's XML, centimetres;
cameras in the order of their names), `MVDeTr_test.json` (boxes of a detector, per number of the frame) and
`mvdet/*.txt` (points on the grid of positions: name of the frame, x, y).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.core.errors import ContractError, SourceError
from unbroken.datasets.calibration import LARGEST, numbers, read_json
from unbroken.datasets.multiview import read_table
from unbroken.geometry.boxes import xyxy_from_xywh
from unbroken.geometry.plane import GroundView

FRAME_RATE = 2.0
"""Annotated frames per second."""
REGION = np.array([[-3.0, -9.0], [9.0, -9.0], [9.0, 27.0], [-3.0, 27.0]])
"""The corners, in metres, of the 12 x 36 m in which people are annotated."""
SIZE = (1920, 1080)
_GRID, _STEP = 480, 0.025
_METRES_PER_UNIT = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Who stands where: R rows.

    Attributes:
        frames: (R,) from 0.
        ids: (R,) persons; -1 where it is not known who.
        points: (R, 2) metres on the ground.
    """

    frames: Ints
    ids: Ints
    points: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ViewBoxes:
    """Boxes in all views: R rows.

    Attributes:
        frames: (R,) from 0.
        views: (R,) cameras from 0.
        ids: (R,) persons; -1 where it is not known who.
        boxes: (R, 4) x1, y1, x2, y2 in pixels.
    """

    frames: Ints
    views: Ints
    ids: Ints
    boxes: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Wildtrack:
    """The set: cameras by name, annotated positions and boxes; `names` are those of the frames."""

    cameras: dict[str, GroundView]
    names: list[str]
    positions: Positions
    boxes: ViewBoxes


def read_wildtrack(folder: Path) -> Wildtrack:
    """Read cameras and annotations.

    Raises:
        SourceError: a file is missing or broken.
    """
    files = sorted((folder / "annotations_positions").glob("*.json"))
    if not files:
        raise SourceError(f"{folder / 'annotations_positions'}: holds no *.json; give the folder of a WILDTRACK layout")
    people: list[tuple[int, int, int]] = []
    seen: list[tuple[float, ...]] = []
    for frame, path in enumerate(files):
        for person, position, boxes in _annotations(path):
            people.append((frame, person, position))
            seen += [(frame, view, person, *box) for view, box in boxes]
    table = np.array(people, dtype=np.int64).reshape(-1, 3)
    rows = np.array(seen, dtype=np.float64).reshape(-1, 7)
    return Wildtrack(
        read_cameras(folder),
        [path.stem for path in files],
        Positions(table[:, 0], table[:, 1], points_from_positions(table[:, 2])),
        ViewBoxes(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2].astype(np.int64), rows[:, 3:]),
    )


def read_cameras(folder: Path) -> dict[str, GroundView]:
    """The cameras by name, in the order of the views.

    Raises:
        SourceError: a file is missing or broken.
    """
    found = sorted((folder / "calibrations" / "extrinsic").glob("extr_*.xml"))
    if not found:
        raise SourceError(f"{folder / 'calibrations' / 'extrinsic'}: holds no extr_NAME.xml; give the calibrations")
    return {path.stem[5:]: read_camera(path) for path in found}


def read_detections(folder: Path, names: list[str]) -> ViewBoxes:
    """The boxes of `MVDeTr_test.json`: `{frame: [[x, y, w, h, score, camera], ...]}`.

    Its frames are counted from 0, in the whole set; where less than that is here, they are found by their names, which
    count pictures (every fifth of WILDTRACK is annotated, so 360 is 00001800), and others are left out.

    Args:
        folder: of the set.
        names: of its frames.

    Raises:
        SourceError: the file is missing or broken, or none of its frames is annotated.
    """
    path = folder / "MVDeTr_test.json"
    content = read_json(path)
    rows: list[Floats] = []
    frames: list[int] = []
    try:
        if not isinstance(content, Mapping):
            raise ContractError("is not an object of frames")
        for frame, boxes in content.items():
            table = numbers(boxes, (len(boxes), 6), "boxes")
            rows.append(table)
            frames += [_whole(frame)] * len(table)
    except (ContractError, ValueError, TypeError, OverflowError) as error:
        raise SourceError(f"{path}: is not {{frame: [[x, y, w, h, score, camera], ...]}} ({error})") from error
    places = _counted(names, max(frames, default=0))
    kept = np.flatnonzero([frame in places for frame in frames])
    if not len(kept):
        raise SourceError(f"{path}: holds no box of an annotated frame; use the files of one set")
    joined = np.concatenate(rows)[kept]
    annotated = np.array([places[frames[row]] for row in kept.tolist()], dtype=np.int64)
    cameras = joined[:, 5].astype(np.int64)
    return ViewBoxes(annotated, cameras, np.full(len(joined), -1), xyxy_from_xywh(joined[:, :4]))


def _counted(names: list[str], last: int) -> dict[int, int]:
    """Number of a frame in the whole set -> its place among those that are here."""
    if last < len(names) or not all(name.isdecimal() for name in names):
        return {place: place for place in range(len(names))}
    pictures = gcd(*(int(name) for name in names)) or 1
    return {int(name) // pictures: place for place, name in enumerate(names)}


def read_points(folder: Path, names: list[str]) -> Positions:
    """The detected ground points of `mvdet/test-demo.txt`: name of the frame as a number, x and y on the grid.

    Args:
        folder: of the set.
        names: of its frames.

    Raises:
        SourceError: the file is missing or broken, or names a frame that is not there.
    """
    path = folder / "mvdet" / "test-demo.txt"
    table = read_table(path, 3, None)
    index = {int(name): frame for frame, name in enumerate(names)}
    missing = sorted({int(name) for name in table[:, 0]} - set(index))
    if missing:
        raise SourceError(f"{path}: names frame {missing[0]}, which is not annotated; use the files of one set")
    frames = np.array([index[int(name)] for name in table[:, 0]], dtype=np.int64)
    return Positions(frames, np.full(len(frames), -1), REGION[0] + _STEP * table[:, 1:])


def points_from_positions(positions: Ints) -> Floats:
    """Metres from numbers of the grid of 480 x 1440 positions. (R,) -> (R, 2)."""
    points: Floats = REGION[0] + _STEP * np.column_stack([positions % _GRID, positions // _GRID])
    return points


def _annotations(path: Path) -> list[tuple[int, int, list[tuple[int, list[float]]]]]:
    content = read_json(path)
    try:
        if not isinstance(content, list):
            raise TypeError("not a list")
        return [
            (_whole(person["personID"]), _whole(person["positionID"]), _seen(person["views"])) for person in content
        ]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SourceError(
            f"{path}: is not a list of personID, positionID and views ({error!r}); fetch it anew"
        ) from error


def _seen(views: list[dict[str, float]]) -> list[tuple[int, list[float]]]:
    """The boxes of one person in the views where he is seen."""
    sides = ("xmin", "ymin", "xmax", "ymax")
    corners = [(_whole(view["viewNum"]), [_number(view[key]) for key in sides]) for view in views]
    return [(view, box) for view, box in corners if box[2] > box[0] >= -1 and box != [-1.0] * 4]


def _number(content: object) -> float:
    """A number of a file.

    Raises:
        ValueError: it is none, or beyond all that such files count.
    """
    value = float(content) if isinstance(content, int | float | str) else LARGEST + 1
    if not abs(value) <= LARGEST:
        raise ValueError(f"{str(content)[:40]!r} is no number within {LARGEST:g}")
    return value


def _whole(content: object) -> int:
    return int(_number(content))


def read_camera(extrinsic: Path) -> GroundView:
    """One camera, in metres.

    Args:
        extrinsic: `calibrations/extrinsic/extr_NAME.xml`; `calibrations/intrinsic_zero/intr_NAME.xml` belongs to it.

    Raises:
        SourceError: a file is missing or broken.
    """
    intrinsic = extrinsic.parents[1] / "intrinsic_zero" / f"intr_{extrinsic.stem[5:]}.xml"
    pose, lens = _xml(extrinsic), _xml(intrinsic)
    try:
        rotation = rotation_from_vector(numbers(pose.get("rvec"), (3,), "rvec"))
        shift = numbers(pose.get("tvec"), (3,), "tvec")
        matrix = numbers(lens.get("camera_matrix"), (3, 3), "camera_matrix")
        bend = numbers(lens.get("distortion_coefficients"), (5,), "distortion_coefficients")
        view = GroundView.from_pose(matrix, bend, np.column_stack([rotation, shift]), SIZE)
    except ContractError as error:
        raise SourceError(f"{extrinsic}: {error}") from error
    return view.scaled(_METRES_PER_UNIT)


def _xml(path: Path) -> dict[str, list[float]]:
    """The matrices of a file of OpenCV's `FileStorage`."""
    try:
        root = ElementTree.fromstring(path.read_text())
        return {node.tag: [float(word) for word in (node.findtext("data") or node.text or "").split()] for node in root}
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise SourceError(f"{path}: is not OpenCV's XML ({error}); fetch it anew") from error


def rotation_from_vector(vector: Floats) -> Floats:
    """Rodrigues' formula: a rotation of |vector| radians about `vector`. (3,) -> (3, 3)."""
    angle = float(np.linalg.norm(vector))
    if angle == 0:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross, dtype=np.float64)
