"""What a tracker remembers: one row per track, as a struct of arrays. The only state of a tracker.

A table may hold the tracks of several cameras that are stepped together; ids are then counted per camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Bools, Features, Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError
from unbroken.geometry.kernels import compiled


@dataclass(frozen=True, slots=True)
class Memory:
    """How much of the past a tracker needs of each track.

    Attributes:
        history: how many of the last observed boxes; 0 keeps none but the last.
        saved: the filter as it was when the track was last seen is kept too.
        bank: how many of the last features; 1 with a momentum keeps their moving average.
        momentum: of that average: feature = momentum * feature + (1 - momentum) * new, then unit length; 0 keeps the
            features themselves.
    """

    history: int = 0
    saved: bool = False
    bank: int = 0
    momentum: float = 0.0


class TrackTable:
    """N tracks, row by row, in the order of their cameras and ids.

    Attributes:
        cameras: (N,), whose track it is, counted from 0.
        ids: (N,) from 1, never given twice to one camera's tracks.
        moments: (5, N, 4), the filter (`motion.kalman`), at the time of the last step.
        boxes: (N, 4), where each track is believed to be: the box of `moments`, or the detection where a plan says so.
        observed: (N, 4), the box of the last detection.
        scores, classes: (N,), of the last detection.
        born, seen: (N,), seconds: the first and the last detection.
        hits: (N,), how many detections.
        confirmed: (N,), believed.
        rows: (N,), the detection in the last update, -1 for none.
        history, history_times: (N, H, 4) and (N, H), the last observed boxes as a ring: detection number h (from 0)
            lies at h % H; times are -inf where there is none.
        saved: (5, N, 4), the filter when the track was last seen; no columns where the memory does not keep it.
        bank: (N, B, D), features as a ring like the history; rows of zeros are empty places.
        stored: (N,), how many features went into the bank.
    """

    __slots__ = (
        "_given",
        "bank",
        "born",
        "boxes",
        "cameras",
        "classes",
        "confirmed",
        "history",
        "history_times",
        "hits",
        "ids",
        "memory",
        "moments",
        "observed",
        "rows",
        "saved",
        "scores",
        "seen",
        "stored",
    )

    def __init__(self, memory: Memory, *, cameras: int = 1) -> None:
        self.memory = memory
        self._given: Ints = np.zeros(cameras, dtype=np.int64)
        self.cameras: Ints = np.zeros(0, dtype=np.int64)
        self.ids: Ints = np.zeros(0, dtype=np.int64)
        self.moments: Floats = np.zeros((5, 0, 4))
        self.boxes: Floats = np.zeros((0, 4))
        self.observed: Floats = np.zeros((0, 4))
        self.scores: Floats = np.zeros(0)
        self.classes: Ints = np.zeros(0, dtype=np.int64)
        self.born: Floats = np.zeros(0)
        self.seen: Floats = np.zeros(0)
        self.hits: Ints = np.zeros(0, dtype=np.int64)
        self.confirmed: Bools = np.zeros(0, dtype=np.bool_)
        self.rows: Ints = np.zeros(0, dtype=np.int64)
        self.history: Floats = np.zeros((0, memory.history, 4))
        self.history_times: Floats = np.zeros((0, memory.history))
        self.saved: Floats = np.zeros((5, 0, 4))
        self.bank: Features = np.zeros((0, memory.bank, 0), dtype=np.float32)
        self.stored: Ints = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def give_up(self, doomed: Bools) -> None:
        """Forget every track in the mask (N,)."""
        if not np.count_nonzero(doomed):
            return
        self._choose((~doomed).nonzero()[0])

    def _choose(self, rows: Ints) -> None:
        """Keep the given rows, in that order."""
        for name in _BY_TRACK:
            setattr(self, name, getattr(self, name).take(rows, axis=0))
        self.moments = self.moments.take(rows, axis=1)
        if self.memory.saved:
            self.saved = self.saved.take(rows, axis=1)
        if self.memory.history:
            self.history, self.history_times = self.history[rows], self.history_times[rows]
        if self.memory.bank:
            self.bank, self.stored = self.bank[rows], self.stored[rows]

    def append(self, moments: Floats, cameras: Ints, detections: Detections, rows: Ints, time: float) -> None:
        """Begin a track for each of the given detections (n,), in the order of cameras; nobody is confirmed yet."""
        count, before = len(rows), len(self)
        now, boxes = np.full(count, time), detections.boxes[rows]
        self.cameras = np.concatenate([self.cameras, cameras])
        self.ids = np.concatenate([self.ids, self._new_ids(cameras)])
        self.moments = np.concatenate([self.moments, moments], axis=1)
        self.boxes = np.concatenate([self.boxes, boxes])
        self.observed = np.concatenate([self.observed, boxes])
        self.scores = np.concatenate([self.scores, detections.scores[rows]])
        self.classes = np.concatenate([self.classes, detections.classes[rows]])
        self.born = np.concatenate([self.born, now])
        self.seen = np.concatenate([self.seen, now])
        self.hits = np.concatenate([self.hits, np.zeros(count, dtype=np.int64)])
        self.confirmed = np.concatenate([self.confirmed, np.zeros(count, dtype=np.bool_)])
        self.rows = np.concatenate([self.rows, np.full(count, -1)])
        self._extend_memory(count)
        self.observe(np.arange(before, before + count), detections, rows, time)
        if len(self._given) > 1:
            self._choose(self.cameras.argsort(kind="stable"))

    def _new_ids(self, cameras: Ints) -> Ints:
        """The next ids of the given cameras (n,), which are in order."""
        counts = np.bincount(cameras, minlength=len(self._given))
        places = np.arange(len(cameras)) - (np.cumsum(counts) - counts)[cameras]
        ids: Ints = self._given[cameras] + 1 + places
        self._given = self._given + counts
        return ids

    def exchange(self, pair: Ints) -> None:
        """Let two tracks (2,) trade places: what belongs to the place moves, ids, births and features stay."""
        other, memory = pair[::-1], self.memory
        for name in _BY_PLACE + ("history", "history_times") * bool(memory.history):
            column = getattr(self, name)
            column[pair] = column[other]
        for name in ("moments", "saved")[: 1 + memory.saved]:
            column = getattr(self, name)
            column[:, pair] = column[:, other]

    def newest(self, tracks: Ints, count: int) -> Features:
        """The last features (n, count, D) that went into the banks of some tracks (n,), the newest first."""
        places = (self.stored[tracks, None] - 1 - np.arange(count)) % self.memory.bank
        newest: Features = self.bank[tracks[:, None], places]
        return newest

    def relearn(self, tracks: Ints, banks: Features, stored: Ints, features: Features) -> None:
        """Let some tracks (n,) know what banks (n, B, D) held when so many (n,) were stored, and features (n, K, D)."""
        count = features.shape[1]
        places = (stored[:, None] + np.arange(count)) % self.memory.bank
        self.bank[tracks] = banks
        self.bank[tracks[:, None], places] = features
        self.stored[tracks] = stored + count

    def part(self, first: int, last: int) -> TrackTable:
        """A table of the rows first <= row < last. It shares its arrays with this one, so what is written stays."""
        return _Part(self, first, last)

    def replace(self, first: int, part: TrackTable) -> None:
        """Write a part that has the rows from `first` on back into this table."""
        last = first + len(part)
        for name in (*_BY_TRACK, "history", "history_times", "bank", "stored"):
            getattr(self, name)[first:last] = getattr(part, name)
        self.moments[:, first:last], self.saved[:, first:last] = part.moments, part.saved

    def expect(self, features: Features) -> None:
        """Raise a ContractError if features (M, D) have another length than those in the bank; none at all may come."""
        known, length = self.bank.shape[2], features.shape[1]
        if known and length and known != length:
            raise ContractError(
                f"features: have {length} numbers, earlier ones had {known}; "
                "use one Re-ID net per tracker, or call reset() when it changes"
            )

    def observe(self, tracks: Ints, detections: Detections, rows: Ints, time: float) -> None:
        """Note that each of some tracks (n,) was seen as a detection (n,), all but the filter."""
        if self.memory.history:
            places = self.hits[tracks] % self.memory.history
            self.history[tracks, places] = detections.boxes.take(rows, axis=0)
            self.history_times[tracks, places] = time
        if self.memory.saved:
            self.saved[:, tracks] = self.moments.take(tracks, axis=1)
        if self.memory.bank and detections.features.shape[1]:
            self._remember(tracks, detections.features[rows])
        self._note(tracks, detections, rows, time)

    def _note(self, tracks: Ints, detections: Detections, rows: Ints, time: float) -> None:
        """The columns that every tracker has."""
        if (fast := compiled()) is not None:
            table = (self.rows, self.observed, self.scores, self.classes, self.seen, self.hits)
            seen = (detections.boxes, detections.scores, detections.classes)
            fast.observe(table, seen, tracks, rows, time)
            return
        self.rows[tracks] = rows
        self.observed[tracks] = detections.boxes.take(rows, axis=0)
        self.scores[tracks] = detections.scores.take(rows)
        self.classes[tracks] = detections.classes.take(rows)
        self.seen[tracks] = time
        self.hits[tracks] += 1

    def _extend_memory(self, count: int) -> None:
        if self.memory.saved:
            self.saved = np.concatenate([self.saved, np.zeros((5, count, 4))], axis=1)
        if self.memory.history:
            depth = self.memory.history
            self.history = np.concatenate([self.history, np.zeros((count, depth, 4))])
            self.history_times = np.concatenate([self.history_times, np.full((count, depth), -np.inf)])
        if self.memory.bank:
            self.bank = np.concatenate([self.bank, np.zeros((count, *self.bank.shape[1:]), dtype=np.float32)])
            self.stored = np.concatenate([self.stored, np.zeros(count, dtype=np.int64)])

    def _remember(self, tracks: Ints, features: Features) -> None:
        """Take features (n, D) into the bank; rows of zeros were not computed and teach nothing."""
        if not self.bank.shape[2]:
            self.bank = np.zeros((len(self), self.memory.bank, features.shape[1]), dtype=np.float32)
        real = features.any(axis=1)
        tracks, features = tracks[real], features[real]
        if self.memory.momentum:
            features = self._averaged(tracks, features)
            self.bank[tracks, 0] = features
        else:
            self.bank[tracks, self.stored[tracks] % self.memory.bank] = features
        self.stored[tracks] += 1

    def _averaged(self, tracks: Ints, features: Features) -> Features:
        """The moving average of unit rows, scaled to unit length; the first feature counts whole."""
        old = self.bank[tracks, 0]
        weight = np.where(self.stored[tracks] > 0, self.memory.momentum, 0.0)[:, None]
        mixed = weight * old + (1 - weight) * features
        lengths = np.linalg.norm(mixed, axis=1, keepdims=True)
        usable = lengths > 1e-6
        unit: Features = np.where(usable, mixed / np.where(usable, lengths, 1.0), features).astype(np.float32)
        return unit


class _Part(TrackTable):
    """Some rows of another table. A column is cut out when it is first looked at: few of them are."""

    __slots__ = ("_first", "_last", "_whole")

    def __init__(self, whole: TrackTable, first: int, last: int) -> None:
        self.memory = whole.memory
        self._whole, self._first, self._last = whole, first, last

    def __len__(self) -> int:
        return self._last - self._first

    def __getattr__(self, name: str) -> NDArray[np.generic]:
        column: NDArray[np.generic] = getattr(self._whole, name)
        rows = slice(self._first, self._last)
        cut = column[:, rows] if name in _BY_MOMENT else column[rows]
        setattr(self, name, cut)
        return cut


_BY_PLACE = ("boxes", "observed", "scores", "classes", "seen", "hits", "rows")
_BY_MOMENT = ("moments", "saved")
_BY_TRACK = ("cameras", "ids", "boxes", "observed", "scores", "classes", "born", "seen", "hits", "confirmed", "rows")
