"""The ground tracks that are followed now, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.identity.ground.births import Cluster


@dataclass(slots=True)
class GroundTable:
    """T tracks of the ground.

    Attributes:
        numbers: (T,).
        means: (T, 4) x, y, vx, vy in metres and metres per second.
        covariances: (T, 4, 4).
        born: (T,) seconds.
        seen: (T,) when a camera saw it last, seconds.
        hits: (T,) foot points so far.
        sure: (T,) whether it counts as a person.
        visible: (T, C) from 0 to 1, whether each camera saw it of late.
        looks: (T, C, D) sums of the features that each camera has seen ...
        views: (T, C) ... and of how many.
    """

    numbers: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    means: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    covariances: Floats = field(default_factory=lambda: np.zeros((0, 4, 4)))
    born: Floats = field(default_factory=lambda: np.zeros(0))
    seen: Floats = field(default_factory=lambda: np.zeros(0))
    hits: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    sure: Bools = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    visible: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    looks: Floats = field(default_factory=lambda: np.zeros((0, 0, 0)))
    views: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def __len__(self) -> int:
        """How many are followed."""
        return len(self.numbers)

    def make_room(self, cameras: int, dimension: int) -> None:
        """There are so many cameras, and features have so many numbers."""
        more, wider = cameras - self.visible.shape[1], dimension - self.looks.shape[2]
        if more or wider:
            self.visible, self.views = (np.pad(column, [(0, 0), (0, more)]) for column in (self.visible, self.views))
            self.looks = np.pad(self.looks, [(0, 0), (0, more), (0, wider)])

    def keep(self, rows: Bools) -> None:
        """Drop all other rows."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name)[rows])

    def add(self, number: int, cluster: Cluster, time: float, speed: float) -> None:
        """Append a track that begins where a cluster lies; it may go anywhere at `speed` metres per second."""
        covariance = np.zeros((1, 4, 4))
        covariance[0, :2, :2] = cluster.covariance
        covariance[0, 2, 2] = covariance[0, 3, 3] = speed * speed
        mean = np.concatenate([cluster.point, np.zeros(2)])[None]
        self.numbers = np.append(self.numbers, number)
        self.means = np.concatenate([self.means, mean])
        self.covariances = np.concatenate([self.covariances, covariance])
        self.born, self.seen = np.append(self.born, time), np.append(self.seen, time)
        self.hits = np.append(self.hits, len(cluster.rows))
        self.sure = np.append(self.sure, False)
        for name in ("visible", "looks", "views"):
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.zeros((1, *column.shape[1:]))]))
