"""What a camera tells the identity manager, and what the manager answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from unbroken.core.arrays import Features, Floats, Ints, finite, frozen


class IdentityState(IntEnum):
    """How sure a Global ID is."""

    PENDING = 0
    """Not enough good views yet: no Global ID is given."""
    PROBABLE = 1
    """A Global ID is given and may still change, with an event."""
    CONFIRMED = 2
    """A Global ID is given; only a correction, which is an event with its evidence, changes it."""


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """S tracks seen by one camera at one instant: all that goes over the wire. All arrays are read-only.

    Attributes:
        camera: the name of the camera.
        time: seconds.
        tracks: (S,) int64, the camera's own track ids.
        boxes: (S, 4) float64, x1, y1, x2, y2 in pixels: where people enter and leave the picture is learnt from them.
        ground: (S, 2) float64, metres; NaN where the camera is not calibrated.
        covariance: (S, 2, 2) float64, square metres, of `ground`; NaN where that is NaN.
        features: (S, D) float32 rows of unit length; a row of zeros has no new feature; (S, 0) without Re-ID.
        quality: (S,) float64 in 0..1, how far the view can be believed.
        ended: (E,) int64, ids of tracks that this camera has given up since its last sightings.
    """

    camera: str
    time: float
    tracks: Ints
    boxes: Floats
    ground: Floats
    covariance: Floats
    features: Features
    quality: Floats
    ended: Ints

    def __post_init__(self) -> None:
        """Check once; trusted afterwards."""
        count = len(self.tracks)
        object.__setattr__(self, "tracks", frozen(self.tracks, np.int64, (count,), "tracks"))
        object.__setattr__(self, "boxes", frozen(self.boxes, np.float64, (count, 4), "boxes"))
        object.__setattr__(self, "ground", frozen(self.ground, np.float64, (count, 2), "ground"))
        object.__setattr__(self, "covariance", frozen(self.covariance, np.float64, (count, 2, 2), "covariance"))
        object.__setattr__(self, "features", frozen(self.features, np.float32, (count, -1), "features"))
        object.__setattr__(self, "quality", frozen(self.quality, np.float64, (count,), "quality"))
        object.__setattr__(self, "ended", frozen(self.ended, np.int64, (-1,), "ended"))
        if count:
            finite(self.boxes, "boxes")
            finite(self.features, "features")

    def __len__(self) -> int:
        return len(self.tracks)

    @classmethod
    def of_nobody(cls, camera: str, time: float, ended: Ints) -> Sightings:
        """Nobody is seen; the tracks `ended` are given up."""
        rows, boxes, places = np.zeros(0, dtype=np.int64), np.zeros((0, 4)), np.zeros((0, 2))
        features = np.zeros((0, 0), dtype=np.float32)
        return cls(camera, time, rows, boxes, places, np.zeros((0, 2, 2)), features, np.zeros(0), ended)


@dataclass(frozen=True, slots=True, eq=False)
class Identities:
    """The Global IDs of the tracks of one `Sightings`, row by row. All arrays are read-only.

    Attributes:
        camera: the name of the camera.
        time: seconds.
        tracks: (S,) int64, the camera's own track ids, in the order of the sightings.
        persons: (S,) int64, Global IDs from 1; -1 while undecided.
        state: (S,) int64, values of `IdentityState`.
        confidence: (S,) float64 in 0..1, the posterior probability of the decision.
    """

    camera: str
    time: float
    tracks: Ints
    persons: Ints
    state: Ints
    confidence: Floats

    def __post_init__(self) -> None:
        """Check shapes once; trusted afterwards."""
        count = len(self.tracks)
        object.__setattr__(self, "tracks", frozen(self.tracks, np.int64, (count,), "tracks"))
        object.__setattr__(self, "persons", frozen(self.persons, np.int64, (count,), "persons"))
        object.__setattr__(self, "state", frozen(self.state, np.int64, (count,), "state"))
        object.__setattr__(self, "confidence", frozen(self.confidence, np.float64, (count,), "confidence"))

    def __len__(self) -> int:
        return len(self.tracks)

    @classmethod
    def undecided(cls, camera: str, time: float, tracks: Ints) -> Identities:
        """Everybody pending."""
        count = len(tracks)
        return cls(camera, time, tracks, np.full(count, -1), np.zeros(count, dtype=np.int64), np.zeros(count))
