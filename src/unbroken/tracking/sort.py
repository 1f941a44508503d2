"""SORT: Simple Online and Realtime Tracking (Bewley et al., arXiv 1602.00763)."""

from __future__ import annotations

from dataclasses import dataclass

from unbroken.association.stages import Stage
from unbroken.core.arrays import Bools
from unbroken.motion.models import sort_model
from unbroken.tracking.choices import everybody, overlap_cost
from unbroken.tracking.engine import Lifecycle, Plan, Scene
from unbroken.tracking.settings import check, ranged


@dataclass(frozen=True, slots=True)
class Sort:
    """Parameters of SORT: a constant-velocity filter, IoU and the Hungarian algorithm.

    Attributes:
        max_age: seconds that a track lives without a detection. The paper's T_lost is one frame, for it leaves finding
            people again to others; a second is what most users set.
        min_hits: detections, one after another, before a track is reported; tracks of the first picture are at once.
        iou_threshold: least overlap of a predicted box with its detection (the paper's IoU_min).
        min_score: detections of a lower score are ignored (the paper takes those above 50 %).
    """

    max_age: float = ranged(1.0, 0.0, 60.0)
    min_hits: int = ranged(3, 1, 30)
    iou_threshold: float = ranged(0.3, 0.0, 1.0)
    min_score: float = ranged(0.5, 0.0, 1.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check(self)

    def plan(self) -> Plan:
        """One stage: everybody, by overlap."""
        return Plan(
            model=sort_model(),
            stages=(Stage(everybody, self.good, overlap_cost, limit=1 - self.iou_threshold),),
            lifecycle=Lifecycle(self.min_score, self.min_hits, self.max_age),
        )

    def good(self, scene: Scene) -> Bools:
        """Detections that count."""
        return scene.detections.scores >= self.min_score
