"""What the ground is told, what it answers, and its settings."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unbroken.core.arrays import Bools, Features, Floats, Ints, frozen
from unbroken.core.errors import ContractError
from unbroken.core.sightings import Sightings


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
        newcomer: what a track that a camera has only just begun has to be worth more than that to be somebody who is
            followed: trackers seldom lose whom they see.
        whole: whether each of a camera's own tracks is a view of one ground track as a whole: no two that were in view
            together are ever under one number, and second thoughts tear none.
        patience: for how long, in seconds, a camera's own tracker is believed against the gate.
        coherence: time over which the errors of one camera's foot points are the same error, s.
        probation: seconds from its first foot point until a track counts as a person ...
        evidence: ... and the foot points that it needs until then.
        tentative: seconds out of sight after which a track on probation is given up.
        lost: seconds out of sight after which a person is given up.
        merge_distance: metres within which two tracks may be one person.
        merge_time: seconds for which they have to be that near, never both seen by one camera.
        second_thoughts: seconds for which it may show that two people went on under each other's numbers.
        beat: seconds between two such looks.
        meeting: metres within which two people have to have been for it ...
        hysteresis: ... and the log-likelihood that it has to gain.
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
    newcomer: float = 0.0
    whole: bool = False
    patience: float = 1.0
    coherence: float = 1.0
    probation: float = 0.4
    evidence: int = 3
    tentative: float = 1.1
    lost: float = 2.0
    merge_distance: float = 1.0
    merge_time: float = 2.2
    second_thoughts: float = 3.0
    beat: float = 0.5
    meeting: float = 1.6
    hysteresis: float = 1.0
    remembered: int = 100_000
    rounds: int = 2


def _no_locals() -> Ints:
    return np.zeros(0, dtype=np.int64)


def _no_features() -> Features:
    return np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class GroundObservations:
    """N foot points of one camera at one instant. All arrays are read-only.

    Attributes:
        camera: its name.
        points: (N, 2) metres; NaN where unknown.
        covariances: (N, 2, 2) square metres.
        locals: (N,) ids of the camera's own tracker, each once; -1 (or left out) without one.
        features: (N, D) float32 rows of unit length; zeros where there is none, (N, 0) or left out without Re-ID.
    """

    camera: str
    points: Floats
    covariances: Floats
    locals: Ints = field(default_factory=_no_locals)
    features: Features = field(default_factory=_no_features)

    def __post_init__(self) -> None:
        """Check once; trusted afterwards."""
        count = len(self.points)
        ids = self.locals if len(self.locals) or not count else np.full(count, -1)
        object.__setattr__(self, "points", frozen(self.points, np.float64, (count, 2), "points"))
        object.__setattr__(self, "covariances", frozen(self.covariances, np.float64, (count, 2, 2), "covariances"))
        object.__setattr__(self, "locals", frozen(ids, np.int64, (count,), "locals"))
        looks = self.features if len(self.features) or not count else np.zeros((count, 0))
        object.__setattr__(self, "features", frozen(looks, np.float32, (count, -1), "features"))
        known = self.locals[self.locals >= 0]
        if len(np.unique(known)) < len(known):
            raise ContractError(f"camera {self.camera}: two foot points have one track id; give each id once")

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def from_sightings(cls, sightings: Sightings) -> GroundObservations:
        """What a camera tells the identity manager."""
        return cls(sightings.camera, sightings.ground, sightings.covariance, sightings.tracks, sightings.features)


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
        exchanged: pairs of numbers, after `merged`, that turned out to have been given to each other's people in all
            instants after a time, up to this one, which has them right.
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
    exchanged: tuple[tuple[int, int, float], ...] = ()
