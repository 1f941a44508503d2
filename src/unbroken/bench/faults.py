"""`unbroken bench faults`: every fault of a live camera, beside real RTSP servers and two cameras that are untouched.

For each fault a camera runs well, then breaks, stays so for some seconds and is mended. Measured are the seconds until
the event that names the fault, the seconds from the mending until the camera is online again, and the pictures that the
two others lost meanwhile: those that never came, and those that came so late that newer ones took their place, as on a
machine that is busy with something else. Servers are the project's own, which sends
H.264 over RTP, and GStreamer's where it is installed (it encodes afresh). All run on this machine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeAlias

from unbroken.bench.outcome import Options, Outcome
from unbroken.core.events import CameraChanged, CameraLost, CameraOnline, CameraStalled, Event
from unbroken.core.frames import Frame
from unbroken.testing.gst import GstCamera, missing
from unbroken.testing.rtsp import Faults, RtspCamera
from unbroken.testing.scenes import write_scenes
from unbroken.video.guarded import Guarding, LiveCamera

DETECTED = 5.0
"""Seconds, at most, until a fault is named."""
RECOVERED = 10.0
"""Seconds, at most, until the camera is online again after the fault has ended."""

_RATE = 10
_WELL = 3.5
_LIMIT = 40.0
_COLUMNS = ("fault", "server", "by", "named", "after, s", "back after, s", "tries", "others lost", "others late")

Transport: TypeAlias = Literal["tcp", "udp"]
Row: TypeAlias = tuple[str, str, str, str, float | str, float | str, int, int, int]

_OWN: tuple[tuple[str, str, Mapping[str, object]], ...] = (
    ("sends nothing, connected", "stalled", {"silent": True}),
    ("the same picture", "frozen", {"scene": "still"}),
    ("black picture", "black", {"scene": "black"}),
    ("half of the packets spoilt", "damaged", {"damaged": 0.5}),
    ("a third of the packets lost", "damaged", {"lost": 0.33}),
    ("three times too slow", "slow", {"slowness": 3.0}),
    ("clock set one hour ahead", "clock", {"jump": 3600.0}),
    ("clock set back one hour", "clock", {"jump": -3600.0}),
    ("smaller picture", "size", {"scene": "small"}),
    ("twice the rate", "rate", {"scene": "quick"}),
)
_GSTREAMER = (
    ("sends nothing, connected", "stalled", "valve drop true", "valve drop false"),
    ("the same picture", "frozen", "picture pattern checkers-8", "picture pattern ball"),
    ("black picture", "black", "picture pattern black", "picture pattern ball"),
    (
        "smaller picture",
        "size",
        "shape caps video/x-raw,width=128,height=96,framerate=10/1",
        "shape caps video/x-raw,width=160,height=120,framerate=10/1",
    ),
)
_GONE = "lost ended unreachable"


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault of one camera, which is not switched on yet.

    Attributes:
        name: what goes wrong.
        told: what the event may say: faults, or what has changed.
        camera: the server.
        transport: how its pictures travel.
        breaks: does it.
        mends: ends it; `None` where it is left as it is.
        seconds: from the event to the mending.
    """

    name: str
    told: str
    camera: RtspCamera | GstCamera
    transport: Transport
    breaks: Callable[[], None]
    mends: Callable[[], None] | None
    seconds: float

    def row(self, others: Iterable[Witness]) -> Row:
        """Try it; the row of the table."""
        with self.camera, Witness(self.camera.address, self.transport) as witness:
            place = witness.hears(("online",))[0]
            time.sleep(_WELL)
            lost, late = sum(other.lost for other in others), sum(other.late for other in others)
            begin = time.monotonic()
            self.breaks()
            place, when, told = witness.hears(tuple(self.told.split()), place)
            time.sleep(self.seconds)
            recovered: float | str = "goes on" if told in ("size", "rate", "clock") else "not mended"
            end = time.monotonic()
            if self.mends is not None:
                self.mends()
            if isinstance(recovered, str) and recovered != "goes on" and self.mends is not None:
                recovered = max(witness.hears(("online",), place)[1] - end, 0.0)
            attempts = witness.live.health.attempts
        server = "own" if isinstance(self.camera, RtspCamera) else "GStreamer"
        lost, late = sum(other.lost for other in others) - lost, sum(other.late for other in others) - late
        return self.name, server, self.transport, told, when - begin, recovered, attempts, lost, late


