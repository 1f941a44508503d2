"""The way in: a thread per camera that opens, reads and opens again, and a place for its newest picture."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

from unbroken.core.errors import SourceError
from unbroken.core.events import CameraLost, CameraOnline, CameraStalled, Event
from unbroken.core.frames import Frame
from unbroken.core.ports import Source
from unbroken.pipeline.guard import guarded, sentence
from unbroken.pipeline.health import Health
from unbroken.pipeline.walk import Moment, failure

Open = Callable[[], Source]

GATHER = 0.03
"""Seconds that the first picture of a step waits for those of the other cameras, at most."""
_PATIENCE = 0.5
"""Seconds after which `as_they_come` looks up even where nothing comes."""
_EARLY = 0.9
"""Share of the time between two pictures that has to pass: cameras are not exact."""
_STATES = {CameraOnline: "online", CameraStalled: "stalled", CameraLost: "lost"}


@dataclass(frozen=True, slots=True)
class Retry:
    """When a camera that could not be opened, or that broke, is tried again.

    Attributes:
        first: seconds before the first new try.
        longest: seconds between tries, at most; each wait is twice the one before.
    """

    first: float = 0.5
    longest: float = 8.0

    def wait(self, failures: int) -> float:
        """Seconds after so many failures in a row, from 1."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.longest)


