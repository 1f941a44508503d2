"""The first minute: a likelihood ratio from the few tracks there are, until enough are known to learn a model.

Views inside one track say how alike one person is to himself, people seen together in one view how alike strangers
are. Both are measured from the first second, without labels. Views of one track are closer than the same person in
another camera, so the balance lies nearer to the strangers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np

from unbroken.core.arrays import Features, Floats, Ints


@dataclass(frozen=True, slots=True)
class BootstrapSettings:
    """Settings of the first minute: a prior that holds for common Re-ID nets, and what one learns of this one.

    Attributes:
        strangers: prior mean cosine of different people.
        same: prior mean cosine of views of one track.
        spread: prior standard deviation of either.
        prior_pairs: as many pairs as the priors are worth.
        balance: where, between strangers (0) and views of one track (1), the evidence is even.
        strength: nats that a likeness of average strangers says against.
    """

    strangers: float = 0.35
    same: float = 0.75
    spread: float = 0.1
    prior_pairs: float = 10.0
    balance: float = 0.4
    strength: float = 6.0


class Pairs:
    """Running means and spreads of the cosine of views of one track, and of people seen together."""

    def __init__(self, settings: BootstrapSettings) -> None:
        self._prior = settings.prior_pairs
        self._same = _moments(settings.same, settings)
        self._strangers = _moments(settings.strangers, settings)

    def add_same(self, cosine: float) -> None:
        """A view against the track that it belongs to."""
        self._same += (1.0, cosine, cosine**2)

    def add_strangers(self, cosines: Floats) -> None:
        """People of one picture against each other."""
        self._strangers += (cosines.size, float(cosines.sum()), float(cosines @ cosines))

    @property
    def same(self) -> float:
        """Mean cosine of views of one track."""
        return float(self._same[1] / self._same[0])

    @property
    def strangers(self) -> float:
        """Mean cosine of people seen together."""
        return float(self._strangers[1] / self._strangers[0])

    @property
    def measured(self) -> tuple[int, int]:
        """How many pairs of either kind there were."""
        return round(self._same[0] - self._prior), round(self._strangers[0] - self._prior)

    @property
    def equal_error(self) -> float:
        """The share of either kind beyond the cosine where these shares are equal, were both normal densities."""
        apart = (self.same - self.strangers) / (_spread(self._same) + _spread(self._strangers))
        return erfc(apart / sqrt(2)) / 2


def _moments(mean: float, settings: BootstrapSettings) -> Floats:
    """(3,) number, sum and sum of squares of as many pairs as the prior is worth."""
    return settings.prior_pairs * np.array([1.0, mean, mean**2 + settings.spread**2])


def _spread(moments: Floats) -> float:
    """Standard deviation."""
    count, total, squares = moments.tolist()
    return sqrt(max(squares / count - (total / count) ** 2, 1e-6))


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """A straight line through the cosine: zero at the balance point. Fits where `Likeness` fits.

    Attributes:
        even: the cosine at which the evidence is even.
        slope: nats per unit of cosine.
        dimension: of the features.
    """

    even: float
    slope: float
    dimension: int

    @classmethod
    def from_pairs(cls, pairs: Pairs, dimension: int, settings: BootstrapSettings) -> Bootstrap:
        """The line for what has been measured so far."""
        spread = max(pairs.same - pairs.strangers, 0.05)
        even = pairs.strangers + settings.balance * spread
        return cls(even, settings.strength / (settings.balance * spread), dimension)

    def project(self, vectors: Features, cameras: Ints) -> Floats:
        """(N, D) as they are."""
        rows: Floats = vectors.astype(np.float64)
        return rows

    def energy(self, sums: Floats, counts: Floats) -> Floats:
        """(P,) a line has no joint model; two people are compared by their means."""
        return np.zeros(len(sums))

    def weights(self, sums: Floats, counts: Floats, energies: Floats) -> tuple[Floats, Floats]:
        """(P, D) directions and (P,) offsets of a comparison."""
        norms = np.maximum(np.linalg.norm(sums, axis=1), 1e-12)
        return self.slope * sums / norms[:, None], np.full(len(sums), -self.slope * self.even)

    def own(self, rows: Floats, limit: int) -> Floats:
        """(N, limit + 1) zeros: a line asks nothing of the track itself."""
        return np.zeros((len(rows), limit + 1))

    def pairwise(self, sums: Floats, counts: Floats, others: Floats, sizes: Floats) -> Floats:
        """(N, D) sums of tracks and likewise -> (N,) nats; how many they were of makes no difference."""
        norms = np.linalg.norm(sums, axis=1) * np.linalg.norm(others, axis=1)
        found: Floats = self.slope * ((sums * others).sum(axis=1) / np.maximum(norms, 1e-12) - self.even)
        return found

    def calibrated(self, ratios: Floats) -> Floats:
        """As they are: the line is in nats."""
        return np.clip(ratios, -15.0, 10.0)
