"""What a gallery is asked: who is known, where somebody was, who looks like this."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Features
from unbroken.core.errors import ConfigError, StoreError
from unbroken.storage.columns import real, whole
from unbroken.storage.database import Database, Row
from unbroken.storage.sealing import Seal
from unbroken.storage.vectors import known_vectors


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a Global ID.

    Attributes:
        id: the Global ID.
        name: given by hand; empty without.
        state: `probable`, `confirmed` or `merged`.
        merged_into: the Global ID that he goes by since; 0 where he goes by his own.
        first_seen: seconds.
        last_seen: seconds.
        tracks: how many are known.
        cameras: where, in the order of their names.
        views: vectors that are kept.
    """

    id: int
    name: str
    state: str
    merged_into: int
    first_seen: float
    last_seen: float
    tracks: int
    cameras: tuple[str, ...]
    views: int


@dataclass(frozen=True, slots=True)
class Stay:
    """One track of somebody: in which camera, as which track of which epoch, from when to when in seconds."""

    camera: str
    epoch: int
    track: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Match:
    """Somebody who looks like a picture: the least cosine distance to his views, and how many there are."""

    person: int
    distance: float
    views: int


_PEOPLE = """
SELECT people.id, name, CASE WHEN merged_into IS NULL THEN state ELSE 'merged' END, COALESCE(merged_into, 0),
  first_seen, last_seen,
  (SELECT COUNT(*) FROM tracks WHERE tracks.person = people.id),
  (SELECT COUNT(*) FROM features JOIN tracks ON tracks.id = features.track WHERE tracks.person = people.id)
FROM people
"""


def people(database: Database, limit: int = 50, *, merged: bool = False) -> list[Person]:
    """Everybody who is known, those last seen first.

    Args:
        database: any.
        limit: how many at most.
        merged: whether people who were merged into others are listed too.
    """
    chosen = "" if merged else "WHERE merged_into IS NULL "
    rows = database.query(f"{_PEOPLE} {chosen}ORDER BY last_seen DESC, people.id LIMIT ?", (limit,))
    return [_person(database, row) for row in rows]


def count(database: Database) -> int:
    """How many people are known, those who were merged into others left out."""
    return whole(database.query("SELECT COUNT(*) FROM people WHERE merged_into IS NULL")[0][0])


def person(database: Database, number: int) -> Person:
    """What is known of somebody.

    Raises:
        ConfigError: nobody has this Global ID.
    """
    rows = database.query(f"{_PEOPLE} WHERE people.id = ?", (number,))
    if not rows:
        raise ConfigError(f"person {number} is not known; `unbroken gallery list` shows who is")
    return _person(database, rows[0])


def number_of(database: Database, written: str) -> int:
    """The Global ID that somebody has written, as a number or as a name.

    Raises:
        ConfigError: nobody is called so, or several are.
    """
    if written.isdigit():
        return person(database, int(written)).id
    rows = database.query("SELECT id FROM people WHERE name = ? AND merged_into IS NULL ORDER BY id", (written,))
    if len(rows) != 1:
        numbers = ", ".join(str(row[0]) for row in rows)
        found = f"{len(rows)} people are called {written!r} ({numbers})" if rows else f"nobody is called {written!r}"
        raise ConfigError(f"{found}; give a Global ID that `unbroken gallery list` shows")
    return whole(rows[0][0])


def stays(database: Database, number: int, limit: int = 1000) -> list[Stay]:
    """Where somebody was, the latest first."""
    rows = database.query(
        "SELECT camera, epoch, track, start_time, end_time FROM tracks WHERE person = ? "
        "ORDER BY end_time DESC, id DESC LIMIT ?",
        (number, limit),
    )
    return [Stay(str(row[0]), whole(row[1]), whole(row[2]), real(row[3]), real(row[4])) for row in rows]


def events_of(database: Database, number: int, limit: int = 1000) -> list[dict[str, object]]:
    """What happened to somebody, the latest first: each event with its id and type.

    Where he was only weighed as an alternative for somebody else, nothing has happened to him.
    """
    rows = database.query(
        "SELECT id, type, body FROM events WHERE person = ? OR (type IN ('person_merged', 'person_split') "
        "AND id IN (SELECT event FROM mentions WHERE person = ?)) ORDER BY id DESC LIMIT ?",
        (number, number, limit),
    )
    return [{"id": row[0], "type": row[1], **json.loads(str(row[2]))} for row in rows]


def names(database: Database) -> dict[int, str]:
    """The names that people were given, by Global ID."""
    rows = database.query("SELECT id, name FROM people WHERE name <> ''")
    return {whole(number): str(name) for number, name in rows}


def rename(database: Database, number: int, name: str) -> None:
    """Call somebody by a name; an empty one takes it away.

    Raises:
        ConfigError: nobody has this Global ID, or the name is a number.
    """
    if name.isdigit():
        raise ConfigError(f"the name {name!r} is a number; give one with a letter in it")
    with database.transaction():
        if not database.execute("UPDATE people SET name = ? WHERE id = ?", (name, number)):
            raise ConfigError(f"person {number} is not known; `unbroken gallery list` shows who is")


def nearest(database: Database, seal: Seal, feature: Features, limit: int = 5) -> list[Match]:
    """Who looks most like a feature, by the least cosine distance to the views that are kept.

    Args:
        database: any.
        seal: of the database.
        feature: (D,) of unit length, of the net that made those in the database.
        limit: how many people.

    Raises:
        StoreError: the feature has another length than those in the database.
    """
    known = known_vectors(database, seal)
    if not len(known.vectors):
        return []
    if known.vectors.shape[1] != len(feature):
        raise StoreError(
            f"{database.name}: its features have {known.vectors.shape[1]} numbers, the picture's {len(feature)}; "
            "use the Re-ID net of the site"
        )
    distances = 1.0 - (known.vectors @ feature).astype(np.float64)
    persons, first, views = np.unique(known.persons, return_index=True, return_counts=True)
    least = np.minimum.reduceat(distances, first)
    order = np.lexsort((persons, least))[:limit]
    return [Match(int(persons[row]), float(least[row]), int(views[row])) for row in order]


def _person(database: Database, row: Row) -> Person:
    cameras = database.query("SELECT DISTINCT camera FROM tracks WHERE person = ? ORDER BY camera", (row[0],))
    return Person(
        whole(row[0]),
        str(row[1]),
        str(row[2]),
        whole(row[3]),
        real(row[4]),
        real(row[5]),
        whole(row[6]),
        tuple(str(camera) for (camera,) in cameras),
        whole(row[7]),
    )
