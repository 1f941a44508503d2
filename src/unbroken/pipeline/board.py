"""The board: what is going on now, held for whoever wants to look, without ever holding the pipeline up.

Writers only lay values down under a lock that is held for microseconds. Nothing is drawn, coded or sent here: that is
done by those who look, in their own threads, and only while they look.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile

import numpy as np

from unbroken.core.events import (
    CameraChanged,
    CameraOnline,
    Event,
    PersonEnrolled,
    PersonForgotten,
    PersonLeft,
    PersonRecognised,
    QualityChanged,
    StorageLost,
    StorageRestored,
    ZoneLeft,
)
from unbroken.core.frames import Frame
from unbroken.core.plain import type_of
from unbroken.core.results import FrameResult
from unbroken.core.tracks import TrackState
from unbroken.pipeline.attendance import Attendance, AttendanceSettings, Line, Person, Zone

EPOCH = 1e9
"""Times from here on are seconds since 1970: only of those can be said how late a picture is."""

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
"""Seconds: the upper bounds of the histogram of times per picture."""


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """How much is held.

    Attributes:
        events: of the newest, at most.
        silent: seconds without a picture after which an online camera counts as silent.
        recent: pictures over which latencies are taken.
        attendance: of people.
    """

    events: int = 2000
    silent: float = 5.0
    recent: int = 500
    attendance: AttendanceSettings = field(default_factory=AttendanceSettings)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The newest picture of a camera; `number` grows with every picture that comes, `at` is when it came."""

    number: int
    at: float
    frame: Frame
    result: FrameResult


@dataclass(frozen=True, slots=True)
class Note:
    """An event with its sequence number, growing from 1, and when it came."""

    number: int
    at: float
    event: Event


