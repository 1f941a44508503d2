"""The textbook rule: nearest known person by cosine distance, two fixed thresholds, a moving average.

It is here because everybody knows it and many want exactly it. Its thresholds belong to one net: under OSNet 0.5 makes
one person of everybody. The default manager learns its own from the site.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Features, Floats, Ints
from unbroken.core.batches import Command, Merge, Split, Swap, Undo
from unbroken.core.errors import ConfigError, ContractError
from unbroken.core.events import (
    Event,
    Evidence,
    PersonEnrolled,
    PersonForgotten,
    PersonMerged,
    PersonRecognised,
    PersonSplit,
)
from unbroken.core.sightings import Identities, IdentityState, Sightings
from unbroken.identity.looks.vectors import Vectors
from unbroken.identity.recall import Remembered

_REFUSED = 1e3
_ALTERNATIVES = 3
_REMEMBERED = 64

Track = tuple[str, int]


@dataclass(frozen=True, slots=True)
class FixedSettings:
    """Settings of the textbook rule.

    Attributes:
        same: cosine distance below which a track is a known person.
        different: cosine distance above which it is not.
        undecided: what a distance between them means: "wait" for more views, or take it as "same" or as "new".
        patience: views after which "wait" ends; then the middle of the two thresholds decides.
        momentum: weight of what is known when a new feature comes: `momentum * feature + (1 - momentum) * new`.
        track_timeout: seconds after which a track that was neither seen nor ended counts as ended.
        capacity: people; who was seen longest ago makes room.
    """

    same: float = 0.5
    different: float = 0.7
    undecided: Literal["wait", "same", "new"] = "wait"
    patience: int = 10
    momentum: float = 0.9
    track_timeout: float = 60.0
    capacity: int = 100_000

    def __post_init__(self) -> None:
        """Refuse what makes no rule."""
        if not 0 <= self.same <= self.different <= 2:
            raise ConfigError(
                f"thresholds same={self.same}, different={self.different}; give 0 <= same <= different <= 2"
            )
        if not 0 <= self.momentum < 1:
            raise ConfigError(f"momentum is {self.momentum}; give a number of at least 0 and below 1")


@dataclass(slots=True)
class _Track:
    """A track that is alive: who it is, as far as that is known."""

    person: int = -1
    state: IdentityState = IdentityState.PENDING
    confidence: float = 0.0
    seen: float = 0.0
    views: int = 0
    total: Features = field(default_factory=lambda: np.zeros(0, dtype=np.float32))

    def add(self, feature: Features) -> None:
        """Count a view in."""
        self.total = feature + self.total if self.views else feature.copy()
        self.views += 1

    @property
    def mean(self) -> Features:
        """The mean of its views, of unit length."""
        return (self.total / max(float(np.linalg.norm(self.total)), 1e-12)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the rule says of one track: a person, 0 for somebody new, -1 for undecided."""

    person: int
    state: IdentityState
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class _Before:
    """What a correction by hand has changed, as it was: vectors of people (`None`: not there), people of tracks."""

    vectors: dict[int, Features | None]
    tracks: dict[Track, int]


