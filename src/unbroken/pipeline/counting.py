"""What zones, lines and the site add up to: entries, exits, occupancy, dwell and people, from events alone.

The same sums over the events of a running site, of a file or of a database: who turned out to be whom is followed to
the end, so nobody is counted twice who was merged later, and nobody once who was split.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from unbroken.core.events import (
    Event,
    LineCrossed,
    PersonAppeared,
    PersonEnrolled,
    PersonForgotten,
    PersonLeft,
    PersonMerged,
    PersonRecognised,
    PersonSplit,
    TrackStarted,
    ZoneEntered,
    ZoneLeft,
)
from unbroken.pipeline.feet import Key

NOBODY = -1
SITE = ""
"""The name of the place that is the whole site."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody was in a place from `start` to `end`; infinite while he is still there, `NOBODY` where unknown."""

    place: str
    person: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Crossing:
    """Somebody crossed a line at `time`; `direction` is "in" or "out"."""

    line: str
    person: int
    time: float
    direction: str


@dataclass(slots=True)
class _Entry:
    """A stay or a crossing (then without an end) whose person may still change."""

    place: str
    key: Key
    person: int
    start: float
    end: float = math.inf
    direction: str = ""


class Book:
    """Takes in the events of a site in the order in which they were told; asked at any time.

    It grows with visits and crossings, some 300 bytes for each: give it those of the days that are asked about.
    """

    def __init__(self) -> None:
        self._epoch = 0
        self._time = -math.inf
        self._entries: list[_Entry] = []
        self._open: dict[tuple[str, int], _Entry] = {}
        self._by_key: dict[Key, list[_Entry]] = {}
        self._renamed: dict[int, int] = {}
        self._forgotten: set[int] = set()

    def note(self, event: Event, epoch: int = 0) -> None:
        """Take in an event; with a new epoch of the site, whoever was still somewhere has left."""
        if epoch != self._epoch:
            self._begin(epoch)
        self._time = max(self._time, event.time)
        if isinstance(event, ZoneEntered):
            self._enter((event.zone, event.visit), (event.camera, event.track), event.person, event.time)
        elif isinstance(event, ZoneLeft):
            self._leave((event.zone, event.visit), event.person, event.time)
        elif isinstance(event, PersonAppeared):
            self._enter((SITE, event.person), (event.camera, event.track), event.person, event.time)
        elif isinstance(event, PersonLeft):
            self._leave((SITE, event.person), event.person, event.time)
        elif isinstance(event, TrackStarted):
            self._by_key.pop((event.camera, event.track), None)
        elif isinstance(event, LineCrossed):
            key = (event.camera, event.track)
            self._add(_Entry(event.line, key, event.person, event.time, direction=event.direction))
        else:
            self._correct(event)

    def stays(self) -> list[Stay]:
        """Every stay in a zone or in the site, in the order of place and time.

        Stays of one person in one place that overlap are one: he cannot be there twice.
        """
        found: dict[tuple[str, int], list[Stay]] = {}
        for entry in self._entries:
            if not entry.direction:
                person = self._final(entry.person)
                found.setdefault((entry.place, person), []).append(Stay(entry.place, person, entry.start, entry.end))
        told = [stay for (_, person), row in found.items() for stay in (_joined(row) if person != NOBODY else row)]
        return sorted(told, key=lambda stay: (stay.place, stay.start, stay.end, stay.person))

    def crossings(self) -> list[Crossing]:
        """Every crossing of a line, in the order of line and time."""
        told = [
            Crossing(entry.place, self._final(entry.person), entry.start, entry.direction)
            for entry in self._entries
            if entry.direction
        ]
        return sorted(told, key=lambda one: (one.line, one.time, one.person))

    def _begin(self, epoch: int) -> None:
        """The site has started again: its tracks and visits have new numbers."""
        for entry in self._open.values():
            entry.end = max(self._time, entry.start)
        self._epoch = epoch
        self._open.clear()
        self._by_key.clear()

    def _enter(self, visit: tuple[str, int], key: Key, person: int, time: float) -> None:
        entry = _Entry(visit[0], key, person, time)
        self._open[visit] = entry
        self._add(entry)

    def _leave(self, visit: tuple[str, int], person: int, time: float) -> None:
        entry = self._open.pop(visit, None)
        if entry is not None:
            entry.end = max(time, entry.start)
            entry.person = person if person != NOBODY else entry.person

    def _add(self, entry: _Entry) -> None:
        self._entries.append(entry)
        self._by_key.setdefault(entry.key, []).append(entry)

    def _correct(self, event: Event) -> None:
        """Somebody turned out to be somebody."""
        if isinstance(event, (PersonEnrolled, PersonRecognised)):
            for entry in self._by_key.get((event.camera, event.track), ()):
                entry.person = event.person if entry.person == NOBODY else entry.person
        elif isinstance(event, PersonMerged):
            self._renamed.pop(event.person, None)
            self._renamed[event.absorbed] = event.person
        elif isinstance(event, PersonSplit):
            self._renamed.pop(event.separated, None)
            entries = [entry for key in event.tracks for entry in self._by_key.get(key, ()) if entry.place != SITE]
            for entry in entries:
                if self._final(entry.person) == event.person:
                    entry.person = event.separated
        elif isinstance(event, PersonForgotten):
            self._forgotten.add(self._final(event.person))

    def _final(self, person: int) -> int:
        while person in self._renamed:
            person = self._renamed[person]
        return NOBODY if person in self._forgotten else person


