"""Scenes with several overlapping views, each with a homography to one ground: MvMHAT's layout of CAMPUS and EPFL.

A scene is a folder with `calibration.json` (`homography`: one 3 x 3 per view, `frame_width`, `frame_height`, and
where it is known `frame_rate`), `gt/viewV.txt`, `det/viewV.txt` and, where somebody else's answer is there,
`mvmhat_result/viewV.txt`; V counts the homographies from 1, and a view without any file is left out. Units of the
ground are the scene's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.core.errors import ContractError, SourceError
from unbroken.datasets.calibration import LARGEST, numbers, read_json, size_from
from unbroken.geometry.boxes import xyxy_from_xywh
from unbroken.geometry.plane import GroundView

_USUAL_RATE = 25.0
_LOST = 6


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """R boxes of one view, in the order of the file.

    Attributes:
        frames: (R,) numbers of the pictures.
        ids: (R,) global ids; -1 where the file gives none.
        boxes: (R, 4) x1, y1, x2, y2 in pixels.
        scores: (R,) of the detector; 1 in ground truth.
    """

    frames: Ints
    ids: Ints
    boxes: Floats
    scores: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One scene; the lists have one entry per view.

    Attributes:
        name: of the folder.
        numbers: of the views, in the names of their files.
        views: on the scene's ground, in its own units.
        frame_rate: pictures per second.
        detections: of the detector.
        truth: rows that don't count (lost) are left out; empty where the scene has none.
        published: somebody else's answer on the same boxes; empty where the scene has none.
    """

    name: str
    numbers: list[int]
    views: list[GroundView]
    frame_rate: float
    detections: list[Boxes]
    truth: list[Boxes]
    published: list[Boxes]


def scenes(folder: Path) -> list[Path]:
    """The scenes of a folder; the folder itself where it is one.

    Raises:
        SourceError: there is none.
    """
    found = [folder] if (folder / "calibration.json").exists() else []
    found += sorted(path.parent for path in folder.glob("*/calibration.json"))
    if not found:
        raise SourceError(f"{folder}: holds no scene; a scene is a folder with calibration.json and det/view1.txt")
    return found


def read_scene(folder: Path) -> Scene:
    """Read one scene.

    Raises:
        SourceError: a file is missing or broken.
    """
    calibration = read_json(folder / "calibration.json")
    try:
        views, rate = _views(calibration)
    except ContractError as error:
        raise SourceError(f"{folder / 'calibration.json'}: {error}") from error
    found = sorted((folder / "det").glob("view*.txt"), key=_number)
    seen = [_number(path) for path in found]
    wanted = sorted(_number(path) for path in (folder / "gt").glob("view*.txt")) or seen
    if not seen or seen != wanted or not set(seen) <= set(range(1, len(views) + 1)):
        raise SourceError(
            f"{folder / 'det'}: has views {_listed(seen)}, gt {_listed(wanted)}, calibration.json {len(views)} in all; "
            "give viewV.txt of the same views"
        )
    truth = [folder / "gt" / path.name for path in found]
    published = [folder / "mvmhat_result" / path.name for path in found]
    return Scene(
        folder.resolve().name,
        seen,
        [views[number - 1] for number in seen],
        rate,
        [read_boxes(path) for path in found],
        [read_boxes(path, truth=True) for path in truth] if all(path.exists() for path in truth) else [],
        [read_boxes(path) for path in published] if all(path.exists() for path in published) else [],
    )


def scene_views(path: Path) -> list[GroundView]:
    """The views of a scene's `calibration.json`; in metres where it has `metres_per_unit`, else in its own unit.

    Raises:
        SourceError: the file is missing or broken.
    """
    content = read_json(path)
    try:
        views, _ = _views(content)
        scale = content.get("metres_per_unit", 1.0) if isinstance(content, Mapping) else 1.0
        return [view.scaled(float(numbers(scale, (), "metres_per_unit"))) for view in views]
    except ContractError as error:
        raise SourceError(f"{path}: {error}") from error


def read_boxes(path: Path, *, truth: bool = False) -> Boxes:
    """Read `frame,id,x,y,w,h,score,...`; with `truth`, the seventh column is `lost` and rows where it is 1 are left
    out.

    Raises:
        SourceError: the file cannot be read, or a row is not that.
    """
    rows = read_table(path, 7)
    if truth:
        rows = rows[rows[:, _LOST] == 0]
    bad = (rows[:, 4:6] < 0).any(axis=1)
    if bad.any():
        raise SourceError(
            f"{path}: {rows[int(np.argmax(bad))].tolist()} is no box; give frame,id,x,y,w,h with w, h >= 0"
        )
    scores = np.ones(len(rows)) if truth else rows[:, 6]
    return Boxes(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), xyxy_from_xywh(rows[:, 2:6]), scores)


def read_table(path: Path, columns: int, delimiter: str | None = ",") -> Floats:
    """The first columns of a text file of numbers: (R, columns).

    Raises:
        SourceError: the file cannot be read, or a row has too few numbers.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); check the path") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rows.append([float(cell) for cell in line.split(delimiter)[:columns]])
            except ValueError as error:
                raise SourceError(f"{path}: line {number} is {line!r}; give {columns} numbers") from error
            if len(rows[-1]) < columns or not all(abs(cell) <= LARGEST for cell in rows[-1]):
                raise SourceError(f"{path}: line {number} is {line[:80]!r}; give {columns} numbers")
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def _views(calibration: object) -> tuple[list[GroundView], float]:
    if not isinstance(calibration, Mapping) or not isinstance(calibration.get("homography"), list):
        raise ContractError("`homography` is missing; give one 3 x 3 per view")
    size = size_from([calibration.get("frame_width", 0), calibration.get("frame_height", 0)])
    rate = float(numbers(calibration.get("frame_rate", _USUAL_RATE), (), "frame_rate"))
    if rate <= 0:
        raise ContractError(f"`frame_rate` is {rate:g}; give pictures per second above 0")
    matrices = [numbers(matrix, (3, 3), "homography") for matrix in calibration["homography"]]
    return [GroundView.from_homography(matrix, size) for matrix in matrices], rate


def _number(path: Path) -> int:
    found = re.fullmatch(r"view(\d+)", path.stem)
    return int(found.group(1)) if found else -1


def _listed(views: list[int]) -> str:
    return ", ".join(map(str, views)) or "none"
