"""One site: all cameras of a moment go through the chain together, so that nets see batches, not crops."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from unbroken.core.arrays import Features, Floats, Image, Ints
from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError
from unbroken.core.events import Event
from unbroken.core.frames import Frame
from unbroken.core.ports import Detector, Embedder, IdentityManager, Restartable, Sizable
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities, Sightings
from unbroken.core.tracks import Tracks
from unbroken.pipeline.camera import Camera
from unbroken.pipeline.overload import FULL, Quality
from unbroken.pipeline.quality import crop_of

Answer = TypeVar("Answer")


class Overseer(Protocol):
    """Who watches over a step: told what it is doing, and asked what happens to errors."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def guard(self, camera: str) -> AbstractContextManager[None]:
        """Around each part of a step that concerns one camera (several where the name is empty)."""

    def room(self, crops: int) -> int:
        """How many of so many crops the embedder has time for in this step."""

    def embedded(self, crops: int, seconds: float) -> None:
        """The embedder took so long for so many crops."""


class Unwatched:
    """Nobody watches: errors go up."""

    def stage(self, name: str) -> None:
        """Nobody listens."""

    def guard(self, camera: str) -> AbstractContextManager[None]:
        """Errors pass."""
        return nullcontext()

    def room(self, crops: int) -> int:
        """There is time for all."""
        return crops

    def embedded(self, crops: int, seconds: float) -> None:
        """Nobody counts."""


