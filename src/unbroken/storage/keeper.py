"""The keeper: journal, snapshot and tables in one database, one transaction per batch."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from unbroken.core.batches import Batch, Forget, Recovered, Reply, Request, Verdict
from unbroken.core.errors import StoreError
from unbroken.core.events import Event, PersonForgotten
from unbroken.core.wire import batch_of_bytes, bytes_of_batch
from unbroken.storage import commands, migrations
from unbroken.storage.aftermath import Aftermath, Search
from unbroken.storage.calibration import note_calibration
from unbroken.storage.columns import real, whole
from unbroken.storage.copies import EXPORT, Copy, copies
from unbroken.storage.database import Database
from unbroken.storage.erasure import Gone, Proof, begun, both, gone, note_begun, pieces
from unbroken.storage.facts import check_seal, checked_model, note_highest_person
from unbroken.storage.journal import journal_of, put_batch, put_state, state_of
from unbroken.storage.opening import connect
from unbroken.storage.pictures import Album
from unbroken.storage.projections import Projections
from unbroken.storage.retention import REASON, Retention, overdue, prune
from unbroken.storage.sealing import Plain, Seal
from unbroken.storage.vectors import known_vectors, stored_blobs

_GLANCE = 0.005
"""Seconds between two looks whether an erasure has ended."""
_LOG = logging.getLogger(__name__)


Elsewhere = Callable[[Sequence[Gone], Sequence[Copy]], str]
"""Erases people in files that are not the database's, copies among them, and says so in one sentence."""


