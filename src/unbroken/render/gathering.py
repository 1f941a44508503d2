"""What a report tells, gathered while a run goes on: few numbers and few pictures, however long it takes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.core.events import CameraLost, CameraStalled, ClockCorrected, Event, PersonForgotten
from unbroken.core.frames import Frame
from unbroken.core.ledger import NOBODY, Ledger
from unbroken.core.results import FrameResult
from unbroken.core.tracks import TrackState
from unbroken.render.draw import clock
from unbroken.render.portraits import Portrait, Portraits, PortraitSettings
from unbroken.render.spans import Seen, Spans

Ground = Callable[[str, Floats], Floats]
"""(camera, boxes (N, 4)) -> (N, 2) metres, NaN where the camera is not calibrated."""


@dataclass(frozen=True, slots=True)
class GatherSettings:
    """What is gathered.

    Attributes:
        pictures: keep pictures of people; without, the report shows none.
        portraits: which ones.
        ground: where people stand; none for sites that are not calibrated.
        path_step: seconds between two kept points of a person's path on the ground.
        path_limit: points of all paths that are kept; then every second one is dropped and the step doubles.
    """

    pictures: bool = True
    portraits: PortraitSettings = field(default_factory=PortraitSettings)
    ground: Ground | None = None
    path_step: float = 0.2
    path_limit: int = 200_000


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What one camera delivered: `size` in pixels, (0, 0) without pictures; `start` and `end` in seconds."""

    name: str
    frames: int
    tracks: int
    start: float
    end: float
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Seconds that one step of the chain took: all together, and per picture the mean, median and 95th percentile."""

    total: float
    mean: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that a report tells of a run.

    Attributes:
        cameras: in the order in which they came.
        seen: who was in view of which camera when.
        portraits: by Global ID, grouped by camera.
        steps: by the name of the step.
        latency: (N, 2): seconds of video, milliseconds spent on a picture (mean of a stretch).
        work: what was done and saved, by name.
        events: how many of each kind.
        paths: by Global ID, (N, 3): seconds, x and y in metres.
        warnings: one sentence each.
        pictures: whether pictures were asked for.
        blurred: whether heads in them are blurred.
    """

    cameras: tuple[CameraFacts, ...]
    seen: tuple[Seen, ...]
    portraits: Mapping[int, Sequence[Portrait]]
    steps: Mapping[str, StepTimes]
    latency: Floats
    work: Mapping[str, int]
    events: Mapping[str, int]
    paths: Mapping[int, Floats]
    warnings: tuple[str, ...]
    pictures: bool
    blurred: bool


class Gathering:
    """A sink that writes nothing: ask it for `gathered()` at the end, or at any time before."""

    def __init__(self, settings: GatherSettings | None = None) -> None:
        self._settings = settings or GatherSettings()
        self._ledger = Ledger()
        self._spans = Spans()
        self._portraits = Portraits(self._settings.portraits)
        self._paths = Paths(self._settings.path_step, self._settings.path_limit)
        self._cameras: dict[str, CameraFacts] = {}
        self._highest: dict[str, int] = {}
        self._steps: dict[str, Durations] = {}
        self._latency = Series()
        self._work: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._warnings: dict[str, None] = {}

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Take in one picture's answer."""
        self._ledger.note(result, events)
        self._spans.note(result)
        self._note_camera(result)
        self._note_cost(result)
        self._note_events(events)
        if self._settings.pictures:
            self._portraits.note(frame, result, self._ledger)
        if self._settings.ground is not None and len(result.tracks):
            self._paths.note(result, self._settings.ground(result.camera, result.tracks.boxes))

    def close(self) -> None:
        """Nothing to finish: what was gathered stays."""

    def gathered(self) -> Gathered:
        """What is known so far, with the Global IDs as they are known now."""
        portraits = self._portraits.by_person(self._ledger) if self._settings.pictures else {}
        warnings = list(self._warnings)
        if self._spans.dropped:
            warnings.append(f"The oldest {self._spans.dropped} visits were dropped to keep memory bounded.")
        return Gathered(
            cameras=tuple(self._cameras.values()),
            seen=tuple(self._spans.seen(self._ledger)),
            portraits=portraits,
            steps={name: durations.summary() for name, durations in self._steps.items()},
            latency=self._latency.points(),
            work=dict(self._work),
            events=dict(self._events),
            paths=self._paths.by_person(self._ledger),
            warnings=tuple(warnings),
            pictures=self._settings.pictures,
            blurred=self._settings.portraits.blur,
        )

    def _note_camera(self, result: FrameResult) -> None:
        facts = self._cameras.get(result.camera)
        if facts is None:
            facts = CameraFacts(result.camera, 0, 0, result.time, result.time, result.size)
        shown = result.tracks.ids[result.tracks.state != TrackState.TENTATIVE]
        highest = self._highest.get(result.camera, 0)
        fresh = int((shown > highest).sum())
        self._highest[result.camera] = max(highest, int(shown.max(initial=0)))
        self._cameras[result.camera] = replace(
            facts, frames=facts.frames + 1, tracks=facts.tracks + fresh, end=max(facts.end, result.time)
        )

    def _note_cost(self, result: FrameResult) -> None:
        self._work.update(result.work)
        for name, seconds in result.timings.items():
            self._steps.setdefault(name, Durations()).add(seconds)
        if result.timings:
            self._latency.add(result.time, 1000 * sum(result.timings.values()))

    def _note_events(self, events: Sequence[Event]) -> None:
        for event in events:
            self._events[kind(event)] += 1
            if isinstance(event, (CameraLost, CameraStalled, ClockCorrected)) and len(self._warnings) < 100:
                self._warnings[f"Camera {event.camera} at {clock(event.time)}: {event.reason}"] = None
            elif isinstance(event, PersonForgotten):
                self._portraits.forget(self._ledger)
                self._paths.forget(self._ledger)


