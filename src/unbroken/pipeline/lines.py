"""Who crosses a line: once for each crossing of each person, steady at the line and through lost tracks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.core.events import Event, LineCrossed, PersonForgotten, PersonMerged
from unbroken.geometry.regions import crossings, offsets
from unbroken.pipeline.feet import Feet, Key
from unbroken.pipeline.zones import Waiting


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line that people cross: in is from left to right for somebody who looks from its start to its end.

    Attributes:
        name: of the line.
        camera: in whose picture it lies; empty: on the ground, x to the right and y up as on a map.
        ends: (2, 2), start and end, pixels or metres.
        margin: metres from the line within which nobody is on either side of it.
        lost: seconds after which somebody who was lost on one side and comes back on the other has not crossed.
        again: seconds within which the same person does not cross twice in one direction: two cameras saw it.
    """

    name: str
    camera: str
    ends: Floats
    margin: float = 0.15
    lost: float = 10.0
    again: float = 2.0

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for lines that are the same."""
        return self.name, self.camera, self.ends.tobytes(), self.margin, self.lost, self.again


@dataclass(frozen=True, slots=True, eq=False)
class _Stand:
    """Where somebody clearly was: a point, on a side of the line (-1 or 1), at a time."""

    point: Floats
    side: int
    time: float


@dataclass(slots=True)
class _Trace:
    """A track: who it is, where it stood last and first, and whether it was joined with what the person did before."""

    person: int
    alive: float
    stand: _Stand | None = None
    first: _Stand | None = None
    joined: bool = False


@dataclass(slots=True)
class _Crossing:
    key: Key
    direction: str
    time: float


class Gate:
    """The state of one line.

    A crossing is told once the Global ID is known, or as that of a track after `patience` seconds without one, or when
    the track has gone. Where a person is lost on one side and found by another track on the other, he has crossed.

    Args:
        line: where it lies.
        waiting: for Global IDs.
    """

    def __init__(self, line: Line, waiting: Waiting) -> None:
        self.line = line
        self._waiting = waiting
        self._traces: dict[Key, _Trace] = {}
        self._stands: dict[int, _Stand] = {}
        self._told: dict[int, tuple[str, float]] = {}
        self._open: list[_Crossing] = []

    def hear(self, event: Event) -> None:
        """Take in what became of a Global ID."""
        if isinstance(event, PersonMerged):
            stand = self._stands.pop(event.absorbed, None)
            if stand is not None:
                self._stand(event.person, stand)
        elif isinstance(event, PersonForgotten):
            self._stands.pop(event.person, None)
            self._told.pop(event.person, None)

    def look(self, feet: Feet) -> None:
        """Take in one picture of a camera that sees the line."""
        line = self.line
        points, scale = feet.places(line.camera)
        beside = offsets(points, line.ends)
        firm = (feet.seen & (np.abs(beside) > line.margin * scale)).tolist()
        sides = np.sign(beside).tolist()
        for row, key in enumerate(feet.keys):
            trace = self._traces.get(key)
            if trace is None:
                trace = self._traces[key] = _Trace(feet.persons[row], feet.time)
            trace.person, trace.alive = feet.persons[row], feet.time
            if firm[row]:
                self._step(key, trace, _Stand(points[row], int(sides[row]), feet.time))

    def settle(self, time: float) -> list[Event]:
        """After all pictures of a step: who has crossed."""
        told: list[Event] = []
        still: list[_Crossing] = []
        for crossing in sorted(self._open, key=lambda one: (one.time, one.key)):
            trace = self._traces.get(crossing.key)
            person = trace.person if trace is not None else -1
            gone = trace is None or time - trace.alive > self._waiting.grace
            if person > 0 or gone or time - crossing.time >= self._waiting.patience:
                told += self._tell(crossing, person)
            else:
                still.append(crossing)
        self._open = still
        self._forget(time)
        return told

    def close(self) -> list[Event]:
        """The site stops, or the line goes: crossings that waited for a Global ID are told without one."""
        waiting, self._open = self._open, []
        return [event for crossing in waiting for event in self._tell(crossing, -1)]

    def _step(self, key: Key, trace: _Trace, stand: _Stand) -> None:
        """Somebody stands clearly on one side."""
        if trace.stand is not None:
            self._cross(key, trace.stand, stand)
        trace.stand = stand
        trace.first = trace.first or stand
        if trace.person <= 0:
            return
        if not trace.joined:
            trace.joined = True
            before = self._stands.get(trace.person)
            if before is not None and 0 < trace.first.time - before.time <= self.line.lost:
                self._cross(key, before, trace.first)
        self._stand(trace.person, stand)

    def _stand(self, person: int, stand: _Stand) -> None:
        before = self._stands.get(person)
        if before is None or before.time <= stand.time:
            self._stands[person] = stand

    def _cross(self, key: Key, before: _Stand, after: _Stand) -> None:
        if before.side == after.side:
            return
        way = int(crossings(before.point[None], after.point[None], self.line.ends)[0])
        if way:
            # On a map y goes up, in a picture down: left and right change places.
            inwards = (way > 0) == bool(self.line.camera)
            self._open.append(_Crossing(key, "in" if inwards else "out", after.time))

    def _tell(self, crossing: _Crossing, person: int) -> Iterator[Event]:
        last = self._told.get(person) if person > 0 else None
        if last is not None and last[0] == crossing.direction and crossing.time - last[1] <= self.line.again:
            return
        if person > 0:
            self._told[person] = crossing.direction, crossing.time
        yield LineCrossed(crossing.time, *crossing.key, person, self.line.name, crossing.direction)

    def _forget(self, time: float) -> None:
        lost, again = self.line.lost, self.line.again
        self._traces = {key: trace for key, trace in self._traces.items() if time - trace.alive <= lost}
        self._stands = {person: stand for person, stand in self._stands.items() if time - stand.time <= lost}
        self._told = {person: told for person, told in self._told.items() if time - told[1] <= again}
