"""The engine's state at the last snapshot and the batches since, as bytes: sealed where there is a key."""

from __future__ import annotations

from collections.abc import Iterator

from unbroken.storage.columns import blob
from unbroken.storage.database import Database
from unbroken.storage.sealing import Seal

PART = 1 << 24
"""Bytes of a snapshot in one row."""


def put_batch(database: Database, seal: Seal, content: bytes) -> None:
    """Append the bytes of a batch."""
    database.execute("INSERT INTO journal (body) VALUES (?)", (seal.close(content, "journal"),))


def journal_of(database: Database, seal: Seal) -> Iterator[bytes]:
    """The bytes of the batches since the last snapshot, in their order.

    Raises:
        StoreError: one is damaged, or the key is another.
    """
    for (body,) in database.query("SELECT body FROM journal ORDER BY id"):
        yield seal.open(blob(body), "journal")


def put_state(database: Database, seal: Seal, state: bytes) -> None:
    """Store the engine's state in place of the one before, and of the journal. Called inside of a transaction."""
    for table in ("journal", "snapshots"):
        database.wipe(table)
    for part, start in enumerate(range(0, len(state), PART)):
        sealed = seal.close(state[start : start + PART], "snapshot")
        database.execute("INSERT INTO snapshots (part, body) VALUES (?, ?)", (part, sealed))


def state_of(database: Database, seal: Seal) -> bytes:
    """The engine's state at the last snapshot; empty where there was none.

    Raises:
        StoreError: it is damaged, or the key is another.
    """
    rows = database.query("SELECT body FROM snapshots ORDER BY part")
    return b"".join(seal.open(blob(body), "snapshot") for (body,) in rows)
