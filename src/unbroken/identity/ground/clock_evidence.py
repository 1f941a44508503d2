"""How well two cameras agree about the ground if the clock of one is shifted: from paths alone, without labels.

Two people never walk the same way for long, so where two cameras see one person, the path of his track in one is that
in the other, displaced by what the calibrations disagree about, and shifted by what the clocks do. For a pair of
tracks and a shift, let d be the offsets between their positions at the instants that they have in common. If they are
one person, d stays where it is; if they are two who have nothing to do with each other, it varies by as much as both
paths together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats

_ROUNDS = 3
"""How often the common displacement of two cameras is estimated anew."""
_FLOOR = -20.0
"""No pair of tracks counts as less likely than this, in nats: rounding, and nothing is decided there."""


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """What is taken for one person.

    Attributes:
        noise: metres, standard deviation of the offset between two views of one person about its mean ...
        stated: ... to whose square this share of the foot points' own variances is added: most of what makes
            them uncertain stays the same along a path.
        spread: metres, standard deviation of that mean about what is common to all people in both cameras ...
        displacement: ... and of what is common to all: calibrations disagree.
        area: square metres over which strangers are spread.
        coherence: seconds in which people do not turn: what paths have in common there counts once.
        common: seconds that two tracks have to have in common.
        seen: share of the people of one camera who are expected to be seen by the other.
        most: nats below which what the shapes of one pair of paths say stays, however long they are.
    """

    noise: float = 0.3
    stated: float = 0.5
    spread: float = 0.5
    displacement: float = 1.0
    area: float = 100.0
    coherence: float = 3.0
    common: float = 1.0
    seen: float = 0.5
    most: float = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Trails:
    """The tracks of one camera on the ground, in beats.

    Attributes:
        points: (N, T, 2) metres; NaN where a track was not seen.
        variances: (N,) of their foot points, square metres.
        beat: seconds.
    """

    points: Floats
    variances: Floats
    beat: float

    @property
    def seen(self) -> Bools:
        """(N, T): when each was."""
        return np.isfinite(self.points[..., 0])


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """N x M pairs of tracks under one shift.

    Attributes:
        together: whether they have enough time in common.
        apart: (N, M, 2) mean offset, metres.
        shape: nats that the shapes of the paths say for one person.
        doubt: square metres, variance of the mean offset of one person.
    """

    together: Bools
    apart: Floats
    shape: Floats
    doubt: Floats


def evidence(first: Trails, second: Trails, shifts: int, settings: EvidenceSettings) -> Floats:
    """The log-likelihood of each shift of the second camera's clock.

    Each track of the first camera is either one of those of the second or somebody whom that does not see; the
    displacement that all have in common is estimated for each shift by expectation and maximisation.

    Args:
        first: tracks of a camera.
        second: of another, in the same beats.
        shifts: beats, each way.
        settings: what is taken for one person.

    Returns:
        (2 * shifts + 1,) nats for shifts of -shifts to shifts beats: what the first shows at t, the second shows
        that much later. Zero is what is known without the other camera.
    """
    found = np.zeros(2 * shifts + 1)
    if not len(first.points) or not len(second.points):
        return found
    length = first.points.shape[1]
    reach = min(shifts, length - 1)
    mine, theirs = _Table.of(first), _Table.of(second)
    noise = settings.noise**2 + settings.stated * (first.variances[:, None] + second.variances)
    for shift in range(-reach, reach + 1):
        early = mine.cut(slice(max(0, -shift), min(length, length - shift)))
        late = theirs.cut(slice(max(0, shift), min(length, length + shift)))
        found[shifts + shift] = _weighed(_pairs(early, late, (first.beat, noise), settings), settings)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """(N, T) each: coordinates, their squares' sum, and 1 where a track was seen; 0 elsewhere."""

    x: Floats
    y: Floats
    squares: Floats
    seen: Floats

    @classmethod
    def of(cls, trails: Trails) -> _Table:
        """Contiguous, as matrix products want it."""
        places = np.nan_to_num(trails.points)
        x, y = (np.ascontiguousarray(places[..., axis]) for axis in (0, 1))
        return cls(x, y, x * x + y * y, trails.seen.astype(np.float64))

    def cut(self, beats: slice) -> _Table:
        """Some beats of it."""
        return _Table(self.x[:, beats], self.y[:, beats], self.squares[:, beats], self.seen[:, beats])


def _pairs(first: _Table, second: _Table, looks: tuple[float, Floats], settings: EvidenceSettings) -> _Pairs:
    """All pairs of tracks of two cameras in the beats that the tables have in common.

    Args:
        first: N tracks.
        second: M tracks.
        looks: seconds per beat, and (N, M) square metres, the variance of the offset of one person about its mean.
        settings: what is taken for one person.
    """
    beat, noise = looks
    count = first.seen @ second.seen.T
    share = 1 / np.maximum(count, 1)
    mean_a = np.stack([first.x @ second.seen.T, first.y @ second.seen.T], axis=-1) * share[..., None]
    mean_b = np.stack([first.seen @ second.x.T, first.seen @ second.y.T], axis=-1) * share[..., None]
    vary = (first.squares @ second.seen.T + first.seen @ second.squares.T) * share
    vary -= (mean_a**2 + mean_b**2).sum(-1)
    along = (first.x @ second.x.T + first.y @ second.y.T) * share - (mean_a * mean_b).sum(-1)
    apart, left = np.maximum(vary, 0) / 2, np.maximum(vary - 2 * along, 0) / 2
    number = count * beat / settings.coherence
    shape = np.maximum(number - 1, 0) * (left / (noise + apart) - left / noise + np.log1p(apart / noise))
    return _Pairs(
        count * beat >= settings.common,
        mean_a - mean_b,
        np.where(shape > 0, _bounded(shape, settings.most), np.maximum(shape, _FLOOR)),
        settings.spread**2 + noise / np.maximum(number, 1),
    )


def _bounded(nats: Floats, most: float) -> Floats:
    """Evidence for one person: as it is where it is little, ever less than `most`."""
    return -most * np.expm1(-np.maximum(nats, 0) / most)


def _weighed(pairs: _Pairs, settings: EvidenceSettings) -> float:
    """The log-likelihood of the pairs under one shift, over that of strangers."""
    candidates = np.maximum(pairs.together.sum(axis=1, keepdims=True), 1)
    common = np.zeros(2)
    for _ in range(_ROUNDS):
        odds, total = _odds(pairs, common, candidates, settings)
        weights = odds / total[:, None] / pairs.doubt
        common = np.einsum("nm,nmi->i", weights, pairs.apart) / (weights.sum() + settings.displacement**-2)
    total = _odds(pairs, common, candidates, settings)[1]
    known = float(np.log(total[pairs.together.any(axis=1)]).sum())
    return known - float(common @ common) / (2 * settings.displacement**2)


def _odds(pairs: _Pairs, common: Floats, candidates: Floats, settings: EvidenceSettings) -> tuple[Floats, Floats]:
    """Of each pair, over strangers; and (N,) of each track, with the odds that nobody is the same."""
    distance = ((pairs.apart - common) ** 2).sum(-1)
    place = -0.5 * distance / pairs.doubt + np.log(settings.area / (2 * np.pi * pairs.doubt))
    odds = np.exp(pairs.shape + np.maximum(place, _FLOOR)) * (settings.seen / candidates)
    odds = np.where(pairs.together, odds, 0.0)
    return odds, 1 - settings.seen + odds.sum(axis=1)
