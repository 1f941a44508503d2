"""What is kept of a detector's candidates: classes, scores, one box per person, sizes, a region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.errors import ConfigError
from unbroken.geometry.boxes import clipped, foot_points, iou
from unbroken.geometry.regions import inside

_MOST_CANDIDATES = 1000


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What a detector reports.

    Attributes:
        score: the least score, 0..1, on the net's own scale, before it is bent (`core.cards.ModelCard.trusted`).
            Trackers with a second pass want low scores too, so it is low.
        nms_iou: of two boxes of a class that overlap by more (IoU, 0..1), the one with the lower score goes.
        classes: the net's classes that are wanted; 0 is a person.
        least_height: pixels of the picture; smaller boxes go.
        least_width: pixels of the picture; smaller boxes go.
        region: corners of a polygon, pixels of the picture; people who stand outside go. Empty: everywhere.
        size: the longer side of the net's input, pixels, where the net takes any size.
        batch: how many pictures go through the net at once, where it takes more than one.
        decoder: how to read a net that is given as a path; "" guesses from its outputs, a card says it for the rest.
    """

    score: float = 0.1
    nms_iou: float = 0.65
    classes: tuple[int, ...] = (0,)
    least_height: float = 0.0
    least_width: float = 0.0
    region: tuple[tuple[float, float], ...] = ()
    size: int = 416
    batch: int = 16
    decoder: str = ""

    def __post_init__(self) -> None:
        """Check once; trusted afterwards."""
        for name in ("score", "nms_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"detector setting {name} is {getattr(self, name)}; give a number in 0..1")
        for name in ("size", "batch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"detector setting {name} is {getattr(self, name)}; give 1 or more")
        if not self.classes:
            raise ConfigError("detector setting classes is empty; give at least one class, 0 is a person")
        if 0 < len(self.region) < 3:
            raise ConfigError(f"detector setting region has {len(self.region)} corners; give 3 or more, or none")


EVERYTHING = DetectorSettings(score=0.0, nms_iou=1.0)
"""Whatever was found, as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What a decoder reads for one picture, before anything is thrown away.

    Attributes:
        boxes: (N, 4) float64, x1, y1, x2, y2 in pixels of the net's input.
        scores: (N,) float64 in 0..1.
        classes: (N,) int64, COCO numbers from 0.
    """

    boxes: Floats
    scores: Floats
    classes: Ints

    def select(self, rows: Ints | Bools) -> Candidates:
        """The given rows (numbers or a mask), in that order."""
        return Candidates(self.boxes[rows], self.scores[rows], self.classes[rows])


def plausible(candidates: Candidates, settings: DetectorSettings) -> Candidates:
    """Those of a wanted class with enough score and finite boxes with a size, best first, at most 1000."""
    good = candidates.scores >= max(settings.score, np.finfo(np.float64).tiny)
    good &= np.isin(candidates.classes, settings.classes)
    good &= np.isfinite(candidates.boxes).all(axis=1)
    good &= (candidates.boxes[:, 2:] > candidates.boxes[:, :2]).all(axis=1)
    rows = np.flatnonzero(good)
    order = np.argsort(-candidates.scores[rows], kind="stable")[:_MOST_CANDIDATES]
    return candidates.select(rows[order])


def suppressed(candidates: Candidates, limit: float) -> Candidates:
    """Greedy non-maximum suppression within each class. `candidates` come best first, and so does the answer."""
    overlaps = iou(candidates.boxes, candidates.boxes) > limit
    overlaps &= candidates.classes[:, None] == candidates.classes[None, :]
    gone = np.zeros(len(candidates.scores), dtype=np.bool_)
    for row in range(len(gone)):
        if not gone[row]:
            gone[row + 1 :] |= overlaps[row, row + 1 :]
    return candidates.select(~gone)


def kept(candidates: Candidates, size: tuple[int, int], settings: DetectorSettings) -> Detections:
    """The detections of a picture of a width and height, from boxes in its own pixels: cut, measured, in the region.

    A size of (0, 0), a picture that is not there, cuts nothing.
    """
    boxes = clipped(candidates.boxes, size) if min(size) > 0 else candidates.boxes
    extent = boxes[:, 2:] - boxes[:, :2]
    good = (extent > 0).all(axis=1)
    good &= (extent[:, 0] >= settings.least_width) & (extent[:, 1] >= settings.least_height)
    if settings.region:
        good &= inside(foot_points(boxes), np.asarray(settings.region, dtype=np.float64))
    return Detections(boxes[good], candidates.scores[good], candidates.classes[good])
