"""To forget somebody: no row, no index, no free page, no log, no file keeps what was known, and a search proves it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Bools
from unbroken.storage.columns import whole
from unbroken.storage.database import Database
from unbroken.storage.records import without

_WINDOW = 24
"""Bytes of a vector that are searched for; shorter than what a page break leaves in one piece."""
_WINDOWS = 3
_CHUNK = 1 << 20
_WORD = np.dtype("<u4")
_BITS = 20
"""Of the table in which the beginnings of what is searched for are looked up."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Somebody who has been forgotten: what files elsewhere may call him.

    Attributes:
        persons: the Global ID and those that were merged into it.
        tracks: camera, epoch and number of each track.
    """

    persons: tuple[int, ...]
    tracks: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was searched for traces of people who have been forgotten.

    Attributes:
        traces: pieces of their vectors that were searched for.
        files: that were searched byte by byte.
        bytes: that these files hold.
        found: sentences, one for each trace that is still there.
    """

    traces: int
    files: int
    bytes: int
    found: tuple[str, ...]

    def __str__(self) -> str:
        """One sentence."""
        if self.found:
            return f"NOT erased everywhere: {'; '.join(self.found)}"
        if not self.traces:
            return f"nothing biometric was known; {self.files} files hold {self.bytes} bytes"
        if not self.files:
            return f"searched what the database holds for {self.traces} pieces of vectors: none is left"
        return f"searched {self.files} files ({self.bytes} bytes) for {self.traces} pieces of vectors: none is left"


def both(one: Proof, other: Proof) -> Proof:
    """What two searches for the same traces have found."""
    return Proof(one.traces, one.files + other.files, one.bytes + other.bytes, one.found + other.found)


def note_begun(database: Database, leaving: Iterable[Gone]) -> None:
    """Write down who is being erased, in the transaction that deletes his rows: a kill does not end it."""
    for one in leaving:
        body = json.dumps({"persons": one.persons, "tracks": one.tracks})
        database.execute("INSERT INTO erasures (body) VALUES (?)", (body,))


def begun(database: Database) -> list[Gone]:
    """Whose erasure has begun and is not proved yet."""
    found = [json.loads(str(body)) for (body,) in database.query("SELECT body FROM erasures ORDER BY id")]
    return [Gone(tuple(one["persons"]), tuple((c, e, t) for c, e, t in one["tracks"])) for one in found]


def persons_behind(database: Database, person: int) -> tuple[int, ...]:
    """A person and all who were merged into him."""
    rows = database.query("SELECT id FROM people WHERE merged_into = ? ORDER BY id", (person,))
    return (person, *(whole(row[0]) for row in rows))


def gone(database: Database, person: int) -> Gone:
    """What is to be known of somebody before he is erased."""
    everybody = persons_behind(database, person)
    rows = [
        row
        for one in everybody
        for row in database.query("SELECT camera, epoch, track FROM tracks WHERE person = ? ORDER BY id", (one,))
    ]
    return Gone(everybody, tuple((str(camera), whole(epoch), whole(track)) for camera, epoch, track in rows))


def erase_person(database: Database, person: int) -> None:
    """Delete every row about a person and about those who were merged into him. Called inside of a transaction.

    That somebody of this number was forgotten stays, as an event without anything else.
    """
    for one in persons_behind(database, person):
        database.execute("DELETE FROM features WHERE track IN (SELECT id FROM tracks WHERE person = ?)", (one,))
        database.execute("DELETE FROM tracks WHERE person = ?", (one,))
        database.execute("DELETE FROM people WHERE id = ?", (one,))
        database.execute("DELETE FROM events WHERE person = ? AND type <> 'person_forgotten'", (one,))
        _scrub(database, one)


def _scrub(database: Database, person: int) -> None:
    """Take a person out of other people's events; those that are about both go as a whole."""
    rows = database.query(
        "SELECT id, body FROM events JOIN mentions ON mentions.event = events.id WHERE mentions.person = ?", (person,)
    )
    for number, body in rows:
        left = without(str(body), person)
        if left:
            database.execute("UPDATE events SET body = ? WHERE id = ?", (left, number))
        else:
            database.execute("DELETE FROM events WHERE id = ?", (number,))
    database.execute("DELETE FROM mentions WHERE person = ?", (person,))


def pieces(blobs: Iterable[bytes]) -> frozenset[bytes]:
    """Short pieces of each blob that are unlikely to be anywhere else: those with the most different bytes."""
    return frozenset(piece for one in blobs for piece in _telling(one))


def _telling(content: bytes) -> Iterator[bytes]:
    windows = [content[at : at + _WINDOW] for at in range(0, len(content) - _WINDOW + 1, _WINDOW)]
    ranked = sorted(windows, key=lambda window: len(set(window)), reverse=True)
    return (window for window in ranked[:_WINDOWS] if len(set(window)) >= _WINDOW // 3)


def search(traces: frozenset[bytes], paths: Sequence[Path], contents: Iterable[tuple[str, bytes]] = ()) -> Proof:
    """Search files byte by byte, and contents that lie in them in another form (sealed, packed), for traces."""
    found, total, count, table = [], 0, 0, _table(traces)
    for path in paths:
        try:
            size = path.stat().st_size
            hit = bool(traces) and any(_hit(traces, table, chunk) for chunk in _chunks(path))
        except FileNotFoundError:
            continue
        count, total = count + 1, total + size
        if hit:
            found.append(f"{path} still holds a part of a vector")
    found += [f"{name} still holds a part of a vector" for name, content in contents if _hit(traces, table, content)]
    return Proof(len(traces), count, total, tuple(found))


def _hit(traces: frozenset[bytes], table: Bools, content: bytes) -> bool:
    """Whether one of the traces begins at any byte: the first four bytes of each are looked up in a table (Rabin and
    Karp's idea), which takes the same time for thousands of traces as for one.
    """
    if not traces or len(content) < _WINDOW:
        return False
    for shift in range(_WORD.itemsize):
        words = np.frombuffer(content, _WORD, count=(len(content) - shift) // _WORD.itemsize, offset=shift)
        for place in np.flatnonzero(table[_slots(words)]).tolist():
            start = shift + place * _WORD.itemsize
            if content[start : start + _WINDOW] in traces:
                return True
    return False


def _table(traces: frozenset[bytes]) -> Bools:
    table = np.zeros(1 << _BITS, dtype=np.bool_)
    table[_slots(np.frombuffer(b"".join(trace[: _WORD.itemsize] for trace in sorted(traces)), _WORD))] = True
    return table


def _slots(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Where words are in the table: the upper bits of a multiplicative hash (Knuth)."""
    slots: NDArray[np.uint32] = (words * np.uint32(2654435761)) >> np.uint32(32 - _BITS)
    return slots


def _chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, in chunks that overlap by the length of what is searched for."""
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield tail + chunk
            tail = chunk[-_WINDOW:]
