"""People on the ground plane of overlapping calibrated cameras: one track per person, whichever cameras see him.

Per instant: every track moves on (`walk`); each camera's foot points are assigned to the predicted tracks by the
Hungarian algorithm under a chi-square gate; what no track explains is put together across cameras, at most one per
camera, and starts tracks on probation; tracks out of sight wait to be met again; two tracks that turn out to be one
person are merged. Foot points may come without any memory (a detector's boxes) or with the ids of a tracker in each
camera: then a track holds on to the ids that it has met, unless the ground says otherwise.

The order (predict, assign per camera, only then cluster what is left) is what tells this from fuse-then-track, which
clusters first and so loses people who stand close together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import expit

from unbroken.association.assign import assign
from unbroken.core.arrays import Floats, Ints
from unbroken.core.errors import ContractError
from unbroken.identity.ground.births import clusters
from unbroken.identity.ground.bonds import Bonds
from unbroken.identity.ground.looks import GroundLooks
from unbroken.identity.ground.motion import UNLIKELY, corrected, fit, information_of, inverted, predicted, walk
from unbroken.identity.ground.second_thoughts import Exchange, SecondThoughts, renamed
from unbroken.identity.ground.table import GroundTable
from unbroken.identity.ground.values import GroundObservations, GroundResult, GroundSettings

_WHOLE = 1e9
"""What it weighs against an exchange to tear a camera's own track where that is not to be."""
_FAR = 40.0
"""No foot point counts as further off than this when the agreement of cameras is learnt (squared distance)."""


