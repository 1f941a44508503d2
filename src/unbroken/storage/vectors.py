"""Features as blobs: float32 in little-endian order, sealed where there is a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Features, Floats, Ints
from unbroken.core.errors import StoreError
from unbroken.storage.columns import blob
from unbroken.storage.database import Database
from unbroken.storage.sealing import Plain, Seal

PURPOSE = "feature"
_FLOATS = np.dtype("<f4")


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The best view of each track that is kept, row by row.

    Attributes:
        persons: (V,) int64, Global IDs.
        tracks: (V,) int64, the row of the track in its table.
        times: (V,) float64, seconds.
        qualities: (V,) float64 in 0..1.
        vectors: (V, D) float32 rows of unit length.
    """

    persons: Ints
    tracks: Ints
    times: Floats
    qualities: Floats
    vectors: Features


def put_vector(
    database: Database, seal: Seal, track: int, columns: tuple[float, float, str], feature: Features
) -> None:
    """Store the view of a track in place of the one before; `columns` are its time, quality and net."""
    database.execute(
        "INSERT INTO features (track, time, quality, model, vector) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (track) DO UPDATE SET time = excluded.time, quality = excluded.quality, "
        "model = excluded.model, vector = excluded.vector",
        (track, *columns, seal.close(feature.astype(_FLOATS).tobytes(), PURPOSE)),
    )


def known_vectors(database: Database, seal: Seal, person: int = 0) -> Known:
    """Every view that is kept, of one person or of everybody, in the order of persons.

    Raises:
        StoreError: a value is damaged, or the key is another.
    """
    chosen = "WHERE track IN (SELECT id FROM tracks WHERE person = ?) " if person else ""
    rows = database.query(
        f"SELECT track, time, quality, vector FROM features {chosen}ORDER BY track", (person,) if person else ()
    )
    tracks, times, qualities, blobs = zip(*rows, strict=True) if rows else ((), (), (), ())
    numbers = np.array(tracks, dtype=np.int64)
    persons = np.full(len(rows), person, dtype=np.int64) if person else _persons(database, numbers)
    order = np.argsort(persons, kind="stable")
    return Known(
        persons[order],
        numbers[order],
        np.array(times, dtype=np.float64)[order],
        np.array(qualities, dtype=np.float64)[order],
        matrix_of([blob(blobs[row]) for row in order.tolist()], seal),
    )


def _persons(database: Database, tracks: Ints) -> Ints:
    """(N,) rows of tracks, ascending -> whose they are."""
    rows = database.query("SELECT id, person FROM tracks ORDER BY id")
    known = np.array(rows, dtype=np.int64).reshape(-1, 2)
    found: Ints = known[np.searchsorted(known[:, 0], tracks), 1]
    return found


def matrix_of(stored: list[bytes], seal: Seal) -> Features:
    """(V, D) vectors from what is stored of them.

    Raises:
        StoreError: one is damaged, or the key is another.
    """
    opened = stored if isinstance(seal, Plain) else [seal.open(one, PURPOSE) for one in stored]
    if not opened:
        return np.zeros((0, 0), dtype=np.float32)
    length = len(opened[0])
    if length % _FLOATS.itemsize or any(len(one) != length for one in opened):
        raise StoreError("the database holds features of different lengths; restore a backup")
    matrix = np.frombuffer(b"".join(opened), dtype=_FLOATS).reshape(len(opened), -1)
    return matrix if matrix.dtype == np.float32 else matrix.astype(np.float32)


def stored_blobs(database: Database, persons: Sequence[int]) -> Iterator[bytes]:
    """The views of some people as they lie on disk."""
    for person in persons:
        for (value,) in database.query(
            "SELECT vector FROM features JOIN tracks ON tracks.id = features.track WHERE person = ?", (person,)
        ):
            yield blob(value)
