"""When each person was in view of each camera: few numbers per track, however long the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from unbroken.core.ledger import NOBODY, Ledger
from unbroken.core.results import FrameResult
from unbroken.core.tracks import TrackState


@dataclass(frozen=True, slots=True)
class Seen:
    """A person was in view of a camera from `start` to `end` (seconds)."""

    person: int
    camera: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Transition:
    """A person went from one camera's view to another's, `gap` seconds later; below 0 where both saw it for a while."""

    person: int
    origin: str
    target: str
    left: float
    gap: float


class Spans:
    """Gathers from when to when each track was seen; who it was is asked at the end (`Ledger`).

    At most `limit` spans are kept: then the oldest are dropped and counted.
    """

    def __init__(self, *, join: float = 1.0, limit: int = 200_000) -> None:
        self._join = join
        self._limit = limit
        self._open: dict[str, dict[int, tuple[float, float]]] = {}
        self._closed: list[tuple[str, int, float, float]] = []
        self.dropped = 0

    def note(self, result: FrameResult) -> None:
        """Take in one picture."""
        running = self._open.setdefault(result.camera, {})
        time, present = result.time, set(result.tracks.ids.tolist())
        for track, state in zip(result.tracks.ids.tolist(), result.tracks.state.tolist(), strict=True):
            if state != TrackState.CONFIRMED:
                continue
            start, end = running.get(track, (time, time))
            if not 0 <= time - end <= self._join:
                self._close(result.camera, track, (start, end))
                start = time
            running[track] = (start, time)
        for track in [track for track in running if track not in present]:
            self._close(result.camera, track, running.pop(track))

    def _close(self, camera: str, track: int, span: tuple[float, float]) -> None:
        self._closed.append((camera, track, *span))
        if len(self._closed) > self._limit:
            drop = max(1, self._limit // 10)
            del self._closed[:drop]
            self.dropped += drop

    def seen(self, ledger: Ledger) -> list[Seen]:
        """By person, then start: pieces of one person in one camera that touch or lie within `join` are one."""
        pieces = list(self._closed)
        for camera, running in self._open.items():
            pieces += [(camera, track, *span) for track, span in running.items()]
        known = ((ledger.final(camera, track), camera, start, end) for camera, track, start, end in pieces)
        return joined([Seen(*piece) for piece in known if piece[0] != NOBODY], self._join)


def joined(pieces: Iterable[Seen], join: float) -> list[Seen]:
    """The same with pieces of one person in one camera made one where less than `join` seconds lie between them."""
    result: list[Seen] = []
    for piece in sorted(pieces, key=lambda one: (one.person, one.camera, one.start)):
        last = result[-1] if result else None
        if last and (last.person, last.camera) == (piece.person, piece.camera) and piece.start - last.end <= join:
            result[-1] = Seen(last.person, last.camera, last.start, max(last.end, piece.end))
        else:
            result.append(piece)
    return sorted(result, key=lambda one: (one.person, one.start, one.camera))


def transitions(seen: Iterable[Seen]) -> list[Transition]:
    """Each change of camera of each person: from one visit to the next one that begins later, in another camera."""
    by_person: dict[int, list[Seen]] = {}
    for piece in seen:
        by_person.setdefault(piece.person, []).append(piece)
    result = []
    for person, pieces in by_person.items():
        ordered = sorted(pieces, key=lambda one: (one.start, one.end))
        for first, second in pairwise(ordered):
            if first.camera != second.camera:
                gap = second.start - first.end
                result.append(Transition(person, first.camera, second.camera, first.end, gap))
    return sorted(result, key=lambda one: one.left)
