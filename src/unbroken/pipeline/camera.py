"""One camera: what has to be computed for a frame, and what follows from it. No thread, no clock, no net in here."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from unbroken.core.arrays import Bools, Features, Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.events import Event, TrackEnded, TrackStarted
from unbroken.core.frames import Frame
from unbroken.core.ports import NO_MOTION, MotionEstimator, Tracker
from unbroken.core.sightings import Identities, Sightings
from unbroken.core.tracks import Tracks
from unbroken.geometry.boxes import foot_points, iou
from unbroken.geometry.plane import FootNoise, GroundView, locate
from unbroken.pipeline.names import Names
from unbroken.pipeline.overload import FULL, Quality
from unbroken.pipeline.quality import crop_of, sharpness, view_quality
from unbroken.pipeline.schedule import Account, Schedule, Situation, due


@dataclass(frozen=True, slots=True)
class Economy:
    """What is computed how often. Each saving can be switched off; the report counts what each saved.

    Attributes:
        every: the detector runs on every n-th frame of a camera; the tracker predicts in between.
        schedule: where it has a budget, it decides in place of `every`.
        early_rejection: a detection that overlaps a predicted track by a higher IoU gets no new feature, since no
            feature could change the match; above 1 switches it off.
        unambiguous: a detection that overlaps one predicted track, and neither it nor the track anybody else by more
            than this IoU, gets no new feature once the track has `feature_cache` of them: nobody could be mixed up. 0
            switches it off.
        refresh: seconds after which a track gets a new feature all the same.
        feature_cache: the last n features of a track are averaged for the identity manager; 1 switches it off.
        reid_score: detections below this score are too doubtful to be worth a feature.
    """

    every: int = 1
    schedule: Schedule = field(default_factory=Schedule)
    early_rejection: float = 0.95
    unambiguous: float = 0.0
    refresh: float = 1.0
    feature_cache: int = 5
    reid_score: float = 0.5

    def eased(self, quality: Quality) -> Economy:
        """The same with features as rarely as a quality under overload says."""
        if quality.refresh == 1:
            return self
        return replace(
            self,
            refresh=self.refresh * quality.refresh,
            early_rejection=min(self.early_rejection, _EASED_REJECTION),
            unambiguous=max(self.unambiguous, _EASED_OVERLAP),
        )

    def spread(self, quality: Quality, cost: float, most_every: int) -> Schedule:
        """When the detector looks under overload, `quality.every` times as rarely on average, and by need.

        Args:
            quality: how much is computed.
            cost: of one detection, seconds, as measured.
            most_every: the detector looks at every n-th frame at least, or as rarely as was set, if that is rarer.
        """
        if quality.every == 1:
            return self.schedule
        if self.schedule.budget:
            return replace(self.schedule, budget=self.schedule.budget / quality.every)
        every = max(self.every, min(self.every * quality.every, most_every))
        return replace(self.schedule, budget=max(cost / every, _LEAST), most_every=max(self.every, most_every))


_LIKELY = 0.5
"""IoU with a predicted track above which a detection is likely that track."""
_LEAST = 1e-9
"""Seconds: a budget of nothing would switch the schedule off."""
_EASED_REJECTION, _EASED_OVERLAP = 0.8, 0.1
"""Under overload, IoUs for early rejection and for unambiguous tracks: what `refresh` stands for has to come about."""


class FeatureCache:
    """The last features of each track of one camera, averaged.

    Args:
        length: how many features are kept per track.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._features: dict[int, deque[Features]] = {}
        self._times: dict[int, float] = {}

    def add(self, track: int, feature: Features, time: float) -> Features:
        """Keep a unit row (D,) and return the mean of what is kept, scaled to unit length."""
        kept = self._features.setdefault(track, deque(maxlen=self._length))
        kept.append(feature)
        self._times[track] = time
        mean: Features = np.mean(kept, axis=0, dtype=np.float32)
        norm = float(np.linalg.norm(mean))
        return mean / np.float32(norm) if norm > 0 else feature

    def age(self, track: int, time: float) -> float:
        """Seconds since the track's last feature; infinite where it has none."""
        return time - self._times[track] if track in self._times else float("inf")

    def full(self, track: int) -> bool:
        """Whether as many features are kept of a track as can be."""
        return len(self._features.get(track, ())) == self._length

    def forget(self, tracks: Ints) -> None:
        """Drop tracks that have ended."""
        for track in tracks.tolist():
            self._features.pop(track, None)
            self._times.pop(track, None)


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What the detector's last look has shown.

    Attributes:
        frame: how many frames there were, that one included; 0 before the first look.
        time: of that frame, seconds.
        tracks: the people who were seen.
        unsettled: tracks that are not believed yet, or were seen the time before and not now.
        motion: box heights per second between the last two looks, the median of the people seen in both.
    """

    frame: int = 0
    time: float = 0.0
    tracks: Tracks = field(default_factory=Tracks.empty)
    unsettled: int = 0
    motion: float = 0.0

    def again(self, frame: int, time: float, tracks: Tracks, doubtful: Ints) -> Looked:
        """After another look. Where nobody was seen twice, motion stays what it was.

        Args:
            frame: how many frames there were, this one included.
            time: of this frame.
            tracks: who was seen.
            doubtful: ids of tracks that are alive and were never seen as believed ones.
        """
        _, before, now = np.intersect1d(self.tracks.ids, tracks.ids, return_indices=True)
        motion = self.motion
        if len(now) and time > self.time:
            steps = foot_points(tracks.boxes[now]) - foot_points(self.tracks.boxes[before])
            heights = np.maximum(tracks.boxes[now, 3] - tracks.boxes[now, 1], 1.0)
            motion = float(np.median(np.linalg.norm(steps, axis=1) / heights)) / (time - self.time)
        lost = np.setdiff1d(self.tracks.ids, tracks.ids)
        return Looked(frame, time, tracks, len(lost) + len(doubtful), motion)

    def situation(self, frames: int, time: float) -> Situation:
        """What a frame meets that comes after so many frames, at this time."""
        if not self.frame:
            return Situation()
        return Situation(frames + 1 - self.frame, time - self.time, self.motion, len(self.tracks), self.unsettled)


class Camera:
    """The state of one camera between two frames.

    Args:
        name: what its frames carry.
        tracker: its own.
        economy: what is computed how often.
        motion: how the camera itself moves; `None` for one that stands still.
        view: its place in the world; `None` where it is not calibrated.

    Attributes:
        work: what was done and saved since the last frame's answer, by name.
    """

    def __init__(
        self,
        name: str,
        tracker: Tracker,
        economy: Economy,
        motion: MotionEstimator | None = None,
        view: GroundView | None = None,
    ) -> None:
        self.name = name
        self.work: Counter[str] = Counter()
        self._tracker = tracker
        self._wished = self._economy = economy
        self._quality, self._most_every = FULL, 1
        self._motion = motion
        self._view = view
        self._cache = FeatureCache(economy.feature_cache)
        self._known: Ints = np.zeros(0, dtype=np.int64)
        self._names = Names()
        self._frames = 0
        self._boxes: Floats = np.zeros((0, 4))
        self._account = Account()
        self._looked = Looked()

    def ease(self, quality: Quality, most_every: int) -> None:
        """Compute as much as `quality` says from the next frame on; the detector looks at every n-th at least."""
        self._quality, self._most_every = quality, most_every
        self._economy = self._wished.eased(quality)
        self._account = replace(self._account, saved=0.0)

    def detects(self, time: float) -> bool:
        """Whether the detector is due for the frame that comes next, at this time."""
        schedule = self._schedule()
        if not schedule.budget:
            return not self._looked.frame or self._frames + 1 - self._looked.frame >= self._economy.every
        return due(schedule, self._looked.situation(self._frames, time), self._account)

    def _schedule(self) -> Schedule:
        return self._economy.spread(self._quality, self._account.cost, self._most_every)

    def paid(self, seconds: float) -> None:
        """Take in what the detection for the frame that comes next has cost."""
        self._account = self._account.paid(seconds)

    def predict(self, frame: Frame) -> Tracks:
        """Move every track to the time of the frame, with the camera's own motion."""
        warp = self._motion.estimate(frame, self._boxes) if self._motion is not None else NO_MOTION
        self._frames += 1
        self._account = self._account.earned(self._schedule())
        return self._tracker.coast(frame.time, warp)

    def wanted(self, detections: Detections, predicted: Tracks, time: float) -> tuple[Ints, Floats]:
        """The rows of detections that need a feature, and how much: the seconds since the likeliest track's last one.

        The doubtful and those that nobody could mix up need none. Who is likely nobody known needs one most: infinity.
        """
        wanted = detections.scores >= self._economy.reid_score
        self.work["features not computed, low score"] += int((~wanted).sum())
        if len(predicted) and wanted.any():
            rows = np.flatnonzero(wanted)
            spared = np.zeros(len(rows), dtype=np.bool_)
            for reason, sure in self._savings(iou(predicted.boxes, detections.boxes[rows]), predicted.ids, time):
                self.work[f"features not computed, {reason}"] += int((sure & ~spared).sum())
                spared |= sure
            wanted[rows[spared]] = False
        self.work["features computed"] += int(wanted.sum())
        chosen = np.flatnonzero(wanted)
        return chosen, self._needs(detections.boxes[chosen], predicted, time)

    def put_off(self, count: int) -> None:
        """So many of the features that were wanted had no time left."""
        self.work["features computed"] -= count
        self.work["features put off"] += count

    def _needs(self, boxes: Floats, predicted: Tracks, time: float) -> Floats:
        needs = np.full(len(boxes), np.inf)
        if len(predicted) and len(boxes):
            overlaps = iou(predicted.boxes, boxes)
            likeliest = predicted.ids[overlaps.argmax(axis=0)].tolist()
            ages = np.array([self._cache.age(track, time) for track in likeliest])
            needs = np.where(overlaps.max(axis=0) > _LIKELY, ages, np.inf)
        return needs

    def _savings(self, overlaps: Floats, tracks: Ints, time: float) -> Iterator[tuple[str, Bools]]:
        """Which detections need no feature, and why, from their overlaps (tracks, detections) with predicted tracks."""
        economy, best = self._economy, overlaps.argmax(axis=0)
        likeliest = tracks[best].tolist()
        fresh = np.array([self._cache.age(track, time) < economy.refresh for track in likeliest])
        yield "early rejection", fresh & (overlaps.max(axis=0) > economy.early_rejection)
        if economy.unambiguous > 0:
            known = np.array([self._cache.full(track) for track in likeliest])
            touching = overlaps > economy.unambiguous
            yield "unambiguous", fresh & known & (touching.sum(axis=0) == 1) & (touching.sum(axis=1)[best] == 1)

    def follow(self, frame: Frame, detections: Detections) -> Tracks:
        """Match detections with the tracks that `predict` has moved to this frame's time."""
        tracks = self._tracker.update(detections, frame.time)
        self._boxes = tracks.boxes
        doubtful = np.setdiff1d(self._tracker.alive, np.union1d(self._known, tracks.ids))
        self._looked = self._looked.again(self._frames, frame.time, tracks, doubtful)
        return tracks

    def sightings(self, frame: Frame, tracks: Tracks, detections: Detections) -> tuple[Sightings, list[Event]]:
        """What the identity manager is told of this frame, and which tracks started and ended.

        Tracks that only coast are not seen, so they are not told.
        """
        seen = tracks.select(tracks.rows >= 0)
        ended = np.setdiff1d(self._known, self._tracker.alive)
        started = np.setdiff1d(seen.ids, self._known)
        self._known = np.union1d(np.setdiff1d(self._known, ended), started)
        features = self._averaged(seen, detections, frame.time)
        self._forget(ended)
        ground, covariance = self._placed(seen.boxes)
        quality = view_quality(seen.boxes, seen.scores, frame.size) * _sharpness(frame, seen.boxes, features)
        events: list[Event] = [TrackStarted(frame.time, self.name, int(track)) for track in started]
        events += [TrackEnded(frame.time, self.name, int(track)) for track in ended]
        return (
            Sightings(self.name, frame.time, seen.ids, seen.boxes, ground, covariance, features, quality, ended),
            events,
        )

    def named(self, tracks: Tracks, answer: Identities) -> Identities:
        """The Global IDs of all tracks: those just answered, and for tracks that coast the last ones known."""
        return self._names.named(tracks, answer)

    def take_work(self) -> dict[str, int]:
        """What was done and saved since the last time somebody asked."""
        work, self.work = dict(self.work), Counter()
        return work

    def _forget(self, ended: Ints) -> None:
        self._cache.forget(ended)
        self._names.forget(ended)

    def _averaged(self, seen: Tracks, detections: Detections, time: float) -> Features:
        features = np.zeros((len(seen), detections.features.shape[1]), dtype=np.float32)
        if not features.shape[1]:
            return features
        new = detections.features[seen.rows]
        for row in np.flatnonzero(new.any(axis=1)).tolist():
            features[row] = self._cache.add(int(seen.ids[row]), new[row], time)
        return features

    def _placed(self, boxes: Floats) -> tuple[Floats, Floats]:
        if self._view is None:
            return np.full((len(boxes), 2), np.nan), np.full((len(boxes), 2, 2), np.nan)
        return locate(self._view, boxes, FootNoise())


def _sharpness(frame: Frame, boxes: Floats, features: Features) -> Floats:
    """Of each view that has a new feature; 1 for the others, which cost no look."""
    sharp = np.ones(len(boxes))
    for row in np.flatnonzero(features.any(axis=1)).tolist():
        crop = crop_of(frame, boxes[row])
        sharp[row] = sharpness(crop) if crop.size else 0.0
    return sharp
