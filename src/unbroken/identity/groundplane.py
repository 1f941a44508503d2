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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unbroken.association.assign import assign
from unbroken.core.arrays import Bools, Floats, Ints, frozen
from unbroken.core.errors import ContractError
from unbroken.core.sightings import Sightings
from unbroken.identity.ground_births import Cluster, clusters
from unbroken.identity.ground_motion import UNLIKELY, corrected, fit, information_of, inverted, predicted, walk

_FAR = 40.0
"""No foot point counts as further off than this when the agreement of cameras is learnt (squared distance)."""


@dataclass(frozen=True, slots=True)
class GroundSettings:
    """One set for every site.

    Attributes:
        speed: standard deviation of each component of people's velocity, m/s.
        memory: time in which a walker's velocity is forgotten, s.
        gate: chi-square gate (2 degrees of freedom) of a foot point at a track; 13.8 lets 99.9 % pass.
        birth_gate: the same between foot points that start a track together; 9.2 lets 99 % pass.
        clutter: foot points per square metre and view that belong to nobody followed: what a track has to beat.
        least: the log-likelihood ratio below which a pair is never made.
        expected: what it is worth, in log-likelihood, that a camera which saw a person sees him again.
        continuity: what it is worth that a camera's own tracker says it is the same person, where foot points of
            several cameras agree as well as their covariances say ...
        doubtful_continuity: ... and where they do not, as with a poor calibration: then the ground decides less.
        agreement: mean of half the squared Mahalanobis distance to what the other cameras say (1: as stated), below
            which `continuity` holds, and that from which `doubtful_continuity` does.
        most_doubt: the factor by which the covariances of a camera that disagrees with the others grow at most.
        habit: time over which that mean is taken, s.
        patience: for how long, in seconds, a camera's own tracker is believed against the gate.
        coherence: time over which the errors of one camera's foot points are the same error, s.
        probation: seconds from its first foot point until a track counts as a person ...
        evidence: ... and the foot points that it needs until then.
        tentative: seconds out of sight after which a track on probation is given up.
        lost: seconds out of sight after which a person is given up.
        merge_distance: metres within which two tracks may be one person.
        merge_time: seconds for which they have to be that near, never both seen by one camera.
        remembered: how many of the last numbers `person_of` knows; older ones of people long gone are forgotten.
        rounds: how often the cameras are gone through per instant.
    """

    speed: float = 0.7
    memory: float = 10.0
    gate: float = 13.8
    birth_gate: float = 9.2
    clutter: float = 0.02
    least: float = -1.0
    expected: float = 1.0
    continuity: float = 1.0
    doubtful_continuity: float = 4.0
    agreement: tuple[float, float] = (0.5, 1.0)
    most_doubt: float = 9.0
    habit: float = 2.0
    patience: float = 1.0
    coherence: float = 1.0
    probation: float = 0.4
    evidence: int = 3
    tentative: float = 1.1
    lost: float = 2.0
    merge_distance: float = 1.0
    merge_time: float = 2.2
    remembered: int = 100_000
    rounds: int = 2


def _no_locals() -> Ints:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class GroundObservations:
    """N foot points of one camera at one instant. All arrays are read-only.

    Attributes:
        camera: its name.
        points: (N, 2) metres; NaN where unknown.
        covariances: (N, 2, 2) square metres.
        locals: (N,) ids of the camera's own tracker, each once; -1 (or left out) without one.
    """

    camera: str
    points: Floats
    covariances: Floats
    locals: Ints = field(default_factory=_no_locals)

    def __post_init__(self) -> None:
        """Check once; trusted afterwards."""
        count = len(self.points)
        ids = self.locals if len(self.locals) or not count else np.full(count, -1)
        object.__setattr__(self, "points", frozen(self.points, np.float64, (count, 2), "points"))
        object.__setattr__(self, "covariances", frozen(self.covariances, np.float64, (count, 2, 2), "covariances"))
        object.__setattr__(self, "locals", frozen(ids, np.int64, (count,), "locals"))
        known = self.locals[self.locals >= 0]
        if len(np.unique(known)) < len(known):
            raise ContractError(f"camera {self.camera}: two foot points have one track id; give each id once")

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def from_sightings(cls, sightings: Sightings) -> GroundObservations:
        """What a camera tells the identity manager, without its looks."""
        return cls(sightings.camera, sightings.ground, sightings.covariance, sightings.tracks)


