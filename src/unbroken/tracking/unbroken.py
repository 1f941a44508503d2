"""The default tracker: the ideas that proved their worth here, on one engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp

import numpy as np

from unbroken.association.costs import forbid, height_iou, nearest_distances
from unbroken.association.stages import Stage
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.ports import NO_MOTION
from unbroken.core.tracks import Tracks
from unbroken.geometry.boxes import areas, foot_points, intersections, iou
from unbroken.geometry.kernels import compiled
from unbroken.motion import kalman
from unbroken.motion.models import NOMINAL_RATE, MotionModel, xywh_model
from unbroken.motion.steady import Steadiness, common_shift
from unbroken.tracking.choices import followed, fused_overlap_cost, tentative
from unbroken.tracking.engine import Engine, Lifecycle, Plan, Scene
from unbroken.tracking.meetings import Meetings
from unbroken.tracking.settings import check, ranged
from unbroken.tracking.table import Memory, TrackTable

_BANK = 8
"""Features kept of each track."""

_SURE, _FEWEST, _TELLING = 0.5, 2, 0.05
"""Overlap of pairs that are surely the same; how many pairs a median needs; the difference that says something."""

_HIDDEN = 0.3
"""Covered share of a box above which its feature is not trusted."""

_GROWTH = 0.4
"""Logarithm of the ratio of heights that is not believed of one person."""

_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Unbroken:
    """Parameters of the default tracker. Times are seconds, lengths are sides of the box.

    Two passes over good and poor detections (ByteTrack, arXiv 2110.06864) on a filter of centre, width and height
    (BoT-SORT, arXiv 2206.14651), and three ideas of its own:

    * The filter doubts a box that is partly behind another one: its measured place has `occlusion_noise` times more
      variance per covered share. So two people who pass keep their own speeds instead of pulling at each other.
    * The camera's motion is seen in the boxes: what everybody does at once is taken for the camera's, with a velocity
      of its own, for tracks unseen as well (`motion.steady`). A warp that is given is applied first.
    * Who is left without a box meets what is left of the good detections once more before a new track begins, held to
      the same height: with boxes widened by `reach` where it was expected (C-BIoU, arXiv 2211.14317), and where it was
      last seen (OC-SORT, arXiv 2203.14360), for people do not always go on as they went.

    Features, where detections have them, add to the cost what they can tell: distances are read on the scale of the
    picture itself, from people who are surely the same to people who are surely not, so that no threshold depends on
    the net, and features that tell nothing weigh nothing. Poor or covered boxes teach nothing. Who was lost is found
    again by looks alone for `recall_age`, as far away as it can have walked. Two who overlapped and part with each
    other's looks get their ids back (`tracking.meetings`).

    Attributes:
        high_score: score of a good detection.
        low_score: poor detections have at least this score.
        birth_score: score of a detection that may begin a track.
        match_limit: limit of 1 - IoU * score for good detections.
        low_limit: limit of 1 - IoU for poor detections.
        low_slack: what that limit gains with each doubling of the time between pictures, from 1/30 s on.
        new_limit: limit of 1 - IoU * score for tracks that are not confirmed yet.
        rescue_limit: limit of 1 - IoU * IoU of heights for those left over.
        reach: by which share of its sides a box is widened on each side for the rescue.
        max_age: how long a lost track is kept.
        min_hits: detections before a track is reported.
        occlusion_noise: additional variances of a measured box that is wholly covered.
        position_noise: standard deviation of a measured side, per side.
        size_noise: how many times noisier a measured size is than a measured place.
        velocity_noise: standard deviation that a frame (1/30 s) adds to a velocity, in sides per frame.
        looks_weight: what the likeness of features adds to or takes from the cost at most.
        recall_limit: limit of (1 - likeness) / 2 for finding the lost by looks alone.
        recall_age: how long the lost are looked for by looks; at least `max_age`.
        walk: how far they may have gone, box heights per second.
        steady: run on an engine for one camera that estimates the camera's motion from the boxes, learns no looks from
            poor and covered boxes and exchanges who was mistaken; without, the plain engine, which a fleet can share.
        drift_gain: share of an unexpected common shift that is taken for a lasting velocity of the camera.
        drift_time: after which that velocity has faded to a third.
        swap_margin: two who part are exchanged if that explains their looks better by this share of the difference
            between them; above 1, hardly ever.
    """

    high_score: float = ranged(0.6, 0.0, 1.0)
    low_score: float = ranged(0.1, 0.0, 1.0)
    birth_score: float = ranged(0.7, 0.0, 1.0)
    match_limit: float = ranged(0.8, 0.0, 1.0)
    low_limit: float = ranged(0.4, 0.0, 1.0)
    low_slack: float = ranged(0.06, 0.0, 0.5)
    new_limit: float = ranged(0.75, 0.0, 1.0)
    rescue_limit: float = ranged(0.7, 0.0, 1.0)
    reach: float = ranged(0.3, 0.0, 1.0)
    max_age: float = ranged(1.0, 0.0, 60.0)
    min_hits: int = ranged(2, 1, 30)
    occlusion_noise: float = ranged(12.0, 0.0, 1000.0)
    position_noise: float = ranged(1 / 20, 0.001, 1.0)
    size_noise: float = ranged(1.4, 0.1, 10.0)
    velocity_noise: float = ranged(1 / 190, 0.0001, 1.0)
    looks_weight: float = ranged(0.4, 0.0, 1.0)
    recall_limit: float = ranged(0.15, 0.0, 1.0)
    recall_age: float = ranged(5.0, 0.0, 600.0)
    walk: float = ranged(1.0, 0.0, 10.0)
    steady: bool = True
    drift_gain: float = ranged(0.4, 0.0, 1.0)
    drift_time: float = ranged(0.5, 0.01, 60.0)
    swap_margin: float = ranged(0.5, 0.0, 10.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check(self)

    def tracker(self) -> Engine:
        """The engine that also looks for the camera's motion and for people taken for each other."""
        return SteadyEngine(self) if self.steady else Engine(self)

    def plan(self) -> Plan:
        """Good detections, poor ones for who was seen just now, newcomers, and the rescue."""
        return Plan(
            model=xywh_model(position=self.position_noise, velocity=self.velocity_noise, size=self.size_noise),
            stages=(
                Stage(self.recent, self.good, self.cost, limit=self.match_limit),
                Stage(followed, self.poor, self.poor_cost, limit=self.low_limit),
                Stage(tentative, self.good, self.cost, limit=self.new_limit),
                Stage(self.recent, self.good, self.rescue_cost, limit=self.rescue_limit),
                Stage(self.lost, self.good, self.recall_cost, limit=self.recall_limit),
            ),
            lifecycle=Lifecycle(self.birth_score, self.min_hits, max(self.max_age, self.recall_age)),
            memory=Memory(bank=_BANK),
            idle=(2, 3),
            noise=self.doubt,
            prune=self.faceless,
        )

    def recent(self, scene: Scene) -> Bools:
        """Believed tracks that were seen lately enough to be found by place."""
        table = scene.table
        young: Bools = scene.time - table.seen <= self.max_age + 1 / NOMINAL_RATE + _SLACK
        taking_part: Bools = table.confirmed & ((table.rows >= 0) | young)
        return taking_part

    def lost(self, scene: Scene) -> Bools:
        """Believed tracks that were not seen in the last update."""
        return scene.table.confirmed & (scene.table.rows < 0)

    def faceless(self, table: TrackTable, model: MotionModel) -> Bools:
        """Tracks without features that are too old to be found by place."""
        unseen = table.seen.max(initial=0.0) - table.seen
        gone: Bools = (table.rows < 0) & (table.stored == 0) & (unseen > self.max_age + _SLACK)
        return gone

    def good(self, scene: Scene) -> Bools:
        """Detections of high score."""
        return scene.detections.scores >= self.high_score

    def poor(self, scene: Scene) -> Bools:
        """Detections of low score: people who are being hidden."""
        scores = scene.detections.scores
        return (scores >= self.low_score) & (scores < self.high_score)

    def doubt(self, scene: Scene) -> Floats:
        """How many times its usual variance each detection's box has."""
        return 1.0 + self.occlusion_noise * covered(scene.detections.boxes)

    def cost(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """1 - IoU * score - weight * likeness of features."""
        return self.with_looks(fused_overlap_cost(scene, tracks, detections), scene, tracks, detections)

    def with_looks(self, place: Floats, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """A cost of place (n, m) less the weighted likeness of features, where place alone does not forbid it."""
        if not self.looks_weight or not _features_on_both_sides(scene):
            return place
        likeness = likeness_of_looks(scene)[np.ix_(tracks, detections)]
        return forbid(place - self.looks_weight * likeness, place >= 1.0)

    def poor_cost(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """1 - IoU, less where more time has passed since the last picture: nobody is expected as exactly then."""
        frames = np.maximum((scene.time - scene.table.seen[tracks]) * NOMINAL_RATE, 1.0)
        cost: Floats = 1.0 - scene.overlaps_of(tracks, detections) - self.low_slack * np.log2(frames)[:, None]
        return cost

    def recall_cost(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """(1 - likeness) / 2 where the way is short enough and the height about the same."""
        if not _features_on_both_sides(scene):
            return np.full((len(tracks), len(detections)), np.inf)
        expected, found = scene.boxes[tracks], scene.detections.boxes[detections]
        heights = np.maximum(expected[:, 3] - expected[:, 1], 1e-6)[:, None]
        growth = np.maximum(found[:, 3] - found[:, 1], 1e-6) / heights
        steps = np.linalg.norm(foot_points(expected)[:, None] - foot_points(found)[None], axis=2) / heights
        unseen = (scene.time - scene.table.seen[tracks])[:, None]
        far = (steps > 1.0 + self.walk * unseen) | (np.abs(np.log(growth)) > _GROWTH)
        return forbid((1.0 - likeness_of_looks(scene)[np.ix_(tracks, detections)]) / 2, far)

    def rescue_cost(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """1 - IoU * IoU of heights - weight * likeness: widened where it is expected, or where it was last seen."""
        expected, seen = scene.boxes[tracks], scene.table.observed[tracks]
        found = scene.detections.boxes[detections]
        wide = iou(widened(expected, self.reach), widened(found, self.reach)) * height_iou(expected, found)
        place = 1.0 - np.maximum(wide, iou(seen, found) * height_iou(seen, found))
        return self.with_looks(place, scene, tracks, detections)


class SteadyEngine(Engine):
    """An engine that adds the camera's motion, as the boxes show it, to the warp, and exchanges who was mistaken."""

    def __init__(self, parameters: Unbroken) -> None:
        self._settings = parameters
        super().__init__(parameters)

    def reset(self) -> None:
        """Forget everything: as if new."""
        super().reset()
        self._drift = np.zeros(2)
        self._meetings = Meetings()

    def update(self, detections: Detections, time: float, warp: Floats = NO_MOTION) -> Tracks:
        """As `Engine.update`, in pixels from which the camera's motion is taken out; then who parts is looked at."""
        settings = self._settings
        tracks = super().update(_trusted(detections, settings.high_score), time, warp)
        if not self.table.bank.shape[2]:
            return tracks
        exchanged = self._meetings.mend(self.table, settings.swap_margin, settings.recall_age)
        return self.report(coasting=False) if exchanged else tracks

    def motion(self, warp: Floats, passed: float, detections: Detections | None) -> Floats:
        """The warp with the camera's lasting velocity and what the boxes say of it, which is remembered.

        Without a detector the camera is expected to go on as it did. A pipeline has coasted to this time before, so
        for a velocity the time since the last update counts, not that since the last prediction.
        """
        since = self._since_update()
        if detections is not None and (since <= 0 or not len(detections)):
            return warp
        if passed > 0 and self._drift.any():
            warp = _shifted(warp, self._drift * passed)
        if detections is None:
            return warp
        settings, model = self._settings, self._plan.model
        good = detections.boxes[detections.scores >= settings.high_score]
        shift = common_shift(self._expected(warp), model.encode(good), Steadiness())
        lasting = self._drift + settings.drift_gain * shift / since
        self._drift = lasting * exp(-since / settings.drift_time)
        return _shifted(warp, shift) if shift.any() else warp

    def _expected(self, warp: Floats) -> Floats:
        """Where those seen in the last update are expected, (n, 4), through a warp."""
        moments = self.table.moments.compress(self.table.rows >= 0, axis=1)
        if warp is not NO_MOTION:
            moments = kalman.warped(self._plan.model, moments, warp)
        positions: Floats = moments[kalman.POSITION]
        return positions

    def _since_update(self) -> float:
        """Seconds since the last picture with detections; 0 where there was none."""
        return self._time - self._updated if self._time is not None and self._updated is not None else 0.0


def likeness_of_looks(scene: Scene) -> Floats:
    """How alike tracks and detections look, on the scale of the picture itself: (N, M) in -1..1, 0 for no opinion.

    Pairs that do not overlap are surely different people, the best pairs that overlap by half surely the same; the
    medians of their distances are -1 and 1. Where few people are seen, or are seen too seldom to overlap with where
    they are expected, what is remembered of the tracks counts as well. Where the two medians hardly differ, features
    tell nothing: all 0.
    """
    distances = nearest_distances(scene.table.bank, scene.detections.features)
    known = ~np.isnan(distances)
    apart, same = distances[known & (scene.overlaps <= 0)], distances[known & (scene.overlaps > _SURE)]
    if min(len(apart), len(same)) < _FEWEST:
        among = _remembered_distances(scene.table)
        own, known_among = np.eye(len(among), dtype=np.bool_), ~np.isnan(among)
        apart, same = (np.append(pairs, among[known_among & mask]) for pairs, mask in ((apart, ~own), (same, own)))
    if min(len(apart), len(same)) < _FEWEST:
        return np.zeros_like(distances)
    far, near = float(np.median(apart)), float(np.median(same))
    if far - near < _TELLING:
        return np.zeros_like(distances)
    likeness = ((far + near) - 2 * np.where(known, distances, (far + near) / 2)) / (far - near)
    clipped: Floats = np.clip(likeness, -1.0, 1.0)
    return clipped


def _remembered_distances(table: TrackTable) -> Floats:
    """From the older features of each track to the newest one of each track: (N, N), NaN where there is none."""
    every, newest = np.arange(len(table)), table.newest(np.arange(len(table)), 1)[:, 0]
    older = table.bank.copy()
    older[every, (table.stored - 1) % table.memory.bank] = 0.0
    return nearest_distances(older, newest)


def covered(boxes: Floats) -> Floats:
    """The share of each box that is behind another one: of the boxes with a lower foot, the one that covers most.

    People stand on a floor and are seen from above, so the lower foot is nearer. (M, 4) -> (M,) in 0..1.
    """
    if len(boxes) < 2:
        return np.zeros(len(boxes))
    if (fast := compiled()) is not None:
        return fast.covered(boxes)
    shares = intersections(boxes, boxes) / np.maximum(areas(boxes), 1e-9)[:, None]
    nearer = boxes[None, :, 3] > boxes[:, None, 3]
    hidden: Floats = (shares * nearer).max(axis=1)
    return hidden


def widened(boxes: Floats, share: float) -> Floats:
    """Boxes with the given share of their sides added on each side. (N, 4) -> (N, 4)."""
    more = share * (boxes[:, 2:] - boxes[:, :2])
    return np.concatenate([boxes[:, :2] - more, boxes[:, 2:] + more], axis=1)


def _features_on_both_sides(scene: Scene) -> bool:
    return bool(scene.table.bank.shape[2] and scene.detections.features.shape[1])


def _trusted(detections: Detections, least: float) -> Detections:
    """The detections without the features of poor and of covered boxes: they teach nothing and mislead."""
    if not detections.features.shape[1]:
        return detections
    clear = (detections.scores >= least) & (covered(detections.boxes) < _HIDDEN)
    return replace(detections, features=detections.features * clear[:, None])


def _shifted(warp: Floats, shift: Floats) -> Floats:
    moved = np.array(warp, dtype=np.float64)
    moved[:, 2] += shift
    return moved
