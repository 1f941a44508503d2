"""Recordings, walked in the order of time. One that breaks is named and left; the others go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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
    """One source and the frame of it that waits for its turn."""

    source: Source
    frames: Iterator[Frame]
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
            self.last = self.waiting.time

    def told(self) -> list[Event]:
        """What happened since the last time somebody asked."""
        events, self.events = self.events, []
        return events


def in_step(sources: Sequence[Source], window: float) -> Iterator[Moment]:
    """Walk recordings in the order of their times: the earliest frame, with all that are less than `window` s later.

    Nothing is dropped. A source that breaks is reported as `CameraLost` with its last frame, and left.
    """
    readers = [_Reader(source, iter(source)) for source in sources]
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