UNWATCHED = Unwatched()


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
        self._cameras = dict(cameras)
        self._detectors = dict(detectors)
        self._embedder = embedder
        self._identity = identity
        self._clock = clock
        self._quality, self._most_every = FULL, 1
        self._smaller: dict[int, Detector] = {}

    @property
    def parts(self) -> dict[str, str]:
        """What is at work here, for the report: detectors and Re-ID, each in one line."""
        detectors = list(dict.fromkeys(detector.description for detector in self._detectors.values()))
        reid = self._embedder.description if self._embedder is not None else "none"
        return {"detector": "; ".join(detectors), "reid": reid}

    @property
    def cameras(self) -> frozenset[str]:
        """The names of all cameras."""
        return frozenset(self._cameras)

    def add(self, camera: Camera, detector: Detector) -> None:
        """Take a camera in between two steps; one of the same name is replaced, and its tracks with it."""
        camera.ease(self._quality, self._most_every)
        self._cameras[camera.name] = camera
        self._detectors[camera.name] = detector
        self._restarted(camera.name)

    def rest(self) -> list[Event]:
        """What happens between pictures: people may have asked the identity manager for something."""
        return self._identify([])[1]

    def wrap(self, around: Callable[[IdentityManager], IdentityManager]) -> None:
        """Put something around the identity manager, where there is one: a recorder. Between two steps only."""
        if self._identity is not None:
            self._identity = around(self._identity)

    def _restarted(self, name: str) -> None:
        identity: object = self._identity
        if isinstance(identity, Restartable):
            identity.begin(name)

    def remove(self, name: str) -> None:
        """Let a camera go between two steps."""
        self._cameras.pop(name, None)
        self._detectors.pop(name, None)
        self._restarted(name)

    @property
    def size(self) -> int:
        """Pixels of the longer side of the largest detector input that can be made smaller; 0 where none can."""
        return max((one.size for one in self._detectors.values() if isinstance(one, Sizable)), default=0)

    def ease(self, quality: Quality, most_every: int) -> None:
        """Compute as much as `quality` says from the next step on; detectors look at every n-th frame at least."""
        self._quality, self._most_every = quality, most_every
        for camera in self._cameras.values():
            camera.ease(quality, most_every)
        self._smaller.clear()

    def _detector(self, camera: str) -> Detector:
        """The detector of a camera at the size that the quality allows; cameras that share one still share it."""
        detector = self._detectors[camera]
        if not self._quality.size or not isinstance(detector, Sizable) or detector.size <= self._quality.size:
            return detector
        if id(detector) not in self._smaller:
            self._smaller[id(detector)] = detector.at_size(self._quality.size)
        return self._smaller[id(detector)]

    def step(self, frames: Sequence[Frame], overseer: Overseer = UNWATCHED) -> tuple[list[FrameResult], list[Event]]:
        """The answers for at most one frame per camera, in the order given, and what happened.

        Frames of a camera whose part of the step broke, where the overseer lets the step go on, have no answer.
        """
        timings: Counter[str] = Counter()
        with self._timed(timings, "detect", overseer):
            found = self._detect(frames, overseer)
            frames = [frame for frame in frames if frame.camera in found]
        with self._timed(timings, "track", overseer):
            predicted = _each(frames, overseer, lambda frame: self._cameras[frame.camera].predict(frame))
        with self._timed(timings, "embed", overseer):
            found = self._embed([frame for frame in frames if frame.camera in predicted], found, predicted, overseer)
        with self._timed(timings, "track", overseer):
            followed = _each(
                [frame for frame in frames if frame.camera in predicted],
                overseer,
                lambda frame: self._follow(frame, found[frame.camera], predicted[frame.camera]),
            )
        frames = [frame for frame in frames if frame.camera in followed]
        with self._timed(timings, "identify", overseer):
            identities, decided = self._identified([followed[frame.camera].sightings for frame in frames], overseer)
        share = {step: seconds / max(len(frames), 1) for step, seconds in timings.items()}
        results = [
            self._result(frame, followed[frame.camera], identity, share)
            for frame, identity in zip(frames, identities, strict=True)
        ]
        return results, [event for frame in frames for event in followed[frame.camera].events] + decided

    def _detect(self, frames: Sequence[Frame], overseer: Overseer) -> dict[str, Detections | None]:
        """Detections by camera, `None` for those not due; one call for all cameras that share a detector."""
        due = _each(frames, overseer, lambda frame: self._due(frame))
        batches: defaultdict[int, list[Frame]] = defaultdict(list)
        for frame in frames:
            if due.get(frame.camera):
                batches[id(self._detector(frame.camera))].append(frame)
        found: dict[str, Detections | None] = {camera: None for camera, looks in due.items() if not looks}
        for batch in batches.values():
            found.update(self._looked(batch, overseer))
        return found

    def _due(self, frame: Frame) -> bool:
        camera = self._cameras[frame.camera]
        looks = camera.detects(frame.time)
        camera.work["detector runs" if looks else "detector skipped"] += 1
        return looks

    def _looked(self, batch: list[Frame], overseer: Overseer) -> dict[str, Detections]:
        """The detections of a batch; where it breaks, each frame is tried alone: one cannot spoil the others."""
        found: dict[str, Detections] = {}
        start = self._clock()
        with overseer.guard(batch[0].camera if len(batch) == 1 else ""):
            answers = self._detector(batch[0].camera).detect(batch)
            found = {frame.camera: answer for frame, answer in zip(batch, answers, strict=True)}
        if not found and len(batch) > 1:
            return {camera: one for frame in batch for camera, one in self._looked([frame], overseer).items()}
        for camera in found:
            self._cameras[camera].paid((self._clock() - start) / len(batch))
        return found

    def _embed(
        self,
        frames: Sequence[Frame],
        found: Mapping[str, Detections | None],
        predicted: Mapping[str, Tracks],
        overseer: Overseer,
    ) -> dict[str, Detections | None]:
        """The detections with features: one batch of crops over all cameras, the neediest first where time is short."""
        if self._embedder is None:
            return dict(found)
        looked = [frame for frame in frames if found[frame.camera] is not None and frame.image.size]
        wishes = _each(looked, overseer, lambda frame: self._wishes(frame, found[frame.camera], predicted))
        crops = [crop for wish in wishes.values() for crop in wish.crops]
        needs = np.concatenate([np.zeros(0), *(wish.needs for wish in wishes.values())])
        chosen = _neediest(needs, overseer.room(len(crops)))
        features = np.zeros((len(crops), self._embedder.dimension), dtype=np.float32)
        start = self._clock()
        with overseer.guard(""):
            features[chosen] = self._embedder.embed([crops[row] for row in chosen])
        overseer.embedded(len(chosen), self._clock() - start)
        filled, first = dict(found), 0
        for camera, wish in wishes.items():
            mine = slice(first, first + len(wish.crops))
            first += len(wish.crops)
            filled[camera] = _scattered(wish, features[mine])
            self._cameras[camera].put_off(len(wish.crops) - int(np.isin(np.arange(len(crops))[mine], chosen).sum()))
        return filled

    def _wishes(self, frame: Frame, detections: Detections | None, predicted: Mapping[str, Tracks]) -> _Wish:
        detections = Detections.empty() if detections is None else detections
        rows, needs = self._cameras[frame.camera].wanted(detections, predicted[frame.camera], frame.time)
        cut = [crop_of(frame, detections.boxes[row]) for row in rows]
        whole = [crop.size > 0 for crop in cut]
        return _Wish(detections, rows[whole], needs[whole], [crop for crop in cut if crop.size])

    def _follow(self, frame: Frame, found: Detections | None, predicted: Tracks) -> _Followed:
        camera = self._cameras[frame.camera]
        tracks = predicted if found is None else camera.follow(frame, found)
        detections = Detections.empty() if found is None else found
        return _Followed(detections, tracks, *camera.sightings(frame, tracks, detections))

    def _identified(self, told: list[Sightings], overseer: Overseer) -> tuple[list[Identities], list[Event]]:
        """The Global IDs; where the sightings of one camera break their contract, those of the others are answered."""
        try:
            return self._identify(told)
        except ContractError as error:
            if len(told) > 1:
                parts = [self._identified([one], overseer) for one in told]
                return [who for answers, _ in parts for who in answers], [event for _, some in parts for event in some]
            with overseer.guard(told[0].camera if told else ""):
                _raise(error)
            return [Identities.undecided(one.camera, one.time, one.tracks) for one in told], []

    def _identify(self, told: list[Sightings]) -> tuple[list[Identities], list[Event]]:
        if self._identity is None:
            return [Identities.undecided(s.camera, s.time, s.tracks) for s in told], []
        return self._identity.observe(told)

    def _result(
        self, frame: Frame, followed: _Followed, identities: Identities, timings: Mapping[str, float]
    ) -> FrameResult:
        camera = self._cameras[frame.camera]
        return FrameResult(
            camera=frame.camera,
            index=frame.index,
            time=frame.time,
            size=frame.size,
            detections=followed.detections,
            tracks=followed.tracks,
            identities=camera.named(followed.tracks, identities),
            timings=timings,
            work=camera.take_work(),
        )

    @contextmanager
    def _timed(self, timings: Counter[str], step: str, overseer: Overseer) -> Iterator[None]:
        overseer.stage(step)
        start = self._clock()
        yield
        timings[step] += self._clock() - start  # type: ignore[assignment]