def nothing_elsewhere(gone: Sequence[Gone], copies: Sequence[Copy]) -> str:
    """There are no other files."""
    return ""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Settings of a store.

    Attributes:
        model: the fingerprint of the Re-ID net; empty without one, `None` for whatever made what is there.
        seal: what closes biometric values.
        retention: what is kept at most.
        elsewhere: erases people in other files.
        album: where pictures of tracks are kept, if any are; those of tracks that go, go too.
    """

    model: str | None = None
    seal: Seal = field(default_factory=Plain)
    retention: Retention = field(default_factory=Retention)
    elsewhere: Elsewhere = nothing_elsewhere
    album: Album | None = None


class Store:
    """A `Keeper` on a database. One thread at a time uses it; others open the database to read, or to ask.

    Tables are told in `migrations/`; what each holds for how long, in `docs/storage.md`.

    Attributes:
        model: the fingerprint of the Re-ID net that made the features in it.
    """

    def __init__(self, database: Database, settings: StoreSettings) -> None:
        """Take a database that was opened to write, bring it to this version, and check what it was made with.

        Args:
            database: opened to write; `close` closes it.
                settings: net, seal, retention.

        Raises:
            StoreError: it is from a newer version, of another net, or of another key.
        """
        self._database, self._seal = database, settings.seal
        self._retention = settings.retention
        migrations.migrate(database)
        check_seal(database, self._seal)
        self.model = checked_model(database, settings.model)
        self._projections = Projections(database, self._seal, self.model)
        self._traces: frozenset[bytes] = frozenset()
        self._leaving = begun(database)
        self._compact = bool(self._leaving)
        self._erasing: Iterator[None] = iter(())
        self._erasures = 0
        self._before: Callable[[], None] = _nothing
        self._elsewhere, self._album = settings.elsewhere, settings.album
        self._sweep()
        latest = database.query("SELECT MAX(last_seen) FROM people")[0][0]
        self._now = -math.inf if latest is None else real(latest)
        self._looked = -math.inf

    @property
    def database(self) -> Database:
        """The connection, for queries of the same thread."""
        return self._database

    @property
    def seal(self) -> Seal:
        """What closes and opens biometric values."""
        return self._seal

    @property
    def latest(self) -> float:
        """Seconds, on the clock of the sightings: when somebody was last seen, or the last batch came; 0 before."""
        return self._now if math.isfinite(self._now) else 0.0

    def recover(self) -> Recovered:
        """The last snapshot and the batches after it.

        Raises:
            StoreVersionError: a batch is of another version.
            StoreError: a value is damaged.
        """
        state = state_of(self._database, self._seal)
        batches = tuple(batch_of_bytes(content) for content in journal_of(self._database, self._seal))
        return Recovered(state, batches)

    def keep(self, batch: Batch, verdict: Verdict, replies: Sequence[Reply] = ()) -> None:
        """Store a batch and what became of it, in one transaction that is on disk when this returns.

        The reply to a `Forget` is withheld until the person's traces are erased and searched for: see `snapshot`.

        Raises:
            StoreError: it could not be stored; nothing of it was.
        """
        asked = {one.person for one in batch.commands if isinstance(one, Forget) and one.reason != REASON}
        try:
            with self._database.transaction():
                everybody = [
                    gone(self._database, event.person) for event in verdict.events if isinstance(event, PersonForgotten)
                ]
                leaving = [one for one in everybody if asked.intersection(one.persons)]
                traces = self._traces_of(leaving)
                put_batch(self._database, self._seal, bytes_of_batch(batch))
                self._projections.take(batch, verdict)
                note_begun(self._database, leaving)
                commands.answer(self._database, replies)
        except BaseException:
            self._projections.reset()
            raise
        self._now = max(self._now, batch.time)
        self._traces |= traces
        self._leaving += leaving
        self._compact = self._compact or bool(asked)
        if self._album and everybody:
            self._album.remove(track for one in everybody if one not in leaving for track in one.tracks)

    def note(self, events: Iterable[Event]) -> None:
        """Store events that come from elsewhere than the engine: of cameras, zones and lines."""
        with self._database.transaction():
            self._projections.note(events)

    def snapshot(self, state: bytes) -> None:
        """Store the engine's state; older snapshots and the journal go.

        Where somebody was asked to be forgotten, his erasure begins: it goes on in portions with each
        `pending_commands`, and whoever asked is answered once nothing of him is found any more.

        Raises:
            StoreError: it could not be stored.
        """
        with self._database.transaction():
            put_state(self._database, self._seal, state)
            note_calibration(self._database, self._seal, self.latest, self.model)
            note_highest_person(self._database)
        if self._compact:
            self._compact = False
            self._erasures += 1
            self._erasing = self._erasure(state, self._erasures, self._erasing)
            self.advance()
        else:
            self._database.settle()

    def before_erasing(self, act: Callable[[], None]) -> None:
        """Have something done, in the thread that stores, before people are erased in files: close one that grows."""
        self._before = act

    def advance(self) -> bool:
        """Do a portion of an erasure that is under way; false where none is."""
        try:
            next(self._erasing)
        except StopIteration:
            return False
        return True

    def finish(self) -> None:
        """Bring an erasure that is under way to its end; for whoever has no site to run."""
        while self.advance():
            time.sleep(_GLANCE)

    def _erasure(self, state: bytes, number: int, earlier: Iterator[None]) -> Iterator[None]:
        """Erase those who leave, prove it, and answer whoever asked.

        One that is still under way is brought to its end first, so that no two change the same file; the last answers.
        """
        self._before()
        yield from earlier
        leaving, places = tuple(self._leaving), copies(self._database)
        elsewhere_of = partial(self._elsewhere, leaving, places) if leaving else str
        searched = tuple(one.place for one in places if leaving and one.kind != EXPORT)
        aftermath = Aftermath(self._traces, state, self._seal, elsewhere_of, searched)
        proof, elsewhere = Proof(0, 0, 0, ()), ""
        try:
            yield from self._database.erase()
            searching = Search(aftermath, self._database)
            yield
            while searching.runs:
                yield
            proof, copied, elsewhere = searching.result
            if proof.found:
                self._database.compact()
                proof = aftermath.proof(self._database)
            proof = both(proof, copied)
        except StoreError as error:
            proof = replace(proof, found=(str(error),))
        if number == self._erasures and not self._compact:
            self._answer(leaving, proof, elsewhere)

    def _answer(self, leaving: Sequence[Gone], proof: Proof, elsewhere: str) -> None:
        """Whoever asked for people to be forgotten hears what is proved; what is not is tried again after a restart."""
        with self._database.transaction():
            text = "; ".join(part for part in (str(proof), elsewhere) if part)
            commands.answer_withheld(self._database, text, done=not proof.found)
            if not proof.found:
                self._database.execute("DELETE FROM erasures")
        self._traces, self._leaving = frozenset(), []
        if proof.found:
            _LOG.error("%s: person %s is %s", self._database.name, leaving[0].persons[0] if leaving else "?", proof)

    def pending_commands(self) -> tuple[Request, ...]:
        """The requests that wait, oldest first, and at times those of retention, which have numbers below 0."""
        self.advance()
        requests, refused = commands.waiting(self._database)
        if refused:
            self.reply(refused)
        if self._now - self._looked < self._retention.every:
            return requests
        self._looked = self._now
        with self._database.transaction():
            self._compact = prune(self._database, self._retention, self._now) or self._compact
        self._sweep()
        return requests + overdue(self._database, self._retention, self._now)

    def reply(self, replies: Sequence[Reply]) -> None:
        """Answer requests that are in no batch."""
        with self._database.transaction():
            commands.answer(self._database, replies)

    def close(self) -> None:
        """Close the database. May be called twice."""
        self._database.close()

    def _sweep(self) -> None:
        """Pictures of tracks that are not known any more go: a process was killed, or they are too old."""
        if self._album is not None:
            rows = self._database.query("SELECT camera, epoch, track FROM tracks")
            self._album.sweep((str(camera), whole(epoch), whole(track)) for camera, epoch, track in rows)

    def _traces_of(self, leaving: Sequence[Gone]) -> frozenset[bytes]:
        """Pieces of all that is known of some people's looks: the views kept, and their rows in the journal."""
        persons = [person for one in leaving for person in one.persons]
        if not persons:
            return frozenset()
        blobs = list(stored_blobs(self._database, persons))
        blobs += [known_vectors(self._database, self._seal, person).vectors.tobytes() for person in persons]
        tracks = {track for one in leaving for track in one.tracks}
        for content in journal_of(self._database, self._seal):
            for report in batch_of_bytes(content).reports:
                view = report.sightings
                blobs += [
                    view.features[row].tobytes()
                    for row, track in enumerate(view.tracks.tolist())
                    if (view.camera, report.epoch, track) in tracks
                ]
        return pieces(blobs)


def _nothing() -> None:
    """Nothing is to be done."""


def open_store(address: str, settings: StoreSettings | None = None) -> Store:
    """Open a database as its one writer.

    Args:
        address: a SQLite file, made where it is missing, or `postgresql://user@host/name`.
        settings: net, seal, retention.

    Raises:
        StoreError: it cannot be opened or written, is from a newer version, of another net or key, or is being written.
    """
    database = connect(address, "write")
    try:
        return Store(database, settings or StoreSettings())
    except BaseException:
        database.close()
        raise