@dataclass(frozen=True, slots=True)
class ZoneCount:
    """What happened in a zone, or in the site, from `start` to `end`.

    Attributes:
        place: the zone's name; empty: the site.
        start: seconds.
        end: seconds.
        entries: stays that began.
        exits: stays that ended.
        inside: who was there at the end: what was there before, and entries less exits.
        most: at any moment.
        dwell: mean seconds of the stays that ended; NaN where none did.
        people: different Global IDs that were there at any time.
        unknown: stays of somebody who never got a Global ID.
    """

    place: str
    start: float
    end: float
    entries: int
    exits: int
    inside: int
    most: int
    dwell: float
    people: int
    unknown: int


@dataclass(frozen=True, slots=True)
class LineCount:
    """Who crossed a line from `start` to `end`: in, out, different Global IDs, and crossings by nobody known."""

    line: str
    start: float
    end: float
    ins: int
    outs: int
    people: int
    unknown: int


def zone_counts(stays: Iterable[Stay], edges: Sequence[float]) -> list[ZoneCount]:
    """The counts of each place between each two of the growing `edges`, in seconds."""
    places: dict[str, list[list[Stay]]] = {}
    spans = list(pairwise(edges))
    for stay in stays:
        rows = places.setdefault(stay.place, [[] for _ in spans])
        first = max(bisect_right(edges, stay.start) - 1, 0)
        for row in range(first, min(bisect_right(edges, stay.end), len(spans))):
            rows[row].append(stay)
    told = [(place, *one) for place, rows in sorted(places.items()) for one in zip(rows, spans, strict=True)]
    return [_zone_count(place, row, *span) for place, row, span in told]


def line_counts(crossings: Iterable[Crossing], edges: Sequence[float]) -> list[LineCount]:
    """The counts of each line between each two of the growing `edges`, in seconds."""
    lines: dict[str, list[list[Crossing]]] = {}
    spans = list(pairwise(edges))
    for crossing in crossings:
        rows = lines.setdefault(crossing.line, [[] for _ in spans])
        row = bisect_right(edges, crossing.time) - 1
        if 0 <= row < len(spans):
            rows[row].append(crossing)
    told = [(line, *one) for line, rows in sorted(lines.items()) for one in zip(rows, spans, strict=True)]
    return [_line_count(line, row, *span) for line, row, span in told]


def _zone_count(place: str, here: Sequence[Stay], start: float, end: float) -> ZoneCount:
    """From `start` on and before `end`; `here` are the stays that touch this."""
    ended = [stay for stay in here if stay.end < end]
    dwells = [stay.end - stay.start for stay in ended]
    return ZoneCount(
        place,
        start,
        end,
        entries=sum(stay.start >= start for stay in here),
        exits=len(ended),
        inside=len(here) - len(ended),
        most=_most(here),
        dwell=math.fsum(dwells) / len(dwells) if dwells else math.nan,
        people=len({stay.person for stay in here} - {NOBODY}),
        unknown=sum(stay.person == NOBODY for stay in here),
    )


def _line_count(line: str, here: Sequence[Crossing], start: float, end: float) -> LineCount:
    ins = sum(one.direction == "in" for one in here)
    people = {one.person for one in here} - {NOBODY}
    return LineCount(line, start, end, ins, len(here) - ins, len(people), sum(one.person == NOBODY for one in here))


def _most(stays: Sequence[Stay]) -> int:
    """How many overlap at most; somebody who comes the moment another one goes is there with him."""
    steps = sorted([(stay.start, 0) for stay in stays] + [(stay.end, 1) for stay in stays])
    now = most = 0
    for _, gone in steps:
        now += -1 if gone else 1
        most = max(most, now)
    return most


def _joined(stays: Sequence[Stay]) -> list[Stay]:
    """Stays of one person in one place, with those that overlap made one."""
    told: list[Stay] = []
    for stay in sorted(stays, key=lambda one: one.start):
        if told and stay.start <= told[-1].end:
            told[-1] = replace(told[-1], end=max(told[-1].end, stay.end))
        else:
            told.append(stay)
    return told
