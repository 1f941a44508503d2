"""SORT: Simple Online and Realtime Tracking (Bewley et al., arXiv 1602.00763)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.association.stages import Stage
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.motion.models import sort_model
from unbroken.tracking.engine import Lifecycle, Plan, Scene


@dataclass(frozen=True, slots=True)
class Sort:
    """Parameters of SORT: a constant-velocity filter, IoU and the Hungarian algorithm.

    Attributes:
        max_age: seconds that a track lives without a detection. The paper's T_lost is one frame; it says that a longer
            life is left to others.
        min_hits: detections, one after another, before a track is reported; tracks of the first picture are at once.
        iou_threshold: least overlap of a predicted box with its detection (the paper's IoU_min).
        min_score: detections of a lower score are ignored.
    """

    max_age: float = 1.0
    min_hits: int = 3
    iou_threshold: float = 0.3
    min_score: float = 0.5

    def plan(self) -> Plan:
        """One stage: everybody, by overlap."""
        return Plan(
            model=sort_model(),
            stages=(Stage(self.everybody, self.good, self.overlap_cost, limit=1 - self.iou_threshold),),
            lifecycle=Lifecycle(self.min_score, self.min_hits, self.max_age),
        )

    def everybody(self, scene: Scene) -> Bools:
        """All tracks."""
        return np.ones(scene.track_count, dtype=np.bool_)

    def good(self, scene: Scene) -> Bools:
        """Detections that count."""
        return scene.detections.scores >= self.min_score

    def overlap_cost(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """1 - IoU."""
        return 1.0 - scene.overlaps_of(tracks, detections)
