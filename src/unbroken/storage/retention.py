"""How long what is kept: by age, by bytes and by number, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass

from unbroken.core.batches import Forget, Request
from unbroken.storage.columns import whole
from unbroken.storage.commands import ERASING, WAITING
from unbroken.storage.database import Database

REASON = "retention"
"""Why somebody is forgotten whom nobody has asked to forget."""
_DAY = 86400.0
_KEPT_CALIBRATIONS = 100
_AT_ONCE = 1000
"""People who are forgotten in one step, at most: a step must not take long."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept at most.

    Attributes:
        days: people not seen for so long are forgotten; tracks and events that are older go.
        bytes: of content; where there is more, the oldest tenth of events and people goes.
        people: who was seen longest ago makes room.
        every: seconds between two looks.
    """

    days: float = 30.0
    bytes: float = 2e9
    people: int = 100_000
    every: float = 600.0


def overdue(database: Database, rules: Retention, now: float) -> tuple[Request, ...]:
    """Who has to be forgotten: requests of nobody, with numbers below 0.

    Args:
        database: any.
        rules: what is kept.
        now: seconds, on the clock of the sightings.
    """
    known = whole(database.query("SELECT COUNT(*) FROM people WHERE merged_into IS NULL")[0][0])
    excess = max(known - rules.people, -(-known // 10) if database.size() > rules.bytes else 0)
    rows = database.query(
        "SELECT id FROM people WHERE merged_into IS NULL AND last_seen < ? ORDER BY last_seen, id LIMIT ?",
        (now - rules.days * _DAY, _AT_ONCE),
    )
    if excess > len(rows):
        rows = database.query(
            "SELECT id FROM people WHERE merged_into IS NULL ORDER BY last_seen, id LIMIT ?", (min(excess, _AT_ONCE),)
        )
    persons = [whole(row[0]) for row in rows]
    return tuple(Request(-person, now, REASON, Forget(person, REASON)) for person in persons)


def prune(database: Database, rules: Retention, now: float) -> bool:
    """Delete what is too old beside people: events, tracks, answered requests. Called inside of a transaction.

    Returns:
        Whether the content was too large: then it is worth it to compact the database.
    """
    oldest = now - rules.days * _DAY
    database.execute("DELETE FROM events WHERE time < ?", (oldest,))
    database.execute("DELETE FROM features WHERE track IN (SELECT id FROM tracks WHERE end_time < ?)", (oldest,))
    database.execute("DELETE FROM tracks WHERE end_time < ?", (oldest,))
    database.execute("DELETE FROM people WHERE merged_into IS NOT NULL AND last_seen < ?", (oldest,))
    database.execute(
        "DELETE FROM calibration WHERE id <= (SELECT COALESCE(MAX(id), 0) FROM calibration) - ?", (_KEPT_CALIBRATIONS,)
    )
    database.execute("DELETE FROM commands WHERE time < ? AND state NOT IN (?, ?)", (oldest, WAITING, ERASING))
    if database.size() <= rules.bytes:
        return False
    events = whole(database.query("SELECT COUNT(*) FROM events")[0][0])
    database.execute("DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?)", (-(-events // 10),))
    return True
