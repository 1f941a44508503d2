"""Features as blobs: float32 in little-endian order, sealed where there is a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Features, Floats, Ints
from unbroken.core.errors import StoreError
from unbroken.storage.columns import blob, real, whole
from unbroken.storage.database import Database, Row
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
    chosen = "WHERE person = ? " if person else ""
    rows = database.query(
        "SELECT person, features.track, time, quality, vector FROM features "
        f"JOIN tracks ON tracks.id = features.track {chosen}ORDER BY person, features.track",
        (person,) if person else (),
    )
    return Known(
        np.array([whole(row[0]) for row in rows], dtype=np.int64),
        np.array([whole(row[1]) for row in rows], dtype=np.int64),
        np.array([real(row[2]) for row in rows], dtype=np.float64),
        np.array([real(row[3]) for row in rows], dtype=np.float64),
        _matrix(rows, seal),
    )


def _matrix(rows: list[Row], seal: Seal) -> Features:
    opened = [blob(row[4]) if isinstance(seal, Plain) else seal.open(blob(row[4]), PURPOSE) for row in rows]
    if not opened:
        return np.zeros((0, 0), dtype=np.float32)
    length = len(opened[0])
    if length % _FLOATS.itemsize or any(len(one) != length for one in opened):
        raise StoreError("the database holds features of different lengths; restore a backup")
    return np.frombuffer(b"".join(opened), dtype=_FLOATS).reshape(len(opened), -1).astype(np.float32)


def stored_blobs(database: Database, persons: Sequence[int]) -> Iterator[bytes]:
    """The views of some people as they lie on disk."""
    for person in persons:
        for (value,) in database.query(
            "SELECT vector FROM features JOIN tracks ON tracks.id = features.track WHERE person = ?", (person,)
        ):
            yield blob(value)
