"""Who has seen or changed personal data, what, when, and whose: JSON Lines that only grow, put aside by size."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from unbroken.config.service import LogSettings
from unbroken.core.errors import StoreError

if sys.platform != "win32":
    import fcntl


class AccessLog:
    """A log of accesses that several processes may write at once, such as the service and `unbroken gallery`.

    A line is `{"time": ..., "who": ..., "what": ..., "whom": ...}`. It names people by their Global ID alone. The file
    belongs to its owner alone (mode 600). What cannot be logged must not happen: `note` raises.

    Args:
        path: the file; older ones are beside it, as `NAME.1` (the newest) to `NAME.n`.
        megabytes: size at which a file is put aside.
        rotations: how many of those are kept.
        clock: seconds since 1970.
    """

    def __init__(self, path: Path, megabytes: float, rotations: int, clock: Callable[[], float]) -> None:
        self._path = path
        self._bytes = int(megabytes * 1_000_000)
        self._rotations = rotations
        self._clock = clock

    def note(self, who: str, what: str, whom: str = "") -> None:
        """Write one line before the access happens.

        Args:
            who: a user of this machine, or the address of a client.
            what: the command or the page.
            whom: a Global ID, a camera or a file; empty for everybody.

        Raises:
            StoreError: the line cannot be written.
        """
        time = datetime.fromtimestamp(self._clock(), timezone.utc).isoformat(timespec="milliseconds")
        fields = {"time": time.replace("+00:00", "Z"), "who": who, "what": what, "whom": whom}
        line = (json.dumps(fields, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self._path.with_name(f"{self._path.name}.lock")):
                if self._path.exists() and self._path.stat().st_size + len(line) > self._bytes:
                    self._put_aside()
                with _appending(self._path) as file:
                    file.write(line)
        except OSError as error:
            raise StoreError(
                f"{self._path}: the access cannot be logged ({error.strerror}), so it is refused; mend log.access"
            ) from error

    def _put_aside(self) -> None:
        names = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, self._rotations + 1))]
        names[-1].unlink(missing_ok=True)
        for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
            if newer.exists():
                newer.replace(older)


def access_log(settings: LogSettings, clock: Callable[[], float]) -> AccessLog | None:
    """The log of a site; `None` where its settings say that none is kept."""
    if not settings.access:
        return None
    return AccessLog(Path(settings.access), settings.access_megabytes, settings.access_rotations, clock)


def user() -> str:
    """Who sits at this machine: `anna@host`; of sudo, who called it."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        name = str(os.getuid()) if hasattr(os, "getuid") else "somebody"
    return f"{name}@{socket.gethostname()}"


def _appending(path: Path) -> IO[bytes]:
    """A file that only grows and that only its owner may read: the owner of its folder, also where root makes it."""
    new = not path.exists()
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    if new and hasattr(os, "geteuid") and os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(number, owner.st_uid, owner.st_gid)
    return os.fdopen(number, "ab")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock goes with the process that holds it."""
    with _appending(path) as file:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
