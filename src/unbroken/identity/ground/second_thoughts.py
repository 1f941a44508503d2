"""Second thoughts about who went where: two people who met may have left under each other's numbers.

An assignment knows what was before; whether it was right often shows a moment later, when one of the two would
have had to turn round. So the last moments are kept in beats, and for pairs of tracks that were near, the pieces since
each beat are tried on each other's beginnings: a small, lagged form of multiple hypothesis tracking (Reid, An algorithm
for tracking multiple targets, 1979) with exchanges of two as its only hypotheses. Who came up in that time may as well
be the continuation of somebody near, whose piece is then that of the newcomer.

What a track was told between two beats is one equivalent foot point at the later one: the difference in information of
its place with and without it (Drummond, Tracklets and a hybrid fusion, 1997), exact where each beat is an instant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.identity.ground.motion import corrected, inverted, predicted, walk
from unbroken.identity.ground.values import GroundSettings

_LEAST_INFORMATION = 1e-6
"""Less of it than this share of what was known counts as not seen."""

Key = tuple[str, int]
"""A camera and an id of its own tracker."""


@dataclass(slots=True)
class Beat:
    """The tracks at a moment, and what they were told since the one before.

    Attributes:
        time: seconds.
        numbers: (T,).
        means: (T, 4).
        covariances: (T, 4, 4).
        weights: (T, 2, 2) information of the equivalent foot points; zeros where there was none.
        weighted: (T, 2).
        fits: (T,) the log-likelihood of those; 0 for the first of a track.
        said: which track the cameras' own tracks belonged to since the beat before.
    """

    time: float
    numbers: Ints
    means: Floats
    covariances: Floats
    weights: Floats
    weighted: Floats
    fits: Floats
    said: dict[Key, int]


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """Two tracks that went on under each other's numbers.

    Attributes:
        first: number of a track.
        second: number of the other.
        after: since when, exclusive, seconds.
        means: (2, 4) where they are by now, in this order.
        covariances: (2, 4, 4).
    """

    first: int
    second: int
    after: float
    means: Floats
    covariances: Floats


@dataclass(slots=True)
class _Window:
    """The beats of tracks that are alive: all arrays have beats first, tracks second; NaN where one was not yet."""

    times: Floats
    means: Floats
    covariances: Floats
    weights: Floats
    weighted: Floats
    fits: Floats

    @property
    def there(self) -> Bools:
        return np.isfinite(self.fits)


@dataclass(slots=True)
class _Tried:
    """M exchanges: rows of tracks, the first beat of the pieces that change place, and what became of it."""

    first: Ints
    second: Ints
    start: Ints
    gain: Floats = field(default_factory=lambda: np.zeros(0))
    paths: tuple[_Path, _Path] | None = None


@dataclass(slots=True)
class _Path:
    """M beginnings continued by other pieces: states and log-likelihoods, beats first."""

    means: Floats
    covariances: Floats
    fits: Floats


class SecondThoughts:
    """Remembers the last beats. One thread."""

    def __init__(self) -> None:
        self._beats: list[Beat] = []
        self._said: dict[Key, int] = {}

    def note(self, camera: str, local: int, number: int) -> None:
        """A camera's own track belongs to a track of the ground now."""
        self._said[camera, local] = number

    def due(self, time: float, settings: GroundSettings) -> bool:
        """Whether a beat has passed since the last."""
        return not self._beats or time - self._beats[-1].time >= settings.beat - 1e-9

    def exchanges(
        self, now: tuple[float, Ints, Floats, Floats], settings: GroundSettings, trust: float
    ) -> list[Exchange]:
        """Take a beat, and say who has to change places.

        Args:
            now: time, numbers (T,), means (T, 4) and covariances (T, 4, 4).
            settings: of the ground.
            trust: what each camera's own track that would be torn apart weighs against an exchange.
        """
        self._beats.append(self._beat(now, settings))
        self._said = {}
        oldest = now[0] - settings.second_thoughts - 1e-9
        while len(self._beats) > 1 and self._beats[1].time <= oldest:
            del self._beats[0]
        if len(self._beats) < 2 or len(now[1]) < 2:
            return []
        window = _aligned(self._beats, now[1])
        tried = _candidates(window, settings.meeting)
        if not len(tried.first):
            return []
        _try(window, tried, settings)
        return self._chosen(now[1], tried, settings.hysteresis, trust)

    def _beat(self, now: tuple[float, Ints, Floats, Floats], settings: GroundSettings) -> Beat:
        time, numbers, means, covariances = now
        place = covariances[:, :2, :2]
        weights = inverted(place)
        weighted = np.einsum("tij,tj->ti", weights, means[:, :2])
        fits = np.zeros(len(numbers))
        beat = Beat(time, numbers.copy(), means.copy(), covariances.copy(), weights, weighted, fits, self._said)
        if self._beats and len(numbers):
            last = self._beats[-1]
            mine, theirs = _common(numbers, last.numbers)
            motion = walk(time - last.time, settings.speed, settings.memory)
            before, doubt = predicted(last.means[theirs], last.covariances[theirs], motion)
            known = inverted(doubt[:, :2, :2])
            weights[mine] -= known
            weighted[mine] -= np.einsum("tij,tj->ti", known, before[:, :2])
            nothing = _small(weights[mine], known)
            weights[mine[nothing]], weighted[mine[nothing]] = 0, 0
            fits[mine] = _fit(before, doubt, weights[mine], weighted[mine])
        return beat

    def _chosen(self, numbers: Ints, tried: _Tried, least: float, trust: float) -> list[Exchange]:
        """The exchanges that gain enough, the best first, nobody in two of them; they are entered in the beats."""
        found: list[Exchange] = []
        changed: set[int] = set()
        for row in np.argsort(-tried.gain, kind="stable").tolist():
            if not tried.gain[row] > least:
                break
            pair = int(numbers[tried.first[row]]), int(numbers[tried.second[row]])
            start = int(tried.start[row])
            if changed.isdisjoint(pair) and tried.gain[row] - trust * self._torn(pair, start) > least:
                changed.update(pair)
                found.append(self._entered(pair, tried, row))
        return found

    def _torn(self, pair: tuple[int, int], start: int) -> int:
        """How many of the cameras' own tracks an exchange would tear apart, less those that it would mend."""
        before: dict[Key, int] = {}
        for beat in self._beats[:start]:
            before.update(beat.said)
        count = 0
        seen: set[Key] = set()
        for beat in self._beats[start:]:
            for key, number in beat.said.items():
                if number in pair and key not in seen and before.get(key) in pair:
                    count += 1 if before[key] == number else -1
                    seen.add(key)
        return count

    def _entered(self, pair: tuple[int, int], tried: _Tried, row: int) -> Exchange:
        """Write an exchange into the beats."""
        assert tried.paths is not None
        start = int(tried.start[row])
        other = {pair[0]: pair[1], pair[1]: pair[0]}
        for index, beat in enumerate(self._beats[start:], start):
            rows = [int(np.flatnonzero(beat.numbers == number)[0]) for number in pair]
            beat.weights[rows], beat.weighted[rows] = beat.weights[rows[::-1]], beat.weighted[rows[::-1]]
            for where, path in zip(rows, tried.paths, strict=True):
                beat.means[where], beat.covariances[where] = path.means[index, row], path.covariances[index, row]
                beat.fits[where] = path.fits[index, row]
            beat.said = {key: other.get(number, number) for key, number in beat.said.items()}
        means = np.array([path.means[-1, row] for path in tried.paths])
        covariances = np.array([path.covariances[-1, row] for path in tried.paths])
        return Exchange(*pair, self._beats[start - 1].time, means, covariances)