class GroundTracker:
    """Follows people on the ground; owned by one thread. The same input gives the same output to the bit.

    Args:
        settings: one set for every site.
    """

    def __init__(self, settings: GroundSettings | None = None) -> None:
        self.settings = settings or GroundSettings()
        self._table = GroundTable()
        self._cameras: dict[str, int] = {}
        self._bonds = Bonds()
        self._absorbed: dict[int, int] = {}
        self._near: dict[tuple[int, int], float] = {}
        self._known: set[int] = set()
        self._misfits: dict[str, float] = {}
        self._second = SecondThoughts()
        self._looks = GroundLooks()
        self._next = 1
        self._time = -np.inf

    def update(self, time: float, views: Sequence[GroundObservations]) -> GroundResult:
        """Take what the cameras saw at one instant.

        Args:
            time: seconds; not before the last.
            views: at most one per camera; a camera that saw nobody may be left out, but then is not missed either.

        Raises:
            ContractError: time runs backwards, or a camera comes twice.
        """
        step = self._begin(time, views)
        views = [self._doubted(view) for view in views]
        chosen = self._associate(views, step)
        self._settle(views, chosen, step)
        tracks = [self._numbers_of(pairs, len(view)) for view, pairs in zip(views, chosen, strict=True)]
        self._bear(views, tracks)
        self._bind(views, tracks, step)
        for view, numbers in zip(views, tracks, strict=True):
            self._looks.take(self._table, view, numbers, self._cameras[view.camera])
        merged = self._merge(views, tracks, step)
        exchanged = self._reconsider(tracks)
        self._retire()
        return self._result(tracks, merged, exchanged)

    def person_of(self, tracks: Ints) -> Ints:
        """The person that each track number stands for by now, after merges; -1 for those who never were confirmed."""
        final = [self._final(int(number)) for number in tracks]
        return np.array([number if number in self._known else -1 for number in final], dtype=np.int64)

    def forget(self, tracks: Ints) -> None:
        """Leave nothing of what the people with these track numbers look like."""
        rows = np.isin(self._table.numbers, [self._final(int(number)) for number in tracks])
        self._table.looks[rows], self._table.views[rows] = 0, 0
        self._looks.forget()

    def _begin(self, time: float, views: Sequence[GroundObservations]) -> float:
        """Check, predict, and return the seconds since the last instant."""
        names = [view.camera for view in views]
        if len(set(names)) < len(names):
            raise ContractError(f"ground tracker: cameras {names} come twice in one instant; give each once")
        if not time > self._time:
            raise ContractError(f"ground tracker: time {time} is not after {self._time}; give instants in their order")
        for name in names:
            self._cameras.setdefault(name, len(self._cameras))
        table = self._table
        self._looks.make_room(table, len(self._cameras), views)
        step = min(time - self._time, 1e6) if np.isfinite(self._time) else 1e6
        if len(table):
            motion = walk(step, self.settings.speed, self.settings.memory)
            table.means, table.covariances = predicted(table.means, table.covariances, motion)
        self._time = time
        return step

    def _associate(self, views: Sequence[GroundObservations], step: float) -> list[tuple[Ints, Ints]]:
        """Rows of tracks and of foot points, per view.

        Each camera is assigned against the tracks as all other cameras have them by now: those gone through before it
        in the first round, all in the next. The best-placed cameras go first.
        """
        table, count = self._table, len(self._table)
        share = min(1.0, step / self.settings.coherence)
        weights, weighted = np.zeros((len(views), count, 2, 2)), np.zeros((len(views), count, 2))
        chosen = [(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)) for _ in views]
        if not count:
            return chosen
        alike = self._looks.ratios(table, views, self._cameras)
        order = sorted(range(len(views)), key=lambda number: _doubt(views[number]))
        for number in order * self.settings.rounds:
            weights[number], weighted[number] = 0, 0
            others = weights.sum(0)
            means, spread = corrected(table.means, table.covariances, others, weighted.sum(0))
            rows, points, distances = self._assigned(views[number], (means, spread), alike[number])
            chosen[number], inside = (rows, points), distances < self.settings.gate
            self._judge(views[number].camera, distances[others[rows, 0, 0] > 0], step)
            used = views[number].points[points[inside]], views[number].covariances[points[inside]]
            weight, term = information_of(*used)
            weights[number, rows[inside]], weighted[number, rows[inside]] = share * weight, share * term
        table.means, table.covariances = corrected(table.means, table.covariances, weights.sum(0), weighted.sum(0))
        return chosen

    def _judge(self, camera: str, distances: Floats, step: float) -> None:
        """Learn how well a camera agrees with the others, from its (K,) squared distances to what they say."""
        known = distances[np.isfinite(distances)]
        if len(known):
            misfit = float(np.minimum(known, _FAR).mean()) / 2
            share = 1 - np.exp(-step / self.settings.habit)
            self._misfits[camera] = (1 - share) * self._misfits.get(camera, 1.0) + share * misfit

    def _doubted(self, view: GroundObservations) -> GroundObservations:
        """A camera's foot points with the doubt that it has earned: less agreement than it states, more covariance.

        The adaptation of the measurement noise to the innovations (Mehra, Approaches to adaptive filtering, 1972), in
        one factor per camera that never falls below 1.
        """
        misfit = min(max(self._misfits.get(view.camera, 1.0), 1.0), self.settings.most_doubt)
        return replace(view, covariances=view.covariances * misfit) if misfit > 1 else view

    def _continuity(self) -> float:
        """What it is worth, in this site, that a camera's own tracker says it is the same person."""
        low, high = self.settings.agreement
        misfit = sum(self._misfits.values()) / len(self._misfits) if self._misfits else high
        doubt = min(max((misfit - low) / (high - low), 0.0), 1.0)
        return (1 - doubt) * self.settings.continuity + doubt * self.settings.doubtful_continuity

    def _assigned(
        self, view: GroundObservations, states: tuple[Floats, Floats], alike: Floats
    ) -> tuple[Ints, Ints, Floats]:
        """Rows of tracks and of foot points of one camera, and the squared distances of the pairs."""
        settings, table = self.settings, self._table
        distances, densities = fit(*states, view.points, view.covariances)
        inside = distances < settings.gate
        ratios = np.where(inside, densities - np.log(settings.clutter), UNLIKELY)
        ratios += settings.expected * table.visible[:, self._cameras[view.camera], None] + alike
        places = {number: row for row, number in enumerate(table.numbers.tolist())}
        ratios -= settings.newcomer * self._bonds.newcomers(view)
        continuity = self._continuity()
        for row, column, strained in self._bonds.vouched(view, places):
            believed = inside[row, column] or strained < settings.patience
            if believed:
                ratios[row, column] = max(ratios[row, column], settings.least) + continuity
        for row, column in self._bonds.torn(view, places, self._time) if settings.whole else ():
            ratios[row, column] = UNLIKELY
        rows, columns = assign(-ratios, -settings.least)
        return rows, columns, distances[rows, columns]

    def _settle(self, views: Sequence[GroundObservations], chosen: list[tuple[Ints, Ints]], step: float) -> None:
        """Note who was seen, by which camera."""
        table = self._table
        for view, (rows, _) in zip(views, chosen, strict=True):
            table.hits[rows] += 1
            table.seen[rows] = self._time
            column = table.visible[:, self._cameras[view.camera]]
            column *= 1 - min(1.0, step / self.settings.coherence) / 2
            column[rows] += min(1.0, step / self.settings.coherence) / 2

    def _numbers_of(self, pairs: tuple[Ints, Ints], count: int) -> Ints:
        numbers = np.full(count, -1, dtype=np.int64)
        numbers[pairs[1]] = self._table.numbers[pairs[0]]
        return numbers

    def _bear(self, views: Sequence[GroundObservations], tracks: list[Ints]) -> None:
        """Start tracks from what is left; `tracks` is filled in."""
        left = [
            (number, row)
            for number, view in enumerate(views)
            for row in np.flatnonzero((tracks[number] < 0) & np.isfinite(view.points).all(axis=1)).tolist()
        ]
        if not left:
            return
        points = np.array([views[number].points[row] for number, row in left])
        doubts = np.array([views[number].covariances[row] for number, row in left])
        cameras = np.array([number for number, _ in left])
        alike = self._looks.between(views, left, self._cameras)
        for cluster in clusters(points, doubts, cameras, self.settings.birth_gate, alike):
            self._table.add(self._next, cluster, self._time, self.settings.speed)
            for member in cluster.rows:
                number, row = left[member]
                tracks[number][row] = self._next
                self._table.visible[-1, self._cameras[views[number].camera]] = 1.0
            self._next += 1

    def _bind(self, views: Sequence[GroundObservations], tracks: list[Ints], step: float) -> None:
        """Remember which track each camera's own tracks belong to."""
        table = self._table
        rows = {number: row for row, number in enumerate(table.numbers.tolist())}
        for view, numbers in zip(views, tracks, strict=True):
            columns = np.flatnonzero((view.locals >= 0) & (numbers >= 0))
            part = np.array([rows[number] for number in numbers[columns].tolist()], dtype=np.int64)
            noise = table.covariances[part, :2, :2] + view.covariances[columns]
            offsets = view.points[columns] - table.means[part, :2]
            fits = np.zeros(len(view), dtype=np.bool_)
            fits[columns] = np.einsum("ni,nij,nj->n", offsets, inverted(noise), offsets) < self.settings.gate
            self._bonds.note(view, numbers, fits, (self._time, step))
            for local, number in zip(view.locals[columns].tolist(), numbers[columns].tolist(), strict=True):
                self._second.note(view.camera, local, number)

    def _merge(
        self, views: Sequence[GroundObservations], tracks: list[Ints], step: float
    ) -> tuple[tuple[int, int], ...]:
        """Pairs of tracks that have long been one: near, both seen, and never by one camera."""
        table, settings = self._table, self.settings
        now = np.flatnonzero(table.seen == self._time)
        sees = np.array([[number in numbers for numbers in tracks] for number in table.numbers[now]], dtype=np.bool_)
        if len(now) < 2:
            return ()
        together = (sees.astype(np.int64) @ sees.T.astype(np.int64)) > 0
        offsets = table.means[now, None, :2] - table.means[None, now, :2]
        near = np.hypot(offsets[..., 0], offsets[..., 1]) < settings.merge_distance
        alike = 2 * expit(self._looks.among(table, now))
        merged: list[tuple[int, int]] = []
        for first, second in np.argwhere(np.triu(near, 1)).tolist():
            pair = int(table.numbers[now[first]]), int(table.numbers[now[second]])
            seconds = min(step, 1.0) * (1.0 if together[first, second] else alike[first, second])
            self._near[pair] = max(self._near.get(pair, 0.0) + (-2 if together[first, second] else 1) * seconds, -5.0)
            long = self._near[pair] > settings.merge_time and not any(set(pair) & set(one) for one in merged)
            if long and not (settings.whole and self._bonds.meet(*pair)):
                merged.append((pair[1], pair[0]))
        for absorbed, kept in merged:
            self._absorb(absorbed, kept)
        return tuple(merged)

    def _reconsider(self, tracks: list[Ints]) -> tuple[tuple[int, int, float], ...]:
        """Let people who went on under each other's numbers change back; `tracks` is set right."""
        table = self._table
        if not self._second.due(self._time, self.settings):
            return ()
        now = self._time, table.numbers, table.means, table.covariances
        trust = _WHOLE if self.settings.whole else self._continuity()
        exchanges = self._second.exchanges(now, self.settings, trust)
        for exchange in exchanges:
            self._exchange(exchange)
        names = renamed(exchanges)
        for numbers in tracks if names else ():
            numbers[:] = [names.get(number, number) for number in numbers.tolist()]
        return tuple((one.first, one.second, one.after) for one in exchanges)

    def _exchange(self, exchange: Exchange) -> None:
        table, pair = self._table, (exchange.first, exchange.second)
        rows = [int(np.flatnonzero(table.numbers == number)[0]) for number in pair]
        table.means[rows], table.covariances[rows] = exchange.means, exchange.covariances
        table.seen[rows], table.visible[rows] = table.seen[rows[::-1]], table.visible[rows[::-1]]
        self._bonds.exchange(pair, exchange.after)
        self._near = {near: held for near, held in self._near.items() if not set(near) & set(pair)}

    def _absorb(self, absorbed: int, kept: int) -> None:
        table = self._table
        gone = table.numbers == absorbed
        row = int(np.flatnonzero(table.numbers == kept)[0])
        table.hits[row] += table.hits[gone].sum()
        table.sure[row] |= table.sure[gone].any()
        table.born[row] = min(table.born[row], table.born[gone].min())
        table.visible[row] = np.maximum(table.visible[row], table.visible[gone].max(axis=0))
        table.looks[row] += table.looks[gone].sum(axis=0)
        table.views[row] += table.views[gone].sum(axis=0)
        table.keep(~gone)
        self._absorbed[absorbed] = kept
        self._bonds.absorb(absorbed, kept)
        if table.sure[row]:
            self._known.add(kept)

    def _retire(self) -> None:
        """Promote, give up, forget."""
        table, settings = self._table, self.settings
        table.sure |= (table.hits >= settings.evidence) & (self._time - table.born >= settings.probation)
        self._known |= set(table.numbers[table.sure].tolist())
        unseen = self._time - table.seen
        table.keep(unseen <= np.where(table.sure, settings.lost, settings.tentative))
        alive = set(table.numbers.tolist())
        self._near = {pair: held for pair, held in self._near.items() if alive.issuperset(pair)}
        self._bonds.forget(self._time - 2 * settings.lost, frozenset(alive if settings.whole else ()))
        self._forget(alive)

    def _forget(self, alive: set[int]) -> None:
        """Numbers of long ago, now and then, so that memory does not grow with uptime."""
        if len(self._known) + len(self._absorbed) <= 2 * self.settings.remembered:
            return
        oldest = self._next - self.settings.remembered
        self._known = {number for number in self._known if number >= oldest or number in alive}
        self._absorbed = {number: kept for number, kept in self._absorbed.items() if number >= oldest or kept in alive}

    def _result(
        self,
        tracks: list[Ints],
        merged: tuple[tuple[int, int], ...],
        exchanged: tuple[tuple[int, int, float], ...],
    ) -> GroundResult:
        table = self._table
        return GroundResult(
            self._time,
            tuple(tracks),
            tuple(self.person_of(numbers) for numbers in tracks),
            table.numbers,
            table.sure,
            table.means[:, :2],
            table.covariances[:, :2, :2],
            self._time - table.seen,
            merged,
            exchanged,
        )

    def _final(self, number: int) -> int:
        while number in self._absorbed:
            number = self._absorbed[number]
        return number


def _doubt(view: GroundObservations) -> float:
    """The median uncertainty of a camera's foot points, square metres."""
    known = view.covariances[np.isfinite(view.points).all(axis=1)]
    return float(np.median(np.linalg.det(known))) if len(known) else np.inf
