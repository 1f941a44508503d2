"""How much does a likeness say? A model of features whose score is a log-likelihood ratio, learnt without labels.

The model is the two-covariance form of probabilistic linear discriminant analysis (Ioffe, ECCV 2006; Prince and Elder,
ICCV 2007; Brummer and de Villiers, Odyssey 2010): a track's vector is `x = y + e`, the person's `y ~ N(0, B)`, the
sighting's `e ~ N(0, W)`. B + W is what tracks show together; W is what tracks of one person differ by. In the basis
in which W is the identity and B is diagonal, k tracks of one person have, against k strangers,

    log p(x1..xk | one) - sum log p(xi | alone)
        = sum_d -log(1 + k b)/2 + k log(1 + b)/2 + (b S^2 / (1 + k b) - b Q / (1 + b)) / 2

with S the sum and Q the sum of squares. So a person is a sum and a count, and a comparison is one dot product.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from unbroken.core.arrays import Features, Floats, Ints
from unbroken.identity.history import History
from unbroken.identity.looks.densities import Densities, DensitySettings, fit_densities, near_pairs
from unbroken.identity.looks.features import FeatureSettings, Normaliser, learn_normaliser

_AT_ITS_WORD = Densities(strangers=-4.5, same=4.5, spread=3.0, share=0.5, pairs=0, together=0)
"""A model that was not judged yet: one nat is one nat."""
_ALIKE = 1e-9
"""Eigenvalues that differ by a smaller share differ by rounding."""
_PARTS = 32
"""Pairs are scored in so many parts, to need less memory at a time."""


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """Settings of the likelihood ratio.

    Attributes:
        dimensions: how many discriminant directions are kept.
        within: prior share of the variance that one person's tracks have among themselves.
        within_shrinkage: links; the within-person covariance is drawn to that prior as if that many had shown it.
        within_ridge: what is added to every direction, in mean within-person variances, where the covariance is nothing
            but chance; where a share of it is, that share of it.
        ceiling: no likeness says more than that (natural log): people do dress alike.
        densities: what the model's ratios are really worth.
    """

    dimensions: int = 128
    within: float = 0.6
    within_shrinkage: float = 300.0
    within_ridge: float = 4.0
    ceiling: float = 14.0
    densities: DensitySettings = field(default_factory=DensitySettings)


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """The fitted model: projects vectors, and weighs one against people.

    Attributes:
        normaliser: the per-camera part.
        projection: (D, d) to the basis in which W is the identity and B is diagonal.
        between: (d,) the diagonal of B.
        settings: the ceiling.
        densities: what the ratios are worth.
    """

    normaliser: Normaliser
    projection: Floats
    between: Floats
    settings: CalibrationSettings
    densities: Densities

    def project(self, vectors: Features, cameras: Ints) -> Floats:
        """(N, D) unit rows seen by (N,) cameras -> (N, d)."""
        projected: Floats = self.normaliser.apply(vectors, cameras) @ self.projection
        return projected

    def energy(self, sums: Floats, counts: Floats) -> Floats:
        """(P, d) sums of (P,) tracks -> (P,) the part of the log-likelihood that depends on who is together."""
        spread, logs = self._spread(counts)
        found: Floats = 0.5 * (self.between * sums**2 / spread - logs).sum(axis=1)
        return found

    def weights(self, sums: Floats, counts: Floats, energies: Floats) -> tuple[Floats, Floats]:
        """What a comparison with people of these energies needs of them: (P, d) directions and (P,) offsets."""
        spread, logs = self._spread(counts + 1)
        directions = self.between * sums / spread
        offsets = 0.5 * (self.between * sums**2 / spread - logs).sum(axis=1) - energies
        return directions, offsets

    def _spread(self, counts: Floats) -> tuple[Floats, Floats]:
        """(P, d) `1 + k b` and its logarithm, which is taken once for each number of tracks where people are many."""
        if len(counts) > 1 and (most := int(counts.max()) + 1) < len(counts):
            spread, place = 1 + np.arange(most)[:, None] * self.between, counts.astype(np.int64)
            return spread.take(place, axis=0), np.log(spread).take(place, axis=0)
        spread = 1 + counts[:, None] * self.between
        return spread, np.log(spread)

    def own(self, rows: Floats, limit: int) -> Floats:
        """(N, d) -> (N, limit + 1): what a comparison needs of a track, by the number of tracks it is compared with."""
        spread = 1 + np.arange(1, limit + 2)[:, None] * self.between
        weights = self.between / spread - self.between / spread[0]
        found: Floats = 0.5 * rows**2 @ weights.T + 0.5 * np.log1p(self.between).sum()
        return found

    def calibrated(self, ratios: Floats) -> Floats:
        """What the model's ratios are worth, bent so that none exceeds the ceiling; monotone."""
        worth, ceiling = self.densities.log_ratio(ratios), self.settings.ceiling
        bent: Floats = np.where(worth > 0, ceiling * np.tanh(worth / ceiling), worth)
        return bent

    def pairwise(self, sums: Floats, counts: Floats, others: Floats, sizes: Floats) -> Floats:
        """(N, d) sums of (N,) tracks and likewise -> (N,) the model's ratios, before calibration."""
        alone = self.energy(sums, counts) + self.energy(others, sizes)
        found: Floats = self.energy(sums + others, counts + sizes) - alone
        return found

    def between_tracks(self, rows: Floats, others: Floats) -> Floats:
        """(N, d) and (N, d) -> (N,) the model's ratios of single tracks, before calibration."""
        weights = self.between / (1 + 2 * self.between)
        alone = weights - self.between / (1 + self.between)
        found: Floats = (rows * others) @ weights + 0.5 * (rows**2 + others**2) @ alone
        return found + float(np.log1p(self.between).sum() - 0.5 * np.log1p(2 * self.between).sum())


