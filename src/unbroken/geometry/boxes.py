"""Boxes as (N, 4) arrays in pixels. Names say the form: xyxy (corners), xywh (corner and size), cxcywh, xyah."""

from __future__ import annotations

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.geometry.kernels import compiled

_TINY = float(np.finfo(np.float64).tiny)


def xywh_from_xyxy(boxes: Floats) -> Floats:
    """Left, top, width, height from corners. (N, 4) -> (N, 4).

    >>> xywh_from_xyxy(np.array([[10.0, 20.0, 30.0, 80.0]])).tolist()
    [[10.0, 20.0, 20.0, 60.0]]
    """
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def xyxy_from_xywh(boxes: Floats) -> Floats:
    """Corners from left, top, width, height. (N, 4) -> (N, 4)."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def cxcywh_from_xyxy(boxes: Floats) -> Floats:
    """Centre and size from corners. (N, 4) -> (N, 4)."""
    if (fast := compiled()) is not None:
        return fast.cxcywh_from_xyxy(boxes)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def xyxy_from_cxcywh(boxes: Floats) -> Floats:
    """Corners from centre and size. (N, 4) -> (N, 4)."""
    if (fast := compiled()) is not None:
        return fast.xyxy_from_cxcywh(boxes)
    return _around(boxes[:, :2], boxes[:, 2:] * 0.5)


def xyah_from_xyxy(boxes: Floats) -> Floats:
    """Centre, aspect (width / height) and height from corners: the state of DeepSORT. (N, 4) -> (N, 4)."""
    if (fast := compiled()) is not None:
        return fast.xyah_from_xyxy(boxes)
    positions = np.empty((len(boxes), 4))
    np.add(boxes[:, :2], boxes[:, 2:], out=positions[:, :2])
    positions[:, :2] *= 0.5
    np.subtract(boxes[:, 2:], boxes[:, :2], out=positions[:, 2:])
    positions[:, 2] /= np.maximum(positions[:, 3], 1e-9)
    return positions


def xyxy_from_xyah(boxes: Floats) -> Floats:
    """Corners from centre, aspect and height. (N, 4) -> (N, 4)."""
    if (fast := compiled()) is not None:
        return fast.xyxy_from_xyah(boxes)
    half = boxes[:, 2:] * 0.5
    half[:, 0] *= boxes[:, 3]
    return _around(boxes[:, :2], half)


def _around(centres: Floats, half: Floats) -> Floats:
    """Corners from centres and half sides."""
    corners = np.empty((len(centres), 4))
    np.subtract(centres, half, out=corners[:, :2])
    np.add(centres, half, out=corners[:, 2:])
    return corners


def areas(boxes: Floats) -> Floats:
    """Square pixels. (N, 4) -> (N,)."""
    sides = boxes.T[2:] - boxes.T[:2]
    surfaces: Floats = sides[0] * sides[1]
    return surfaces


def foot_points(boxes: Floats) -> Floats:
    """The middle of the lower edge: where a person stands. (N, 4) -> (N, 2)."""
    return np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])


def intersections(first: Floats, second: Floats) -> Floats:
    """Square pixels that each box of `first` shares with each of `second`. (N, 4), (M, 4) -> (N, M)."""
    one, other = first.T[:, :, None], np.ascontiguousarray(second.T)[:, None, :]
    extents = np.minimum(one[2:], other[2:])
    extents -= np.maximum(one[:2], other[:2])
    np.maximum(extents, 0.0, out=extents)
    shared: Floats = extents[0] * extents[1]
    return shared


def iou(first: Floats, second: Floats) -> Floats:
    """Intersection over union of each box of `first` with each of `second`. (N, 4), (M, 4) -> (N, M) in 0..1.

    Boxes without area overlap nothing.
    """
    if (fast := compiled()) is not None:
        return fast.iou(first, second)
    shared = intersections(first, second)
    union = areas(first)[:, None] + areas(second)
    union -= shared
    np.maximum(union, _TINY, out=union)
    shared /= union
    return shared


def clipped(boxes: Floats, size: tuple[int, int]) -> Floats:
    """The boxes cut at the edges of a picture of the given width and height. (N, 4) -> (N, 4)."""
    width, height = size
    return np.clip(boxes, 0, np.array([width, height, width, height], dtype=np.float64))


def warped(boxes: Floats, warp: Floats) -> Floats:
    """The boxes after the camera has moved: corners through a (2, 3) affine, then the upright hull."""
    if warp[0, 0] == warp[1, 1] == 1 and warp[0, 1] == warp[1, 0] == 0:
        return boxes + warp[[0, 1, 0, 1], 2]
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2) @ warp[:, :2].T + warp[:, 2]
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