@dataclass(frozen=True, slots=True)
class Outline:
    """A zone (three corners or more) or a line (two ends), in pixels of a camera; without one it is on the ground."""

    name: str
    camera: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class CameraView:
    """How a camera is.

    Attributes:
        name: of the camera.
        state: "waiting" for the first picture, "online", "silent", or what went wrong: "stalled", "lost" and the like.
        reason: one sentence, where something went wrong.
        since: when the state began, by the board's clock.
        age: seconds since the newest picture; infinite before the first.
        rate: pictures per second, of late.
        pictures: how many came.
        people: decided people whom it sees now.
        tracks: in the newest picture, seen or predicted, but not tentative ones.
        busy: seconds that the chain spent on a picture, of late.
        delay: seconds from the moment of a picture until its answer, of late; NaN where its time is not of the day.
    """

    name: str
    state: str
    reason: str
    since: float
    age: float
    rate: float
    pictures: int
    people: int
    tracks: int
    busy: float
    delay: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds, of late: the median and the 95th percentile; NaN without pictures.

    Attributes:
        delay: from the moment of a picture until its answer, where its time is of the day.
        busy: spent by the chain on a picture.
    """

    delay: tuple[float, float]
    busy: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class BoardView:
    """Everything but pictures and events, at one instant.

    Attributes:
        at: the board's clock.
        started: when the board was made.
        closed: whether the run has ended.
        storage: why nothing can be stored, one sentence; empty where it can.
        quality: why less is computed than was asked for, one sentence; empty where all is.
        cameras: in their order.
        people: those who are here first.
        zones: by name.
        lines: by name.
        outlines: of zones and lines.
        counts: of events by type.
        work: what the chain did and saved, by name.
        newest: the number of the newest event; 0 before the first.
        latency: of late.
        busy: how many pictures took at most so many seconds: cumulative, by `BUCKETS`, then all.
        busy_seconds: spent on all pictures.
    """

    at: float
    started: float
    closed: bool
    storage: str
    quality: str
    cameras: tuple[CameraView, ...]
    people: tuple[Person, ...]
    zones: tuple[Zone, ...]
    lines: tuple[Line, ...]
    outlines: tuple[Outline, ...]
    counts: Mapping[str, int]
    work: Mapping[str, int]
    newest: int
    latency: Latency
    busy: tuple[int, ...]
    busy_seconds: float


@dataclass(slots=True)
class _Tile:
    """What is held of a camera."""

    since: float
    state: str = "waiting"
    reason: str = ""
    shown: Shown | None = None
    pictures: int = 0
    step: float = 0.0
    busy: float = 0.0
    delay: float = math.nan


@dataclass(slots=True)
class _Times:
    """Seconds per picture: the newest ones, and a histogram of all."""

    recent: int
    delays: deque[float] = field(init=False)
    busy: deque[float] = field(init=False)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def __post_init__(self) -> None:
        self.delays, self.busy = deque(maxlen=self.recent), deque(maxlen=self.recent)

    def note(self, busy: float, delay: float) -> None:
        self.busy.append(busy)
        if math.isfinite(delay):
            self.delays.append(delay)
        for place in range(int(np.searchsorted(BUCKETS, busy)), len(self.buckets)):
            self.buckets[place] += 1
        self.total += busy

    def latency(self) -> Latency:
        return Latency(_percentiles(self.delays), _percentiles(self.busy))


class Board:
    """A sink that shows: the newest picture and result per camera, their states, who is here, the newest events.

    All methods may be called from any thread. Memory is bounded: one picture per camera, `BoardSettings.events` events,
    as many people as `AttendanceSettings` says.
    """

    def __init__(
        self, cameras: Sequence[str], clock: Callable[[], float], settings: BoardSettings | None = None
    ) -> None:
        """Prepare.

        Args:
            cameras: those that are expected, in the order in which they are shown; others are added when they come.
            clock: seconds since 1970, so that delays can be told.
            settings: how much is held.
        """
        self._settings = settings or BoardSettings()
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self._tiles = {camera: _Tile(self._started) for camera in cameras}
        self._notes: deque[Note] = deque(maxlen=self._settings.events)
        self._newest = self._shown = 0
        self._attendance = Attendance(self._settings.attendance)
        self._outlines: tuple[Outline, ...] = ()
        self._counts: Counter[str] = Counter()
        self._work: Counter[str] = Counter()
        self._times = _Times(self._settings.recent)
        self._closed = False
        self._storage = self._quality = ""

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Take in one picture, its result and what happened."""
        at = self._clock()
        with self._lock:
            self._take(frame, result, at)
            self._attendance.see(result, at)
            self._work.update(result.work)
            self._note(events, at)

    def hear(self, events: Iterable[Event]) -> None:
        """Take in what happened while no picture came: a camera is lost, somebody was forgotten."""
        at = self._clock()
        with self._lock:
            self._note(events, at)

    def close(self) -> None:
        """The run has ended; what is on the board stays."""
        with self._lock:
            self._closed = True

    def expect(self, cameras: Sequence[str]) -> None:
        """These are the cameras from here on; what is held of others is dropped."""
        at = self._clock()
        with self._lock:
            self._tiles = {camera: self._tiles.get(camera) or _Tile(at) for camera in cameras}

    def outline(self, outlines: Sequence[Outline]) -> None:
        """These are the zones and lines from here on."""
        with self._lock:
            self._outlines = tuple(outlines)
            zones = [one.name for one in outlines if len(one.points) > 2]
            self._attendance.expect(zones, [one.name for one in outlines if len(one.points) == 2])

    @property
    def cameras(self) -> tuple[str, ...]:
        """The names of all cameras, in the order in which they are shown."""
        with self._lock:
            return tuple(self._tiles)

    @property
    def latest(self) -> int:
        """The number of the newest event; 0 before the first."""
        with self._lock:
            return self._newest

    def newest(self, camera: str) -> Shown | None:
        """The newest picture of a camera; `None` before the first and for cameras that are not known."""
        with self._lock:
            tile = self._tiles.get(camera)
            return tile.shown if tile else None

    def events(self, after: int = 0, limit: int = 2000) -> tuple[Note, ...]:
        """The newest `limit` of the events that are held and whose number is greater than `after`, oldest first."""
        with self._lock:
            newer = takewhile(lambda note: note.number > after, reversed(self._notes))
            return tuple(islice(newer, max(limit, 0)))[::-1]

    def view(self) -> BoardView:
        """Everything else, at this instant."""
        at = self._clock()
        with self._lock:
            people = self._attendance.in_view(at)
            return BoardView(
                at=at,
                started=self._started,
                closed=self._closed,
                storage=self._storage,
                quality=self._quality,
                cameras=tuple(self._camera(name, tile, people[name], at) for name, tile in self._tiles.items()),
                people=self._attendance.people(at),
                zones=self._attendance.zones(),
                lines=self._attendance.lines(),
                outlines=self._outlines,
                counts=dict(self._counts),
                work=dict(self._work),
                newest=self._newest,
                latency=self._times.latency(),
                busy=tuple(self._times.buckets),
                busy_seconds=self._times.total,
            )

    def _take(self, frame: Frame, result: FrameResult, at: float) -> None:
        tile = self._tiles.setdefault(frame.camera, _Tile(at))
        if tile.state == "waiting":
            tile.state, tile.reason, tile.since = "online", "", at
        if tile.shown is not None:
            step = max(at - tile.shown.at, 1e-6)
            tile.step = step if tile.pictures == 1 else 0.9 * tile.step + 0.1 * step
        busy = sum(result.timings.values())
        delay = at - frame.time if frame.time >= EPOCH else math.nan
        tile.busy = busy if not tile.pictures else 0.9 * tile.busy + 0.1 * busy
        tile.delay = delay if math.isnan(tile.delay) else 0.9 * tile.delay + 0.1 * delay
        tile.pictures += 1
        self._times.note(busy, delay)
        self._shown += 1
        tile.shown = Shown(self._shown, at, frame, result)

    def _note(self, events: Iterable[Event], at: float) -> None:
        """Take events in; of somebody who is forgotten nothing is kept but that he was."""
        for event in events:
            self._attendance.note(event)
            self._set_state(event, at)
            if isinstance(event, (StorageLost, StorageRestored)):
                self._storage = event.reason if isinstance(event, StorageLost) else ""
            elif isinstance(event, QualityChanged):
                self._quality = f"quality level {event.level}: {event.reason}" if event.level else ""
            self._counts[type_of(type(event))] += 1
            if isinstance(event, (PersonLeft, ZoneLeft)) and event.reason == "forgotten":
                continue
            if isinstance(event, PersonForgotten):
                self._erase(event.person)
            self._newest += 1
            self._notes.append(Note(self._newest, at, event))

    def _set_state(self, event: Event, at: float) -> None:
        """`CameraLost` makes a camera "lost", and so on; one that has only changed goes on as it was."""
        name = type(event).__name__
        if not name.startswith("Camera") or isinstance(event, CameraChanged):
            return
        tile = self._tiles.setdefault(str(getattr(event, "camera", "")), _Tile(at))
        tile.state = "online" if isinstance(event, CameraOnline) else name.removeprefix("Camera").lower()
        tile.reason, tile.since = str(getattr(event, "reason", "")), at

    def _erase(self, person: int) -> None:
        """Drop the events that are about a person; those for which the person was only weighed lose that part."""
        kept = (note for note in self._notes if person not in persons_of(note.event))
        self._notes = deque((_without(note, person) for note in kept), maxlen=self._settings.events)

    def _camera(self, name: str, tile: _Tile, people: int, at: float) -> CameraView:
        age = at - tile.shown.at if tile.shown else math.inf
        quiet = min(age, at - tile.since)
        silent = tile.state == "online" and quiet > self._settings.silent and not self._closed
        rate = 1 / max(tile.step, age, 1e-6) if tile.pictures > 1 else 0.0
        tracks = np.count_nonzero(tile.shown.result.tracks.state != TrackState.TENTATIVE) if tile.shown else 0
        return CameraView(
            name=name,
            state="silent" if silent else tile.state,
            reason=f"no picture for {quiet:.0f} s" if silent else tile.reason,
            since=tile.since,
            age=age,
            rate=rate,
            pictures=tile.pictures,
            people=people,
            tracks=int(tracks),
            busy=tile.busy,
            delay=tile.delay,
        )


def persons_of(event: Event) -> set[int]:
    """The Global IDs that an event is about; not those that were only weighed."""
    named = {int(getattr(event, name, -1)) for name in ("person", "absorbed", "separated", "into")}
    return {person for person in named if person > 0}


def _without(note: Note, person: int) -> Note:
    """The same note, whose event does not say that `person` was weighed."""
    event = note.event
    if not isinstance(event, (PersonEnrolled, PersonRecognised)):
        return note
    others = tuple(one for one in event.alternatives if one.person != person)
    return note if len(others) == len(event.alternatives) else replace(note, event=replace(event, alternatives=others))


def _percentiles(values: Sequence[float] | deque[float]) -> tuple[float, float]:
    if not values:
        return math.nan, math.nan
    median, high = np.percentile(np.array(values), (50, 95))
    return float(median), float(high)
