"""Words that the trackers' stages share: which tracks, which overlap, which tracks are duplicates."""

from __future__ import annotations

import numpy as np

from unbroken.association.costs import fused
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.geometry.boxes import iou
from unbroken.geometry.kernels import compiled
from unbroken.motion.models import MotionModel
from unbroken.tracking.engine import Scene
from unbroken.tracking.table import TrackTable


def everybody(scene: Scene) -> Bools:
    """All tracks, (N,)."""
    return np.ones(scene.track_count, dtype=np.bool_)


def confirmed(scene: Scene) -> Bools:
    """Tracks that are believed, seen lately or not, (N,)."""
    return scene.table.confirmed


def tentative(scene: Scene) -> Bools:
    """Tracks that are not believed yet, (N,)."""
    return ~scene.table.confirmed


def followed(scene: Scene) -> Bools:
    """Believed tracks that had a detection in the last update, (N,)."""
    return scene.table.confirmed & (scene.table.rows >= 0)


def overlap_cost(scene: Scene, tracks: Ints, detections: Ints) -> Floats:
    """1 - IoU of predicted boxes with detections, (n, m)."""
    if (fast := compiled()) is not None:
        return fast.overlap_costs(scene.overlaps, tracks, detections)
    return 1.0 - scene.overlaps_of(tracks, detections)


def fused_overlap_cost(scene: Scene, tracks: Ints, detections: Ints) -> Floats:
    """1 - IoU * score of the detection, (n, m): ByteTrack's fusion."""
    if (fast := compiled()) is not None:
        return fast.fused_costs(scene.overlaps, scene.detections.scores, tracks, detections)
    return 1.0 - fused(scene.overlaps_of(tracks, detections), scene.detections.scores[detections])


def duplicates(table: TrackTable, model: MotionModel, *, overlap: float = 0.85) -> Bools:
    """Which tracks are a second track of somebody, (N,): of a seen and an unseen one that overlap, the younger goes.

    Source: ByteTrack's code (arXiv 2110.06864), which removes duplicates at an IoU above 0.85.
    """
    doomed = np.zeros(len(table), dtype=np.bool_)
    unseen = table.rows < 0
    lost = (table.confirmed & unseen).nonzero()[0]
    if not lost.size:
        return doomed
    seen = (table.confirmed & ~unseen).nonzero()[0]
    first, second = (iou(table.boxes[seen], table.boxes[lost]) > overlap).nonzero()
    if not first.size:
        return doomed
    seen, lost = seen[first], lost[second]
    lasting = table.seen[seen] - table.born[seen] > table.seen[lost] - table.born[lost]
    doomed[lost[lasting]] = True
    doomed[seen[~lasting]] = True
    return doomed
