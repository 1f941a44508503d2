"""The way to a database: a file name is SQLite, an address is PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from unbroken.core.errors import StoreError
from unbroken.storage.database import Access, Database
from unbroken.storage.sqlite import SqliteDatabase


def is_postgres(address: str) -> bool:
    """Whether an address is one of PostgreSQL."""
    return address.startswith(("postgresql://", "postgres://"))


def connect(address: str, access: Access = "read") -> Database:
    """Open a database; it is made where it is missing and `access` is "write".

    Args:
        address: a SQLite file, or `postgresql://user@host/name`.
        access: what for.

    Raises:
        StoreError: it is not there, cannot be read, or another process is its writer.
    """
    if is_postgres(address):
        from unbroken.storage.postgres import PostgresDatabase

        return PostgresDatabase(address, access)
    if "://" in address:
        raise StoreError(f"{address}: is no database; give the name of a SQLite file, or postgresql://user@host/name")
    return SqliteDatabase(Path(address), access)
