"""Copies of what is stored, and what was recorded beside it: where this program has put them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from unbroken.storage.columns import real
from unbroken.storage.database import Database

RECORDING, BACKUP, EXPORT = "recording", "backup", "export"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that this program has made.

    Attributes:
        place: a file or a folder.
        kind: a recording, a backup or an export.
        time: seconds since 1970, when it was begun.
    """

    place: Path
    kind: str
    time: float

    @property
    def day(self) -> str:
        """When it was begun: `2026-11-22`."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.time))


def note_copy(database: Database, place: Path, kind: str, now: float) -> None:
    """Write down where a copy is, before it is made."""
    database.execute(
        "INSERT INTO copies (place, kind, time) VALUES (?, ?, ?) "
        "ON CONFLICT (place) DO UPDATE SET kind = excluded.kind, time = excluded.time",
        (str(place.absolute()), kind, now),
    )


def copies(database: Database) -> list[Copy]:
    """Every copy that was ever made, the oldest first."""
    rows = database.query("SELECT place, kind, time FROM copies ORDER BY time, place")
    return [Copy(Path(str(place)), str(kind), real(now)) for place, kind, now in rows]