def learn_likeness(
    vectors: Features, cameras: Ints, groups: Ints, settings: CalibrationSettings, features: FeatureSettings
) -> Likeness:
    """Fit to tracks, some of which are linked with confidence.

    Args:
        vectors: (N, D) unit rows, one per track.
        cameras: (N,) numbers of cameras.
        groups: (N,) rows with the same number are believed to be one person; -1 is linked with nobody.
        settings: of this model.
        features: of the normalisation.
    """
    normaliser = learn_normaliser(vectors, cameras, features)
    rows = normaliser.apply(vectors, cameras)
    count, dimension = rows.shape
    total = rows.T @ rows
    total = (total + features.covariance_shrinkage * np.eye(dimension)) / (count + features.covariance_shrinkage)
    prior = settings.within_shrinkage
    residual, links = _within(rows, groups)
    within = (residual.T @ residual + prior * settings.within * total) / (links + prior)
    noise = _noise(residual, links) * links / (links + prior)
    within += settings.within_ridge * noise * np.trace(within) / dimension * np.eye(dimension)
    values, axes = np.linalg.eigh(within)
    whitened = axes * values**-0.5
    spread, directions = np.linalg.eigh(whitened.T @ total @ whitened)
    best = _best(spread, settings.dimensions)
    between = np.maximum(spread[best] - 1, 0.02)
    return Likeness(normaliser, whitened @ directions[:, best], between, settings, _AT_ITS_WORD)


def _best(spread: Floats, limit: int) -> Ints:
    """Places of the largest of ascending values, at most so many, and none that equals one left out.

    In directions that no track has shown only the prior speaks, in all of them alike; rounding, and so the number of
    processors, decides which of them an eigenvector is. So either all of them are taken or none.
    """
    least = spread[-limit - 1] * (1 + _ALIKE) if len(spread) > limit else -np.inf
    found: Ints = np.flatnonzero(spread > least)[::-1]
    return found


def judged(likeness: Likeness, history: History) -> Likeness:
    """The same model with what its ratios are worth, by the tracks that are remembered."""
    seen = history.with_looks
    later, earlier, together = near_pairs(seen, history, likeness.settings.densities.neighbours)
    rows = np.zeros((history.size, len(likeness.between)))
    rows[seen] = likeness.project(history.vectors[seen], history.cameras[seen])
    parts = zip(np.array_split(later, _PARTS), np.array_split(earlier, _PARTS), strict=True)
    scores = np.concatenate([likeness.between_tracks(rows[one], rows[other]) for one, other in parts])
    return replace(likeness, densities=fit_densities(scores, together, likeness.settings.densities))


def _within(rows: Floats, groups: Ints) -> tuple[Floats, int]:
    """Linked rows as they differ from their own means, and the degrees of freedom of that."""
    linked = np.flatnonzero(groups >= 0)
    names, place, sizes = np.unique(groups[linked], return_inverse=True, return_counts=True)
    sums = np.zeros((len(names), rows.shape[1]))
    np.add.at(sums, place, rows[linked])
    residual = (rows[linked] - (sums / sizes[:, None])[place])[sizes[place] > 1]
    return residual, int((sizes - 1).sum())


def _noise(residual: Floats, links: int) -> float:
    """Which share of what tells a scatter from a sphere is chance, 0..1 (Ledoit and Wolf 2004, lemma 3.3)."""
    if links < 2:
        return 1.0
    scatter = residual.T @ residual / links
    size = float((scatter**2).sum())
    shape = size - float(np.trace(scatter)) ** 2 / len(scatter)
    chance = float(((residual**2).sum(axis=1) ** 2).sum()) / links**2 - size / links
    return min(max(chance / max(shape, 1e-12), 0.0), 1.0)
