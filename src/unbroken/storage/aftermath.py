"""What follows once somebody's rows are deleted: every byte of the database is searched, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from unbroken.core.errors import StoreError
from unbroken.storage.columns import blob, whole
from unbroken.storage.database import Database
from unbroken.storage.erasure import Proof, search
from unbroken.storage.journal import journal_of
from unbroken.storage.sealing import Plain, Seal
from unbroken.storage.vectors import PURPOSE

_PORTION = 256
"""Rows that are looked at together."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is to be looked through for somebody who is gone.

    Attributes:
        traces: pieces of the vectors that were known of him.
        state: the snapshot without him.
        seal: what closes biometric values.
        elsewhere: erases him in files that are not the database's, and says so in one sentence.
        places: copies that are searched after that: files, and folders with all that is in them.
    """

    traces: frozenset[bytes]
    state: bytes
    seal: Seal
    elsewhere: Callable[[], str]
    places: tuple[Path, ...] = ()

    def proof(self, database: Database) -> Proof:
        """Search every file of a database, and what is in it in another form than its bytes."""
        return search(self.traces, database.files, self._contents(database))

    def proof_of_copies(self) -> Proof:
        """Search every copy."""
        inside = [path for place in self.places for path in ([place] if place.is_file() else sorted(place.rglob("*")))]
        return search(self.traces, [path for path in inside if path.is_file()])

    def _contents(self, database: Database) -> Iterator[tuple[str, bytes]]:
        yield "the snapshot", self.state
        if database.files and isinstance(self.seal, Plain):
            return
        last: int | None = -1
        while last is not None:
            rows = database.query(
                "SELECT track, vector FROM features WHERE track > ? ORDER BY track LIMIT ?", (last, _PORTION)
            )
            last = whole(rows[-1][0]) if rows else None
            yield "the table of features", b"".join(self.seal.open(blob(row[1]), PURPOSE) for row in rows)
        for content in journal_of(database, self.seal):
            yield "the journal", content


class Search:
    """Looks through everything, in a thread with a connection of its own: who writes goes on meanwhile.

    Args:
        aftermath: what is looked for.
        database: whose reader is used.
    """

    def __init__(self, aftermath: Aftermath, database: Database) -> None:
        self._aftermath, self._database = aftermath, database
        self._result = Proof(0, 0, 0, ("the search has not ended",)), Proof(0, 0, 0, ()), ""
        self._thread = threading.Thread(target=self._run, name="erasure", daemon=True)
        self._thread.start()

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    @property
    def result(self) -> tuple[Proof, Proof, str]:
        """What was found in the database, what in copies of it, and what is said of other files."""
        return self._result

    def _run(self) -> None:
        proof = copies = Proof(0, 0, 0, ())
        elsewhere = ""
        try:
            reader = self._database.reader()
            try:
                proof = self._aftermath.proof(reader)
            finally:
                reader.close()
            elsewhere = self._aftermath.elsewhere()
            copies = self._aftermath.proof_of_copies()
        except (StoreError, OSError) as error:
            copies = replace(copies, found=(str(error),))
        self._result = proof, copies, elsewhere
