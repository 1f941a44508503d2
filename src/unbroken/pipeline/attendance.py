"""Who is here: which cameras see each person, since when, in which zones; bounded however long a site runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from unbroken.core.events import Event, LineCrossed, PersonForgotten, PersonMerged, PersonSplit, ZoneEntered, ZoneLeft
from unbroken.core.results import FrameResult
from unbroken.core.tracks import TrackState


@dataclass(frozen=True, slots=True)
class AttendanceSettings:
    """How long and how many.

    Attributes:
        here: seconds since the last sighting for which a person counts as here.
        stay: seconds out of sight after which a new stay begins.
        remembered: seconds after which somebody who left is dropped.
        people: at most so many are held; whoever has been away longest goes first.
        visits: at most so many of each person are held, the newest.
    """

    here: float = 2.0
    stay: float = 60.0
    remembered: float = 900.0
    people: int = 500
    visits: int = 32


@dataclass(frozen=True, slots=True)
class Visit:
    """From when to when one camera saw a person as one track."""

    camera: str
    track: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Person:
    """One person as of now; times are those of the clock that `Attendance.see` is given.

    Attributes:
        person: the Global ID.
        state: a value of `IdentityState`, of the last sighting.
        confidence: 0..1, of the last sighting.
        since: when this stay began.
        last: when somebody last saw the person.
        here: whether that was a moment ago.
        seen: when each camera last saw the person, the latest first.
        tracks: the newest local track of each camera.
        zones: where the person is.
        visits: of cameras, the first first.
    """

    person: int
    state: int
    confidence: float
    since: float
    last: float
    here: bool
    seen: Mapping[str, float]
    tracks: Mapping[str, int]
    zones: tuple[str, ...]
    visits: tuple[Visit, ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: who is inside (Global IDs), how many are inside, and how many came in and went out since the start."""

    name: str
    people: tuple[int, ...]
    inside: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line: how many crossed it since the start."""

    name: str
    entered: int
    left: int


@dataclass(slots=True)
class _Stay:
    """What is held of a person; changes with every sighting."""

    since: float
    last: float
    state: int = 0
    confidence: float = 0.0
    seen: dict[str, float] = field(default_factory=dict)
    tracks: dict[str, int] = field(default_factory=dict)
    visits: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)

    def visit(self, camera: str, track: int, at: float, most: int) -> None:
        """The track is still, or again, in view."""
        start, _ = self.visits.get((camera, track), (at, at))
        self.visits[camera, track] = (start, at)
        while len(self.visits) > most:
            del self.visits[next(iter(self.visits))]


class Attendance:
    """Takes in results and events in the order in which they come; owned by one thread or guarded by a lock."""

    def __init__(self, settings: AttendanceSettings | None = None) -> None:
        self._settings = settings or AttendanceSettings()
        self._stays: dict[int, _Stay] = {}
        self._inside: dict[str, set[tuple[str, int]]] = {}
        self._persons: dict[tuple[str, int], int] = {}
        self._entered: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._crossed: dict[str, Counter[str]] = {}

    def expect(self, zones: Collection[str], lines: Collection[str]) -> None:
        """These zones and lines are there from here on, also before anybody comes; others are dropped."""
        self._inside = {name: self._inside.get(name, set()) for name in zones}
        self._crossed = {name: self._crossed.get(name, Counter()) for name in lines}

    def see(self, result: FrameResult, at: float) -> None:
        """Take in one picture that came at `at` seconds."""
        tracks, who = result.tracks, result.identities
        shown = (tracks.state == TrackState.CONFIRMED) & (who.persons > 0)
        for row in shown.nonzero()[0].tolist():
            person, track = int(who.persons[row]), int(tracks.ids[row])
            stay = self._stays.get(person)
            if stay is None or at - stay.last > self._settings.stay:
                visits = stay.visits if stay is not None else {}
                stay = self._stays[person] = _Stay(at, at, visits=visits)
            stay.visit(result.camera, track, at, self._settings.visits)
            stay.last, stay.seen[result.camera], stay.tracks[result.camera] = at, at, track
            stay.state, stay.confidence = int(who.state[row]), float(who.confidence[row])
        self._forget_old(at)

    def note(self, event: Event) -> None:
        """Take in what happened."""
        if isinstance(event, PersonMerged):
            self._merge(event.person, event.absorbed)
        elif isinstance(event, PersonSplit):
            self._split(event)
        elif isinstance(event, PersonForgotten):
            self._stays.pop(event.person, None)
            self._persons = {key: person for key, person in self._persons.items() if person != event.person}
        elif isinstance(event, ZoneEntered):
            self._inside.setdefault(event.zone, set()).add((event.camera, event.track))
            self._persons[event.camera, event.track] = event.person
            self._entered[event.zone] += 1
        elif isinstance(event, ZoneLeft):
            self._leave(event)
        elif isinstance(event, LineCrossed):
            self._crossed.setdefault(event.line, Counter())[event.direction] += 1

    def people(self, at: float) -> tuple[Person, ...]:
        """Everybody who is here at `at` seconds, then those who left, the last first."""
        zones: dict[int, list[str]] = {}
        for zone in self.zones():
            for person in zone.people:
                zones.setdefault(person, []).append(zone.name)
        everybody = [
            self._person(person, stay, at, tuple(zones.get(person, ()))) for person, stay in self._stays.items()
        ]
        return tuple(sorted(everybody, key=lambda one: (not one.here, one.person if one.here else -one.last)))

    def in_view(self, at: float) -> Counter[str]:
        """How many decided people each camera sees at `at` seconds."""
        here = self._settings.here
        return Counter(
            camera for stay in self._stays.values() for camera, last in stay.seen.items() if at - last <= here
        )

    def zones(self) -> tuple[Zone, ...]:
        """All zones that are expected or that anybody has ever entered, by name."""
        return tuple(self._zone(name) for name in sorted(self._inside))

    def lines(self) -> tuple[Line, ...]:
        """All lines that are expected or that anybody has ever crossed, by name."""
        return tuple(Line(name, count["in"], count["out"]) for name, count in sorted(self._crossed.items()))

    def _person(self, person: int, stay: _Stay, at: float, zones: tuple[str, ...]) -> Person:
        seen = dict(sorted(stay.seen.items(), key=lambda one: -one[1]))
        return Person(
            person=person,
            state=stay.state,
            confidence=stay.confidence,
            since=stay.since,
            last=stay.last,
            here=at - stay.last <= self._settings.here,
            seen=seen,
            tracks=dict(stay.tracks),
            zones=zones,
            visits=tuple(Visit(*key, *times) for key, times in stay.visits.items()),
        )

    def _zone(self, name: str) -> Zone:
        keys = self._inside[name]
        known = {self._persons[key] for key in keys if self._persons.get(key, -1) > 0}
        unknown = sum(self._persons.get(key, -1) <= 0 for key in keys)
        return Zone(name, tuple(sorted(known)), len(known) + unknown, self._entered[name], self._left[name])

    def _leave(self, event: ZoneLeft) -> None:
        """The visit that began with this track is over; two visits that turned out to be one person's end as one."""
        self._inside.setdefault(event.zone, set()).discard((event.camera, event.track))
        if event.reason == "merged":
            self._entered[event.zone] -= 1
        else:
            self._left[event.zone] += 1
        still = set[tuple[str, int]]().union(*self._inside.values())
        self._persons = {key: person for key, person in self._persons.items() if key in still}

    def _merge(self, person: int, absorbed: int) -> None:
        self._persons = {key: person if one == absorbed else one for key, one in self._persons.items()}
        gone = self._stays.pop(absorbed, None)
        stay = self._stays.get(person)
        if gone is None:
            return
        if stay is None:
            self._stays[person] = gone
            return
        newer, older = (gone, stay) if gone.last > stay.last else (stay, gone)
        for camera, last in older.seen.items():
            if last > newer.seen.get(camera, float("-inf")):
                newer.seen[camera], newer.tracks[camera] = last, older.tracks[camera]
        newer.since = min(newer.since, older.since)
        both = {**older.visits, **newer.visits}
        newer.visits = dict(sorted(both.items(), key=lambda one: one[1])[-self._settings.visits :])
        self._stays[person] = newer

    def _split(self, event: PersonSplit) -> None:
        """The named tracks are somebody else from here; the next sightings say the rest."""
        for key in event.tracks:
            if key in self._persons:
                self._persons[key] = event.separated
        stay = self._stays.get(event.person)
        if stay is None:
            return
        for camera, track in event.tracks:
            stay.visits.pop((camera, track), None)
            if stay.tracks.get(camera) == track:
                del stay.tracks[camera], stay.seen[camera]
        if not stay.seen:
            del self._stays[event.person]

    def _forget_old(self, at: float) -> None:
        oldest = at - self._settings.remembered
        if len(self._stays) > self._settings.people:
            lasts = sorted((stay.last for stay in self._stays.values()), reverse=True)
            oldest = max(oldest, lasts[self._settings.people - 1])
        self._stays = {person: stay for person, stay in self._stays.items() if stay.last >= oldest}
