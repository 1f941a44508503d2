"""Who stood where another camera saw somebody at the same instant? Pairs of tracks of calibrated cameras.

While two tracks of two cameras are in view together, the offset between their positions on the ground is gathered,
each instant weighed by the inverse of its covariance. Of one person the mean offset of n instants has the covariance

    (sum of inverse covariances)^-1 + s^2 I

where s stands for what does not average out: calibration, clocks. A stranger may stand anywhere on an area of the
size of a hall, and his offset counts once however long he stays. Their ratio is the evidence. The spread s is learnt
while running, without labels, from pairs that are each other's nearest and far from everybody else; until they are
known it is drawn to a cautious prior.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.identity.whereabouts.encounters import Encounters

_BINS = 60
_BIN = 0.05
"""Metres: the resolution in which the mean offsets of sure pairs are counted."""
_RAYLEIGH = float(np.sqrt(2 * np.log(2)))
"""The median length of a normal offset in the plane, in standard deviations."""


@dataclass(frozen=True, slots=True)
class CoincidenceSettings:
    """Settings of pairs on the ground.

    Attributes:
        spread: metres, prior standard deviation of what does not average out ...
        prior_pairs: ... and as many pairs as it is worth.
        least: metres; the spread is never believed to be smaller.
        reach: metres; a pair is followed from the first instant at which it is that close.
        alone: metres; a pair is sure if nobody else is that close to either.
        instants: after that many a sure pair teaches the spread; and more do not make the mean offset any better.
        every: seconds; of a pair one instant in that many counts, for errors last.
        instant: seconds between two sightings that count as simultaneous.
        area: square metres over which strangers are spread.
        floor: nats; a pair never says more than that against somebody.
        sure: nats from which on two tracks are decided on as one.
        window: tracks; pairs of older ones are forgotten.
    """

    spread: float = 0.5
    prior_pairs: float = 20.0
    least: float = 0.1
    reach: float = 3.0
    alone: float = 2.5
    instants: int = 4
    every: float = 0.4
    instant: float = 0.25
    area: float = 100.0
    floor: float = -15.0
    sure: float = 4.0
    window: int = 800


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """N tracks that are in view.

    Attributes:
        numbers: (N,) of the tracks in the history.
        cameras: (N,) numbers of cameras.
        places: (N, 2) metres.
        covariances: (N, 2, 2) square metres.
        fresh: (N,) seen in this very step.
    """

    numbers: Ints
    cameras: Ints
    places: Floats
    covariances: Floats
    fresh: Bools


class Coincidences:
    """Pairs of tracks that were in view together. One thread owns it."""

    def __init__(self, settings: CoincidenceSettings) -> None:
        self.settings = settings
        self._pairs = Encounters()
        self._told: dict[int, tuple[Ints, Floats, Ints]] = {}
        prior = 1 - np.exp(-(((np.arange(_BINS + 1) * _BIN) / settings.spread) ** 2) / 2)
        self._offsets: Floats = settings.prior_pairs * np.diff(prior)
        self._spread = settings.spread

    @property
    def spread(self) -> float:
        """Metres: what does not average out, as far as is known."""
        return self._spread

    def note(self, standing: Standing, time: float) -> None:
        """Take in who stands where at one instant."""
        self._told = {}
        apart = standing.places[:, None] - standing.places[None]
        distance = np.hypot(apart[..., 0], apart[..., 1])
        other = standing.cameras[:, None] != standing.cameras[None]
        distance[~other] = np.inf
        told = np.triu(other & (standing.fresh[:, None] | standing.fresh[None]), 1)
        near = told & (distance < self.settings.reach)
        sure = near & _mutual(distance, standing.cameras, self.settings.alone)
        near[self._pairs.among(standing.numbers)] = True
        one, then = (near & told).nonzero()
        if not len(one):
            return
        numbers = standing.numbers
        rows = self._pairs.rows(numbers[one], numbers[then])
        due = (time - self._pairs.last[rows] >= self.settings.every).nonzero()[0]
        one, then, rows = one[due], then[due], rows[due]
        way = np.where(numbers[one] < numbers[then], 1.0, -1.0)[:, None]
        self._pairs.add(rows, way * apart[one, then], standing.covariances[one] + standing.covariances[then], time)
        taught = rows[sure[one, then] & (self._pairs.counts[rows] == self.settings.instants)]
        if len(taught):
            self._learn(self._pairs.sums[taught])

    def _learn(self, sums: Floats) -> None:
        """Take the spread from the mean offsets of N more sure pairs, and all before."""
        mx, my, _ = _mean_offsets(sums)
        np.add.at(self._offsets, np.minimum((np.hypot(mx, my) / _BIN).astype(np.int64), _BINS - 1), 1)
        known = np.cumsum(self._offsets)
        half = known[-1] / 2
        place = int(np.searchsorted(known, half))
        before = known[place - 1] if place else 0.0
        median = (place + (half - before) / (known[place] - before)) * _BIN
        self._spread = max(float(median) / _RAYLEIGH, self.settings.least)

    def odds(self, number: int) -> tuple[Ints, Floats, Ints]:
        """(M,) tracks that were close to this one, log-likelihood ratios that it is the same person, and instants.

        They are asked for several times between two instants, and computed once.
        """
        if number not in self._told:
            self.tell([number])
        return self._told[number]

    def tell(self, numbers: Iterable[int]) -> None:
        """Compute the odds of several tracks at once, before each is asked for."""
        new = [number for number in dict.fromkeys(numbers) if number not in self._told]
        met = [self._pairs.of(number) for number in new]
        if not met:
            return
        others, rows = (np.concatenate(part) for part in zip(*met, strict=True))
        counts = self._pairs.counts[rows]
        odds, end = self._ratio(self._pairs.sums[rows], counts), 0
        for number, (mine, _) in zip(new, met, strict=True):
            start, end = end, end + len(mine)
            self._told[number] = others[start:end], odds[start:end], counts[start:end]

    def _ratio(self, sums: Floats, counts: Ints) -> Floats:
        if not len(sums):
            return np.zeros(0)
        mx, my, det = _mean_offsets(sums)
        xx, xy, yy = sums.T[:3]
        # More instants are no longer independent: the mean offset gets no better.
        worth = np.maximum(counts / self.settings.instants, 1.0)
        a, b, c = worth * yy / det + self._spread**2, -worth * xy / det, worth * xx / det + self._spread**2
        spread = a * c - b * b
        square = (c * mx**2 - 2 * b * mx * my + a * my**2) / spread
        found: Floats = np.log(self.settings.area / (2 * np.pi * np.sqrt(spread))) - square / 2
        return np.maximum(found, self.settings.floor)

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop the pairs of tracks."""
        self._told = {}
        self._pairs.drop(numbers)

    def prune(self, count: int) -> None:
        """Drop the pairs of all but the latest tracks."""
        known = self._pairs.numbers
        if len(known) > 2 * self.settings.window:
            self.forget([number for number in known if number < count - self.settings.window])


def _mean_offsets(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """(N, 5) sums of pairs -> (N,) metres along either axis, and the determinant of the sum of inverse covariances."""
    xx, xy, yy, x, y = sums.T
    det = xx * yy - xy**2
    return (yy * x - xy * y) / det, (xx * y - xy * x) / det, det


def _mutual(distance: Floats, cameras: Ints, alone: float) -> Bools:
    """(N, N) pairs of two cameras which nobody else of these cameras is close to."""
    close = distance < alone
    found = np.zeros(distance.shape, dtype=np.bool_)
    for camera in np.unique(cameras).tolist():
        mine = cameras == camera
        # Of each track, how many of this camera are close.
        found[:, mine] |= (close[:, mine].sum(axis=1) == 1)[:, None]
    both: Bools = found & found.T & close
    return both
