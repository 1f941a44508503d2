"""OC-SORT: Observation-Centric SORT (Cao et al., arXiv 2203.14360)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.association.costs import direction_consistency
from unbroken.association.stages import Stage
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.geometry.boxes import iou
from unbroken.geometry.kernels import compiled
from unbroken.motion import kalman
from unbroken.motion.models import NOMINAL_RATE, sort_model
from unbroken.tracking.choices import everybody
from unbroken.tracking.engine import Lifecycle, Plan, Scene
from unbroken.tracking.settings import check, ranged
from unbroken.tracking.table import Memory, TrackTable

_DEPTH = 8
"""Observations kept of each track: at 60 frames/s they reach back further than `delta_t`."""

_MOST_VIRTUAL = 2
"""Virtual observations in a gap at most: more of them over the same gap change the velocity no further."""


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
        """1 - IoU - lambda * score * consistency of the direction (equation 4), where they overlap enough."""
        if (fast := compiled()) is not None:
            table, seen = scene.table, scene.detections
            past = (table.history, table.history_times, table.observed, table.seen)
            settings = (self.iou_threshold, self.inertia, self.delta_t)
            pairs = (scene.overlaps, tracks, detections)
            return fast.momentum_costs(pairs, (seen.boxes, seen.scores), past, settings, scene.time)
        overlaps = scene.overlaps_of(tracks, detections)
        left, right = (overlaps >= self.iou_threshold).nonzero()
        rows = detections[right]
        headings, origins = self._directions(scene.table, scene.time)
        boxes, some = scene.detections.boxes.take(rows, axis=0), tracks[left]
        consistency = direction_consistency(headings[some], origins[some], _centres(boxes))
        costs = np.full(overlaps.shape, np.inf)
        costs[left, right] = 1.0 - overlaps[left, right] - self.inertia * scene.detections.scores[rows] * consistency
        return costs

    def _directions(self, table: TrackTable, time: float) -> tuple[Floats, Floats]:
        """Where each track was heading, and where a new direction starts: (N, 2) unit vectors, (N, 2) centres.

        Each looks back from a moment (when the track was seen, and now) to the oldest observation within delta_t, else
        to the last one before. So an observation is worth its age while it is young enough; after that less than
        nothing, the less the older.
        """
        moments = np.empty((2, len(table), 1))
        moments[0, :, 0], moments[1] = table.seen, time
        worth = moments - table.history_times
        old, none = worth > self.delta_t + 1e-6, worth <= 0
        np.negative(worth, out=worth, where=old)
        np.copyto(worth, -np.inf, where=none)
        before, origin = _centres(table.history[np.arange(len(table)), worth.argmax(axis=2)])
        step = _centres(table.observed) - before
        length = np.hypot(step[:, 0], step[:, 1])
        return step / np.maximum(length, 1e-6)[:, None], origin


def _centres(boxes: Floats) -> Floats:
    centres: Floats = (boxes[..., :2] + boxes[..., 2:]) * 0.5
    return centres


def recovery_cost(scene: Scene, tracks: Ints, detections: Ints) -> Floats:
    """1 - IoU of where each track was last observed with detections (OCR, section 4.2)."""
    return 1.0 - iou(scene.table.observed[tracks], scene.detections.boxes[detections])


def re_update(scene: Scene, tracks: Ints, rows: Ints) -> None:
    """Run the filters of tracks that were found again along a straight line through the gap (ORU, section 4.1).

    The paper puts a virtual observation into every frame of the gap; here it is one per nominal frame, but never more
    than a few: the filter is exact over any step. The observation that ends the gap is left to the engine.
    """
    table, model = scene.table, scene.model
    seen = table.seen[tracks]
    moments_seen = set(seen.tolist())
    for moment in moments_seen:
        together = seen == moment if len(moments_seen) > 1 else slice(None)
        late, boxes = tracks[together], scene.detections.boxes[rows[together]]
        gap = scene.time - moment
        steps = max(1, min(round(gap * NOMINAL_RATE), _MOST_VIRTUAL + 1))
        moments = table.saved.take(late, axis=1)
        for virtual in _line(table.observed[late], boxes, steps):
            moments = kalman.predict(model, moments, gap / steps)
            moments = kalman.correct(model, moments, model.encode(virtual))
        table.moments[:, late] = kalman.predict(model, moments, gap / steps)


def _line(start: Floats, end: Floats, steps: int) -> Floats:
    """The boxes between start and end (n, 4), both left out, at equal steps: (steps - 1, n, 4)."""
    parts = np.arange(1, steps)[:, None, None] / steps
    boxes: Floats = start + (end - start) * parts
    return boxes
