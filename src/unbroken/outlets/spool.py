"""Events on disk until every outlet has delivered them: they survive a restart and a killed process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from unbroken.core.errors import StoreError

_SUFFIX = ".spool"


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """How much is kept.

    Attributes:
        megabytes: in all; the oldest segment goes beyond this, delivered or not.
        segments: the spool is a row of so many files; smaller ones make what is dropped at once smaller.
    """

    megabytes: float = 100.0
    segments: int = 16

    @property
    def bytes(self) -> int:
        """In all."""
        return int(self.megabytes * 1e6)


@dataclass(slots=True)
class _Segment:
    """A file with the lines from number `first` on."""

    path: Path
    first: int
    count: int
    size: int


class Spool:
    """Lines with growing numbers in a row of files, first in, first out, bounded in bytes. Safe between threads.

    A line is handed to the operating system before `append` returns, so a killed process loses none; a power cut may
    cost what the system had not written yet, some seconds at most. A line cut off by that is dropped when it is opened.
    Lines that are erased leave their numbers behind.

    Args:
        folder: is made where it is missing; one process at a time uses it.
        settings: how much is kept.

    Raises:
        StoreError: the folder cannot be used.
    """

    def __init__(self, folder: Path, settings: SpoolSettings | None = None) -> None:
        self._folder = folder
        self._settings = settings or SpoolSettings()
        self._lock = Lock()
        self._file = -1
        self.generation = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            paths = sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal())
            self._segments = [_opened(path) for path in paths]
        except OSError as error:
            raise StoreError(
                f"{folder}: cannot hold the spool ({error.strerror}); choose another outputs.spool"
            ) from error

    @property
    def first(self) -> int:
        """The number of the oldest line that is there."""
        with self._lock:
            return self._segments[0].first if self._segments else 0

    @property
    def next(self) -> int:
        """The number that the next line gets."""
        with self._lock:
            return self._next()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        with self._lock:
            return sum(segment.size for segment in self._segments)

    def append(self, line: bytes) -> int:
        """Add a line, which ends with a line feed and holds no other; its number.

        Raises:
            StoreError: it could not be written; nothing of it is there.
        """
        with self._lock:
            number = self._next()
            try:
                segment = self._room(len(line))
                written = os.write(self._file, line)
                if written != len(line):
                    os.ftruncate(self._file, segment.size)
                    raise OSError(28, "no space left on device")
            except OSError as error:
                raise StoreError(f"{self._folder}: an event could not be spooled ({error.strerror})") from error
            segment.count += 1
            segment.size += len(line)
            return number

    def read(self, place: Place, most: int) -> tuple[list[tuple[int, bytes]], Place]:
        """At most so many lines from a place on, with their numbers, and the place behind them."""
        while True:
            with self._lock:
                segment = next((one for one in self._segments if place.number < one.first + one.count), None)
                if segment is None:
                    return [], Place(max(place.number, self._next()))
                first, last, generation = segment.first, segment.first + segment.count, self.generation
            # Whoever appends does not wait for the disk here; what is dropped or rewritten meanwhile is read again.
            number = max(place.number, first)
            known = place.segment == first and place.generation == generation
            found = _read(segment.path, (place.offset, 0) if known else (0, number - first), min(most, last - number))
            with self._lock:
                if found is not None and generation == self.generation:
                    lines, offset = found
                    told = [(number + row, line) for row, line in enumerate(lines) if line.strip()]
                    return told, Place(number + len(lines), first, offset, generation)

    def trim(self, number: int) -> None:
        """Drop the files whose lines all come before a number: everybody has them.

        The last two stay, so that it can be told for a while what was spooled.
        """
        with self._lock:
            while len(self._segments) > 2 and self._segments[0].first + self._segments[0].count <= number:
                self._drop()

    def rewrite(self, change: Callable[[bytes], bytes | None]) -> int:
        """Change every line that is there now: `None` erases one. How many were changed. `append` goes on meanwhile."""
        with self._lock:
            self._roll()
            sealed = [segment for segment in self._segments if segment.count]
        changed = 0
        for segment in sealed:
            before = _lines(segment.path)
            after = [b"\n" if new is None else new for new in map(change, before)]
            differ = sum(one != other for one, other in zip(before, after, strict=True))
            if differ:
                with self._lock:
                    if segment in self._segments:
                        segment.size = replaced(segment.path, after)
                        self.generation += 1
                        changed += differ
        return changed

    def lines(self) -> Iterator[bytes]:
        """Every line that is there, oldest first."""
        with self._lock:
            paths = [segment.path for segment in self._segments]
        for path in paths:
            if path.exists():
                yield from (line for line in _lines(path) if line.strip())

    def close(self) -> None:
        """Hand what is there to the disk. May be called twice."""
        with self._lock:
            self._seal()

    @property
    def _segment_bytes(self) -> int:
        return max(self._settings.bytes // self._settings.segments, 1)

    def _next(self) -> int:
        return self._segments[-1].first + self._segments[-1].count if self._segments else 0

    def _room(self, size: int) -> _Segment:
        """The segment that the next line goes to, with room for it."""
        if not self._segments or self._segments[-1].size >= self._segment_bytes:
            self._roll()
        while len(self._segments) > 1 and sum(one.size for one in self._segments) + size > self._settings.bytes:
            self._drop()
        if self._file < 0:
            self._file = os.open(self._segments[-1].path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return self._segments[-1]

    def _roll(self) -> None:
        if self._segments and not self._segments[-1].count:
            return
        self._seal()
        first = self._next()
        self._segments.append(_Segment(self._folder / f"{first:020d}{_SUFFIX}", first, 0, 0))

    def _seal(self) -> None:
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _drop(self) -> None:
        self._segments.pop(0).path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader of the spool stands: the number of the next line, and where in which file it was last known."""

    number: int
    segment: int = -1
    offset: int = 0
    generation: int = -1


def replaced(path: Path, lines: list[bytes]) -> int:
    """Put other lines into a file in one step, so that a killed process leaves the old or the new one; its size."""
    draft = path.with_name(path.name + ".part")
    with draft.open("wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    draft.replace(path)
    return size


def _lines(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return file.readlines()


def _read(path: Path, start: tuple[int, int], count: int) -> tuple[list[bytes], int] | None:
    """So many lines of a file, from so many lines behind a byte on, and the byte behind them; `None` without a file."""
    offset, skipped = start
    try:
        with path.open("rb") as file:
            file.seek(offset)
            lines = [file.readline() for _ in range(skipped + count)]
            return lines[skipped:], file.tell()
    except FileNotFoundError:
        return None


def _opened(path: Path) -> _Segment:
    """A segment of an earlier run, without a last line that was cut off."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return _Segment(path, int(path.stem), content.count(b"\n"), whole)