@dataclass(frozen=True, slots=True)
class Lane:
    """One camera on its way in.

    Attributes:
        name: of the camera.
        open: opens it; called in the camera's own thread, again after each failure.
        live: pictures are replaced by newer ones where they have to wait; those of recordings wait instead.
        retry: when it is tried again after it broke; `None`: never.
        tells: the source itself says when it is online, stalled or lost, by `Intake.tell`, never breaks, and may be
            closed by another thread than that which reads it.
    """

    name: str
    open: Open
    live: bool
    retry: Retry | None = field(default_factory=Retry)
    tells: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A picture, when it came, in seconds of `perf_counter`, and whether its camera is live."""

    frame: Frame
    came: float
    live: bool


@dataclass(frozen=True, slots=True)
class Intaken:
    """What came in since the last time: at most one picture per camera, in the order of their times, and events."""

    arrivals: tuple[Arrival, ...]
    events: tuple[Event, ...]


@dataclass(slots=True)
class _Running:
    """A lane at work."""

    lane: Lane
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    source: Source | None = None
    waiting: Arrival | None = None
    last: float = 0.0
    count: int = 0
    active: bool = False
    ended: bool = False


class Intake:
    """Where the threads of all cameras lay down pictures, and where the scheduler takes them.

    Args:
        health: is told what comes, what is dropped and what breaks.

    Attributes:
        rate: pictures per second and camera that are taken at most; 0: all. May be changed at any time.
    """

    def __init__(self, health: Health) -> None:
        self.rate = 0.0
        self._health = health
        self._condition = threading.Condition()
        self._lanes: dict[str, _Running] = {}
        self._events: list[Event] = []
        self._over = False
        self._woken = False

    @property
    def idle(self) -> bool:
        """Whether nothing can come any more: there are cameras, and all are recordings that have ended."""
        with self._condition:
            lanes = self._lanes.values()
            return bool(lanes) and not self._events and all(one.ended and one.waiting is None for one in lanes)

    @property
    def live(self) -> bool:
        """Whether any camera is live."""
        with self._condition:
            return any(running.lane.live for running in self._lanes.values())

    def add(self, lane: Lane) -> None:
        """Start a camera. One of the same name must have been removed before."""
        running = _Running(lane)
        self._health.camera(lane.name, live=lane.live)
        with self._condition:
            self._lanes[lane.name] = running
        running.thread = threading.Thread(target=self._attend, args=(running,), name=f"intake {lane.name}", daemon=True)
        running.thread.start()

    def remove(self, name: str) -> None:
        """Stop a camera and forget what waits of it; its thread ends by itself, or hangs in its decoder and is left."""
        self._stop(name)
        self._health.gone(name)

    def _stop(self, name: str) -> threading.Thread | None:
        with self._condition:
            running = self._lanes.pop(name, None)
            if running is None:
                return None
            running.stop.set()
            self._condition.notify_all()
            source = running.source
        if running.lane.tells and source is not None:
            source.close()
        return running.thread

    def take(self, patience: float, gather: float) -> Intaken:
        """What has come: waits at most `patience` s for a first picture or event, then `gather` s for others.

        The second wait ends as soon as each camera that delivers has a picture here.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._waiting() or self._events or self._woken or self._over, patience)
            if self._waiting() and not self._over:
                self._condition.wait_for(lambda: self._complete() or self._over, gather)
            taken = []
            for running in self._lanes.values():
                if running.waiting is not None:
                    taken.append(running.waiting)
                    running.waiting = None
                    self._health.taken(running.lane.name)
            events, self._events, self._woken = self._events, [], False
            self._condition.notify_all()
        return Intaken(tuple(sorted(taken, key=lambda one: one.frame.time)), tuple(events))

    def wake(self) -> None:
        """Let `take` return at once."""
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def tell(self, *events: Event) -> None:
        """Add events; `take` returns them. What cameras say of themselves becomes their state.

        Nobody waits for the pictures of a camera that has stalled or is lost until one comes again.
        """
        for event in events:
            if isinstance(event, (CameraOnline, CameraStalled, CameraLost)):
                self._health.state(event.camera, _STATES[type(event)], getattr(event, "reason", ""))
        with self._condition:
            for event in events:
                if isinstance(event, (CameraStalled, CameraLost)) and event.camera in self._lanes:
                    self._lanes[event.camera].active = False
            self._events += events
            self._condition.notify_all()

    def close(self, patience: float) -> list[str]:
        """Stop every camera and wait for their threads, `patience` s for all together; the names of those that hang."""
        with self._condition:
            self._over = True
            names = list(self._lanes)
            self._condition.notify_all()
        threads = {name: self._stop(name) for name in names}
        end = perf_counter() + patience
        for thread in threads.values():
            if thread is not None:
                thread.join(max(end - perf_counter(), 0.0))
        return [name for name, thread in threads.items() if thread is not None and thread.is_alive()]

    def _waiting(self) -> bool:
        return any(running.waiting is not None for running in self._lanes.values())

    def _complete(self) -> bool:
        return all(running.waiting is not None for running in self._lanes.values() if running.active)

    def _attend(self, running: _Running) -> None:
        """Open and read a camera again and again; a recording is read once."""
        lane, failures = running.lane, 0
        while not running.stop.is_set():
            before, broken = running.count, list[Exception]()
            with guarded(broken.append):
                self._read(running)
            if running.stop.is_set():
                break
            if not broken and (lane.tells or not lane.live):
                self._health.state(lane.name, "ended")
                break
            failures = 1 if running.count > before else failures + 1
            self._tell_failure(running, broken[0] if broken else SourceError("the stream has ended"), failures)
            if lane.retry is None:
                break
            self._rest(running)
            running.stop.wait(lane.retry.wait(failures))
        self._rest(running, over=True)

    def _read(self, running: _Running) -> None:
        lane = running.lane
        source = lane.open()
        with self._condition:
            running.source = source
        due = -math.inf
        try:
            if running.stop.is_set():
                return
            for number, frame in enumerate(source):
                if running.stop.is_set():
                    return
                if not number and not lane.tells:
                    self.tell(CameraOnline(frame.time, lane.name))
                if frame.time >= due or frame.time < running.last:
                    due = frame.time + (_EARLY / self.rate if self.rate else 0.0)
                    self._lay(running, frame)
        finally:
            source.close()

    def _lay(self, running: _Running, frame: Frame) -> None:
        name = running.lane.name
        with self._condition:
            if not running.lane.live:
                self._condition.wait_for(lambda: running.waiting is None or running.stop.is_set())
            if running.stop.is_set():
                return
            dropped = running.waiting is not None
            running.waiting = Arrival(frame, perf_counter(), running.lane.live)
            running.active, running.last, running.count = True, frame.time, running.count + 1
            self._health.arrived(name, frame.time, dropped=dropped)
            self._condition.notify_all()

    def _rest(self, running: _Running, *, over: bool = False) -> None:
        """Nobody waits any more for this camera's pictures; `over`: none will ever come."""
        with self._condition:
            running.active, running.ended = False, over
            self._condition.notify_all()

    def _tell_failure(self, running: _Running, error: Exception, failures: int) -> None:
        """One event for each loss, not for each try; the state always says what the last try has said."""
        name, reason = running.lane.name, sentence(error)
        self._health.state(name, "lost", reason)
        if failures == 1:
            now = self._health.clock()
            self.tell(failure(name, now, error) if isinstance(error, SourceError) else CameraLost(now, name, reason))


def as_they_come(intake: Intake, seconds: float = math.inf) -> Iterator[Moment]:
    """Whatever is newest of each camera, and what happens to them; a camera that waits or breaks holds nobody up.

    It ends when every camera has, or `seconds` after the first picture.
    """
    end = math.inf
    while not intake.idle and (left := end - perf_counter()) > 0:
        taken = intake.take(min(_PATIENCE, left), GATHER)
        if taken.arrivals and math.isinf(end):
            end = perf_counter() + seconds
        if taken.arrivals or taken.events:
            yield Moment(tuple(arrival.frame for arrival in taken.arrivals), taken.events)
