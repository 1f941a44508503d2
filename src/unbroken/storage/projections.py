"""What a batch and its verdict mean for the tables: who was seen where and when, by which track, how well."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from unbroken.core.arrays import Features
from unbroken.core.batches import Batch, Report, Verdict
from unbroken.core.events import (
    Event,
    PersonEnrolled,
    PersonForgotten,
    PersonMerged,
    PersonRecognised,
    PersonSplit,
)
from unbroken.core.sightings import Identities, IdentityState
from unbroken.storage.columns import real, whole
from unbroken.storage.database import Database
from unbroken.storage.erasure import erase_person
from unbroken.storage.records import event_row, named_in
from unbroken.storage.sealing import Seal
from unbroken.storage.vectors import put_vector

_REMEMBERED = 4096
"""Tracks whose rows are known without a question to the database."""
_BETTER = 1.1
"""A view takes the place of the one kept where its quality is higher by this factor."""

_SEE = """
INSERT INTO people (id, name, state, merged_into, first_seen, last_seen) VALUES (?, '', ?, NULL, ?, ?)
ON CONFLICT (id) DO UPDATE SET merged_into = NULL,
  state = CASE WHEN people.state = 'confirmed' THEN people.state ELSE excluded.state END,
  last_seen = CASE WHEN people.last_seen > excluded.last_seen THEN people.last_seen ELSE excluded.last_seen END
"""


@dataclass(slots=True)
class _Known:
    """The row of a track, as the database has it."""

    id: int
    person: int
    quality: float


class Projections:
    """Writes rows. Every method is called inside of a transaction; `reset` follows one that was rolled back."""

    def __init__(self, database: Database, seal: Seal, model: str) -> None:
        self._database, self._seal, self._model = database, seal, model
        self._known: OrderedDict[tuple[str, int, int], _Known] = OrderedDict()
        self._forgotten: set[int] = set()
        self.reset()

    def reset(self) -> None:
        """Forget what was remembered of rows."""
        self._known.clear()
        rows = self._database.query(
            "SELECT person FROM events WHERE type = 'person_forgotten' ORDER BY id DESC LIMIT ?", (_REMEMBERED,)
        )
        self._forgotten = {whole(row[0]) for row in rows}

    def take(self, batch: Batch, verdict: Verdict) -> None:
        """The rows of a batch and its verdict."""
        self.note(verdict.events)
        for event in verdict.events:
            self._correct(event)
        for report, answer in zip(batch.reports, verdict.identities, strict=True):
            self._see(report, answer)

    def note(self, events: Iterable[Event]) -> None:
        """The rows of events."""
        for event in events:
            number = self._database.insert(
                "INSERT INTO events (time, type, camera, person, body) VALUES (?, ?, ?, ?, ?)", event_row(event)
            )
            self._database.many(
                "INSERT INTO mentions (person, event) VALUES (?, ?)", [(person, number) for person in named_in(event)]
            )

    def _correct(self, event: Event) -> None:
        """People begin and end, and tracks change hands."""
        database = self._database
        if isinstance(event, PersonForgotten):
            erase_person(database, event.person)
            self.reset()
        elif isinstance(event, (PersonEnrolled, PersonRecognised)):
            self._appear(event.person, event.time)
        elif isinstance(event, PersonMerged):
            self._appear(event.person, event.time)
            database.execute("UPDATE tracks SET person = ? WHERE person = ?", (event.person, event.absorbed))
            database.execute(
                "UPDATE people SET merged_into = ? WHERE id = ? OR merged_into = ?",
                (event.person, event.absorbed, event.absorbed),
            )
            self._adopt_times(event.person)
        elif isinstance(event, PersonSplit):
            self._appear(event.separated, event.time)
            database.many(
                "UPDATE tracks SET person = ? WHERE id = "
                "(SELECT id FROM tracks WHERE camera = ? AND track = ? ORDER BY epoch DESC LIMIT 1)",
                [(event.separated, camera, track) for camera, track in event.tracks],
            )
            database.many(
                "UPDATE tracks SET person = ? WHERE camera = ? AND epoch = ? AND track = ?",
                [(event.separated, *key) for key in event.earlier],
            )
            self._adopt_times(event.separated)
            self._adopt_times(event.person)

    def _appear(self, person: int, time: float) -> None:
        self._database.execute(_SEE, (person, IdentityState.PROBABLE.name.lower(), time, time))

    def _adopt_times(self, person: int) -> None:
        """Somebody's first and last seconds are those of his tracks, once tracks have changed hands."""
        self.reset()
        rows = self._database.query("SELECT MIN(start_time), MAX(end_time) FROM tracks WHERE person = ?", (person,))
        first, last = rows[0]
        if first is not None:
            self._database.execute(
                "UPDATE people SET first_seen = ?, last_seen = ? WHERE id = ?", (first, last, person)
            )

    def _see(self, report: Report, answer: Identities) -> None:
        view = report.sightings
        # A report that comes twice gets the answer of then, which may name somebody who has been forgotten since.
        decided = [
            row for row, person in enumerate(answer.persons.tolist()) if person > 0 and person not in self._forgotten
        ]
        persons = [int(answer.persons[row]) for row in decided]
        states = [IdentityState(int(answer.state[row])).name.lower() for row in decided]
        self._database.many(
            _SEE, [(person, state, view.time, view.time) for person, state in zip(persons, states, strict=True)]
        )
        followed = []
        for row, person in zip(decided, persons, strict=True):
            known = self._track((view.camera, report.epoch, int(view.tracks[row])), person, view.time)
            known.person = person
            followed.append((person, view.time, view.time, known.id))
            self._look(known, view.features[row], float(view.quality[row]), view.time)
        self._database.many(
            "UPDATE tracks SET person = ?, end_time = CASE WHEN end_time > ? THEN end_time ELSE ? END WHERE id = ?",
            followed,
        )

    def _track(self, key: tuple[str, int, int], person: int, time: float) -> _Known:
        known = self._known.get(key)
        if known is None:
            known = self._found(key) or self._begun(key, person, time)
            self._known[key] = known
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known

    def _found(self, key: tuple[str, int, int]) -> _Known | None:
        camera, epoch, track = key
        rows = self._database.query(
            "SELECT tracks.id, person, COALESCE(quality, -1.0) FROM tracks "
            "LEFT JOIN features ON features.track = tracks.id WHERE camera = ? AND tracks.track = ? AND epoch = ?",
            (camera, track, epoch),
        )
        return _Known(whole(rows[0][0]), whole(rows[0][1]), real(rows[0][2])) if rows else None

    def _begun(self, key: tuple[str, int, int], person: int, time: float) -> _Known:
        number = self._database.insert(
            "INSERT INTO tracks (camera, epoch, track, person, start_time, end_time) VALUES (?, ?, ?, ?, ?, ?)",
            (*key, person, time, time),
        )
        return _Known(number, person, -1.0)

    def _look(self, known: _Known, feature: Features, quality: float, time: float) -> None:
        """Keep the view where it is the best of its track so far; a row of zeros is no view."""
        if not feature.any() or quality <= max(known.quality * _BETTER, known.quality):
            return
        known.quality = quality
        put_vector(self._database, self._seal, known.id, (time, quality, self._model), feature)
