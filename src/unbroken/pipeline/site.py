"""One site: all cameras of a moment go through the chain together, so that nets see batches, not crops."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from unbroken.core.arrays import Features, Image, Ints
from unbroken.core.detections import Detections
from unbroken.core.events import Event
from unbroken.core.frames import Frame
from unbroken.core.ports import Detector, Embedder, IdentityManager
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities, Sightings
from unbroken.core.tracks import Tracks
from unbroken.pipeline.camera import Camera
from unbroken.pipeline.quality import crop_of


class Site:
    """Cameras, one embedder and one identity manager.

    Args:
        cameras: by name.
        detectors: by camera; cameras may share one, which then sees their frames as a batch.
        embedder: `None` for tracking without appearance.
        identity: `None` for tracks without Global IDs.
        clock: seconds, for the timings of the report.
    """

    def __init__(
        self,
        cameras: Mapping[str, Camera],
        detectors: Mapping[str, Detector],
        embedder: Embedder | None,
        identity: IdentityManager | None,
        clock: Callable[[], float],
    ) -> None:
        self._cameras = cameras
        self._detectors = detectors
        self._embedder = embedder
        self._identity = identity
        self._clock = clock

    @property
    def parts(self) -> dict[str, str]:
        """What is at work here, for the report: detectors and Re-ID, each in one line."""
        detectors = list(dict.fromkeys(detector.description for detector in self._detectors.values()))
        reid = self._embedder.description if self._embedder is not None else "none"
        return {"detector": "; ".join(detectors), "reid": reid}

    def step(self, frames: Sequence[Frame]) -> tuple[list[FrameResult], list[Event]]:
        """The answers for at most one frame per camera, in the order given, and what happened."""
        timings: Counter[str] = Counter()
        with self._timed(timings, "detect"):
            found = self._detect(frames)
        with self._timed(timings, "track"):
            predicted = {frame.camera: self._cameras[frame.camera].predict(frame) for frame in frames}
        with self._timed(timings, "embed"):
            found = self._embed(frames, found, predicted)
        with self._timed(timings, "track"):
            tracks = [self._follow(frame, found, predicted) for frame in frames]
            told = [
                self._cameras[frame.camera].sightings(frame, seen, found.get(frame.camera, Detections.empty()))
                for frame, seen in zip(frames, tracks, strict=True)
            ]
        events = [event for _, camera_events in told for event in camera_events]
        with self._timed(timings, "identify"):
            identities, decided = self._identify([sightings for sightings, _ in told])
        share = {step: seconds / max(len(frames), 1) for step, seconds in timings.items()}
        results = [
            self._result(frame, found, seen, identity, share)
            for frame, seen, identity in zip(frames, tracks, identities, strict=True)
        ]
        return results, events + decided

    def _detect(self, frames: Sequence[Frame]) -> dict[str, Detections]:
        """Detections by camera, for the cameras that are due; one call for all cameras that share a detector."""
        batches: defaultdict[int, list[Frame]] = defaultdict(list)
        for frame in frames:
            camera = self._cameras[frame.camera]
            looks = camera.detects(frame.time)
            camera.work["detector runs" if looks else "detector skipped"] += 1
            if looks:
                batches[id(self._detectors[frame.camera])].append(frame)
        found = {}
        for batch in batches.values():
            start = self._clock()
            answers = self._detectors[batch[0].camera].detect(batch)
            share = (self._clock() - start) / len(batch)
            for frame in batch:
                self._cameras[frame.camera].paid(share)
            found.update({frame.camera: answer for frame, answer in zip(batch, answers, strict=True)})
        return found

    def _embed(
        self, frames: Sequence[Frame], found: Mapping[str, Detections], predicted: Mapping[str, Tracks]
    ) -> dict[str, Detections]:
        """The detections with features: one batch of crops over all cameras."""
        if self._embedder is None:
            return dict(found)
        crops: list[Image] = []
        places: list[tuple[str, Ints]] = []
        for frame in frames:
            if frame.camera not in found or not frame.image.size:
                continue
            detections = found[frame.camera]
            rows = self._cameras[frame.camera].wanted(detections, predicted[frame.camera], frame.time)
            cut = [crop_of(frame, detections.boxes[row]) for row in rows]
            rows = rows[[crop.size > 0 for crop in cut]]
            crops += [crop for crop in cut if crop.size]
            places.append((frame.camera, rows))
        features = self._embedder.embed(crops)
        return {**found, **_scattered(found, places, features)}

    def _follow(self, frame: Frame, found: Mapping[str, Detections], predicted: Mapping[str, Tracks]) -> Tracks:
        if frame.camera not in found:
            return predicted[frame.camera]
        return self._cameras[frame.camera].follow(frame, found[frame.camera])

    def _identify(self, told: list[Sightings]) -> tuple[list[Identities], list[Event]]:
        if self._identity is None:
            return [Identities.undecided(s.camera, s.time, s.tracks) for s in told], []
        return self._identity.observe(told)

    def _result(
        self,
        frame: Frame,
        found: Mapping[str, Detections],
        tracks: Tracks,
        identities: Identities,
        timings: Mapping[str, float],
    ) -> FrameResult:
        camera = self._cameras[frame.camera]
        return FrameResult(
            camera=frame.camera,
            index=frame.index,
            time=frame.time,
            size=frame.size,
            detections=found.get(frame.camera, Detections.empty()),
            tracks=tracks,
            identities=camera.named(tracks, identities),
            timings=timings,
            work=camera.take_work(),
        )

    @contextmanager
    def _timed(self, timings: Counter[str], step: str) -> Iterator[None]:
        start = self._clock()
        yield
        timings[step] += self._clock() - start  # type: ignore[assignment]


def _scattered(
    found: Mapping[str, Detections], places: Sequence[tuple[str, Ints]], features: Features
) -> dict[str, Detections]:
    """Detections with the features of their rows; rows that were not embedded hold zeros."""
    result, start = {}, 0
    for camera, rows in places:
        detections = found[camera]
        filled = np.zeros((len(detections), features.shape[1]), dtype=np.float32)
        filled[rows] = features[start : start + len(rows)]
        start += len(rows)
        result[camera] = Detections(detections.boxes, detections.scores, detections.classes, filled)
    return result
