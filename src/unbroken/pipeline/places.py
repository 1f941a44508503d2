"""The zones and lines of a site: what happens there, from the answers of all cameras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.core.events import Event
from unbroken.core.results import FrameResult
from unbroken.geometry.plane import GroundView
from unbroken.pipeline.feet import Feet
from unbroken.pipeline.lines import Gate, Line
from unbroken.pipeline.zones import Occupant, Room, Waiting, Zone

NO_BOXES: Floats = np.zeros((0, 4))


class Places:
    """Tells who enters and leaves zones and who crosses lines. An `Observer`; the order of cameras does not matter.

    Args:
        zones: with names that differ.
        lines: with names that differ.
        views: of the cameras that are calibrated; it is asked at each step, so cameras may be added later.
        waiting: for Global IDs.
    """

    def __init__(
        self,
        zones: Sequence[Zone],
        lines: Sequence[Line],
        views: Mapping[str, GroundView],
        waiting: Waiting | None = None,
    ) -> None:
        self._views = views
        self._waiting = waiting or Waiting()
        self._number = count(1).__next__
        self._rooms: list[Room] = []
        self._gates: list[Gate] = []
        self.change(zones, lines)
        self._time = float("-inf")

    @property
    def occupants(self) -> dict[str, frozenset[Occupant]]:
        """Who is in each zone now."""
        return {room.zone.name: room.occupants for room in self._rooms}

    def observe(self, results: Sequence[FrameResult], events: Sequence[Event]) -> list[Event]:
        """Take in one step; what happened in zones and at lines with it."""
        if not self._rooms and not self._gates:
            return []
        told: list[Event] = []
        for event in events:
            for room in self._rooms:
                told += room.hear(event)
            for gate in self._gates:
                gate.hear(event)
        for result in sorted(results, key=lambda one: (one.time, one.camera)):
            self._time = max(self._time, result.time)
            feet = Feet.of(result, self._views.get(result.camera))
            for camera in (result.camera, "") if result.camera in self._views else (result.camera,):
                self._look(feet, camera)
        for room in self._rooms:
            told += room.settle(self._time)
        for gate in self._gates:
            told += gate.settle(self._time)
        return told

    def change(self, zones: Sequence[Zone], lines: Sequence[Line]) -> list[Event]:
        """Other zones and lines from here on; those that stay as they are know who is there, the others end."""
        rooms = {room.zone.key: room for room in self._rooms}
        gates = {gate.line.key: gate for gate in self._gates}
        self._rooms = [rooms.get(zone.key) or Room(zone, self._waiting, self._number) for zone in zones]
        self._gates = [gates.get(line.key) or Gate(line, self._waiting) for line in lines]
        self._boxes = _boxes(self._rooms)
        gone = [room for room in rooms.values() if room not in self._rooms]
        return _closed(gone, [gate for gate in gates.values() if gate not in self._gates])

    def _look(self, feet: Feet, camera: str) -> None:
        """Show a picture to the zones and lines that lie in it, or, without a camera's name, on the ground."""
        rooms, boxes = self._boxes.get(camera, ((), NO_BOXES))
        points, _ = feet.places(camera)
        if rooms:
            around = (points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])
            for number, room in enumerate(rooms):
                room.look(feet, np.flatnonzero(around[number].all(axis=1)))
        for gate in self._gates:
            if gate.line.camera == camera:
                gate.look(feet)

    def close(self) -> list[Event]:
        """The site stops: every visit ends."""
        return _closed(self._rooms, self._gates)


def _boxes(rooms: Iterable[Room]) -> dict[str, tuple[tuple[Room, ...], Floats]]:
    """The rooms by camera, with the boxes around them: (R, 4) x1, y1, x2, y2."""
    found: dict[str, list[Room]] = {}
    for room in rooms:
        found.setdefault(room.zone.camera, []).append(room)
    return {camera: (tuple(here), np.array([_box(one.zone.polygon) for one in here])) for camera, here in found.items()}


def _box(polygon: Floats) -> list[float]:
    return [*polygon.min(axis=0).tolist(), *polygon.max(axis=0).tolist()]


def _closed(rooms: Iterable[Room], gates: Iterable[Gate]) -> list[Event]:
    told = [event for room in rooms for event in room.close()]
    return told + [event for gate in gates for event in gate.close()]
