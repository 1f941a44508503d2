"""Events as JSON Lines in a file that is put aside when it is large, and the few of those that are kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from unbroken.core.errors import ContractError, StoreError
from unbroken.core.events import Event
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.outlets.courier import DeliveryError
from unbroken.outlets.envelope import Envelope, Sealer
from unbroken.outlets.spool import replaced

_LOOK_BACK = 1 << 18
"""Bytes at the end of the file in which events are looked for that were written before the process was killed."""


@dataclass(frozen=True, slots=True)
class LinesSettings:
    """When a file is put aside.

    Attributes:
        megabytes: at this size: `events.jsonl` becomes `events.1.jsonl`, which was `events.2.jsonl` and so on.
        rotations: so many of those are kept; 0 keeps none, the file begins anew.
    """

    megabytes: float = 100.0
    rotations: int = 5


class Lines:
    """Writes `events.jsonl`. An `Outlet`.

    A line that was cut off by a power cut is ended, not joined with the next one. Events that are delivered again after
    a restart and are still at the end of the file are not written twice.
    """

    def __init__(self, path: Path, settings: LinesSettings | None = None) -> None:
        self._path = path
        self._settings = settings or LinesSettings()
        self._lock = Lock()
        self._file = -1
        self._known: set[tuple[int, int, str]] = set()

    @property
    def name(self) -> str:
        """After the file."""
        return f"lines-{self._path.stem}"

    @property
    def paths(self) -> list[Path]:
        """The files that are there, oldest first."""
        kept = [self._aside(number) for number in range(self._settings.rotations, 0, -1)]
        return [path for path in (*kept, self._path) if path.exists()]

    def deliver(self, envelopes: Sequence[Envelope]) -> None:
        """Append one line for each event.

        Raises:
            DeliveryError: the disk is full, or the folder is gone; it is tried again.
        """
        with self._lock:
            done = 0
            try:
                self._open()
                for envelope in envelopes:
                    self._write(envelope)
                    done += 1
            except OSError as error:
                self._shut()
                raise DeliveryError(f"{self._path} cannot be written ({error.strerror})", done) from error

    def rewrite(self, change: Callable[[bytes], bytes | None]) -> int:
        """Change every line in all of the files: `None` takes one out. How many were changed.

        Raises:
            OSError: a file cannot be rewritten; it is as before.
        """
        changed = 0
        with self._lock:
            self._shut()
            for path in self.paths:
                with path.open("rb") as file:
                    before = file.readlines()
                after = [change(line) for line in before]
                differ = sum(one != other for one, other in zip(before, after, strict=True))
                if differ:
                    replaced(path, [line for line in after if line is not None])
                    changed += differ
        return changed

    def close(self) -> None:
        """Hand what was written to the disk. May be called twice."""
        with self._lock:
            self._shut()

    def _write(self, envelope: Envelope) -> None:
        if _told(envelope) in self._known:
            return
        line = envelope.line().encode()
        size = os.fstat(self._file).st_size
        if size and size + len(line) > self._settings.megabytes * 1e6:
            self._rotate()
        start = os.fstat(self._file).st_size
        if os.write(self._file, line) != len(line):
            os.ftruncate(self._file, start)
            raise OSError(28, "no space left on device")

    def _open(self) -> None:
        if self._file >= 0:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        size = os.fstat(self._file).st_size
        end = os.pread(self._file, _LOOK_BACK, max(size - _LOOK_BACK, 0))
        if end and not end.endswith(b"\n"):
            os.write(self._file, b"\n")
        self._known = _told_in(end)

    def _rotate(self) -> None:
        self._shut()
        for number in range(self._settings.rotations, 0, -1):
            source = self._aside(number - 1) if number > 1 else self._path
            if source.exists():
                source.replace(self._aside(number))
        self._path.unlink(missing_ok=True)
        self._open()

    def _aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.stem}.{number}{self._path.suffix}")

    def _shut(self) -> None:
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1


class EventFile:
    """Events of one run in a file of their own, written at once and begun anew. A `Sink` and a `Listener`.

    Args:
        path: of the file.
        site: the name of the site.

    Raises:
        StoreError: the file cannot be written.
    """

    def __init__(self, path: Path, site: str) -> None:
        self._path = path
        self._sealer = Sealer(site, 1)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be written ({error.strerror}); choose another folder with --output"
            ) from error

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Append one line for each event that comes with a picture."""
        self.hear(events)

    def hear(self, events: Sequence[Event]) -> None:
        """Append one line for each event.

        Raises:
            StoreError: the disk is full.
        """
        try:
            self._file.writelines(self._sealer.seal(event).line() for event in events)
            self._file.flush()
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be written ({error.strerror}); make room") from error

    def close(self) -> None:
        """Finish the file. May be called twice."""
        self._file.close()


def _told(envelope: Envelope) -> tuple[int, int, str]:
    """What is the same where an event is delivered again, and only there."""
    return envelope.epoch, envelope.sequence, envelope.id


def _told_in(content: bytes) -> set[tuple[int, int, str]]:
    """The events in the last lines of a file."""
    found = set()
    for line in content.splitlines():
        try:
            envelope = Envelope.read(line)
        except ContractError:
            continue
        found.add(_told(envelope))
    return found
