"""Export and import: one ZIP file of JSON Lines and vectors, the same from whatever database and whatever key.

An archive of a whole gallery goes into an empty database and is the site again. One of a single person is what that
person may ask for; it cannot be imported.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unbroken.core.arrays import Features
from unbroken.core.errors import StoreError
from unbroken.storage.database import Database, Row, Value
from unbroken.storage.facts import fact, highest_person, note_highest_person, set_fact
from unbroken.storage.journal import journal_of, put_batch, put_state, state_of
from unbroken.storage.sealing import Seal
from unbroken.storage.vectors import known_vectors, put_vector

FORMAT = 1
"""Of the archive; it rises when older programs could not read it."""
_LARGEST = 1 << 34
"""Bytes that an archive may hold, unpacked."""

_TABLES: dict[str, dict[str, type]] = {
    "people": {
        "id": int,
        "name": str,
        "state": str,
        "merged_into": type(None),
        "first_seen": float,
        "last_seen": float,
    },
    "tracks": {
        "id": int,
        "camera": str,
        "epoch": int,
        "track": int,
        "person": int,
        "start_time": float,
        "end_time": float,
    },
    "events": {"id": int, "time": float, "type": str, "camera": str, "person": int, "body": str},
    "mentions": {"person": int, "event": int},
    "calibration": {"id": int, "time": float, "model": str, "body": str},
}
"""The tables of an archive with their columns; `NoneType`: a whole number or nothing."""
_OF_A_PERSON = {"people": "id = ?", "tracks": "person = ?", "events": "person = ?"}


@dataclass(frozen=True, slots=True)
class Written:
    """What an archive holds: rows by table, vectors and bytes."""

    rows: dict[str, int]
    vectors: int
    size: int


def write_archive(database: Database, seal: Seal, path: Path, person: int = 0) -> Written:
    """Write a gallery, or one person, to a new file that only its owner may read. It is not encrypted.

    Args:
        database: any; it may be written meanwhile.
        seal: of the database.
        path: of a file that is not there yet.
        person: a Global ID; 0 for everything.

    Raises:
        StoreError: the file is there already, or cannot be written; the database is damaged or the key another.
    """
    try:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        with file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, database.transaction():
            rows, vectors = _fill(archive, database, seal, person)
    except OSError as error:
        raise StoreError(f"{path}: cannot be made ({error.strerror}); give a name that is not in use") from error
    return Written(rows, vectors, path.stat().st_size)


def add_pictures(path: Path, pictures: Iterable[tuple[str, bytes]]) -> int:
    """Put pictures, by name, into an archive that was written; how many there were.

    Raises:
        StoreError: the file cannot be written.
    """
    count = 0
    try:
        with zipfile.ZipFile(path, "a") as archive:
            for name, content in pictures:
                archive.writestr(f"pictures/{name}", content)
                count += 1
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); is the disk full?") from error
    return count


def read_archive(database: Database, seal: Seal, path: Path) -> Written:
    """Fill an empty database with the archive of a whole gallery.

    Args:
        database: opened to write, migrated, empty.
        seal: of the database.
        path: of the archive.

    Raises:
        StoreError: the file is no archive, is damaged or of one person; the database holds people or another net's.
    """
    if database.query("SELECT COUNT(*) FROM people")[0][0] or database.query("SELECT COUNT(*) FROM snapshots")[0][0]:
        raise StoreError(f"{database.name}: holds people already; import into a new database")
    with _opened(path) as archive:
        head = json.loads(archive.read("manifest.json"))
        _check_head(head, database, path)
        with database.transaction():
            rows = {name: _put_rows(archive, database, name) for name in _TABLES}
            vectors = _put_vectors(archive, database, seal, str(head["model"]))
            _put_state(archive, database, seal)
            set_fact(database, "model", str(head["model"]))
            note_highest_person(database, int(head.get("highest", 0)))
    return Written(rows, vectors, path.stat().st_size)


def _fill(archive: zipfile.ZipFile, database: Database, seal: Seal, person: int) -> tuple[dict[str, int], int]:
    head = {"format": FORMAT, "model": fact(database, "model") or "", "person": person}
    if not person:
        head["highest"] = highest_person(database)
    archive.writestr("manifest.json", json.dumps(head))
    rows: dict[str, int] = {}
    for name, columns in _TABLES.items():
        chosen = f"WHERE {_OF_A_PERSON[name]} " if person and name in _OF_A_PERSON else ""
        if person and not chosen:
            continue
        found = database.query(
            f"SELECT {', '.join(columns)} FROM {name} {chosen}ORDER BY 1, 2", (person,) if chosen else ()
        )
        archive.writestr(f"{name}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found))
        rows[name] = len(found)
    known = known_vectors(database, seal, person)
    buffer = io.BytesIO()
    np.savez(buffer, tracks=known.tracks, times=known.times, qualities=known.qualities, vectors=known.vectors)
    archive.writestr("features.npz", buffer.getvalue())
    if not person:
        _fill_state(archive, database, seal)
    return rows, len(known.vectors)


def _fill_state(archive: zipfile.ZipFile, database: Database, seal: Seal) -> None:
    with archive.open("state.bin", "w", force_zip64=True) as file:
        file.write(state_of(database, seal))
    for number, content in enumerate(journal_of(database, seal)):
        archive.writestr(f"journal/{number:08}.bin", content)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                raise StoreError(f"{path}: holds more than {_LARGEST} bytes; it is no archive of a gallery")
            yield archive
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error}); check the name") from error
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, RuntimeError, NotImplementedError) as error:
        raise StoreError(f"{path}: is no archive of a gallery, or is damaged ({error}); export it anew") from error


def _check_head(head: object, database: Database, path: Path) -> None:
    if not isinstance(head, dict) or not isinstance(head.get("format"), int) or not isinstance(head.get("model"), str):
        raise StoreError(f"{path}: is no archive of a gallery; make one with `unbroken gallery export`")
    if head["format"] != FORMAT:
        raise StoreError(f"{path}: is of format {head['format']}, this program reads {FORMAT}; update unbroken")
    if head.get("person"):
        raise StoreError(f"{path}: is of person {head['person']} alone; only a whole gallery can be imported")
    present = fact(database, "model")
    if present and present != head["model"]:
        raise StoreError(f"{path}: its features were made by {head['model']}, {database.name} is for {present}")


def _put_rows(archive: zipfile.ZipFile, database: Database, name: str) -> int:
    columns = _TABLES[name]
    rows = [_row(line, columns, name) for line in archive.read(f"{name}.jsonl").splitlines() if line.strip()]
    marks = ", ".join("?" for _ in columns)
    database.many(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", rows)
    if rows and "id" in columns and name != "people":
        database.advance(name, max(int(str(row[0])) for row in rows))
    return len(rows)


def _row(line: bytes, columns: dict[str, type], table: str) -> Row:
    values = json.loads(line)
    if not isinstance(values, list) or len(values) != len(columns):
        raise ValueError(f"a row of {table} has not {len(columns)} columns")
    return tuple(_checked(value, kind, table) for value, kind in zip(values, columns.values(), strict=True))


def _checked(value: object, kind: type, table: str) -> Value:
    if kind is type(None) and value is None:
        return None
    if kind in (int, type(None)) and isinstance(value, int) and abs(value) < 2**63:
        return value
    if kind is float and isinstance(value, (int, float)) and np.isfinite(value):
        return float(value)
    if kind is str and isinstance(value, str) and "\0" not in value:
        return value
    raise ValueError(f"a row of {table} holds {value!r} where {kind.__name__} belongs")


def _put_vectors(archive: zipfile.ZipFile, database: Database, seal: Seal, model: str) -> int:
    with np.load(io.BytesIO(archive.read("features.npz")), allow_pickle=False) as arrays:
        tracks, times, qualities = (arrays[name].tolist() for name in ("tracks", "times", "qualities"))
        vectors: Features = np.asarray(arrays["vectors"], dtype=np.float32)
    if vectors.ndim != 2 or not len(vectors) == len(tracks) == len(times) == len(qualities):
        raise ValueError("features.npz holds columns of different lengths")
    for track, time, quality, vector in zip(tracks, times, qualities, vectors, strict=True):
        put_vector(database, seal, int(track), (float(time), float(quality), model), vector)
    return len(vectors)


def _put_state(archive: zipfile.ZipFile, database: Database, seal: Seal) -> None:
    put_state(database, seal, archive.read("state.bin"))
    for name in sorted(name for name in archive.namelist() if name.startswith("journal/")):
        put_batch(database, seal, archive.read(name))