class Witness:
    """A live camera, what it told and when, and how many pictures are missing among those taken from it.

    Attributes:
        lost: so many never came.
        late: so many came and were overtaken by newer ones before they were taken.
        live: the camera.
    """

    def __init__(self, address: str, transport: Transport = "tcp") -> None:
        self.lost = self.late = 0
        self._events: list[tuple[float, str]] = []
        self._heard = threading.Condition()
        self.live = LiveCamera(address, address, time.time, self._hear, guarding=Guarding(transport=transport))
        self._thread = threading.Thread(target=self._take, daemon=True)

    def __enter__(self) -> Witness:
        """Take pictures from here on."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the camera."""
        self.live.close()
        self._thread.join()

    def hears(self, told: tuple[str, ...], after: int = 0) -> tuple[int, float, str]:
        """The first of these from event `after` on: the place behind it, when it came, what it says.

        A fault that is not told in time is told as "nothing" at the limit.
        """

        def found() -> tuple[int, float, str] | None:
            for number, (when, what) in enumerate(self._events[after:], after + 1):
                if what in told:
                    return number, when, what
            return None

        with self._heard:
            self._heard.wait_for(found, _LIMIT)
            return found() or (len(self._events), time.monotonic(), "nothing")

    def _hear(self, event: Event) -> None:
        with self._heard:
            self._events.append((time.monotonic(), _what(event)))
            self._heard.notify_all()

    def _take(self) -> None:
        before: Frame | None = None
        for frame in self.live:
            if before is not None:
                came = frame.index - before.index
                self.late += came - 1
                self.lost += max(round((frame.time - before.time) * _RATE) - came, 0)
            before = frame


def run(options: Options) -> Outcome:
    """Try every fault, one after another."""
    why = missing()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        scenes = write_scenes(Path(folder), _RATE, options.seed)
        cameras = [stack.enter_context(RtspCamera(scenes["usual"])) for _ in range(2)]
        others = [stack.enter_context(Witness(camera.address)) for camera in cameras]
        rows = [trial.row(others) for trial in _trials(scenes, quick=options.quick, gstreamer=not why)]
    late = [f"{name} ({server}, {transport})" for name, server, transport, *_ in filter(_late, rows)]
    notes = (
        f"goals: named within {DETECTED:g} s, online {RECOVERED:g} s after the end at the latest, the others lose none",
        f"missed by: {', '.join(late)}" if late else "all within the goals",
        "a wrong password is not tried again for a minute, so that the camera locks nobody out",
        *((why,) if why else ()),
    )
    return Outcome("faults", _COLUMNS, tuple(rows), {"rate": _RATE, "quick": options.quick}, options.seed, notes)


def _trials(scenes: Mapping[str, Path], *, quick: bool, gstreamer: bool) -> Iterator[Trial]:
    """All faults; the short form leaves out UDP and mends them sooner."""
    short, long = (0.5, 3.0) if quick else (6.0, 20.0)
    transports: tuple[Transport, ...] = ("tcp",) if quick else ("tcp", "udp")
    for transport in transports:
        for name, told, wrong in _OWN:
            camera = RtspCamera(scenes["usual"], scenes)
            right = {field: getattr(Faults(), field) for field in wrong}
            yield Trial(name, told, camera, transport, _setting(camera, wrong), _setting(camera, right), short)
    camera = RtspCamera(scenes["usual"])
    yield Trial("power cut and back", _GONE, camera, "tcp", camera.stop, camera.start, long)
    camera = RtspCamera(scenes["usual"])
    yield Trial("restarts, answers nobody", _GONE, camera, "tcp", *_restart(camera, {"mute": True}), long)
    camera = RtspCamera(scenes["usual"])
    yield Trial("password changed", "denied", camera, "tcp", _lock(camera), None, long)
    for name, told, bad, good in _GSTREAMER if gstreamer else ():
        server = GstCamera()
        yield Trial(name, told, server, "tcp", _sending(server, bad), _sending(server, good), short)
    if gstreamer:
        server = GstCamera()
        yield Trial("killed and restarted", _GONE, server, "tcp", server.stop, server.start, long)


def _setting(camera: RtspCamera, values: Mapping[str, object]) -> Callable[[], None]:
    def change() -> None:
        for name, value in values.items():
            setattr(camera.faults, name, value)

    return change


def _sending(server: GstCamera, line: str) -> Callable[[], None]:
    element, name, value = line.split(" ", 2)
    return lambda: server.set(element, name, value)


def _restart(camera: RtspCamera, wrong: Mapping[str, object]) -> tuple[Callable[[], None], Callable[[], None]]:
    def breaks() -> None:
        camera.stop()
        _setting(camera, wrong)()
        camera.start()

    return breaks, _setting(camera, {name: getattr(Faults(), name) for name in wrong})


def _lock(camera: RtspCamera) -> Callable[[], None]:
    def breaks() -> None:
        camera.stop()
        camera.credentials = "somebody:else"
        camera.start()

    return breaks


def _what(event: Event) -> str:
    """What an event says of a camera, in one word."""
    if isinstance(event, (CameraStalled, CameraLost)):
        return event.fault
    if isinstance(event, CameraChanged):
        return event.what
    return "online" if isinstance(event, CameraOnline) else ""


def _late(row: Row) -> bool:
    """Whether a row misses a goal."""
    detected, recovered = row[4], row[5]
    slow = isinstance(recovered, float) and recovered > RECOVERED
    return row[3] == "nothing" or (isinstance(detected, float) and detected > DETECTED) or slow or row[7] > 0
