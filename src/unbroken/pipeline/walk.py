"""Recordings, walked in the order of time. One that breaks is named and left; the others go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from unbroken.core.errors import SourceError, SourceStalledError
from unbroken.core.events import CameraLost, CameraOnline, CameraStalled, Event
from unbroken.core.frames import Frame
from unbroken.core.ports import Source


@dataclass(frozen=True, slots=True)
class Moment:
    """At most one frame per camera, and what happened to the cameras since the last moment."""

    frames: tuple[Frame, ...]
    events: tuple[Event, ...] = ()


@dataclass(slots=True)
class _Reader:
    """One source, the seconds by which its clock is ahead, and the frame of it that waits for its turn."""

    source: Source
    frames: Iterator[Frame]
    ahead: float = 0.0
    waiting: Frame | None = None
    last: float = 0.0
    events: list[Event] = field(default_factory=list)

    def advance(self) -> None:
        """Fetch the next frame; at the end, or when the source breaks, nothing waits any more."""
        try:
            self.waiting = next(self.frames, None)
        except SourceError as error:
            self.waiting = None
            self.events.append(failure(self.source.camera, self.last, error))
        if self.waiting is not None:
            if self.ahead:
                self.waiting = replace(self.waiting, time=self.waiting.time + self.ahead)
            self.last = self.waiting.time

    def told(self) -> list[Event]:
        """What happened since the last time somebody asked."""
        events, self.events = self.events, []
        return events


def in_step(sources: Sequence[Source], window: float, ahead: Mapping[str, float] | None = None) -> Iterator[Moment]:
    """Walk recordings in the order of their times: the earliest frame, with all that are less than `window` s later.

    Nothing is dropped. A source that breaks is reported as `CameraLost` with its last frame, and left.

    Args:
        sources: each read once.
        window: seconds that count as the same moment.
        ahead: seconds by which clocks of cameras are known to be ahead; their frames come, and are stamped, later.
    """
    clocks = ahead or {}
    readers = [_Reader(source, iter(source), clocks.get(source.camera, 0.0)) for source in sources]
    for reader in readers:
        reader.advance()
        if reader.waiting is not None:
            reader.events.append(CameraOnline(reader.waiting.time, reader.source.camera))
    while any(reader.waiting is not None for reader in readers):
        start = min(reader.waiting.time for reader in readers if reader.waiting is not None)
        frames = []
        for reader in readers:
            if reader.waiting is not None and reader.waiting.time < start + window:
                frames.append(reader.waiting)
                reader.advance()
        events = [event for reader in readers for event in reader.told()]
        yield Moment(tuple(sorted(frames, key=lambda frame: frame.time)), tuple(events))
    events = [event for reader in readers for event in reader.told()]
    if events:
        yield Moment((), tuple(events))


def usual_window(sources: Sequence[Source]) -> float:
    """Half of the shortest time between two frames of any source, in seconds: what counts as the same moment."""
    rates = [source.frame_rate for source in sources if source.frame_rate > 0]
    return 0.5 / max(rates) if rates else 0.02


def failure(camera: str, time: float, error: SourceError) -> Event:
    """What a broken source means for its camera."""
    kind = CameraStalled if isinstance(error, SourceStalledError) else CameraLost
    return kind(time, camera, str(error))
