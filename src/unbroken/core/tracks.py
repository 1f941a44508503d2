"""What a tracker answers for one picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Bools, Floats, Ints, frozen


class TrackState(IntEnum):
    """How far a track can be believed."""

    TENTATIVE = 0
    """Born, not yet confirmed by enough detections."""
    CONFIRMED = 1
    """Confirmed, and seen in this picture."""
    COASTING = 2
    """Confirmed, not seen in this picture: its box is predicted."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """M tracks of one camera at one instant, row by row. All arrays are read-only.

    Attributes:
        ids: (M,) int64, from 1, unique in the picture, never used again by the same tracker.
        boxes: (M, 4) float64, x1, y1, x2, y2 in pixels.
        scores: (M,) float64, the score of the detection last seen.
        classes: (M,) int64.
        state: (M,) int64, values of `TrackState`.
        since: (M,) float64, seconds: the time of the track's first detection.
        rows: (M,) int64, the row of the track's detection in the `Detections` given, -1 while it coasts.
    """

    ids: Ints
    boxes: Floats
    scores: Floats
    classes: Ints
    state: Ints
    since: Floats
    rows: Ints

    def __post_init__(self) -> None:
        """Check shapes once; trusted afterwards."""
        count = len(self.ids)
        object.__setattr__(self, "ids", frozen(self.ids, np.int64, (count,), "ids"))
        object.__setattr__(self, "boxes", frozen(self.boxes, np.float64, (count, 4), "boxes"))
        object.__setattr__(self, "scores", frozen(self.scores, np.float64, (count,), "scores"))
        object.__setattr__(self, "classes", frozen(self.classes, np.int64, (count,), "classes"))
        object.__setattr__(self, "state", frozen(self.state, np.int64, (count,), "state"))
        object.__setattr__(self, "since", frozen(self.since, np.float64, (count,), "since"))
        object.__setattr__(self, "rows", frozen(self.rows, np.int64, (count,), "rows"))

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def trusted(cls, *columns: NDArray[np.generic]) -> Tracks:
        """Take arrays that this library has just made, in the order of the attributes, without a check.

        They become read-only. For hot paths: `Tracks(...)` is the door for everybody else.
        """
        made = object.__new__(cls)
        for name, array in zip(cls.__slots__, columns, strict=True):
            array.setflags(write=False)
            object.__setattr__(made, name, array)
        return made

    @classmethod
    def empty(cls) -> Tracks:
        """No track."""
        return cls(*(np.zeros(shape) for shape in ((0,), (0, 4), (0,), (0,), (0,), (0,), (0,))))  # type: ignore[arg-type]

    def as_array(self) -> Floats:
        """The rows as (M, 8): x1, y1, x2, y2, id, score, class, row of the detection (-1 while coasting)."""
        rows = np.empty((len(self.ids), 8))
        rows[:, :4], rows[:, 4], rows[:, 5] = self.boxes, self.ids, self.scores
        rows[:, 6], rows[:, 7] = self.classes, self.rows
        return rows

    def select(self, rows: Ints | Bools) -> Tracks:
        """The given rows (numbers or a mask), in that order."""
        return Tracks.trusted(
            self.ids[rows],
            self.boxes[rows],
            self.scores[rows],
            self.classes[rows],
            self.state[rows],
            self.since[rows],
            self.rows[rows],
        )