def kind(event: Event) -> str:
    """The name of an event in words: `person merged`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(event).__name__).lower()


class Durations:
    """Many durations in a few numbers: a histogram with 40 bins for each factor of 10, from 1 us to 1000 s."""

    def __init__(self) -> None:
        self._counts = np.zeros(360, dtype=np.int64)
        self._total = 0.0

    def add(self, seconds: float) -> None:
        """Take in one duration."""
        self._total += seconds
        place = int(40 * (np.log10(max(seconds, 1e-6)) + 6))
        self._counts[min(max(place, 0), len(self._counts) - 1)] += 1

    def quantile(self, share: float) -> float:
        """The duration that a share of all do not exceed, within 3 %; 0 where there is none."""
        count = int(self._counts.sum())
        if not count:
            return 0.0
        place = int(np.searchsorted(np.cumsum(self._counts), share * count))
        return float(10 ** ((place + 0.5) / 40 - 6))

    def summary(self) -> StepTimes:
        """The few numbers."""
        count = max(int(self._counts.sum()), 1)
        return StepTimes(self._total, self._total / count, self.quantile(0.5), self.quantile(0.95))


class Series:
    """A curve of any length in at most `limit` points: when it is full, neighbours become their mean."""

    def __init__(self, limit: int = 300) -> None:
        self._limit = limit + limit % 2
        self._stride = 1
        self._rows: list[tuple[float, float, int]] = []

    def add(self, x: float, y: float) -> None:
        """Append a point."""
        if self._rows and self._rows[-1][2] < self._stride:
            self._rows[-1] = _together(self._rows[-1], (x, y, 1))
            return
        if len(self._rows) >= self._limit:
            self._rows = [_together(*self._rows[place : place + 2]) for place in range(0, self._limit - 1, 2)]
            self._stride *= 2
        self._rows.append((x, y, 1))

    def points(self) -> Floats:
        """(N, 2) x, y."""
        return np.array([row[:2] for row in self._rows], dtype=np.float64).reshape(-1, 2)


def _together(first: tuple[float, float, int], second: tuple[float, float, int]) -> tuple[float, float, int]:
    count = first[2] + second[2]
    weight = second[2] / count
    x, y = (one + (other - one) * weight for one, other in zip(first[:2], second[:2], strict=True))
    return x, y, count


class Paths:
    """Where people stood: points by track, thinned out when there are too many."""

    def __init__(self, step: float, limit: int) -> None:
        self._step = step
        self._limit = limit
        self._points: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
        self._count = 0

    def note(self, result: FrameResult, ground: Floats) -> None:
        """Take in where the tracks of one picture stand, (N, 2) metres, row by row."""
        known = np.isfinite(ground).all(axis=1) & (result.tracks.state == TrackState.CONFIRMED)
        for row in np.flatnonzero(known).tolist():
            points = self._points.setdefault((result.camera, int(result.tracks.ids[row])), [])
            if not points or result.time - points[-1][0] >= self._step:
                points.append((result.time, float(ground[row, 0]), float(ground[row, 1])))
                self._count += 1
        if self._count > self._limit:
            self._points = {key: points[::2] for key, points in self._points.items()}
            self._count = sum(map(len, self._points.values()))
            self._step *= 2

    def by_person(self, ledger: Ledger) -> dict[int, Floats]:
        """(N, 3) seconds, x, y by Global ID, in the order of time; where cameras overlap, their mean in each step."""
        gathered: dict[int, list[tuple[float, float, float]]] = {}
        for key, points in self._points.items():
            person = ledger.final(*key)
            if person != NOBODY:
                gathered.setdefault(person, []).extend(points)
        return {person: _averaged(np.array(points), self._step) for person, points in sorted(gathered.items())}

    def forget(self, ledger: Ledger) -> None:
        """Drop the points of people who are nobody now."""
        self._points = {key: points for key, points in self._points.items() if not ledger.forgotten(*key)}
        self._count = sum(map(len, self._points.values()))


def _averaged(points: Floats, step: float) -> Floats:
    """The mean of the points in each `step` of time."""
    _, inverse, counts = np.unique(np.floor(points[:, 0] / step), return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), 3))
    np.add.at(sums, inverse, points)
    result: Floats = sums / counts[:, None]
    return result