@dataclass(frozen=True, slots=True, eq=False)
class GroundResult:
    """What is known after an instant.

    Attributes:
        time: seconds.
        tracks: per view, (N,) the number of the track of each foot point, on probation or not; -1 where it is unknown.
        persons: per view, (N,) the number of the person; -1 on probation. Numbers count from 1 and are those of
            `tracks`.
        numbers: (P,) all tracks, seen or not, on probation or not.
        sure: (P,) which of them count as persons.
        points: (P, 2) where they are, metres.
        covariances: (P, 2, 2).
        unseen: (P,) seconds since any camera saw them.
        merged: pairs (absorbed, kept) of numbers that turned out to be one person at this instant.
    """

    time: float
    tracks: tuple[Ints, ...]
    persons: tuple[Ints, ...]
    numbers: Ints
    sure: Bools
    points: Floats
    covariances: Floats
    unseen: Floats
    merged: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Table:
    """Tracks, row by row."""

    numbers: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    means: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    covariances: Floats = field(default_factory=lambda: np.zeros((0, 4, 4)))
    born: Floats = field(default_factory=lambda: np.zeros(0))
    seen: Floats = field(default_factory=lambda: np.zeros(0))
    hits: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    sure: Bools = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    visible: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def __len__(self) -> int:
        return len(self.numbers)

    def keep(self, rows: Bools) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name)[rows])

    def add(self, number: int, cluster: Cluster, time: float, speed: float) -> None:
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
        self.visible = np.concatenate([self.visible, np.zeros((1, self.visible.shape[1]))])


@dataclass(slots=True)
class _Bond:
    """Which track a camera's own track belongs to, when that was last said, and for how long the ground has denied
    it.
    """

    number: int
    time: float
    strain: float = 0.0