class FixedManager:
    """The identity manager of the textbooks (spec 2.4, 2.5 and 2.8). One thread owns it.

    Within a view the new tracks are assigned jointly, and a person whom a living track of the view already has is
    not offered to another: nobody is twice in one view.
    """

    def __init__(self, settings: FixedSettings | None = None) -> None:
        self.settings = settings or FixedSettings()
        self._gallery = Vectors()
        self._last_seen: dict[int, float] = {}
        self._tracks: dict[tuple[str, int], _Track] = {}
        self._next = 1
        self._corrections: deque[_Before] = deque(maxlen=_REMEMBERED)

    @property
    def persons(self) -> dict[tuple[str, int], int]:
        """The mapping of living, decided tracks: (camera, local track) -> Global ID."""
        return {key: track.person for key, track in self._tracks.items() if track.person > 0}

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, in their order, and what happened.

        Raises:
            ContractError: features of another dimension than those in the gallery.
        """
        answers: list[Identities] = []
        events: list[Event] = []
        for view in sightings:
            self._end(view)
            self._take_in(view)
            events += self._decide(view)
            self._bound()
            answers.append(self._answer(view))
        return answers, events

    def recall(self, known: Remembered) -> None:
        """Begin with people who are known: each is the moving average of his tracks, in the order of their ends."""
        for track, person in zip(known.tracks, known.persons.tolist(), strict=True):
            if track.feature.any():
                self._blend(person, track.feature)
            self._last_seen[person] = track.end
        self._next = max(self._next, known.highest + 1)

    def correct(self, command: Command, time: float) -> list[Event]:
        """Carry out what somebody asks for by hand. Only living tracks are remembered here: name those.

        Raises:
            ContractError: a person or a track is not known, or the command contradicts what is seen; nothing changes.
        """
        if isinstance(command, Merge):
            return self._merge(command, time)
        if isinstance(command, Split):
            return self._split(command, time)
        if isinstance(command, Swap):
            return self._swap(command, time)
        if isinstance(command, Undo):
            return self._undo(command.person, time)
        self._check_known(command.person)
        self._erase(command.person)
        return [PersonForgotten(time, command.person, command.reason)]

    def _merge(self, command: Merge, time: float) -> list[Event]:
        person, absorbed = command.person, command.absorbed
        self._check_known(person)
        self._check_known(absorbed)
        if person == absorbed:
            raise ContractError(f"person {person} cannot be merged with itself; give two Global IDs")
        mine, theirs = self._tracks_of(person), self._tracks_of(absorbed)
        shared = {camera for camera, _ in mine} & {camera for camera, _ in theirs}
        if shared:
            raise ContractError(
                f"persons {person} and {absorbed} are in view of camera {min(shared)} at the same time and cannot be "
                "one; split the wrong track off"
            )
        self._note((person, absorbed), theirs)
        vectors = [vector for one in (person, absorbed) if len(vector := self._vector(one))]
        if vectors:
            self._gallery.put(person, np.sum(vectors, axis=0))
        self._last_seen[person] = max(self._last_seen[person], self._last_seen.pop(absorbed))
        self._gallery.remove([absorbed])
        self._hand_over(theirs, person)
        return [PersonMerged(time, person, absorbed, Evidence(person, 0.0))]

    def _split(self, command: Split, time: float) -> list[Event]:
        person = command.person
        self._check_known(person)
        if not command.tracks:
            raise ContractError(f"split of person {person} names no track; name at least one as (camera, track)")
        for key in command.tracks:
            if self._person_of(key) != person:
                raise ContractError(f"track {key[1]} of camera {key[0]} is not person {person}; name its own tracks")
        separated, self._next = self._next, self._next + 1
        self._note((person, separated), command.tracks)
        self._last_seen[separated] = time
        self._hand_over(command.tracks, separated)
        return [PersonSplit(time, person, separated, command.tracks, Evidence(separated, 0.0))]

    def _swap(self, command: Swap, time: float) -> list[Event]:
        one, other = self._person_of(command.first), self._person_of(command.second)
        if one == other:
            raise ContractError(f"both tracks are person {one}; name tracks of two people")
        self._note((one, other), (command.first, command.second))
        self._hand_over((command.first,), other)
        self._hand_over((command.second,), one)
        return [
            PersonSplit(time, one, other, (command.first,), Evidence(other, 0.0)),
            PersonSplit(time, other, one, (command.second,), Evidence(one, 0.0)),
        ]

    def _undo(self, person: int, time: float) -> list[Event]:
        last = next((known for known in reversed(self._corrections) if person in known.vectors), None)
        if last is None:
            raise ContractError(f"person {person} has no correction to undo; only the last ones are remembered")
        if last is not self._corrections[-1]:
            raise ContractError(f"person {person}: there are later corrections; undo those first")
        self._corrections.pop()
        for one, vector in last.vectors.items():
            if vector is None:
                self._gallery.remove([one])
                self._last_seen.pop(one, None)
            else:
                self._last_seen.setdefault(one, time)
                if len(vector):
                    self._gallery.put(one, vector)
        return self._returned(last, time)

    def _returned(self, before: _Before, time: float) -> list[Event]:
        """Tracks go back to whose they were; those that were given to somebody who is gone again go with the rest."""
        events: list[Event] = []
        gone = [one for one, vector in before.vectors.items() if vector is None]
        kept = next(one for one, vector in before.vectors.items() if vector is not None)
        for key, person in before.tracks.items():
            now = self._tracks[key].person if key in self._tracks else person
            if now not in gone and now != person:
                events.append(PersonSplit(time, now, person, (key,), Evidence(person, 0.0)))
            self._hand_over([key], person)
        for one in gone:
            self._hand_over(self._tracks_of(one), kept)
            events.append(PersonMerged(time, kept, one, Evidence(kept, 0.0)))
        return events

    def _note(self, persons: Iterable[int], tracks: Iterable[Track]) -> None:
        """Remember how things are before a correction."""
        vectors = {person: self._vector(person) if person in self._last_seen else None for person in persons}
        self._corrections.append(_Before(vectors, {key: self._tracks[key].person for key in tracks}))

    def _hand_over(self, keys: Iterable[Track], person: int) -> None:
        for key in keys:
            if key in self._tracks:
                track = self._tracks[key]
                track.person, track.state, track.confidence = person, IdentityState.CONFIRMED, 1.0

    def _vector(self, person: int) -> Features:
        return self._gallery.get(person, np.zeros(0, dtype=np.float32))

    def _tracks_of(self, person: int) -> list[Track]:
        return [key for key, track in self._tracks.items() if track.person == person]

    def _person_of(self, key: Track) -> int:
        track = self._tracks.get(key)
        if track is None or track.person <= 0:
            raise ContractError(f"track {key[1]} of camera {key[0]} is not open or has no Global ID; name one that has")
        return track.person

    def _check_known(self, person: int) -> None:
        if person not in self._last_seen:
            raise ContractError(f"person {person} is not in the gallery; give Global IDs that are known")

    def _erase(self, person: int) -> None:
        """Leave nothing of somebody; whoever is in view is somebody new from here on."""
        self._last_seen.pop(person)
        self._gallery.remove([person])
        for key in self._tracks_of(person):
            del self._tracks[key]
        kept = (known for known in self._corrections if person not in known.vectors)
        self._corrections = deque(kept, maxlen=_REMEMBERED)

    def _end(self, view: Sightings) -> None:
        for number in view.ended.tolist():
            self._tracks.pop((view.camera, number), None)
        deadline = view.time - self.settings.track_timeout
        for key in [key for key, track in self._tracks.items() if track.seen < deadline]:
            del self._tracks[key]

    def _take_in(self, view: Sightings) -> None:
        if view.features.shape[1]:
            self._gallery.check(view.features.shape[1])
        fresh = np.any(view.features != 0, axis=1)
        for row, number in enumerate(view.tracks.tolist()):
            track = self._tracks.setdefault((view.camera, number), _Track())
            track.seen = view.time
            if track.person > 0:
                self._last_seen[track.person] = view.time
            if not fresh[row]:
                continue
            if track.person > 0:
                self._blend(track.person, view.features[row])
            else:
                track.add(view.features[row])

    def _blend(self, person: int, feature: Features) -> None:
        known = self._gallery.get(person, feature)
        momentum = np.float32(self.settings.momentum)
        self._gallery.put(person, momentum * known + (1 - momentum) * feature)

    def _decide(self, view: Sightings) -> list[Event]:
        without_reid = view.features.shape[1] == 0
        numbers = [
            number
            for number in view.tracks.tolist()
            if (track := self._tracks[view.camera, number]).person < 0 and (track.views or without_reid)
        ]
        if not numbers:
            return []
        if without_reid:
            nobody = np.zeros((len(numbers), 0))
            return self._commit(view, numbers, nobody, np.zeros(0, dtype=np.int64))
        queries = np.stack([self._tracks[view.camera, number].mean for number in numbers])
        persons = self._gallery.keys.copy()
        return self._commit(view, numbers, 1 - self._gallery.similarities(queries), persons)

    def _commit(self, view: Sightings, numbers: list[int], distances: Floats, persons: Ints) -> list[Event]:
        present = [
            track.person for (camera, _), track in self._tracks.items() if camera == view.camera and track.person > 0
        ]
        offered = np.where(np.isin(persons, present)[None], _REFUSED, distances)
        chosen = _assigned(offered, self.settings.different)
        events: list[Event] = []
        for row, number in enumerate(numbers):
            track = self._tracks[view.camera, number]
            column = int(chosen[row])
            nearest = float(offered[row, column]) if column >= 0 else _REFUSED
            choice = self._rule(track, nearest, int(persons[column]) if column >= 0 else 0)
            if choice.person >= 0:
                events.append(self._settle(view, number, choice, _evidence(persons, offered[row])))
        return events

    def _rule(self, track: _Track, distance: float, person: int) -> _Choice:
        same, different = self.settings.same, self.settings.different
        if distance < same:
            return _Choice(person, IdentityState.CONFIRMED, 1 - max(distance, 0.0))
        if distance > different:
            return _Choice(0, IdentityState.CONFIRMED, min(distance, 1.0))
        wanted = self.settings.undecided
        if wanted == "wait":
            if track.views < self.settings.patience:
                return _Choice(-1, IdentityState.PENDING, 0.0)
            wanted = "same" if distance < (same + different) / 2 else "new"
        if wanted == "same":
            return _Choice(person, IdentityState.PROBABLE, 1 - min(distance, 1.0))
        return _Choice(0, IdentityState.PROBABLE, min(distance, 1.0))

    def _settle(self, view: Sightings, number: int, choice: _Choice, known: tuple[Evidence, ...]) -> Event:
        track = self._tracks[view.camera, number]
        track.person, track.state, track.confidence = choice.person, choice.state, choice.confidence
        if choice.person:
            evidence = next(item for item in known if item.person == choice.person)
            others = tuple(item for item in known if item is not evidence)[:_ALTERNATIVES]
            event: Event = PersonRecognised(view.time, view.camera, number, choice.person, evidence, others)
        else:
            track.person, self._next = self._next, self._next + 1
            event = PersonEnrolled(view.time, view.camera, number, track.person, known[:_ALTERNATIVES])
        if track.views:
            self._blend(track.person, track.mean)
        self._last_seen[track.person] = view.time
        track.total = np.zeros(0, dtype=np.float32)
        return event

    def _bound(self) -> None:
        excess = len(self._last_seen) - self.settings.capacity
        if excess > 0:
            living = {track.person for track in self._tracks.values()}
            dormant = sorted((seen, person) for person, seen in self._last_seen.items() if person not in living)
            for _, person in dormant[:excess]:
                self._erase(person)

    def _answer(self, view: Sightings) -> Identities:
        tracks = [self._tracks[view.camera, number] for number in view.tracks.tolist()]
        return Identities(
            view.camera,
            view.time,
            view.tracks,
            np.array([track.person for track in tracks], dtype=np.int64),
            np.array([track.state for track in tracks], dtype=np.int64),
            np.array([track.confidence for track in tracks]),
        )


def _assigned(distances: Floats, limit: float) -> Ints:
    """(T, P) distances -> (T,) the column of each track, -1 for nobody: the least sum, where nobody costs `limit`."""
    tracks, persons = distances.shape
    nobody = np.full((tracks, tracks), limit)
    rows, columns = linear_sum_assignment(np.hstack([distances, nobody]))
    chosen = np.full(tracks, -1, dtype=np.int64)
    chosen[rows] = np.where(columns < persons, columns, -1)
    return chosen


def _evidence(persons: Ints, distances: Floats) -> tuple[Evidence, ...]:
    """Everybody worth a line, nearest first; who was refused is left out."""
    nearest = np.argsort(distances, kind="stable")
    return tuple(
        Evidence(int(persons[column]), 1 - float(distances[column]), distance=float(distances[column]))
        for column in nearest.tolist()
        if distances[column] < _REFUSED
    )
