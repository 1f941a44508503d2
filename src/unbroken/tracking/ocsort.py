"""OC-SORT: Observation-Centric SORT (Cao et al., arXiv 2203.14360)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.association.costs import direction_consistency, forbid
from unbroken.association.stages import Stage
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.geometry.boxes import iou
from unbroken.motion import kalman
from unbroken.motion.models import NOMINAL_RATE, sort_model
from unbroken.tracking.choices import everybody
from unbroken.tracking.engine import Lifecycle, Plan, Scene
from unbroken.tracking.settings import check, ranged
from unbroken.tracking.table import Memory, TrackTable

_DEPTH = 8
"""Observations kept of each track: at 60 frames/s they reach back further than `delta_t`."""

_MOST_VIRTUAL = 8
"""Steps of the virtual trajectory at most: more of them over the same gap change the velocity no further."""


@dataclass(frozen=True, slots=True)
class OcSort:
    """Parameters of OC-SORT: SORT that trusts observations more than the filter.

    Attributes:
        det_thresh: detections of a lower score are ignored.
        max_age: seconds that a track lives without a detection.
        min_hits: detections before a track is reported; tracks of the first picture are at once.
        iou_threshold: least overlap with a detection.
        delta_t: seconds between the two observations that give a direction (the paper's 3 frames).
        inertia: weight of the direction's consistency (the paper's lambda).
    """

    det_thresh: float = ranged(0.6, 0.0, 1.0)
    max_age: float = ranged(1.0, 0.0, 60.0)
    min_hits: int = ranged(3, 1, 30)
    iou_threshold: float = ranged(0.3, 0.0, 1.0)
    delta_t: float = ranged(0.1, 0.0, 2.0)
    inertia: float = ranged(0.2, 0.0, 1.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check(self)

    def plan(self) -> Plan:
        """Section 4: momentum (OCM), recovery at the last observation (OCR), re-update (ORU, the hook)."""
        return Plan(
            model=sort_model(),
            stages=(
                Stage(everybody, self.good, self.momentum_cost, limit=1.0 - self.iou_threshold + self.inertia / 2),
                Stage(everybody, self.good, recovery_cost, limit=1.0 - self.iou_threshold),
            ),
            lifecycle=Lifecycle(self.det_thresh, self.min_hits, self.max_age),
            memory=Memory(history=_DEPTH, saved=True),
            observed=True,
            rematched=re_update,
        )

    def good(self, scene: Scene) -> Bools:
        """Detections that count."""
        return scene.detections.scores >= self.det_thresh

    def momentum_cost(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """1 - IoU - lambda * score * consistency of the direction (equation 4), gated by IoU."""
        overlaps = scene.overlaps_of(tracks, detections)
        boxes = scene.detections.boxes[detections]
        headings, origins = self._directions(scene.table, tracks, scene.time)
        targets = (boxes[:, :2] + boxes[:, 2:]) / 2
        consistency = direction_consistency(headings, origins, targets) * scene.detections.scores[detections]
        return forbid(1.0 - overlaps - self.inertia * consistency, overlaps < self.iou_threshold)

    def _directions(self, table: TrackTable, tracks: Ints, time: float) -> tuple[Floats, Floats]:
        """Where each track was heading, and where a new direction starts: (n, 2) unit vectors, (n, 2) centres."""
        history, times, seen = table.history[tracks], table.history_times[tracks], table.seen[tracks]
        before = self._past(history, times, seen)
        observed = table.observed[tracks]
        step = (observed[:, :2] + observed[:, 2:] - before[:, :2] - before[:, 2:]) / 2
        length = np.sqrt((step * step).sum(axis=1, keepdims=True))
        heading = step / np.maximum(length, 1e-6)
        origin = self._past(history, times, np.full(len(tracks), time))
        return heading, (origin[:, :2] + origin[:, 2:]) / 2

    def _past(self, history: Floats, times: Floats, moments: Floats) -> Floats:
        """The oldest observation within delta_t before a moment, else the last one before it: (n, 4)."""
        ages = moments[:, None] - times
        worth = np.where(ages <= self.delta_t + 1e-6, ages, -ages)
        worth[ages <= 0] = -1e300
        boxes: Floats = history[np.arange(len(history)), worth.argmax(axis=1)]
        return boxes


def recovery_cost(scene: Scene, tracks: Ints, detections: Ints) -> Floats:
    """1 - IoU of where each track was last observed with detections (OCR, section 4.2)."""
    return 1.0 - iou(scene.table.observed[tracks], scene.detections.boxes[detections])


def re_update(scene: Scene, tracks: Ints, rows: Ints) -> None:
    """Run the filters of tracks that were found again along a straight line through the gap (ORU, section 4.1).

    The paper puts a virtual observation into every frame of the gap; here it is one per nominal frame, but never more
    than a few: the filter is exact over any step. The observation that ends the gap is left to the engine.
    """
    table, model = scene.table, scene.model
    for seen in np.unique(table.seen[tracks]):
        together = table.seen[tracks] == seen
        late, boxes = tracks[together], scene.detections.boxes[rows[together]]
        gap = scene.time - float(seen)
        steps = max(1, min(round(gap * NOMINAL_RATE), _MOST_VIRTUAL))
        moments, start = table.saved[:, late], table.observed[late]
        for step in range(1, steps):
            moments = kalman.predict(model, moments, gap / steps)
            moments = kalman.correct(model, moments, model.encode(start + (boxes - start) * (step / steps)))
        table.moments[:, late] = kalman.predict(model, moments, gap / steps)
