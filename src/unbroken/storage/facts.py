"""What holds for a whole database: which Re-ID net made its features, how it is sealed, which Global IDs were given."""

from __future__ import annotations

from unbroken.core.errors import StoreError
from unbroken.storage.columns import whole
from unbroken.storage.database import Database
from unbroken.storage.sealing import Seal

_HIGHEST = "highest person"
_NUMBERED = (("people", "id"), ("tracks", "person"), ("events", "person"), ("mentions", "person"))
"""Tables and columns with Global IDs."""


def checked_model(database: Database, model: str | None) -> str:
    """Note the Re-ID net of a database that has none yet; refuse another one than it has.

    Args:
        database: opened to write.
        model: the fingerprint of the net; empty without one, `None` for whatever made what is there.

    Returns:
        The fingerprint of the net that made the features in the database.

    Raises:
        StoreError: the features in the database were made by another net.
    """
    made_by = fact(database, "model")
    if model is None:
        return made_by or ""
    if made_by is None:
        set_fact(database, "model", model)
    elif made_by != model:
        raise StoreError(
            f"{database.name}: its features were made by {made_by or 'no Re-ID net'}, the site has "
            f"{model or 'none'}; features of two nets cannot be compared: take back the net or begin another database"
        )
    return model


def check_seal(database: Database, seal: Seal) -> None:
    """Note how a new database is sealed; refuse another key than it was made with.

    Raises:
        StoreError: the database is sealed and there is no key or another one, or the other way round.
    """
    sealed = fact(database, "seal")
    if sealed is None:
        set_fact(database, "seal", seal.close(b"unbroken", "check of the key").hex() if seal.name != "none" else "")
    elif bool(sealed) != (seal.name != "none"):
        state = (
            "is encrypted and no key is given: set storage.key" if sealed else "is not encrypted: leave storage.key out"
        )
        raise StoreError(f"{database.name}: {state}, or begin another database")
    elif sealed:
        try:
            seal.open(bytes.fromhex(sealed), "check of the key")
        except StoreError as error:
            raise StoreError(f"{database.name}: was encrypted with another key; give that one") from error


def highest_person(database: Database) -> int:
    """The highest Global ID that was ever given, also to people of whom nothing else is left."""
    named = " UNION ALL ".join(f"SELECT MAX({column}) AS person FROM {table}" for table, column in _NUMBERED)
    found = database.query(f"SELECT MAX(person) FROM ({named}) AS named")[0][0]
    return max(whole(found or 0), int(fact(database, _HIGHEST) or 0), 0)


def note_highest_person(database: Database, least: int = 0) -> None:
    """Remember the highest Global ID so far, `least` at least, whatever is deleted from here on."""
    set_fact(database, _HIGHEST, str(max(highest_person(database), least)))


def fact(database: Database, name: str) -> str | None:
    """A value that holds for the whole database; `None` where it was never set."""
    rows = database.query("SELECT value FROM facts WHERE name = ?", (name,))
    return str(rows[0][0]) if rows else None


def set_fact(database: Database, name: str, value: str) -> None:
    """Set a value that holds for the whole database."""
    database.execute(
        "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
