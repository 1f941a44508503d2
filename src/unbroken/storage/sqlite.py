"""SQLite: a file, a write-ahead log, every commit on disk before it returns, deleted content overwritten."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from unbroken.core.errors import StoreError
from unbroken.storage.columns import whole
from unbroken.storage.database import Access, Row, Value
from unbroken.storage.locking import WriterLock

PATIENCE = 10.0
"""Seconds that a statement waits for another process's short transaction."""
_PRAGMAS = (
    "page_size = 8192",  # Three vectors of 512 numbers to a page: 4096 holds one, and loading takes twice as long.
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    "foreign_keys = ON",
    "temp_store = MEMORY",
)
_GLANCE = 50
"""Milliseconds that the log is waited for while somebody is erased; then other things come first."""
_ATTEMPTS = 200


class SqliteDatabase:
    """A `Database` in a file."""

    def __init__(self, path: Path, access: Access) -> None:
        self._path = path
        self._begin = "BEGIN" if access == "read" else "BEGIN IMMEDIATE"
        self._lock: WriterLock | None = None
        if access == "write":
            self._make()
        elif not path.is_file():
            raise StoreError(f"{path}: is not there; check the name, or start the site once")
        try:
            self._connection = self._connect(access)
        except StoreError:
            self._release()
            raise

    @property
    def name(self) -> str:
        """The file."""
        return str(self._path)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, its write-ahead log, and the log's index."""
        paths = [self._path, *(self._path.with_name(self._path.name + suffix) for suffix in ("-wal", "-shm"))]
        return tuple(path for path in paths if path.is_file())

    def tables(self) -> frozenset[str]:
        """The names of the tables that are there."""
        return frozenset(str(name) for (name,) in self.query("SELECT name FROM sqlite_master WHERE type = 'table'"))

    def query(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """The rows of a SELECT."""
        with self._told():
            return self._connection.execute(statement, values).fetchall()

    def execute(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Run a statement; returns how many rows it has changed."""
        with self._told():
            return self._connection.execute(statement, values).rowcount

    def insert(self, statement: str, values: Sequence[Value]) -> int:
        """Insert one row; returns its id."""
        with self._told():
            return int(self._connection.execute(statement, values).lastrowid or 0)

    def advance(self, table: str, number: int) -> None:
        """Nothing to do: SQLite has counted the rows that were inserted with ids of their own."""

    def many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run a statement once per row of values."""
        with self._told():
            self._connection.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; on disk when the block is over."""
        self.execute(self._begin)
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            raise

    def settle(self) -> None:
        """Empty the write-ahead log, as far as readers allow."""
        self.query("PRAGMA wal_checkpoint(TRUNCATE)")

    def wipe(self, table: str) -> None:
        """Delete all rows; their pages are overwritten."""
        self.execute(f"DELETE FROM {table}")

    def erase(self) -> Iterator[None]:
        """Empty the log into the file, where deleted rows are overwritten already (`secure_delete`).

        Raises:
            StoreError: a reader held the log for so long that something old may still be in it.
        """
        for _ in range(_ATTEMPTS):
            self.execute(f"PRAGMA busy_timeout = {_GLANCE}")
            try:
                busy = self.query("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
            finally:
                self.execute(f"PRAGMA busy_timeout = {int(1000 * PATIENCE)}")
            if not busy:
                return
            yield
        raise StoreError(f"{self.name}: another process reads from it; close it, then try again")

    def compact(self) -> None:
        """Rewrite the file without its free pages, and empty the log."""
        self.execute("VACUUM")
        self.query("PRAGMA wal_checkpoint(TRUNCATE)")

    def reader(self) -> SqliteDatabase:
        """Another connection to the file."""
        return SqliteDatabase(self._path, "read")

    def size(self) -> int:
        """Bytes of the pages in use; pages that are free are used again."""
        pages, free, each = (
            self.query(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
        )
        return (whole(pages) - whole(free)) * whole(each)

    def check(self) -> tuple[str, ...]:
        """What `PRAGMA integrity_check` and `foreign_key_check` find."""
        found = [str(row[0]) for row in self.query("PRAGMA integrity_check") if row[0] != "ok"]
        orphans = self.query("PRAGMA foreign_key_check")
        found += [f"table {row[0]!s}, row {row[1]!s}: names no row of {row[2]!s}" for row in orphans]
        return tuple(found)

    def backup(self, target: Path) -> None:
        """Copy the present state into a new SQLite file.

        Raises:
            StoreError: it is there already, or cannot be written.
        """
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise StoreError(f"{target}: cannot be made ({error.strerror}); give a name that is not in use") from error
        with self._told():
            copy = sqlite3.connect(target, isolation_level=None)
            try:
                self._connection.backup(copy)
            finally:
                copy.close()

    def close(self) -> None:
        """Close it; the last one to do so empties the log. May be called twice."""
        self._connection.close()
        self._release()

    def _make(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = WriterLock(self._path.with_name(self._path.name + ".lock"))
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            self._release()
            raise StoreError(f"{self._path}: cannot be written ({error.strerror}); choose another place") from error

    def _connect(self, access: Access) -> sqlite3.Connection:
        mode = "ro" if access == "read" else "rw"
        with self._told():
            connection = sqlite3.connect(
                f"file:{quote(str(self._path.absolute()))}?mode={mode}",
                uri=True,
                timeout=PATIENCE,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                for pragma in _PRAGMAS if access != "read" else ("foreign_keys = ON",):
                    connection.execute(f"PRAGMA {pragma}")
                connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
            except BaseException:
                connection.close()
                raise
            return connection

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            mend = "is the disk full, or the file damaged? `unbroken gallery backup` copies what can be read"
            if "not a database" in str(error):
                mend = "give the name of another file"
            raise StoreError(f"{self._path}: the database refuses ({error}); {mend}") from error
