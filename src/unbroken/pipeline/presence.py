"""Who is in the site: Global IDs that appear, that change their cameras or their state, and that leave.

This tells events, on the clock of the pictures, and forgets whoever has left; `attendance` answers questions, on the
clock of whoever asks, and remembers people for a while after they have left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from unbroken.core.events import Event, PersonAppeared, PersonChanged, PersonForgotten, PersonLeft, PersonMerged
from unbroken.core.results import FrameResult
from unbroken.core.sightings import IdentityState
from unbroken.core.tracks import TrackState


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """When somebody is in the site.

    Attributes:
        end: seconds after which somebody who is not seen has left.
        update: seconds between two changes that are told of one person, at least; the last change is never left out.
        linger: seconds for which a camera still counts as seeing somebody whom it has lost.
    """

    end: float = 30.0
    update: float = 1.0
    linger: float = 3.0


@dataclass(slots=True)
class _Stay:
    """One person in the site: `seen` by camera, what was told last and when."""

    since: float
    told: tuple[tuple[str, ...], str]
    told_at: float
    seen: dict[str, float] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)

    @property
    def last(self) -> float:
        return max(self.seen.values())

    def now(self, time: float, linger: float) -> tuple[tuple[str, ...], str]:
        """The cameras that see him, the last one where none does, and the surest state that they give him."""
        cameras = tuple(sorted(camera for camera, seen in self.seen.items() if time - seen <= linger))
        cameras = cameras or (max(self.seen, key=lambda camera: (self.seen[camera], camera)),)
        return cameras, _name(max(self.states[camera] for camera in cameras))


class Presence:
    """Tells who appears, changes and leaves. An `Observer`.

    People count while a track of theirs is seen in a picture; one who is merely predicted is not seen. A merge ends the
    absorbed Global ID and hands its time over; a split lets the separated one appear.
    """

    def __init__(self, settings: PresenceSettings | None = None) -> None:
        self._settings = settings or PresenceSettings()
        self._stays: dict[int, _Stay] = {}
        self._time = float("-inf")

    @property
    def people(self) -> tuple[int, ...]:
        """The Global IDs in the site, in their order."""
        return tuple(sorted(self._stays))

    def observe(self, results: Sequence[FrameResult], events: Sequence[Event]) -> list[Event]:
        """Take in one step; who appeared, changed and left with it."""
        told: list[Event] = []
        for event in events:
            if isinstance(event, PersonMerged):
                told += self._merge(event)
            elif isinstance(event, PersonForgotten):
                told += self._forget(event)
        for result in sorted(results, key=lambda one: (one.time, one.camera)):
            self._time = max(self._time, result.time)
            told += self._see(result)
        return [*told, *self._changes(), *self._ends()]

    def close(self) -> list[Event]:
        """Everybody who is still there is told to have left, for the reason "stopped"."""
        return [event for person in self.people for event in self._end(person, "stopped")]

    def _see(self, result: FrameResult) -> Iterator[Event]:
        who, seen = result.identities, result.tracks.state == TrackState.CONFIRMED
        rows = zip(who.persons[seen].tolist(), result.tracks.ids[seen].tolist(), who.state[seen].tolist(), strict=True)
        for person, track, state in rows:
            if person <= 0:
                continue
            stay = self._stays.get(person)
            if stay is None:
                stay = self._stays[person] = _Stay(result.time, ((result.camera,), _name(state)), result.time)
                yield PersonAppeared(result.time, person, result.camera, track)
            stay.states[result.camera] = state
            stay.seen[result.camera] = max(result.time, stay.seen.get(result.camera, result.time))

    def _changes(self) -> Iterator[Event]:
        settings = self._settings
        for person, stay in sorted(self._stays.items()):
            now = stay.now(self._time, settings.linger)
            if now != stay.told and self._time - stay.told_at >= settings.update:
                stay.told, stay.told_at = now, self._time
                yield PersonChanged(self._time, person, *now, stay.since)

    def _ends(self) -> Iterator[Event]:
        gone = [person for person, stay in self._stays.items() if self._time - stay.last > self._settings.end]
        for person in sorted(gone):
            yield from self._end(person, "unseen")

    def _end(self, person: int, reason: str, into: int = -1) -> Iterator[Event]:
        stay = self._stays.pop(person, None)
        if stay is not None:
            yield PersonLeft(stay.last, person, tuple(sorted(stay.seen)), stay.since, reason, into)

    def _forget(self, event: PersonForgotten) -> Iterator[Event]:
        """An end that says nothing of where he was and since when."""
        if self._stays.pop(event.person, None) is not None:
            yield PersonLeft(event.time, event.person, (), event.time, "forgotten")

    def _merge(self, event: PersonMerged) -> Iterator[Event]:
        absorbed = self._stays.get(event.absorbed)
        kept = self._stays.get(event.person)
        if absorbed is None:
            return
        yield from self._end(event.absorbed, "merged", event.person)
        if kept is None:
            kept = self._stays[event.person] = _Stay(absorbed.since, absorbed.told, event.time)
            camera = absorbed.told[0][0]
            yield PersonAppeared(event.time, event.person, camera, -1)
        kept.since = min(kept.since, absorbed.since)
        for camera, seen in absorbed.seen.items():
            kept.seen[camera] = max(seen, kept.seen.get(camera, seen))
            kept.states.setdefault(camera, absorbed.states[camera])


def _name(state: int) -> str:
    return IdentityState(state).name.lower()
