"""Who is in a zone: visits that begin and end, counted by person, steady at the border and through lost tracks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from unbroken.core.arrays import Floats, Ints
from unbroken.core.events import Event, PersonForgotten, PersonMerged, PersonSplit, ZoneEntered, ZoneLeft
from unbroken.geometry.regions import distances, inside
from unbroken.pipeline.feet import Feet, Key

Occupant = int | Key
"""A Global ID or, while undecided, a track."""


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """An area that people enter, stay in and leave.

    Attributes:
        name: of the zone.
        camera: in whose picture it lies; empty: on the ground, for every camera that is calibrated.
        polygon: (K, 2) corners, pixels or metres.
        stay: seconds inside before somebody has entered, and outside before he has left.
        margin: metres beyond the border that still count as inside for somebody who has entered.
        lost: seconds for which somebody who is seen nowhere is still taken to be inside.
    """

    name: str
    camera: str
    polygon: Floats
    stay: float = 0.5
    margin: float = 0.15
    lost: float = 10.0

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for zones that are the same."""
        return self.name, self.camera, self.polygon.tobytes(), self.stay, self.margin, self.lost


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long one waits for Global IDs.

    Attributes:
        patience: seconds for the Global ID of somebody who is inside or has crossed; then he counts as nobody known.
        grace: seconds after which an undecided track that has gone is not waited for, and after which somebody who is
            seen elsewhere is no longer where he was lost.
    """

    patience: float = 5.0
    grace: float = 1.0


@dataclass(slots=True)
class _Trace:
    """A track that is, or may soon be, inside: since when without a break, and when that was last so."""

    person: int
    since: float
    last: float
    seen: float
    alive: float
    inside: bool = False
    occupant: Occupant | None = None


@dataclass(slots=True)
class _Visit:
    """One stay of one occupant; `key` is the track that it is told by, `number` what tells it from all others."""

    number: int
    key: Key
    since: float
    last: float
    told: bool = False
    reason: str = "unseen"


class Room:
    """The state of one zone.

    A visit belongs to a person: the tracks of several cameras, and tracks that follow each other, make one visit. It is
    told once the Global ID is known, or as that of a track after `patience` seconds without one; who turns out later to
    have been inside already is not told twice. A track that ends undecided before that was never told.

    Args:
        zone: where it lies.
        waiting: for Global IDs.
        number: gives the number of each new visit.
    """

    def __init__(self, zone: Zone, waiting: Waiting, number: Callable[[], int]) -> None:
        self.zone = zone
        self._number = number
        self._waiting = waiting
        self._traces: dict[Key, _Trace] = {}
        self._visits: dict[Occupant, _Visit] = {}

    @property
    def occupants(self) -> frozenset[Occupant]:
        """Who is inside, as far as it has been told."""
        return frozenset(occupant for occupant, visit in self._visits.items() if visit.told)

    def hear(self, event: Event) -> Iterator[Event]:
        """Take in what became of a Global ID."""
        if isinstance(event, PersonMerged):
            for trace in self._traces.values():
                if trace.person == event.absorbed:
                    trace.person = event.person
        elif isinstance(event, PersonSplit):
            for key in event.tracks:
                if key in self._traces and self._traces[key].person == event.person:
                    self._traces[key].person = event.separated
        elif isinstance(event, PersonForgotten):
            self._traces = {key: trace for key, trace in self._traces.items() if trace.person != event.person}
            visit = self._visits.pop(event.person, None)
            if visit is not None and visit.told:
                yield self._left(visit, -1, "forgotten")

    def look(self, feet: Feet, near: Ints) -> None:
        """Take in one picture of a camera that sees the zone.

        Args:
            feet: of everybody.
            near: the rows of those who may be inside: all who lie in the box around the zone.
        """
        if not len(near) and not self._traces:
            return
        points, _ = feet.places(self.zone.camera)
        rows = near[inside(points[near], self.zone.polygon)].tolist() if len(near) else []
        within = {feet.keys[row] for row in rows if feet.seen[row]}
        for row in rows:
            if feet.seen[row]:
                self._inside(feet.keys[row], feet.persons[row], feet.time)
        known = [feet.rows[key] for key in self._traces if key in feet.rows and key not in within]
        there = [feet.row_of[one] for one in self._visits if isinstance(one, int) and one in feet.row_of]
        beside = self._beside(feet, [row for row in (*known, *there) if feet.keys[row] not in within])
        for row in known:
            trace = self._traces[feet.keys[row]]
            if row in beside:
                self._outside(trace, feet.persons[row], feet.time, near=beside[row])
            else:
                trace.person, trace.alive = feet.persons[row], feet.time
        for row in there:
            if not beside.get(row, True):
                self._elsewhere(feet.persons[row], feet.time)

    def settle(self, time: float) -> list[Event]:
        """After all pictures of a step: the visits that have ended and begun."""
        if not self._traces and not self._visits:
            return []
        self._expire(time)
        groups: dict[Occupant, list[Key]] = {}
        order = sorted(self._traces.items(), key=lambda one: (one[1].since, one[0]))
        for key, trace in order:
            if trace.inside:
                groups.setdefault(trace.person if trace.person > 0 else key, []).append(key)
        told = [event for occupant, keys in groups.items() for event in self._gather(occupant, keys, groups)]
        for occupant in [one for one in self._visits if one not in groups]:
            told += self._end(occupant)
        for occupant, visit in self._visits.items():
            waited = time - visit.since >= self._waiting.patience
            if not visit.told and (isinstance(occupant, int) or waited):
                told.append(self._entered(visit, occupant))
        self._traces = {
            key: trace for key, trace in self._traces.items() if trace.inside or not math.isnan(trace.since)
        }
        return told

    def close(self) -> list[Event]:
        """The site stops, or the zone goes: every visit that was told ends."""
        visits, self._visits, self._traces = self._visits, {}, {}
        return [self._left(visit, occupant, "stopped") for occupant, visit in visits.items() if visit.told]

    def _beside(self, feet: Feet, rows: list[int]) -> dict[int, bool]:
        """The rows of those who are seen at a known place outside, and whether they are within the margin there."""
        points, scale = feet.places(self.zone.camera)
        found = [row for row in dict.fromkeys(rows) if feet.seen[row] and math.isfinite(points[row, 0])]
        if not found:
            return {}
        near = distances(points[found], self.zone.polygon) <= self.zone.margin * scale[found]
        return dict(zip(found, near.tolist(), strict=True))

    def _inside(self, key: Key, person: int, time: float) -> None:
        trace = self._traces.get(key)
        if trace is None:
            trace = self._traces[key] = _Trace(person, time, time, time, time)
        elif math.isnan(trace.since):
            trace.since = time
        trace.person, trace.last, trace.seen, trace.alive = person, time, time, time
        trace.inside = trace.inside or time - trace.since >= self.zone.stay

    def _outside(self, trace: _Trace, person: int, time: float, *, near: bool) -> None:
        trace.person, trace.seen, trace.alive = person, time, time
        if trace.inside and near:
            trace.last = time
        elif not trace.inside or time - trace.last >= self.zone.stay:
            if trace.occupant in self._visits:
                self._visits[trace.occupant].reason = "left"
            trace.inside, trace.since = False, float("nan")

    def _elsewhere(self, person: int, time: float) -> None:
        """Somebody is seen outside: he is no longer where another track has lost him."""
        for trace in self._traces.values():
            if trace.person == person and trace.inside and time - trace.seen > self._waiting.grace:
                self._visits[person].reason = "left"
                trace.inside, trace.since = False, float("nan")

    def _expire(self, time: float) -> None:
        def held(trace: _Trace) -> bool:
            waits = trace.person > 0 or time - trace.alive <= self._waiting.grace
            return waits and time - trace.seen <= self.zone.lost

        for trace in self._traces.values():
            if not held(trace) and trace.occupant in self._visits:
                self._visits[trace.occupant].reason = "unseen"
        self._traces = {key: trace for key, trace in self._traces.items() if held(trace)}

    def _gather(self, occupant: Occupant, keys: list[Key], groups: dict[Occupant, list[Key]]) -> Iterator[Event]:
        """Bring the tracks of one occupant into one visit; visits under names that he had before go into it."""
        traces = [self._traces[key] for key in keys]
        visit = self._visits.get(occupant)
        for name in dict.fromkeys(trace.occupant for trace in traces):
            if name is None or name in groups or name not in self._visits:
                continue
            before = self._visits.pop(name)
            if visit is None:
                visit = before
            elif before.told:
                yield self._left(before, occupant, "merged")
        if visit is None:
            visit = _Visit(self._number(), keys[0], traces[0].since, traces[0].last)
        visit.last = max(visit.last, *(trace.last for trace in traces))
        self._visits[occupant] = visit
        for trace in traces:
            trace.occupant = occupant

    def _end(self, occupant: Occupant) -> Iterator[Event]:
        """A visit that nobody is in any more. An undecided track that has walked out again was somebody, too."""
        visit = self._visits.pop(occupant)
        if not visit.told and visit.reason == "left":
            yield self._entered(visit, occupant)
        if visit.told:
            yield self._left(visit, occupant, visit.reason)

    def _entered(self, visit: _Visit, occupant: Occupant) -> Event:
        visit.told = True
        person = occupant if isinstance(occupant, int) else -1
        return ZoneEntered(visit.since, *visit.key, person, self.zone.name, visit.number)

    def _left(self, visit: _Visit, occupant: Occupant, reason: str) -> Event:
        person = occupant if isinstance(occupant, int) else -1
        dwell = visit.last - visit.since
        return ZoneLeft(visit.last, *visit.key, person, self.zone.name, dwell, reason, visit.number)