class GroundTracker:
    """Follows people on the ground; owned by one thread. The same input gives the same output to the bit.

    Args:
        settings: one set for every site.
    """

    def __init__(self, settings: GroundSettings | None = None) -> None:
        self.settings = settings or GroundSettings()
        self._table = _Table()
        self._cameras: dict[str, int] = {}
        self._bonds: dict[tuple[str, int], _Bond] = {}
        self._absorbed: dict[int, int] = {}
        self._near: dict[tuple[int, int], float] = {}
        self._known: set[int] = set()
        self._misfits: dict[str, float] = {}
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
        merged = self._merge(views, tracks, step)
        self._retire()
        return self._result(tracks, merged)

    def person_of(self, tracks: Ints) -> Ints:
        """The person that each track number stands for by now, after merges; -1 for those who never were confirmed."""
        final = [self._final(int(number)) for number in tracks]
        return np.array([number if number in self._known else -1 for number in final], dtype=np.int64)

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
        table.visible = np.pad(table.visible, [(0, 0), (0, len(self._cameras) - table.visible.shape[1])])
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
        order = sorted(range(len(views)), key=lambda number: _doubt(views[number]))
        for number in order * self.settings.rounds:
            weights[number], weighted[number] = 0, 0
            others = weights.sum(0)
            means, spread = corrected(table.means, table.covariances, others, weighted.sum(0))
            rows, points, distances = self._assigned(views[number], means, spread)
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

    def _assigned(self, view: GroundObservations, means: Floats, spread: Floats) -> tuple[Ints, Ints, Floats]:
        """Rows of tracks and of foot points of one camera, and the squared distances of the pairs."""
        settings, table = self.settings, self._table
        distances, densities = fit(means, spread, view.points, view.covariances)
        inside = distances < settings.gate
        ratios = np.where(inside, densities - np.log(settings.clutter), UNLIKELY)
        ratios += settings.expected * table.visible[:, self._cameras[view.camera], None]
        continuity = self._continuity()
        for row, column, strained in self._bound(view):
            believed = inside[row, column] or strained < settings.patience
            if believed:
                ratios[row, column] = max(ratios[row, column], settings.least) + continuity
        rows, columns = assign(-ratios, -settings.least)
        return rows, columns, distances[rows, columns]

    def _bound(self, view: GroundObservations) -> Iterable[tuple[int, int, float]]:
        """Pairs of a track and a foot point that a camera's own tracker vouches for, and how long against the gate."""
        rows = {int(number): row for row, number in enumerate(self._table.numbers)}
        for column, local in enumerate(view.locals.tolist()):
            bond = self._bonds.get((view.camera, local)) if local >= 0 else None
            if bond is not None and self._final(bond.number) in rows:
                yield rows[self._final(bond.number)], column, bond.strain

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
        for cluster in clusters(points, doubts, cameras, self.settings.birth_gate):
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
            inside = np.einsum("ni,nij,nj->n", offsets, inverted(noise), offsets) < self.settings.gate
            found = zip(view.locals[columns].tolist(), numbers[columns].tolist(), inside.tolist(), strict=True)
            for local, number, fits in found:
                old = self._bonds.get((view.camera, local))
                held = old.strain if old is not None and self._final(old.number) == number else -step
                self._bonds[view.camera, local] = _Bond(number, self._time, 0.0 if fits else held + step)

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
        merged: list[tuple[int, int]] = []
        for first, second in np.argwhere(np.triu(near, 1)).tolist():
            pair = int(table.numbers[now[first]]), int(table.numbers[now[second]])
            seconds = min(step, 1.0)
            self._near[pair] = max(self._near.get(pair, 0.0) + (-2 if together[first, second] else 1) * seconds, -5.0)
            if self._near[pair] > settings.merge_time and not any(set(pair) & set(one) for one in merged):
                merged.append((pair[1], pair[0]))
        for absorbed, kept in merged:
            self._absorb(absorbed, kept)
        return tuple(merged)

    def _absorb(self, absorbed: int, kept: int) -> None:
        table = self._table
        gone = table.numbers == absorbed
        row = int(np.flatnonzero(table.numbers == kept)[0])
        table.hits[row] += table.hits[gone].sum()
        table.sure[row] |= table.sure[gone].any()
        table.born[row] = min(table.born[row], table.born[gone].min())
        table.visible[row] = np.maximum(table.visible[row], table.visible[gone].max(axis=0))
        table.keep(~gone)
        self._absorbed[absorbed] = kept
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
        horizon = self._time - 2 * settings.lost
        self._bonds = {key: bond for key, bond in self._bonds.items() if bond.time >= horizon}
        self._forget(alive)

    def _forget(self, alive: set[int]) -> None:
        """Numbers of long ago, now and then, so that memory does not grow with uptime."""
        if len(self._known) + len(self._absorbed) <= 2 * self.settings.remembered:
            return
        oldest = self._next - self.settings.remembered
        self._known = {number for number in self._known if number >= oldest or number in alive}
        self._absorbed = {number: kept for number, kept in self._absorbed.items() if number >= oldest or kept in alive}

    def _result(self, tracks: list[Ints], merged: tuple[tuple[int, int], ...]) -> GroundResult:
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
        )

    def _final(self, number: int) -> int:
        while number in self._absorbed:
            number = self._absorbed[number]
        return number


def _doubt(view: GroundObservations) -> float:
    """The median uncertainty of a camera's foot points, square metres."""
    known = view.covariances[np.isfinite(view.points).all(axis=1)]
    return float(np.median(np.linalg.det(known))) if len(known) else np.inf
