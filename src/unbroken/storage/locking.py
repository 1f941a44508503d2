"""One writer: a lock on a file that names the process and that the kernel releases whatever becomes of it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from unbroken.core.errors import StoreError
from unbroken.storage.database import WriterBusyError


class WriterLock:
    """Held from the start until `release`, or until the process ends in whatever way."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            WriterBusyError: another process has it.
            StoreError: the file cannot be written.
        """
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise WriterBusyError(
                f"{path.with_suffix('')}: process {holder} writes to this database; stop it first, or read only"
            ) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode("ascii"))

    def release(self) -> None:
        """Let others have it. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
