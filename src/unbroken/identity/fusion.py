"""Calibrated cameras that see the same ground are one camera to the identity manager: a ground track is its unit.

Foot points of all calibrated cameras become ground tracks (`groundplane`); each ground track is told to the manager as
one track of a camera of its own, with the looks of all its views. What the manager decides on a ground track holds for
every view of it. Cameras without calibration are told as they are, so both kinds mix in one site.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

import numpy as np

from unbroken.core.arrays import Features
from unbroken.core.batches import Command, Forget, Split, Swap
from unbroken.core.errors import ContractError
from unbroken.core.events import (
    Event,
    Evidence,
    PersonEnrolled,
    PersonForgotten,
    PersonMerged,
    PersonRecognised,
    PersonSplit,
)
from unbroken.core.ports import IdentityManager
from unbroken.core.sightings import Identities, IdentityState, Sightings
from unbroken.identity.ground_values import GroundObservations, GroundResult, GroundSettings
from unbroken.identity.groundplane import GroundTracker
from unbroken.identity.recall import Remembered, recall_into

GROUND = "ground"
"""The name under which the ground is a camera to the manager."""

FOLLOWED = GroundSettings(continuity=3.0, doubtful_continuity=6.0, patience=2.0, newcomer=3.0, whole=True)
"""Cameras that follow people themselves are believed more than the ground alone would: two tracks that swap on the
ground swap their Global IDs."""

_PENDING = (-1, int(IdentityState.PENDING), 0.0)


class GroundedManager:
    """An identity manager for sites with calibrated cameras, around one that knows no ground.

    All calibrations must share one origin. Same input, same output, to the bit.

    Args:
        inner: decides who is who.
        settings: of the ground plane.
    """

    def __init__(self, inner: IdentityManager, settings: GroundSettings = FOLLOWED) -> None:
        self.inner = inner
        self._ground = GroundTracker(settings)
        self._track_of: dict[tuple[str, int], int] = {}
        self._answers: dict[int, tuple[int, int, float]] = {}
        self._last: dict[tuple[str, int], tuple[int, int, float]] = {}
        self._named: dict[tuple[str, int], int] = {}
        self._alive: set[int] = set()
        self._time = -np.inf

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, in their order, and what happened."""
        if not sightings:
            return [], []
        placed = [view for view in sightings if np.isfinite(view.ground).all(axis=1).any()]
        if not placed and not self._alive:
            answers, decided = self.inner.observe(sightings)
            self._hear(decided)
            return answers, decided
        self._time = max([np.nextafter(self._time, np.inf), *(view.time for view in sightings)])
        result = self._ground.update(self._time, [GroundObservations.from_sightings(view) for view in placed])
        events = self._bind(placed, result)
        told = [self._fused(placed, result), *(self._left(view) for view in sightings)]
        answers, decided = self.inner.observe(told)
        ground = answers[0]
        rows = zip(ground.persons.tolist(), ground.state.tolist(), ground.confidence.tolist(), strict=True)
        self._follow(decided)
        self._answers.update(zip(ground.tracks.tolist(), rows, strict=True))
        now = {(view.camera, number) for view in placed for number in view.tracks.tolist()}
        events += [here for event in decided for here in self._translated(event, now)]
        identities = [self._answer(view, left) for view, left in zip(sightings, answers[1:], strict=True)]
        events += self._untold(events, identities)
        self._forget(sightings, result)
        return identities, events

    def correct(self, command: Command, time: float) -> list[Event]:
        """Carry out what somebody asks for by hand. A view of a ground track stands for the ground track.

        Raises:
            ContractError: a person or a track is not known, or the command contradicts what is seen; nothing changes.
        """
        if isinstance(command, Split):
            tracks = tuple(dict.fromkeys(self._grounded(key) for key in command.tracks))
            command = replace(command, tracks=tracks)
        if isinstance(command, Swap):
            first, second = self._grounded(command.first), self._grounded(command.second)
            if first == second:
                raise ContractError(
                    f"track {command.first[1]} of camera {command.first[0]} and track {command.second[1]} of camera "
                    f"{command.second[0]} stand at one place and are one person; name tracks of two people"
                )
            command = Swap(first, second)
        decided = self.inner.correct(command, time)
        if isinstance(command, Forget):
            self._drop_undecided(command.person)
        self._follow(decided)
        events = [here for event in decided for here in self._translated(event, set())]
        self._hear(events)
        return events

    def _drop_undecided(self, person: int) -> None:
        """Views of an undecided ground track were answered with this person: what it has seen of him goes as well."""
        theirs = {self._track_of[key] for key, answer in self._last.items() if answer[0] == person}
        over = sorted(track for track in theirs if self._answers.get(track, _PENDING)[0] < 0)
        if over:
            self.inner.observe([Sightings.of_nobody(GROUND, float(self._time), np.array(over, dtype=np.int64))])

    def recall(self, known: Remembered) -> None:
        """Begin with people who are known. Tracks on the ground begin anew.

        Raises:
            StoreError: the inner manager has no way to.
        """
        recall_into(self.inner, known)

    def adopt(self, other: GroundedManager) -> None:
        """Take the settings of the ground from another manager; what is known stays."""
        self._ground.settings = other._ground.settings

    def leave_the_ground(self) -> None:
        """End all ground tracks: from here on the inner manager is told of cameras as they are."""
        if self._alive:
            over = np.array(sorted(self._alive), dtype=np.int64)
            self.inner.observe([Sightings.of_nobody(GROUND, float(self._time), over)])
            self._alive = set()

    def _grounded(self, key: tuple[str, int]) -> tuple[str, int]:
        return (GROUND, self._track_of[key]) if key in self._track_of else key

    def _follow(self, decided: Sequence[Event]) -> None:
        """What was answered before goes by the names that people have now."""
        for event in decided:
            if isinstance(event, PersonMerged):
                self._rename(event.absorbed, event.person)
            elif isinstance(event, PersonForgotten):
                self._rename(event.person, -1)
            elif isinstance(event, PersonSplit):
                self._separate(event)

    def _rename(self, person: int, name: int) -> None:
        """Whoever was `person` is `name` from here; -1: nobody is."""
        self._answers = {track: _renamed(answer, person, name) for track, answer in self._answers.items()}
        self._last = {key: _renamed(answer, person, name) for key, answer in self._last.items()}

    def _separate(self, event: PersonSplit) -> None:
        moved = {track for camera, track in event.tracks if camera == GROUND}
        for track in moved & self._answers.keys():
            self._answers[track] = (event.separated, *self._answers[track][1:])
        for key, answer in self._last.items():
            if self._track_of.get(key) in moved and answer[0] == event.person:
                self._last[key] = (event.separated, *answer[1:])

    def _bind(self, placed: Sequence[Sightings], result: GroundResult) -> list[Event]:
        """Note which local track is a view of which ground track; one that changes its person says so."""
        events: list[Event] = []
        for absorbed, kept in result.merged:
            moved = [key for key, track in self._track_of.items() if track == absorbed]
            events += self._moved(moved, kept)
        for view, tracks in zip(placed, result.tracks, strict=True):
            for number, track in zip(view.tracks.tolist(), tracks.tolist(), strict=True):
                key = (view.camera, number)
                if track >= 0 and self._track_of.get(key, track) != track:
                    events += self._moved([key], track)
                elif track >= 0:
                    self._track_of[key] = track
        return events

    def _moved(self, keys: Sequence[tuple[str, int]], track: int) -> list[Event]:
        """Local tracks become views of another ground track."""
        events: list[Event] = []
        after = self._answers.get(track, _PENDING)[0]
        for key in keys:
            before = self._answers.get(self._track_of[key], _PENDING)[0]
            self._track_of[key] = track
            if before > 0 and after > 0 and before != after:
                evidence = Evidence(after, 0.0, place=float("inf"))
                events.append(PersonSplit(self._time, before, after, (key,), evidence))
        return events

    def _fused(self, placed: Sequence[Sightings], result: GroundResult) -> Sightings:
        """What is seen of each ground track, as one camera's sightings."""
        views: dict[int, list[tuple[Sightings, int]]] = {}
        for view, tracks in zip(placed, result.tracks, strict=True):
            for row, track in enumerate(tracks.tolist()):
                if track >= 0:
                    views.setdefault(track, []).append((view, row))
        alive = set(result.numbers.tolist())
        ended = np.array(sorted(self._alive - alive), dtype=np.int64)
        self._alive = alive
        numbers = np.array([number for number in result.numbers.tolist() if number in views], dtype=np.int64)
        where = np.array([np.flatnonzero(result.numbers == number)[0] for number in numbers], dtype=np.int64)
        best = [max(views[number], key=lambda one: float(one[0].quality[one[1]])) for number in numbers.tolist()]
        dimension = max((view.features.shape[1] for view in placed), default=0)
        looks = [_looks(views[number], dimension) for number in numbers.tolist()]
        return Sightings(
            GROUND,
            self._time,
            numbers,
            np.array([view.boxes[row] for view, row in best]).reshape(-1, 4),
            result.points[where].reshape(-1, 2),
            result.covariances[where].reshape(-1, 2, 2),
            np.array(looks, dtype=np.float32).reshape(len(numbers), dimension),
            np.array([view.quality[row] for view, row in best]),
            ended,
        )

    def _left(self, view: Sightings) -> Sightings:
        """The sightings that no ground track explains: all of a camera that is not calibrated."""
        free = [(view.camera, number) not in self._track_of for number in view.tracks.tolist()]
        rows = np.array(free, dtype=np.bool_)
        return Sightings(
            view.camera,
            view.time,
            view.tracks[rows],
            view.boxes[rows],
            view.ground[rows],
            view.covariance[rows],
            view.features[rows],
            view.quality[rows],
            np.concatenate([view.ended, view.tracks[~rows]]),
        )

    def _answer(self, view: Sightings, left: Identities) -> Identities:
        """The answers for the rows of a camera, from its ground tracks and from what was left.

        While a ground track is undecided, its views keep the person that they had, unless he is seen elsewhere in it.
        """
        own = dict(zip(left.tracks.tolist(), zip(left.persons, left.state, left.confidence, strict=True), strict=True))
        keys = [(view.camera, number) for number in view.tracks.tolist()]
        rows = [own.get(key[1]) or self._answers.get(self._track_of.get(key, -1), _PENDING) for key in keys]
        taken = {row[0] for row in rows}
        for place, key in enumerate(keys):
            last = self._last.get(key, _PENDING)
            if rows[place][0] < 0 < last[0] and last[0] not in taken:
                rows[place] = last
                taken.add(last[0])
            elif rows[place][0] > 0:
                self._last[key] = rows[place]
        persons, state, confidence = np.array(rows, dtype=np.float64).reshape(-1, 3).T
        whole = persons.astype(np.int64), state.astype(np.int64)
        return Identities(view.camera, view.time, view.tracks, *whole, confidence)

    def _untold(self, events: Sequence[Event], identities: Sequence[Identities]) -> list[Event]:
        """What a client who follows the events does not know yet: views that share a ground track with a named one."""
        self._hear(events)
        found: list[Event] = []
        for answer in identities:
            for track, person in zip(answer.tracks.tolist(), answer.persons.tolist(), strict=True):
                key = (answer.camera, track)
                before = self._named.get(key, -1)
                evidence = Evidence(person, 0.0, place=float("inf"))
                if person > 0 and before < 0:
                    found.append(PersonRecognised(self._time, *key, person, evidence))
                elif person > 0 and before != person:
                    found.append(PersonSplit(self._time, before, person, (key,), evidence))
        self._hear(found)
        return found

    def _hear(self, events: Sequence[Event]) -> None:
        """What the events say of each local track."""
        for event in events:
            if isinstance(event, (PersonEnrolled, PersonRecognised)):
                self._named[event.camera, event.track] = event.person
            elif isinstance(event, PersonSplit):
                self._named.update((key, event.separated) for key in event.tracks)
            elif isinstance(event, PersonMerged):
                self._named = {k: event.person if p == event.absorbed else p for k, p in self._named.items()}
            elif isinstance(event, PersonForgotten):
                self._named = {key: person for key, person in self._named.items() if person != event.person}

    def _translated(self, event: Event, now: Set[tuple[str, int]]) -> list[Event]:
        """Events about ground tracks are events about their views, those of this instant (`now`) first."""
        if isinstance(event, (PersonEnrolled, PersonRecognised)) and event.camera == GROUND:
            keys = [key for key, track in self._track_of.items() if track == event.track]
            keys.sort(key=lambda key: key not in now)
            return [replace(event, camera=camera, track=number) for camera, number in keys[:1]]
        if isinstance(event, PersonSplit):
            keys = [
                key
                for camera, number in event.tracks
                for key in (
                    [key for key, track in self._track_of.items() if track == number]
                    if camera == GROUND
                    else [(camera, number)]
                )
            ]
            return [replace(event, tracks=tuple(keys))]
        return [event]

    def _forget(self, sightings: Sequence[Sightings], result: GroundResult) -> None:
        """Local tracks that have ended, and ground tracks without any."""
        for view in sightings:
            for number in view.ended.tolist():
                self._track_of.pop((view.camera, number), None)
                self._last.pop((view.camera, number), None)
                self._named.pop((view.camera, number), None)
        kept = self._alive | set(self._track_of.values())
        self._answers = {track: answer for track, answer in self._answers.items() if track in kept}


def _renamed(answer: tuple[int, int, float], person: int, name: int) -> tuple[int, int, float]:
    if answer[0] != person:
        return answer
    return (name, answer[1], answer[2]) if name > 0 else _PENDING


def _looks(views: Sequence[tuple[Sightings, int]], dimension: int) -> Features:
    """The mean of what several cameras see of one person now, by quality; zeros where nothing is new."""
    total = np.zeros(dimension, dtype=np.float64)
    for view, row in views:
        total += view.features[row] * float(view.quality[row])
    norm = float(np.linalg.norm(total))
    return (total / norm if norm > 0 else total).astype(np.float32)
