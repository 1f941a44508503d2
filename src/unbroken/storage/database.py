"""What the store asks of a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from unbroken.core.errors import StoreError

Value: TypeAlias = int | float | str | bytes | None
"""What a column can hold."""
Row: TypeAlias = tuple[Value, ...]
Access: TypeAlias = Literal["read", "ask", "write"]
"""`read` changes nothing, `ask` may put commands into the queue, `write` is the one writer and holds the lock."""


class WriterBusyError(StoreError):
    """Another process is the one writer of a database."""


class Database(Protocol):
    """One connection, used by one thread at a time. Values are given as `?`; statements are those of SQLite.

    Every method raises a StoreError where the database refuses.
    """

    @property
    def name(self) -> str:
        """What messages call it: a file, or an address without its password."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold its content, as far as they are this program's to read."""

    def tables(self) -> frozenset[str]:
        """The names of the tables that are there."""

    def query(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """The rows of a SELECT."""

    def execute(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Run a statement; returns how many rows it has changed."""

    def insert(self, statement: str, values: Sequence[Value]) -> int:
        """Insert one row into a table whose `id` grows by itself; returns the id."""

    def advance(self, table: str, number: int) -> None:
        """The next id of a table that grows by itself is beyond a number: rows were inserted with ids of their own."""

    def many(self, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run a statement once per row of values."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; on disk when the block is over."""

    def settle(self) -> None:
        """Bring what was written to its place and empty the write-ahead log, as far as readers allow."""

    def wipe(self, table: str) -> None:
        """Delete all rows of a table that no other names, so that nothing is left of them in any file of it."""

    def erase(self) -> Iterator[None]:
        """Leave nothing in the files of rows that were deleted, in portions: nobody waits longer than for one.

        Raises:
            StoreError: another process reads what was deleted, and does not end.
        """

    def compact(self) -> None:
        """The same at once, by rewriting all files, however long that takes."""

    def reader(self) -> Database:
        """Another connection, for another thread, which only reads."""

    def size(self) -> int:
        """Bytes of content."""

    def check(self) -> tuple[str, ...]:
        """What is wrong with its structure, one sentence each; nothing where it is sound."""

    def backup(self, target: Path) -> None:
        """Write a copy of the present state to a file; others may go on writing meanwhile."""

    def close(self) -> None:
        """Release it, and the lock."""
