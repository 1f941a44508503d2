"""ByteTrack: every detection box counts (Zhang et al., arXiv 2110.06864)."""

from __future__ import annotations

from dataclasses import dataclass

from unbroken.association.stages import Stage
from unbroken.core.arrays import Bools
from unbroken.motion.models import xyah_model
from unbroken.tracking.choices import confirmed, duplicates, followed, fused_overlap_cost, overlap_cost, tentative
from unbroken.tracking.engine import Lifecycle, Plan, Scene
from unbroken.tracking.settings import check, ranged


@dataclass(frozen=True, slots=True)
class ByteTrack:
    """Parameters of ByteTrack: what good detections leave over is matched with poor ones.

    Attributes:
        track_thresh: score of a good detection.
        low_thresh: poor detections have at least this score.
        match_thresh: limit of 1 - IoU * score for good detections.
        second_match_thresh: limit of 1 - IoU for poor detections.
        new_match_thresh: limit of 1 - IoU * score for tracks that are not confirmed yet.
        new_track_thresh: score of a detection that may begin a track.
        track_buffer: seconds that a lost track is kept.
        min_hits: detections before a track is reported; tracks of the first picture are at once.
    """

    track_thresh: float = ranged(0.6, 0.0, 1.0)
    low_thresh: float = ranged(0.1, 0.0, 1.0)
    match_thresh: float = ranged(0.9, 0.0, 1.0)
    second_match_thresh: float = ranged(0.5, 0.0, 1.0)
    new_match_thresh: float = ranged(0.7, 0.0, 1.0)
    new_track_thresh: float = ranged(0.7, 0.0, 1.0)
    track_buffer: float = ranged(1.0, 0.0, 60.0)
    min_hits: int = ranged(2, 1, 30)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check(self)

    def plan(self) -> Plan:
        """The paper's algorithm 1, and what its code does for tracks that are not confirmed yet."""
        return Plan(
            model=xyah_model(),
            stages=(
                Stage(confirmed, self.good, fused_overlap_cost, limit=self.match_thresh),
                Stage(followed, self.poor, overlap_cost, limit=self.second_match_thresh),
                Stage(tentative, self.good, fused_overlap_cost, limit=self.new_match_thresh),
            ),
            lifecycle=Lifecycle(self.new_track_thresh, self.min_hits, self.track_buffer),
            idle=(3,),
            prune=duplicates,
        )

    def good(self, scene: Scene) -> Bools:
        """Detections of high score."""
        return scene.detections.scores >= self.track_thresh

    def poor(self, scene: Scene) -> Bools:
        """Detections of low score: people who are being hidden."""
        scores = scene.detections.scores
        return (scores >= self.low_thresh) & (scores < self.track_thresh)