def renamed(exchanges: list[Exchange]) -> Mapping[int, int]:
    """What each number is called after the exchanges."""
    return {a: b for one in exchanges for a, b in ((one.first, one.second), (one.second, one.first))}


def _common(numbers: Ints, others: Ints) -> tuple[Ints, Ints]:
    """Rows of the numbers that both have."""
    _, mine, theirs = np.intersect1d(numbers, others, assume_unique=True, return_indices=True)
    return mine, theirs


def _small(weights: Floats, known: Floats) -> Bools:
    """Which (K, 2, 2) information is none, or spoilt by rounding."""
    determinant = weights[:, 0, 0] * weights[:, 1, 1] - weights[:, 0, 1] * weights[:, 1, 0]
    least = _LEAST_INFORMATION * np.trace(known, axis1=1, axis2=2)
    return np.asarray((weights[:, 0, 0] < least) | (weights[:, 1, 1] < least) | (determinant < least * least))


def _fit(means: Floats, covariances: Floats, weights: Floats, weighted: Floats) -> Floats:
    """The log-likelihood (K,) of foot points in information form under predicted tracks; 0 without one."""
    seen = weights[:, 0, 0] > 0
    result = np.zeros(len(means))
    weight, place = weights[seen], covariances[seen, :2, :2]
    offset = np.einsum("nij,nj->ni", inverted(weight), weighted[seen]) - means[seen, :2]
    growth = np.eye(2) + weight @ place
    precision = inverted(growth) @ weight
    result[seen] = -0.5 * np.einsum("ni,nij,nj->n", offset, precision, offset)
    result[seen] += 0.5 * np.log(np.linalg.det(weight) / np.linalg.det(growth))
    return result