def _raise(error: Exception) -> None:
    raise error


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """What became of one frame in its own camera."""

    detections: Detections
    tracks: Tracks
    sightings: Sightings
    events: list[Event]


def _each(frames: Sequence[Frame], overseer: Overseer, act: Callable[[Frame], Answer]) -> dict[str, Answer]:
    """What `act` answers for each frame, by camera; those on which it broke are missing."""
    answers: dict[str, Answer] = {}
    for frame in frames:
        with overseer.guard(frame.camera):
            answers[frame.camera] = act(frame)
    return answers


@dataclass(frozen=True, slots=True, eq=False)
class _Wish:
    """The crops of one camera that want a feature: rows of its detections, and how much each needs one."""

    detections: Detections
    rows: Ints
    needs: Floats
    crops: list[Image]


def _neediest(needs: Floats, most: int) -> Ints:
    """The `most` rows with the greatest need, in their own order."""
    chosen: Ints = np.sort(np.argsort(-needs, kind="stable")[: max(most, 0)])
    return chosen


def _scattered(wish: _Wish, features: Features) -> Detections:
    """Detections with the features of their rows; rows that were not embedded hold zeros."""
    detections = wish.detections
    filled = np.zeros((len(detections), features.shape[1]), dtype=np.float32)
    filled[wish.rows] = features
    return Detections(detections.boxes, detections.scores, detections.classes, filled)
