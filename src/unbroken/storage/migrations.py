"""Numbered migrations: each is a file of plain SQL, applied once, in one transaction, by the one writer."""

from __future__ import annotations

import re
from importlib.resources import files

from unbroken.core.errors import StoreError
from unbroken.storage.database import Database

_FOLDER = "migrations"


def known() -> dict[int, str]:
    """The migrations of this program: their numbers and their SQL."""
    found = {}
    for entry in files("unbroken.storage").joinpath(_FOLDER).iterdir():
        if match := re.fullmatch(r"(\d{4})\.sql", entry.name):
            found[int(match.group(1))] = entry.read_text(encoding="utf-8")
    return dict(sorted(found.items()))


def version(database: Database) -> int:
    """The number of the last migration of a database; 0 for an empty one."""
    if not _has_versions(database):
        return 0
    return int(database.query("SELECT COALESCE(MAX(number), 0) FROM migrations")[0][0] or 0)


def migrate(database: Database) -> None:
    """Bring a database to the version of this program.

    Raises:
        StoreError: it is from a newer version, or a migration fails: then it is as it was.
    """
    steps = known()
    check(database, least=0)
    for number, text in steps.items():
        if number <= version(database):
            continue
        with database.transaction():
            if not _has_versions(database):
                database.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY)")
            for statement in statements(text):
                database.execute(statement)
            database.execute("INSERT INTO migrations (number) VALUES (?)", (number,))


def check(database: Database, least: int | None = None) -> None:
    """Refuse a database that this program cannot read.

    Args:
        database: an open one.
        least: the oldest version that will do; the present one where left out.

    Raises:
        StoreError: it is from a newer version, or older than `least`.
    """
    newest, present = max(known()), version(database)
    if present > newest:
        raise StoreError(
            f"{database.name}: is of version {present}, this program knows {newest}; update unbroken to open it"
        )
    if present < (newest if least is None else least):
        raise StoreError(
            f"{database.name}: is of version {present}, this program needs {newest}; start the site once to update it"
        )


def statements(text: str) -> list[str]:
    """The statements of a file, without comments; a statement ends with a semicolon at the end of a line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return [part.strip() for part in re.split(r";\s*(?:\n|$)", "\n".join(lines)) if part.strip()]


def _has_versions(database: Database) -> bool:
    return "migrations" in database.tables()
