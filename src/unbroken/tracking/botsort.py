"""BoT-SORT: robust associations (Aharon et al., arXiv 2206.14651)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.association.costs import nearest_distances
from unbroken.association.stages import Stage
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.motion.models import xywh_model
from unbroken.tracking.choices import confirmed, duplicates, followed, fused_overlap_cost, overlap_cost, tentative
from unbroken.tracking.engine import Lifecycle, Plan, Scene
from unbroken.tracking.settings import check, ranged
from unbroken.tracking.table import Memory


@dataclass(frozen=True, slots=True)
class BotSort:
    """Parameters of BoT-SORT: ByteTrack with width and height in the filter, camera motion, and appearance.

    The camera's motion comes with each update as a warp; without one the camera stands still.

    Attributes:
        track_high_thresh: score of a good detection.
        track_low_thresh: poor detections have at least this score.
        new_track_thresh: score of a detection that may begin a track.
        match_thresh: limit of the cost for good detections.
        second_match_thresh: limit of 1 - IoU for poor detections.
        new_match_thresh: limit of the cost for tracks that are not confirmed yet.
        track_buffer: seconds that a lost track is kept.
        min_hits: detections before a track is reported; tracks of the first picture are at once.
        with_reid: use features where detections have them.
        appearance_thresh: half the cosine distance above which appearance says nothing (the paper's theta_emb).
        proximity_thresh: 1 - IoU above which appearance says nothing (the paper's theta_iou).
        momentum: of the moving average of features.
    """

    track_high_thresh: float = ranged(0.6, 0.0, 1.0)
    track_low_thresh: float = ranged(0.1, 0.0, 1.0)
    new_track_thresh: float = ranged(0.7, 0.0, 1.0)
    match_thresh: float = ranged(0.8, 0.0, 1.0)
    second_match_thresh: float = ranged(0.5, 0.0, 1.0)
    new_match_thresh: float = ranged(0.7, 0.0, 1.0)
    track_buffer: float = ranged(1.0, 0.0, 60.0)
    min_hits: int = ranged(2, 1, 30)
    with_reid: bool = True
    appearance_thresh: float = ranged(0.25, 0.0, 1.0)
    proximity_thresh: float = ranged(0.5, 0.0, 1.0)
    momentum: float = ranged(0.9, 0.01, 0.999)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check(self)

    def plan(self) -> Plan:
        """The paper's figure 2: as ByteTrack, with the cost of section 3.4."""
        return Plan(
            model=xywh_model(),
            stages=(
                Stage(confirmed, self.good, self.cost, limit=self.match_thresh),
                Stage(followed, self.poor, overlap_cost, limit=self.second_match_thresh),
                Stage(tentative, self.good, self.cost, limit=self.new_match_thresh),
            ),
            lifecycle=Lifecycle(self.new_track_thresh, self.min_hits, self.track_buffer),
            memory=Memory(bank=1, momentum=self.momentum) if self.with_reid else Memory(),
            idle=(2, 3),
            prune=duplicates,
        )

    def good(self, scene: Scene) -> Bools:
        """Detections of high score."""
        return scene.detections.scores >= self.track_high_thresh

    def poor(self, scene: Scene) -> Bools:
        """Detections of low score: people who are being hidden."""
        scores = scene.detections.scores
        return (scores >= self.track_low_thresh) & (scores < self.track_high_thresh)

    def cost(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """The lesser of the costs of place and of appearance, the latter where both gates let it speak (eq. 12, 13)."""
        place = fused_overlap_cost(scene, tracks, detections)
        features = scene.detections.features[detections]
        if not self.with_reid or not features.shape[1] or not scene.table.bank.shape[2]:
            return place
        looks = nearest_distances(scene.table.bank[tracks], features) / 2
        near = 1.0 - scene.overlaps_of(tracks, detections) <= self.proximity_thresh
        speaks = near & (np.nan_to_num(looks, nan=np.inf) <= self.appearance_thresh)
        cost: Floats = np.where(speaks, np.minimum(looks, place), place)
        return cost
