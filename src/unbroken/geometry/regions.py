"""Zones and lines, in pixels or in metres."""

from __future__ import annotations

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints


def inside(points: Floats, polygon: Floats) -> Bools:
    """Which points lie in a polygon of (K, 2) corners, by the even-odd rule. (N, 2) -> (N,); NaN lies nowhere.

    >>> inside(np.array([[1.0, 1.0], [3.0, 1.0]]), np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])).tolist()
    [True, False]
    """
    start, end = polygon, np.concatenate((polygon[1:], polygon[:1]))
    x, y = points[:, None, 0], points[:, None, 1]
    spans = (start[None, :, 1] > y) != (end[None, :, 1] > y)
    rise = end[:, 1] - start[:, 1]
    share = (y - start[None, :, 1]) / np.where(rise == 0, 1.0, rise)
    left = x < start[None, :, 0] + share * (end - start)[None, :, 0]
    odd: Bools = (spans & left).sum(axis=1) % 2 == 1
    return odd


def distances(points: Floats, polygon: Floats) -> Floats:
    """How far points are from the border of a polygon of (K, 2) corners. (N, 2) -> (N,), in the unit of both.

    >>> distances(np.array([[1.0, 1.0], [5.0, 2.0]]), np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]])).tolist()
    [0.0, 3.0]
    """
    along = np.concatenate((polygon[1:], polygon[:1])) - polygon
    offset = points[:, None, :] - polygon[None, :, :]
    length = np.einsum("kd,kd->k", along, along)
    share = np.einsum("nkd,kd->nk", offset, along) / np.where(length == 0, 1.0, length)
    nearest = offset - np.clip(share, 0.0, 1.0)[:, :, None] * along[None, :, :]
    found: Floats = np.sqrt(np.einsum("nkd,nkd->nk", nearest, nearest).min(axis=1))
    return found


def offsets(points: Floats, line: Floats) -> Floats:
    """How far points are beside the straight line through two places (2, 2). (N, 2) -> (N,).

    Negative to its left, as seen from its start with x to the right and y down.
    """
    length = float(np.hypot(*(line[1] - line[0])))
    return _side(points, line[0], line[1]) / (length or 1.0)


def crossings(before: Floats, after: Floats, line: Floats) -> Ints:
    """Who has crossed the segment `line` ((2, 2): from, to) between two instants. (N, 2), (N, 2) -> (N,).

    Returns:
        1 from the left of the line (as seen from its start, x to the right and y down) to its right, -1 the other way,
        0 where the path does not cross. A path that starts on the line has not crossed it; one that ends on it has.
    """
    start, end = line
    old, new = _side(before, start, end), _side(after, start, end)
    changed = ((old < 0) & (new >= 0)) | ((old > 0) & (new <= 0))
    path = after - before
    from_start = path[:, 0] * (start - before)[:, 1] - path[:, 1] * (start - before)[:, 0]
    from_end = path[:, 0] * (end - before)[:, 1] - path[:, 1] * (end - before)[:, 0]
    within = from_start * from_end <= 0
    crossed: Ints = np.where(changed & within, np.where(old < 0, 1, -1), 0).astype(np.int64)
    return crossed


def _side(points: Floats, start: Floats, end: Floats) -> Floats:
    along = end - start
    offset = points - start
    side: Floats = along[0] * offset[:, 1] - along[1] * offset[:, 0]
    return side