def _aligned(beats: list[Beat], numbers: Ints) -> _Window:
    shape = len(beats), len(numbers)
    window = _Window(
        np.array([beat.time for beat in beats]),
        np.full((*shape, 4), np.nan),
        np.full((*shape, 4, 4), np.nan),
        np.zeros((*shape, 2, 2)),
        np.zeros((*shape, 2)),
        np.full(shape, np.nan),
    )
    for index, beat in enumerate(beats):
        mine, theirs = _common(numbers, beat.numbers)
        for name in ("means", "covariances", "weights", "weighted", "fits"):
            getattr(window, name)[index, mine] = getattr(beat, name)[theirs]
    return window


def _candidates(window: _Window, meeting: float) -> _Tried:
    """Pairs that were near about a beat; the second may have come up at it, in place of the first."""
    there, places = window.there, window.means[..., :2]
    with np.errstate(invalid="ignore"):
        near = np.hypot(*np.moveaxis(places[:, :, None] - places[:, None], -1, 0)) < meeting
    met = near[1:] | near[:-1]
    both = there[:-1, :, None] & there[:-1, None] & np.triu(np.ones(met.shape[1:], dtype=np.bool_), 1)
    newborn = there[:-1, :, None] & (~there[:-1] & there[1:])[:, None] & (window.weights[1:, :, None, 0, 0] > 0)
    start, first, second = np.nonzero(met & (both | newborn))
    return _Tried(first, second, start + 1)


def _try(window: _Window, tried: _Tried, settings: GroundSettings) -> None:
    """What each exchange gains, in log-likelihood."""
    beats = np.arange(len(window.times))[:, None]
    later = beats >= tried.start
    kept = np.where(later, window.fits[:, tried.first] + window.fits[:, tried.second], 0).sum(0)
    paths = (
        _continued(window, tried.start, (tried.first, tried.second), settings),
        _continued(window, tried.start, (tried.second, tried.first), settings),
    )
    tried.gain = np.where(later, paths[0].fits + paths[1].fits, 0).sum(0) - kept
    tried.paths = paths


def _continued(window: _Window, start: Ints, rows: tuple[Ints, Ints], settings: GroundSettings) -> _Path:
    """The beginnings of `rows[0]` with the pieces of `rows[1]` from the beats `start` on; those unborn begin there."""
    head, tail = rows
    path = _Path(
        window.means[:, head].copy(), window.covariances[:, head].copy(), np.zeros((len(window.times), len(head)))
    )
    for index in range(1, len(window.times)):
        motion = walk(window.times[index] - window.times[index - 1], settings.speed, settings.memory)
        known = np.isfinite(path.means[index - 1, :, 0])
        on, born = np.flatnonzero((index >= start) & known), np.flatnonzero((index >= start) & ~known)
        weights, weighted = window.weights[index, tail], window.weighted[index, tail]
        means, covariances = predicted(path.means[index - 1, on], path.covariances[index - 1, on], motion)
        path.fits[index, on] = _fit(means, covariances, weights[on], weighted[on])
        moved = corrected(means, covariances, weights[on], weighted[on])
        path.means[index, on], path.covariances[index, on] = moved
        path.means[index, born], path.covariances[index, born] = _newborn(weights[born], weighted[born], settings.speed)
    return path


def _newborn(weights: Floats, weighted: Floats, speed: float) -> tuple[Floats, Floats]:
    """Tracks of which nothing is known but one foot point each, in information form."""
    means, covariances = np.zeros((len(weights), 4)), np.zeros((len(weights), 4, 4))
    covariances[:, :2, :2] = inverted(weights)
    covariances[:, 2, 2] = covariances[:, 3, 3] = speed**2
    means[:, :2] = np.einsum("nij,nj->ni", covariances[:, :2, :2], weighted)
    return means, covariances
