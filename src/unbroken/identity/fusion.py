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
from unbroken.core.sightings import Identities, Sightings
from unbroken.identity.answers import PENDING, Answer, answers_of, identities_of, renamed
from unbroken.identity.ground.claims import Claims
from unbroken.identity.ground.tracker import GroundTracker
from unbroken.identity.ground.values import GroundObservations, GroundResult, GroundSettings
from unbroken.identity.recall import Remembered, recall_into

GROUND = "ground"
"""The name under which the ground is a camera to the manager."""

FOLLOWED = GroundSettings(continuity=3.0, doubtful_continuity=6.0, patience=2.0, newcomer=3.0, whole=True)
"""For views with looks and good calibrations: a camera's own tracks are believed more than the ground alone would, and
are whole. Where calibrations are poor it costs much of what the ground knows."""

_ELSEWHERE = -2
"""In place of a ground track: somebody whom another one is known to be."""


class GroundedManager:
    """An identity manager for sites with calibrated cameras, around one that knows no ground.

    All calibrations must share one origin. Same input, same output, to the bit. Whatever the ground says, a track has
    no Global ID that another one of its camera has which was in view beside it, and nobody is shown at once by two
    cameras that are given as apart: who would be, is undecided.

    Args:
        inner: decides who is who.
        settings: of the ground plane.
        apart: pairs of cameras, given, whose views share no ground.
    """

    def __init__(
        self,
        inner: IdentityManager,
        settings: GroundSettings | None = None,
        apart: frozenset[frozenset[str]] = frozenset(),
    ) -> None:
        self.inner = inner
        self.apart = apart
        self._ground = GroundTracker(settings)
        self._track_of: dict[tuple[str, int], int] = {}
        self._answers: dict[int, Answer] = {}
        self._last: dict[tuple[str, int], Answer] = {}
        self._claims = Claims()
        self._alive: set[int] = set()
        self._time = -np.inf

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, in their order, and what happened."""
        if not sightings:
            return [], []
        for view in sightings:
            self._claims.see(view.camera, view.tracks.tolist(), view.time)
        once = {view.camera: view for view in reversed(sightings)}
        placed = [view for view in reversed(once.values()) if np.isfinite(view.ground).all(axis=1).any()]
        if not placed and not self._alive:
            answers, decided = self.inner.observe(sightings)
            self._hear(decided)
            self._end(sightings)
            return answers, decided
        self._time = max([np.nextafter(self._time, np.inf), *(view.time for view in sightings)])
        result = self._ground.update(self._time, [GroundObservations.from_sightings(view) for view in placed])
        self._bind(placed, result)
        told = [self._fused(placed, result), *(self._left(view) for view in sightings)]
        answers, decided = self.inner.observe(told)
        self._follow(decided)
        self._answers.update(answers_of(answers[0]))
        now = {(view.camera, number) for view in placed for number in view.tracks.tolist()}
        events = self._hear([here for event in decided for here in self._translated(event, now)])
        said = [self._proposed(view, left) for view, left in zip(sightings, answers[1:], strict=True)]
        events += self._settled(sightings, said)
        self._keep(sightings, said)
        self._forget(sightings, set(result.numbers.tolist()))
        return [identities_of(view, answers) for view, answers in zip(sightings, said, strict=True)], events

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
        return self._hear([here for event in decided for here in self._translated(event, set())])

    def _drop_undecided(self, person: int) -> None:
        """Views of an undecided ground track were answered with this person: what it has seen of him goes as well."""
        theirs = self._ground_tracks_of(person)
        over = sorted(track for track in theirs if self._answers.get(track, PENDING)[0] < 0)
        if over:
            self.inner.observe([Sightings.of_nobody(GROUND, float(self._time), np.array(over, dtype=np.int64))])

    def _ground_tracks_of(self, person: int) -> set[int]:
        """The ground tracks whose views were answered with a person last."""
        return {
            self._track_of[key] for key, answer in self._last.items() if answer[0] == person and key in self._track_of
        }

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
        """Whoever was `person` is `name` from here; -1: nobody is, and the ground forgets what he looks like."""
        if name < 0:
            theirs = self._ground_tracks_of(person)
            theirs |= {track for track, answer in self._answers.items() if answer[0] == person}
            self._ground.forget(np.array(sorted(theirs), dtype=np.int64))
        self._answers = {track: renamed(answer, person, name) for track, answer in self._answers.items()}
        self._last = {key: renamed(answer, person, name) for key, answer in self._last.items()}

    def _separate(self, event: PersonSplit) -> None:
        moved = {track for camera, track in event.tracks if camera == GROUND}
        for track in moved & self._answers.keys():
            self._answers[track] = (event.separated, *self._answers[track][1:])
        for key, answer in self._last.items():
            if self._track_of.get(key) in moved and answer[0] == event.person:
                self._last[key] = (event.separated, *answer[1:])

    def _bind(self, placed: Sequence[Sightings], result: GroundResult) -> None:
        """Note which local track is a view of which ground track."""
        kept = dict(result.merged)
        self._track_of = {key: kept.get(track, track) for key, track in self._track_of.items()}
        for view, tracks in zip(placed, result.tracks, strict=True):
            for number, track in zip(view.tracks.tolist(), tracks.tolist(), strict=True):
                if track >= 0:
                    self._track_of[view.camera, number] = kept.get(track, track)

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
        dimension = max((view.features.shape[1] for view in placed), default=0)
        # Of who is on probation there is nothing to decide by but looks.
        known = result.numbers if dimension else result.numbers[result.sure]
        numbers = np.array([number for number in known.tolist() if number in views], dtype=np.int64)
        where = np.array([np.flatnonzero(result.numbers == number)[0] for number in numbers], dtype=np.int64)
        best = [max(views[number], key=lambda one: float(one[0].quality[one[1]])) for number in numbers.tolist()]
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

    def _proposed(self, view: Sightings, left: Identities) -> list[Answer]:
        """The answers for the rows of a camera, by its ground tracks and by what was left."""
        own = answers_of(left)
        keys = [(view.camera, number) for number in view.tracks.tolist()]
        return [own.get(key[1]) or self._answers.get(self._track_of.get(key, -1), PENDING) for key in keys]

    def _settled(self, sightings: Sequence[Sightings], rows: Sequence[list[Answer]]) -> list[Event]:
        """Make nobody be twice in a view or in views that are apart (`rows` are set right), and tell what is new."""
        events: list[Event] = []
        where: dict[int, set[str]] = {}
        for view, answers in zip(sightings, rows, strict=True):
            for place, number in enumerate(view.tracks.tolist()):
                key, person = (view.camera, number), int(answers[place][0])
                before, shown = self._claims.person(key), where.setdefault(person, set())
                elsewhere = any(frozenset((camera, view.camera)) in self.apart for camera in shown)
                if person <= 0 or elsewhere or not self._claims.allows(key, person):
                    answers[place] = PENDING
                    continue
                shown.add(view.camera)
                self._claims.take(key, person)
                evidence = Evidence(person, 0.0, place=float("inf"))
                if before < 0:
                    events.append(PersonRecognised(self._time, *key, person, evidence))
                elif before != person:
                    events.append(PersonSplit(self._time, before, person, (key,), evidence))
        return events

    def _keep(self, sightings: Sequence[Sightings], rows: Sequence[list[Answer]]) -> None:
        """While a ground track is undecided, its views keep the person that they had, unless he is anywhere else."""
        taken = {int(answer[0]): _ELSEWHERE for answers in rows for answer in answers}
        taken |= {self._answers[track][0]: _ELSEWHERE for track in self._alive & self._answers.keys()}
        for view, answers in zip(sightings, rows, strict=True):
            for place, number in enumerate(view.tracks.tolist()):
                key = (view.camera, number)
                last, track = self._last.get(key, PENDING), self._track_of.get(key, -1)
                if answers[place][0] > 0:
                    self._last[key] = answers[place]
                elif self._answers.get(track, PENDING)[0] < 0 < last[0] == self._claims.person(key):
                    free = taken.setdefault(int(last[0]), track) == track
                    answers[place] = last if free else answers[place]

    def _hear(self, events: Sequence[Event]) -> list[Event]:
        """What the events say of each local track; those that would put somebody twice into a view are left out."""
        found: list[Event] = []
        leaving = {key: self._claims.person(key) for e in events if isinstance(e, PersonSplit) for key in e.tracks}
        for key in leaving:
            self._claims.take(key, -1)
        for event in events:
            if isinstance(event, (PersonEnrolled, PersonRecognised)):
                if not self._claims.allows((event.camera, event.track), event.person):
                    continue
                self._claims.take((event.camera, event.track), event.person)
            elif isinstance(event, PersonSplit):
                moved = tuple(key for key in event.tracks if self._claims.allows(key, event.separated))
                for key in event.tracks:
                    self._claims.take(key, event.separated if key in moved else leaving[key])
                event = replace(event, tracks=moved)
            elif isinstance(event, PersonMerged):
                self._claims.rename(event.absorbed, event.person)
            elif isinstance(event, PersonForgotten):
                self._claims.rename(event.person, -1)
            found.append(event)
        return found

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

    def _forget(self, sightings: Sequence[Sightings], alive: Set[int]) -> None:
        """Local tracks that have ended, and ground tracks without any."""
        for view in sightings:
            for number in view.ended.tolist():
                self._track_of.pop((view.camera, number), None)
                self._last.pop((view.camera, number), None)
        self._end(sightings)
        kept = alive | set(self._track_of.values())
        self._answers = {track: answer for track, answer in self._answers.items() if track in kept}

    def _end(self, sightings: Sequence[Sightings]) -> None:
        for view in sightings:
            self._claims.end(view.camera, view.ended.tolist(), view.time)


def _looks(views: Sequence[tuple[Sightings, int]], dimension: int) -> Features:
    """The mean of what several cameras see of one person now, by quality; zeros where nothing is new."""
    total = np.zeros(dimension, dtype=np.float64)
    for view, row in views:
        total += view.features[row] * float(view.quality[row])
    norm = float(np.linalg.norm(total))
    return (total / norm if norm > 0 else total).astype(np.float32)
