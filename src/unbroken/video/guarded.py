"""A live camera that is looked after: it never ends by itself, and what goes wrong is told and mended.

```
 supervisor (one thread per camera): the state machine of `reconnect`, events, deadlines
   |  starts, leaves                              ^  opened, failed, picture
   v                                              |
 reader (one thread per connection): opens, decodes, looks at the brightness  -> slot: the newest picture -> take()
```

A reader that hangs in a decoder or in the network is left behind: its connection does not count any more, a new one is
made, and the thread goes when its call returns. How many may be left behind is bounded.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

from unbroken.core.errors import SourceLostError
from unbroken.core.events import CameraChanged, CameraFault, CameraLost, CameraOnline, CameraStalled, Event
from unbroken.core.frames import Frame
from unbroken.video.capture import CaptureError, Connecting, Connector, Picture, open_capture, without_password
from unbroken.video.looks import Eye
from unbroken.video.reconnect import Answer, Patience, Phase, Reconnect, Seen, Told
from unbroken.video.timing import StreamClock

Clock = Callable[[], float]

_OFTEN = 0.25
"""Seconds: the supervisor looks at least so often, whatever it waits for."""


@dataclass(frozen=True, slots=True)
class Guarding:
    """How a live camera is looked after.

    Attributes:
        patience: what is waited for, and how long.
        transport: how RTSP pictures travel: "tcp" or "udp".
        left_behind: so many readers may hang at a time; with more no connection is tried.
        trust_clock: the calendar that a camera tells (RTCP) is exact, and so is ours: both follow NTP. Times then leave
            out how long a camera takes to code a picture and the network to carry it.
        once: a recording on a server ends the camera when it has ended; otherwise it is fetched again.
        seed: of the jitter between attempts.
        connect: what opens an address.
    """

    patience: Patience = field(default_factory=Patience)
    transport: Literal["tcp", "udp"] = "tcp"
    left_behind: int = 4
    trust_clock: bool = False
    once: bool = False
    seed: int = 0
    connect: Connector = open_capture


@dataclass(frozen=True, slots=True)
class Health:
    """How a live camera is just now.

    Attributes:
        phase: "connecting", "connected", "waiting" (for the next attempt) or "stopped".
        fault: what is wrong, a `CameraFault`; empty where nothing is or nothing was heard yet.
        pictures: how many have come, damaged ones too.
        dropped: how many good ones were overwritten before somebody took them.
        damaged: how many the decoder could not make whole; they are left out.
        unusable: how many were left out because the camera was frozen or black.
        attempts: how often a connection was tried.
        left_behind: how many readers hang.
        age: seconds since the last picture came; infinite before the first.
        skew: seconds by which the stream's clock has drifted from ours since the connection began.
        camera_skew: seconds by which the camera's own calendar clock (RTCP) is ahead of ours; NaN where it tells none.
        late: seconds by which the last picture came later than the quickest of the last ones.
        rate: pictures per second over the last seconds, until then as the stream says; 0 where neither is known.
        size: width and height of the last picture in pixels.
    """

    phase: str
    fault: str
    pictures: int
    dropped: int
    damaged: int
    unusable: int
    attempts: int
    left_behind: int
    age: float
    skew: float
    camera_skew: float
    late: float
    rate: float
    size: tuple[int, int]


@dataclass(slots=True)
class _Tally:
    """What was counted and measured; `last` is the time of the last picture on the shared clock."""

    pictures: int = 0
    dropped: int = 0
    damaged: int = 0
    unusable: int = 0
    arrived: float = -math.inf
    last: float = -math.inf
    skew: float = 0.0
    camera_skew: float = math.nan
    late: float = 0.0
    rate: float = 0.0
    size: tuple[int, int] = (0, 0)

    def note(self, clock: StreamClock, seen: Seen, arrived: float, moment: float) -> None:
        """Take in one picture."""
        self.pictures += 1
        self.damaged += seen.damaged
        self.arrived, self.last = arrived, moment
        self.skew, self.late, self.rate = clock.skew, clock.late, clock.rate or self.rate
        if not seen.damaged:
            self.size = seen.size


class _Connection:
    """One reader: its thread, its clock, and whether anybody still listens to it."""

    def __init__(self, after: float) -> None:
        self.left = threading.Event()
        self.clock = StreamClock(after)
        self.thread: threading.Thread | None = None

    @property
    def hangs(self) -> bool:
        """Whether nobody listens and it still runs."""
        return self.left.is_set() and self.thread is not None and self.thread.is_alive()


class LiveCamera:
    """A live camera as a `Source` without end: it reconnects for ever, and drops what nobody takes in time.

    Frames carry the number of their picture, so that a gap shows what was left out, and the time at which it was taken.
    Nothing is connected before `start`, `take` or iteration.

    Args:
        address: `rtsp://`, `http://`, `udp://`, the number of a webcam, or `loop://PATH` for a video without end.
        camera: the name that its frames carry.
        clock: seconds, shared by all cameras of a site.
        tell: is given each `CameraOnline`, `CameraStalled`, `CameraLost` and `CameraChanged` in their order, by a
            thread of this camera. Pictures don't wait for it. It must not raise.
        guarding: how it is looked after.
        ticks: seconds that never go back, for deadlines.
    """

    def __init__(
        self,
        address: str,
        camera: str,
        clock: Clock,
        tell: Callable[[Event], None],
        *,
        guarding: Guarding | None = None,
        ticks: Clock = time.monotonic,
    ) -> None:
        self.address = address
        self._camera = camera
        self._clock = clock
        self._tell = tell
        self._guarding = guarding or Guarding()
        self._ticks = ticks
        chance = random.Random(f"{self._guarding.seed} {camera} {address}")
        self._machine = Reconnect(self._guarding.patience, chance)
        self._lock = threading.Lock()
        self._fresh = threading.Condition(self._lock)
        self._work = threading.Condition(self._lock)
        self._told: list[Event] = []
        self._connection: _Connection | None = None
        self._left: list[_Connection] = []
        self._supervisor: threading.Thread | None = None
        self._eye = Eye()
        self._newest: tuple[int, float, Picture] | None = None
        self._tally = _Tally()

    @property
    def camera(self) -> str:
        """The name of the camera."""
        return self._camera

    @property
    def frame_rate(self) -> float:
        """Pictures per second over the last seconds, until then as the stream says; 0 where neither is known."""
        return self._tally.rate

    @property
    def frame_count(self) -> int:
        """Nobody knows."""
        return 0

    @property
    def health(self) -> Health:
        """How it is just now."""
        with self._lock:
            tally = self._tally
            return Health(
                phase=self._machine.phase.value,
                fault=self._machine.fault or "",
                pictures=tally.pictures,
                dropped=tally.dropped,
                damaged=tally.damaged,
                unusable=tally.unusable,
                attempts=self._machine.attempts,
                left_behind=sum(connection.hangs for connection in self._left),
                age=self._ticks() - tally.arrived,
                skew=tally.skew,
                camera_skew=tally.camera_skew,
                late=tally.late,
                rate=tally.rate,
                size=tally.size,
            )

    def start(self) -> None:
        """Begin to connect; returns at once. May be called again."""
        with self._lock:
            if self._supervisor is None and self._machine.phase is not Phase.STOPPED:
                self._supervisor = threading.Thread(
                    target=self._supervise, name=f"supervisor {self._camera}", daemon=True
                )
                self._supervisor.start()

    def reach(self, patience: float) -> None:
        """Connect, and wait for the first picture, which `take` gives then.

        Args:
            patience: seconds.

        Raises:
            SourceLostError: none came in time, or something is wrong with the camera; the message says what.
        """
        self.start()
        with self._fresh:
            self._fresh.wait_for(lambda: self._newest or self._machine.fault or self._is_over(), patience)
            if self._newest is None:
                reason = self._machine.reason or f"no picture for {patience:g} s"
                shown = without_password(self.address)
                raise SourceLostError(reason if shown in reason else f"{shown}: {reason}")

    def take(self, patience: float | None = None) -> Frame | None:
        """The newest picture that nobody has taken yet.

        Args:
            patience: seconds to wait for one, 0 to look only; `None`: as long as it takes.

        Returns:
            The frame, or `None` where none came in time or the camera was closed.
        """
        self.start()
        with self._fresh:
            self._fresh.wait_for(lambda: self._newest or self._is_over(), patience)
            newest, self._newest = self._newest, None
        if newest is None:
            return None
        index, moment, picture = newest
        return Frame(self._camera, index, moment, picture.image())

    def __iter__(self) -> Iterator[Frame]:
        """The newest picture each time, until `close` is called, or to the end of a recording (`once`)."""
        while (frame := self.take()) is not None:
            yield frame

    def close(self) -> None:
        """Leave the connection and stop; nothing is waited for and nothing more is told."""
        with self._lock:
            self._newest = None
            self._stop()

    def _stop(self) -> None:
        self._obey(self._machine.stop())
        self._fresh.notify_all()
        self._work.notify_all()

    def _is_over(self) -> bool:
        return self._machine.phase is Phase.STOPPED

    def _supervise(self) -> None:
        """Keep the deadlines and tell what happened, until the camera is closed."""
        while True:
            with self._work:
                if not self._told:
                    self._work.wait(min(max(self._machine.due - self._ticks(), 0.0), _OFTEN))
                if self._is_over():
                    return
                self._left = [connection for connection in self._left if connection.hangs]
                self._obey(self._machine.tick(self._ticks()))
                told, self._told = self._told, []
            for event in told:
                self._tell(event)

    def _obey(self, answer: Answer) -> None:
        """Do what the machine says; the lock is held."""
        if answer.leave and self._connection is not None:
            self._connection.left.set()
            self._left.append(self._connection)
            self._connection = None
        self._told += [self._event(told) for told in answer.told]
        if answer.connect:
            self._connect()
        if answer.told:
            self._work.notify_all()
            self._fresh.notify_all()

    def _connect(self) -> None:
        hanging = sum(connection.hangs for connection in self._left)
        if hanging >= self._guarding.left_behind:
            reason = f"{without_password(self.address)}: {hanging} readers hang; nothing is tried until one comes back"
            self._obey(self._machine.failed(self._ticks(), "hung", reason))
            return
        connection = self._connection = _Connection(self._tally.last)
        connection.thread = threading.Thread(
            target=self._read, args=(connection,), name=f"reader {self._camera}", daemon=True
        )
        connection.thread.start()

    def _read(self, connection: _Connection) -> None:
        """Open and read one connection until it breaks or is left."""
        how = Connecting(self._guarding.patience.connect, self._guarding.patience.stall, self._guarding.transport)
        try:
            with closing(self._guarding.connect(self.address, how, connection.left)) as capture:
                self._opened(connection, capture.frame_rate)
                for picture in capture.pictures():
                    if connection.left.is_set():
                        return
                    self._note(connection, picture)
                if self._guarding.once and capture.finite:
                    self._end(connection)
                    return
            raise CaptureError("ended", f"{without_password(self.address)}: the stream has ended")
        except CaptureError as error:
            self._fail(connection, error.fault, str(error))
        except Exception as error:  # noqa: BLE001 - a supervised thread: whatever breaks it is a fault of the camera
            self._fail(connection, "lost", f"{without_password(self.address)}: {type(error).__name__}: {error}")

    def _opened(self, connection: _Connection, rate: float) -> None:
        with self._lock:
            if connection is self._connection:
                self._tally.rate = self._tally.rate or rate
                self._obey(self._machine.opened(self._ticks()))

    def _end(self, connection: _Connection) -> None:
        """A recording has been played; its last picture can still be taken."""
        with self._lock:
            if connection is self._connection:
                self._stop()

    def _fail(self, connection: _Connection, fault: CameraFault, reason: str) -> None:
        with self._lock:
            if connection is self._connection:
                self._connection = None
                self._obey(self._machine.failed(self._ticks(), fault, reason))
                self._work.notify_all()

    def _note(self, connection: _Connection, picture: Picture) -> None:
        """Look at a picture, and lay it down where it is of use."""
        with self._lock:
            if connection is not self._connection:
                return
            arrival = self._clock()
            taken = picture.taken if self._guarding.trust_clock else None
            moment = connection.clock.seconds(picture.stamp, arrival, taken)
            seen = self._seen(connection.clock, picture)
            self._tally.note(connection.clock, seen, self._ticks(), moment)
            if picture.taken is not None:
                self._tally.camera_skew = picture.taken - arrival
            answer = self._machine.picture(self._ticks(), seen)
            if answer.usable:
                self._tally.dropped += self._newest is not None
                self._newest = (self._tally.pictures - 1, moment, picture)
                self._fresh.notify()
            else:
                self._tally.unusable += not seen.damaged
            self._obey(answer)

    def _seen(self, clock: StreamClock, picture: Picture) -> Seen:
        if picture.damaged:
            return Seen(damaged=True, pace=clock.pace, rate=clock.rate, jump=clock.jump)
        luma = picture.luma()
        still, black = self._eye.look(luma)
        size = (luma.shape[1], luma.shape[0])
        return Seen(still=still, black=black, size=size, pace=clock.pace, rate=clock.rate, jump=clock.jump)

    def _event(self, told: Told) -> Event:
        now = self._clock()
        if told.kind == "online":
            return CameraOnline(now, self._camera)
        if told.what is not None:
            return CameraChanged(now, self._camera, told.reason, told.what)
        if told.kind == "stalled":
            return CameraStalled(now, self._camera, told.reason, told.fault or "stalled")
        return CameraLost(now, self._camera, told.reason, told.fault or "lost")
