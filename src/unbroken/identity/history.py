"""The tracks of the recent past, as columns: what is calibrated on, learnt from, and still open to correction."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unbroken.core.arrays import Bools, Features, Floats, Ints
from unbroken.identity.timeline import Timeline


def _unknown_places() -> Floats:
    return np.full((2, 2), np.nan)


def _unknown_boxes() -> Floats:
    return np.full((2, 4), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Tracklet:
    """One track of one camera, as far as it has been seen.

    Attributes:
        camera: the name of the camera.
        track: the camera's own id.
        start: seconds, first seen.
        end: seconds, last seen.
        feature: (D,) float32 of unit length; (0,) without Re-ID.
        places: (2, 2) metres on the ground, where it was first and last seen; NaN where the camera is not calibrated.
        boxes: (2, 4) pixels, first and last; NaN where they are not known.
    """

    camera: str
    track: int
    start: float
    end: float
    feature: Features
    places: Floats = field(default_factory=_unknown_places)
    boxes: Floats = field(default_factory=_unknown_boxes)


class History:
    """A ring of the last tracks. A track has a number, counted from 0, never used again; its slot is `number % size`.

    Attributes are columns over all slots; a slot that was never used has number -1. A track that is not `settled` has
    been seen too little: its person, if it has one, is a first guess on which nothing else rests.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.count = 0
        self._erased = False
        self._timeline: Timeline | None = None
        self.numbers: Ints = np.full(size, -1, dtype=np.int64)
        self.local: Ints = np.full(size, -1, dtype=np.int64)
        self.cameras: Ints = np.zeros(size, dtype=np.int64)
        self.starts: Floats = np.zeros(size)
        self.ends: Floats = np.full(size, -np.inf)
        self.persons: Ints = np.full(size, -1, dtype=np.int64)
        self.settled: Bools = np.zeros(size, dtype=np.bool_)
        self.margins: Floats = np.zeros(size)
        self.confidences: Floats = np.zeros(size)
        self.places: Floats = np.full((size, 2, 2), np.nan)
        self.boxes: Floats = np.full((size, 2, 4), np.nan)
        self.log_rates: Floats = np.zeros(size)
        self.log_slow: Floats = np.zeros(size)
        self.vectors: Features = np.zeros((size, 0), dtype=np.float32)
        self.looks: Bools = np.zeros(size, dtype=np.bool_)
        self.rows: Floats = np.zeros((size, 0))

    @property
    def used(self) -> Ints:
        """Slots in use, oldest track first."""
        if self.count <= self.size:
            slots = np.arange(self.count)
        else:
            slots = np.arange(self.count - self.size, self.count) % self.size
        return slots[self.numbers[slots] >= 0] if self._erased else slots

    @property
    def with_looks(self) -> Ints:
        """Slots in use whose track has a feature, oldest track first."""
        used = self.used
        return used[self.looks[used]]

    @property
    def timeline(self) -> Timeline:
        """The tracks in use in the order of time, ordered anew once a time has changed or a track has come or gone."""
        if self._timeline is None:
            self._timeline = Timeline.of(self.used, self.starts, self.ends)
        return self._timeline

    def slot(self, number: int) -> int:
        """The slot of a track; -1 where it has left."""
        slot = number % self.size
        return slot if number >= 0 and self.numbers[slot] == number else -1

    def append(self, tracklet: Tracklet, camera: int) -> int:
        """Take a track in, in place of the oldest where the ring is full; returns its slot."""
        number, self.count = self.count, self.count + 1
        slot = number % self.size
        if self.vectors.shape[1] != len(tracklet.feature):
            self.vectors = np.zeros((self.size, len(tracklet.feature)), dtype=np.float32)
            self.looks[:] = False
        self.numbers[slot], self.local[slot], self.cameras[slot] = number, tracklet.track, camera
        self.persons[slot], self.margins[slot], self.confidences[slot] = -1, 0.0, 0.0
        self.settled[slot] = True
        self.log_rates[slot] = self.log_slow[slot] = 0.0
        self.renew(slot, tracklet)
        return slot

    def copy_of(self, other: History, slot: int) -> None:
        """Take in a track of a ring of the same size under its own number, as one that nobody has decided on.

        Its row under a model of looks is not taken in.
        """
        # Numbers between the last one and this may be missing, and count as never used.
        self._erased, self._timeline = True, None
        if self.vectors.shape != other.vectors.shape:
            self.vectors = np.zeros_like(other.vectors)
        for name, column in vars(other).items():
            if isinstance(column, np.ndarray) and name != "rows":
                vars(self)[name][slot] = column[slot]
        self.count = int(self.numbers[slot]) + 1
        self.persons[slot], self.margins[slot], self.confidences[slot] = -1, 0.0, 0.0

    def renew(self, slot: int, tracklet: Tracklet) -> None:
        """The track has been seen longer: its times, where it was, and its vector."""
        self.extend(slot, tracklet.start, tracklet.end)
        self.vectors[slot], self.looks[slot] = tracklet.feature, tracklet.feature.any()
        self.places[slot], self.boxes[slot] = tracklet.places, tracklet.boxes

    def extend(self, slot: int, start: float, end: float) -> None:
        """The track has been seen from `start` to `end`."""
        self.starts[slot], self.ends[slot] = start, end
        self._timeline = None

    def resized(self, size: int) -> History:
        """The same tracks in a ring of another size, the latest ones where it is smaller."""
        if size == self.size:
            return self
        other = History(size)
        other.count, other._erased = self.count, self._erased or size > self.size
        other.vectors = np.zeros((size, self.vectors.shape[1]), dtype=np.float32)
        other.rows = np.zeros((size, self.rows.shape[1]))
        kept = self.used[-size:]
        places = self.numbers[kept] % size
        for name, column in vars(self).items():
            if isinstance(column, np.ndarray):
                vars(other)[name][places] = column[kept]
        return other

    def erase(self, slots: Ints) -> None:
        """Leave nothing of the tracks in these slots: they count as never used."""
        self._timeline = None
        self._erased = self._erased or len(slots) > 0
        self.numbers[slots] = self.local[slots] = self.persons[slots] = -1
        self.ends[slots], self.places[slots], self.boxes[slots] = -np.inf, np.nan, np.nan
        for column in (
            self.cameras,
            self.starts,
            self.settled,
            self.margins,
            self.confidences,
            self.log_rates,
            self.log_slow,
            self.looks,
        ):
            column[slots] = 0
        self.vectors[slots], self.rows[slots] = 0, 0

    def middles(self, slots: Ints | int) -> Floats:
        """(N,) seconds: a track's place in the order of time."""
        found: Floats = (self.starts.take(slots) + self.ends.take(slots)) / 2
        return found

    def together(self, slot: Ints | int, slots: Ints) -> Bools:
        """(N,) which of the slots share an instant with this one, or with those that broadcast against them."""
        found: Bools = (self.starts[slots] <= self.ends[slot]) & (self.ends[slots] >= self.starts[slot])
        return found

    def rate(self, camera: int, time: float, window: float) -> float:
        """Tracks per second that a camera has shown in the window before `time`; never 0."""
        recent = (self.cameras == camera) & (self.ends > time - window) & (self.ends <= time) & (self.numbers >= 0)
        return (float(np.count_nonzero(recent)) + 1.0) / window
