"""Calibration files of one camera, as JSON, in the three forms that are in use.

1. `{"homography": [[..], [..], [..]], "size": [w, h]}`: from the foot point in the picture to the ground.
2. `{"K": 3x3, "distortion": [k1, k2, p1, p2, k3], "R": 3x3, "t": [x, y, z], "size": [w, h]}`: x_camera = R x_world +
   t, the ground is z = 0.
3. A set of several cameras as OpenCV's tools write it: `intrinsic`, `distortion`, `extrinsic` with `doubles`,
`resolution`.

Forms 1 and 2 may say how long the ground's unit is: `"metres_per_unit": 0.01` for centimetres.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.core.errors import ContractError, SourceError
from unbroken.core.files import writing
from unbroken.geometry.plane import GroundView

LARGEST = 1e9
"""Beyond it a number of a calibration is a mistake, in pixels as in millimetres."""


def read_view(path: Path) -> GroundView:
    """The view that a calibration file describes, in metres.

    Raises:
        SourceError: the file cannot be read, is not one of the known forms, or its numbers make no view.
    """
    content = read_json(path)
    try:
        return view_from(content)
    except ContractError as error:
        raise SourceError(f"{path}: {error}") from error


def view_from(content: object) -> GroundView:
    """The view that the content of a calibration file describes.

    Raises:
        ContractError: it is not one of the known forms, or its numbers make no view.
    """
    if not isinstance(content, Mapping):
        raise ContractError("a calibration is an object with `homography`, or with `K`, `distortion`, `R` and `t`")
    for key, build in _FORMS.items():
        if key in content:
            return build(content)
    raise ContractError(
        f"no calibration in {sorted(map(str, content))}; give `homography`, or `K`, `distortion`, `R` and `t`"
    )


def save_view(path: Path, ground_from_image: Floats, size: tuple[int, int]) -> None:
    """Write a homography in the first form.

    Raises:
        StoreError: the file cannot be written.
    """
    content = {"homography": ground_from_image.tolist(), "size": list(size)}
    with writing(path):
        path.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> object:
    """The content of a JSON file.

    Raises:
        SourceError: it cannot be read or is not JSON.
    """
    try:
        return cast("object", json.loads(path.read_text()))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: is not JSON ({error}); write it anew") from error


def numbers(content: object, shape: tuple[int, ...], name: str) -> Floats:
    """An array of numbers of the given shape, from a file.

    Raises:
        ContractError: it is not that.
    """
    try:
        array = np.asarray(content, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ContractError(f"`{name}` is not an array of numbers; give {_shape(shape)} of them") from error
    if array.size != int(np.prod(shape)):
        raise ContractError(f"`{name}` has shape {array.shape}; give {_shape(shape)} numbers")
    if not (np.abs(array) <= LARGEST).all():
        raise ContractError(f"`{name}` holds NaN or infinity, or a number beyond {LARGEST:g}; give finite numbers")
    return array.reshape(shape)


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape)


def size_from(content: object) -> tuple[int, int]:
    """Width and height of a picture, in pixels.

    Raises:
        ContractError: they are no numbers, or negative.
    """
    width, height = numbers(content, (2,), "size").tolist()
    if min(width, height) < 0:
        raise ContractError(f"`size` is {width:g} x {height:g}; give width and height in pixels")
    return int(width), int(height)


def _size(content: Mapping[str, object]) -> tuple[int, int]:
    return size_from(content["size"]) if "size" in content else (0, 0)


def _unit(content: Mapping[str, object]) -> float:
    unit = float(numbers(content.get("metres_per_unit", 1.0), (), "metres_per_unit"))
    if not 0 < unit < np.inf:
        raise ContractError(f"`metres_per_unit` is {unit}; give the length of the ground's unit, such as 0.01")
    return unit


def _from_homography(content: Mapping[str, object]) -> GroundView:
    written = content["homography"]
    if isinstance(written, list) and len(written) > 3:
        raise ContractError(f"holds {len(written)} homographies; name one of them: FILE#1 to FILE#{len(written)}")
    matrix = numbers(written, (3, 3), "homography")
    return GroundView.from_homography(matrix, _size(content)).scaled(_unit(content))


def _from_pose(content: Mapping[str, object]) -> GroundView:
    missing = [key for key in ("R", "t") if key not in content]
    if missing:
        raise ContractError(f"`{missing[0]}` is missing; a full calibration has `K`, `distortion`, `R` and `t`")
    lens = _lens(content.get("distortion", [0.0] * 5))
    pose = np.column_stack([numbers(content["R"], (3, 3), "R"), numbers(content["t"], (3,), "t")])
    view = GroundView.from_pose(numbers(content["K"], (3, 3), "K"), lens, pose, _size(content))
    return view.scaled(_unit(content))


def _from_opencv(content: Mapping[str, object]) -> GroundView:
    pose = numbers(_doubles(content, "extrinsic"), (4, 4), "extrinsic")
    lens = _lens(_doubles(content, "distortion"))
    resolution = content.get("resolution")
    size = (0, 0)
    if isinstance(resolution, Mapping):
        size = size_from([resolution.get("width", 0), resolution.get("height", 0)])
    return GroundView.from_pose(numbers(_doubles(content, "intrinsic"), (3, 3), "intrinsic"), lens, pose, size)


def _lens(content: object) -> Floats:
    """The coefficients of a lens, however many were given."""
    count = len(content) if isinstance(content, list) else 0
    return numbers(content, (count,), "distortion")


def _doubles(content: Mapping[str, object], key: str) -> object:
    """The numbers of a matrix; the extrinsic one lies in a list, one step further down."""
    value = content.get(key)
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = value[0].get("tf")
    if not isinstance(value, Mapping) or "doubles" not in value:
        raise ContractError(f"`{key}` holds no `doubles`; give intrinsic, distortion and extrinsic")
    return value["doubles"]


_FORMS: dict[str, Callable[[Mapping[str, object]], GroundView]] = {
    "homography": _from_homography,
    "K": _from_pose,
    "intrinsic": _from_opencv,
}
