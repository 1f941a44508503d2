"""What a detector saw in one picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unbroken.core.arrays import Bools, Features, Floats, Ints, finite, frozen
from unbroken.core.errors import ContractError


def _no_scores() -> Floats:
    return np.ones(0)


def _no_classes() -> Ints:
    return np.zeros(0, dtype=np.int64)


def _no_features() -> Features:
    return np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N detections of one picture, row by row. All arrays are read-only.

    Attributes:
        boxes: (N, 4) float64, x1, y1, x2, y2 in pixels, x2 >= x1 and y2 >= y1.
        scores: (N,) float64 in 0..1; all 1 where left out.
        classes: (N,) int64, COCO numbers, 0 is a person; all 0 where left out.
        features: (N, D) float32 rows of unit length; a row of zeros was not computed; (N, 0) where left out.
    """

    boxes: Floats
    scores: Floats = field(default_factory=_no_scores)
    classes: Ints = field(default_factory=_no_classes)
    features: Features = field(default_factory=_no_features)

    def __post_init__(self) -> None:
        """Check once; trusted afterwards."""
        boxes = frozen(self.boxes, np.float64, (-1, 4), "boxes")
        count = len(boxes)
        scores = self.scores if len(self.scores) or not count else np.ones(count)
        classes = self.classes if len(self.classes) or not count else np.zeros(count, dtype=np.int64)
        features = self.features if len(self.features) or not count else np.zeros((count, 0), dtype=np.float32)
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "scores", frozen(scores, np.float64, (count,), "scores"))
        object.__setattr__(self, "classes", frozen(classes, np.int64, (count,), "classes"))
        object.__setattr__(self, "features", frozen(features, np.float32, (count, -1), "features"))
        if count:
            _check_boxes(self.boxes)
            finite(self.scores, "scores")
            if self.features.shape[1]:
                _check_features(self.features)

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def trusted(cls, *columns: NDArray[np.generic]) -> Detections:
        """Take arrays that this library has just made, in the order of the attributes, without a check.

        They become read-only. For hot paths: `Detections(...)` is the door for everybody else.
        """
        made = object.__new__(cls)
        for name, array in zip(cls.__slots__, columns, strict=True):
            array.setflags(write=False)
            object.__setattr__(made, name, array)
        return made

    @classmethod
    def empty(cls, dimension: int = 0) -> Detections:
        """No detection, with features of the given dimension."""
        return cls(np.zeros((0, 4)), features=np.zeros((0, dimension), dtype=np.float32))

    @classmethod
    def from_array(cls, rows: ArrayLike) -> Detections:
        """Read N x 4, N x 5 or N x 6 rows of x1, y1, x2, y2[, score[, class]].

        Raises:
            ContractError: no numbers, another number of columns, or a box that is NaN or reversed.
        """
        try:
            array = np.asarray(rows, dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise ContractError(
                f"detections: are no table of numbers ({error}); give (N, 6): x1, y1, x2, y2, score, class"
            ) from error
        if array.size == 0:
            return cls.empty()
        if array.ndim != 2 or array.shape[1] not in (4, 5, 6):
            raise ContractError(f"detections: have shape {array.shape}; give (N, 6): x1, y1, x2, y2, score, class")
        scores = array[:, 4] if array.shape[1] > 4 else np.ones(len(array))
        if array.shape[1] > 5:
            finite(array[:, 5], "classes")
        classes = array[:, 5].astype(np.int64) if array.shape[1] > 5 else np.zeros(len(array), dtype=np.int64)
        return cls(array[:, :4], scores, classes)

    def as_array(self) -> Floats:
        """The rows as (N, 6): x1, y1, x2, y2, score, class."""
        return np.column_stack([self.boxes, self.scores, self.classes])

    def select(self, rows: Ints | Bools) -> Detections:
        """The given rows (numbers or a mask), in that order."""
        return Detections.trusted(self.boxes[rows], self.scores[rows], self.classes[rows], self.features[rows])


def _check_boxes(boxes: Floats) -> None:
    finite(boxes, "boxes")
    reversed_ = boxes[:, 2:] < boxes[:, :2]
    if np.count_nonzero(reversed_):
        row = int(np.argmax(reversed_.any(axis=1)))
        raise ContractError(
            f"boxes: row {row} is {boxes[row]}, reversed; give x1, y1, x2, y2 with x1 <= x2 and y1 <= y2"
        )


def _check_features(features: Features) -> None:
    finite(features, "features")
    norms = np.einsum("nd,nd->n", features, features)
    wrong = (np.abs(norms - 1) > 1e-2) & (norms != 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ContractError(f"features: row {row} has length {norms[row] ** 0.5:.3f}; scale each row to unit length")
