"""Where people come in and go out: doors and edges of pictures, learnt from where tracks begin and end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from unbroken.core.arrays import Bools, Floats, Ints

_FEW = 3
"""Tracks on a path, or points at a portal, from which something is said about it."""
_LEAST = 1e-9
_ELSEWHERE = 1e12


@dataclass(frozen=True, slots=True, eq=False)
class Passages:
    """N tracks as far as times and places tell.

    Attributes:
        cameras: (N,) numbers.
        starts: (N,) seconds.
        ends: (N,) seconds.
        boxes: (N, 2, 4) pixels, first and last; NaN where they are not known.
        ended: (N,) whether the track is over: nobody has left who is still there.
    """

    cameras: Ints
    starts: Floats
    ends: Floats
    boxes: Floats
    ended: Bools

    def __len__(self) -> int:
        return len(self.cameras)


@dataclass(frozen=True, slots=True, eq=False)
class Doors:
    """Which portals N tracks have used.

    Attributes:
        entries: (N,) number of the portal entered, -1 where the camera has none yet.
        exits: (N,) number of the portal left.
        came: (N,) the place within the portal entered, along its longer axis, in standard deviations.
        went: (N,) the same of the portal left.
        paces: (N,) log of the time in the view against the usual one on the same path; NaN where it is not known.
    """

    entries: Ints
    exits: Ints
    came: Floats
    went: Floats
    paces: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Portals:
    """The K portals of a site.

    Attributes:
        cameras: (K,) number of the camera.
        centres: (K, 2) pixels; NaN for "somewhere in this camera".
        axes: (K, 2) unit vectors along the longer side.
        spreads: (K,) pixels, standard deviation along it; infinite where too little is known.
        usual: (K, K) log seconds from an entry to an exit, the median; NaN where few have gone it.
        pace_spread: standard deviation of the log of the time in a view around the usual one.
    """

    cameras: Ints
    centres: Floats
    axes: Floats
    spreads: Floats
    usual: Floats
    pace_spread: float

    def __len__(self) -> int:
        return len(self.cameras)

    def doors(self, passages: Passages) -> Doors:
        """Which portals tracks have used, where in them, and how fast."""
        feet = feet_of(passages.boxes)
        entries, came = self._nearest(passages.cameras, feet[:, 0])
        exits, went = self._nearest(passages.cameras, feet[:, 1])
        logs = np.where(passages.ended, np.log(np.maximum(passages.ends - passages.starts, 0.1)), np.nan)
        paces = np.clip(logs - self.usual[entries, exits], -1.0, 1.0)
        return Doors(entries, exits, came, went, np.where((entries >= 0) & (exits >= 0), paces, np.nan))

    def _nearest(self, cameras: Ints, points: Floats) -> tuple[Ints, Floats]:
        offsets = points[:, None] - self.centres[None]
        distances = np.nan_to_num(np.linalg.norm(offsets, axis=2), nan=1e6)
        distances[cameras[:, None] != self.cameras[None]] = _ELSEWHERE
        nearest = np.argmin(distances, axis=1)
        rows = np.arange(len(points))
        along = (offsets[rows, nearest] * self.axes[nearest]).sum(axis=1) / self.spreads[nearest]
        here = distances[rows, nearest] < _ELSEWHERE
        return np.where(here, nearest, -1), np.nan_to_num(along)


def feet_of(boxes: Floats) -> Floats:
    """(N, 2, 4) first and last boxes -> (N, 2, 2) pixels, the middles of their lower edges."""
    found: Floats = np.stack([(boxes[:, :, 0] + boxes[:, :, 2]) / 2, boxes[:, :, 3]], axis=2)
    return found


def learn_portals(passages: Passages, reach: float) -> Portals:
    """Group the places where tracks begin and end.

    Args:
        passages: tracks.
        reach: box heights; groups are joined (average linkage) until they are that far apart.
    """
    feet = feet_of(passages.boxes)
    heights = passages.boxes[:, :, 3] - passages.boxes[:, :, 1]
    cameras, centres, axes, spreads = [], [], [], []
    for camera in np.unique(passages.cameras).tolist():
        rows = passages.cameras == camera
        points = feet[rows].reshape(-1, 2)
        known = np.isfinite(points).all(axis=1)
        groups = (
            _grouped(points[known], reach * float(np.median(heights[rows].reshape(-1)[known]))) if any(known) else []
        )
        for group in groups or [points[:0]]:
            axis, spread = _long_side(group)
            cameras.append(camera)
            centres.append(group.mean(axis=0) if len(group) else np.full(2, np.nan))
            axes.append(axis)
            spreads.append(spread)
    count = len(cameras)
    unknown = np.full((count, count), np.nan)
    portals = Portals(np.array(cameras), np.array(centres), np.array(axes), np.array(spreads), unknown, 1.0)
    return _with_paces(portals, passages)


def _grouped(points: Floats, reach: float) -> list[Floats]:
    if len(points) < 2:
        return [points]
    labels = fcluster(linkage(points, "average"), reach, "distance")
    return [points[labels == label] for label in np.unique(labels)]


def _long_side(points: Floats) -> tuple[Floats, float]:
    """The direction in which points differ most, pointing right or down, and their spread along it."""
    if len(points) < _FEW:
        return np.array([1.0, 0.0]), np.inf
    offsets = points - points.mean(axis=0)
    axis = np.linalg.eigh(offsets.T @ offsets)[1][:, -1]
    axis = axis * np.sign(axis[np.argmax(np.abs(axis))])
    return axis, max(float((offsets @ axis).std()), _LEAST)


def _with_paces(portals: Portals, passages: Passages) -> Portals:
    """The portals with the usual time between each two of one camera."""
    doors = portals.doors(passages)
    logs = np.log(np.maximum(passages.ends - passages.starts, 0.1))
    usual = portals.usual.copy()
    rest: list[Floats] = []
    paths = doors.entries * len(portals) + doors.exits
    for path in np.unique(paths[passages.ended]).tolist():
        mine = logs[(paths == path) & passages.ended]
        if len(mine) >= _FEW:
            usual[divmod(path, len(portals))] = np.median(mine)
            rest.append(np.clip(mine - np.median(mine), -1.0, 1.0))
    spread = max(float(np.concatenate(rest).std()), 0.05) if rest else 1.0
    return Portals(portals.cameras, portals.centres, portals.axes, portals.spreads, usual, spread)
