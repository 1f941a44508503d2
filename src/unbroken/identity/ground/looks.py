"""Who looks like whom on the ground: what a cosine of features says, learnt from where people stand.

Strangers are people whom one camera shows at once; the same person is somebody whom two cameras show at one place,
nobody else near. Their cosines are two normal densities of one width, so their log-ratio is a straight line, as in the
calibration of speakers (Brummer and Garcia-Romero, Odyssey 2014); few pairs are drawn to a prior that holds for common
nets. A camera's colour cast is taken out by its mean, in which everybody counts once.

Where there are no features, or a row has none, looks say exactly nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Features, Floats, Ints
from unbroken.core.errors import ContractError
from unbroken.identity.ground.table import GroundTable
from unbroken.identity.ground.values import GroundObservations

_IN_VIEW = 0.4
"""A camera that saw a track in all of the last instants has this much of it at least (`GroundTable.visible`)."""


_NONE: Floats = np.zeros(0)


@dataclass(frozen=True, slots=True)
class LookSettings:
    """Settings of looks on the ground.

    Attributes:
        strangers: prior mean cosine of two people ...
        apart: ... by how much that of one person in two cameras is higher ...
        spread: ... and the standard deviation of either.
        prior_pairs: as many pairs as the priors are worth.
        remembered: pairs; older ones fade, for cosines change while the cameras' means are learnt.
        shrinkage: people; a camera's mean is drawn to that of the site as if it had shown that many.
        views: more views of a track by one camera than that weigh no more.
        alone: metres within which nobody else may be where two cameras show one person for certain.
        ceiling: nats; looks never say more, for or against: people dress alike, and crops show neighbours.
    """

    strangers: float = 0.3
    apart: float = 0.35
    spread: float = 0.13
    prior_pairs: float = 20.0
    remembered: float = 500.0
    shrinkage: float = 10.0
    views: float = 8.0
    alone: float = 1.5
    ceiling: float = 4.0


class GroundLooks:
    """The cameras' means, and what a cosine is worth. One thread owns it.

    Cameras go by their numbers, which are those of the columns of a `GroundTable`.
    """

    def __init__(self, settings: LookSettings | None = None) -> None:
        self.settings = settings or LookSettings()
        self._totals: Floats = np.zeros((0, 0))
        self._shown: Floats = np.zeros(0)
        prior = self.settings
        self._strangers = _moments(prior.strangers, prior)
        self._same = _moments(prior.strangers + prior.apart, prior)

    def make_room(self, table: GroundTable, cameras: int, views: Sequence[GroundObservations]) -> None:
        """There are so many cameras, and features as these views have them.

        Raises:
            ContractError: their dimension is another than before.
        """
        known = self._totals.shape[1]
        widths = {view.features.shape[1] for view in views if view.features.any()} | {known} - {0}
        if len(widths) > 1:
            raise ContractError(f"features: have {sorted(widths)} numbers; the ground takes those of one Re-ID net")
        width = max(widths, default=0)
        self._totals = np.pad(self._totals, [(0, cameras - len(self._totals)), (0, width - known)])
        self._shown = np.pad(self._shown, (0, cameras - len(self._shown)))
        table.make_room(cameras, width)

    def ratios(
        self, table: GroundTable, views: Sequence[GroundObservations], cameras: Mapping[str, int]
    ) -> list[Floats]:
        """Per view, (T, N) log-likelihood ratios that a row is that track rather than somebody else.

        They are 0 where either has no feature.
        """
        if not self._totals.size:
            return [np.zeros((len(table), len(view))) for view in views]
        vectors = self._vectors(table.looks, table.views)
        return [self._nats(vectors, self._rows(view.features, cameras[view.camera])) for view in views]

    def between(
        self, views: Sequence[GroundObservations], rows: Sequence[tuple[int, int]], cameras: Mapping[str, int]
    ) -> Floats:
        """(N, N) the same between (view, row), by pairs."""
        if not self._totals.size:
            return np.zeros((len(rows), len(rows)))
        looks = [self._rows(views[view].features[[row]], cameras[views[view].camera])[0] for view, row in rows]
        return self._nats(np.array(looks), np.array(looks))

    def among(self, table: GroundTable, rows: Ints) -> Floats:
        """(N, N) the same between tracks, by their rows in the table."""
        if not self._totals.size:
            return np.zeros((len(rows), len(rows)))
        vectors = self._vectors(table.looks[rows], table.views[rows])
        return self._nats(vectors, vectors)

    def take(self, table: GroundTable, view: GroundObservations, tracks: Ints, camera: int) -> None:
        """Remember what a camera shows of (N,) tracks (their numbers, -1 for none), and learn what looks say.

        Of each track and camera the first, second, fourth, eighth ... view teaches: somebody who stands still teaches
        little.
        """
        if not self._totals.size:
            return
        rows = np.flatnonzero((tracks >= 0) & _seen(view.features))
        place = {number: where for where, number in enumerate(table.numbers.tolist())}
        part = np.array([place[number] for number in tracks[rows].tolist()], dtype=np.int64)
        counts = table.views[part, camera].astype(np.int64)
        teaching = (counts & (counts - 1)) == 0
        looks = self._rows(view.features[rows], camera)
        self._learn_strangers(self._vectors(table.looks[part], table.views[part]), looks, teaching)
        self._learn_same(table, part[teaching], looks[teaching], camera)
        first = counts == 0
        self._totals[camera] += view.features[rows[first]].sum(axis=0)
        self._shown[camera] += first.sum()
        table.looks[part, camera] += view.features[rows]
        table.views[part, camera] += 1

    def learn(self, strangers: Floats, same: Floats) -> None:
        """Cosines (N,) of people who are two, and (M,) of people who are one."""
        for moments, cosines in ((self._strangers, strangers), (self._same, same)):
            moments += np.array([len(cosines), cosines.sum(), cosines @ cosines])
            moments *= min(1.0, self.settings.remembered / moments[0])

    @property
    def line(self) -> tuple[float, float]:
        """The cosine at which looks say nothing, and nats per unit of it."""
        strangers, same = self._strangers[1] / self._strangers[0], self._same[1] / self._same[0]
        squares = self._strangers[2] + self._same[2] - self._strangers[1] * strangers - self._same[1] * same
        variance = squares / (self._strangers[0] + self._same[0])
        return float(strangers + same) / 2, float(max(same - strangers, 0.0) / variance)

    def forget(self) -> None:
        """Somebody is forgotten: a mean over few people shows what they look like, so it begins anew."""
        few = self._shown < self.settings.shrinkage
        self._totals[few], self._shown[few] = 0, 0

    def _learn_strangers(self, vectors: Floats, looks: Floats, teaching: Bools) -> None:
        """People whom one camera shows at once."""
        others = ~np.eye(len(looks), dtype=np.bool_) & _seen(vectors)[:, None] & teaching
        self.learn((vectors @ looks.T)[others], _NONE)

    def _learn_same(self, table: GroundTable, part: Ints, looks: Floats, camera: int) -> None:
        """People whom another camera shows at the same place, nobody near."""
        offsets = table.means[part, None, :2] - table.means[None, :, :2]
        alone = (np.hypot(offsets[..., 0], offsets[..., 1]) < self.settings.alone).sum(axis=1) == 1
        sums, counts = table.looks[part].copy(), table.views[part] * (table.visible[part] > _IN_VIEW)
        sums[counts == 0], counts[:, camera] = 0, 0
        sums[:, camera] = 0
        vectors = self._vectors(sums, counts)
        sure = alone & _seen(vectors)
        self.learn(_NONE, np.einsum("nd,nd->n", vectors[sure], looks[sure]))

    def _vectors(self, sums: Floats, counts: Floats) -> Floats:
        """How tracks look: (T, C, D) sums and (T, C) numbers of features by camera -> (T, D) unit rows.

        The cameras' means are taken out; a track of which there is no feature is zeros.
        """
        weights = np.minimum(counts, self.settings.views) / np.maximum(counts, 1.0)
        return _unit(np.einsum("tc,tcd->td", weights, sums) - (weights * counts) @ self._means())

    def _rows(self, features: Features, camera: int) -> Floats:
        """(N, D) unit rows, the camera's mean taken out; zeros where there is no feature."""
        known = _seen(features)
        return _unit(np.where(known[:, None], features - self._means()[camera], 0.0))

    def _nats(self, vectors: Floats, rows: Floats) -> Floats:
        even, slope = self.line
        known = _seen(vectors)[:, None] & _seen(rows)
        nats = np.clip(slope * (vectors @ rows.T - even), -self.settings.ceiling, self.settings.ceiling)
        return np.where(known, nats, 0.0)

    def _means(self) -> Floats:
        """(C, D) of the cameras, drawn to that of the site, and that to nothing."""
        prior = self.settings.shrinkage
        centre = self._totals.sum(axis=0) / (self._shown.sum() + prior)
        return np.asarray((self._totals + prior * centre) / (self._shown + prior)[:, None])


def _moments(mean: float, settings: LookSettings) -> Floats:
    """(3,) number, sum and sum of squares of as many pairs as the prior is worth."""
    return settings.prior_pairs * np.array([1.0, mean, mean**2 + settings.spread**2])


def _unit(rows: Floats) -> Floats:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1.0))


def _seen(rows: Features | Floats) -> Bools:
    """(N,) which rows are no zeros."""
    return np.asarray((rows != 0).any(axis=1))
