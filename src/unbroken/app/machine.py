"""What a machine has for a site: processors, memory, disk, clock, ports; one plain sentence each."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import perf_counter
from typing import Literal

from unbroken.app.check import unwritable

Grade = Literal["ok", "warn", "fail"]

_ENOUGH_MEMORY = 2.0
_ENOUGH_DISK = 2.0
_ENOUGH_FILES = 1024
_SLOW_DISK = 20.0
_PROBE = 8_000_000
_SQLITE = (3, 31, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """What was found of one thing.

    Attributes:
        topic: what was looked at.
        grade: `fail` where the site cannot run as it is meant, `warn` where it will run worse.
        text: one sentence.
        mend: what to do; empty where all is well.
    """

    topic: str
    grade: Grade
    text: str
    mend: str = ""


def processors() -> Iterator[Line]:
    """How many processors there are, how many may be used, and how busy they are."""
    there, allowed, limit = os.cpu_count() or 1, usable_processors(), _processor_limit()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    said = f", limited to {limit:g} by the container" if limit < allowed else ""
    text = f"{allowed} of {there} processors may be used{said}; load {load:.1f}."
    busy = load > 1.5 * min(allowed, limit)
    yield Line("processors", "warn" if busy else "ok", text, "other programs keep them busy; see `top`" if busy else "")


def usable_processors() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor_limit() -> float:
    """Processors that control groups allow; infinite where they don't care."""
    quota, _, period = _read(Path("/sys/fs/cgroup/cpu.max")).partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        return int(quota) / int(period)
    old = _read(Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))
    return int(old) / 100_000 if old.isdigit() else float("inf")


def memory() -> Iterator[Line]:
    """How much memory there is, is free, and is allowed."""
    lines = (line.split() for line in _read(Path("/proc/meminfo")).splitlines())
    known = {words[0].rstrip(":"): int(words[1]) / 1e6 for words in lines if len(words) > 1 and words[1].isdigit()}
    if "MemTotal" not in known:
        return
    limit = min(
        int(text) / 1e9 if text.isdigit() else float("inf")
        for text in (
            _read(Path("/sys/fs/cgroup/memory.max")),
            _read(Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")),
        )
    )
    total = min(known["MemTotal"], limit)
    said = f", limited to {limit:.1f} GB by the container" if limit < known["MemTotal"] else ""
    text = f"{known['MemTotal']:.1f} GB of memory{said}, {known.get('MemAvailable', 0):.1f} GB free."
    low = min(total, known.get("MemAvailable", total)) < _ENOUGH_MEMORY
    yield Line("memory", "warn" if low else "ok", text, f"give it {_ENOUGH_MEMORY:g} GB" if low else "")


def graphics() -> Iterator[Line]:
    """Whether there is a GPU that the nets can use."""
    present = Path("/dev/nvidiactl").exists() or Path("/proc/driver/nvidia/version").exists()
    try:
        import onnxruntime

        usable = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    except ImportError:
        usable = False
    if present and not usable:
        mend = '`pip uninstall onnxruntime`, `pip install onnxruntime-gpu`, and set runtime.device = "cuda"'
        yield Line("graphics", "warn", "An NVIDIA GPU is here, and the installed ONNX Runtime cannot use it.", mend)
    elif present:
        yield Line("graphics", "ok", 'An NVIDIA GPU is here and can be used: runtime.device = "cuda".')
    else:
        yield Line("graphics", "ok", "No NVIDIA GPU is here; nets run on the processor.")


def limits() -> Iterator[Line]:
    """How many files may be open at once."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft < _ENOUGH_FILES
    mend = f"`ulimit -n {_ENOUGH_FILES}`, or LimitNOFILE= in the unit" if few else ""
    yield Line("limits", "warn" if few else "ok", f"{soft} files may be open at once (at most {hard}).", mend)


def threads(environment: Mapping[str, str]) -> Line:
    """Whether the threads of libraries get into each other's way."""
    chosen = environment.get("OMP_NUM_THREADS", "")
    if chosen or usable_processors() < 2:
        return Line("threads", "ok", f"OMP_NUM_THREADS is {chosen or 'not needed'}.")
    text = "OMP_NUM_THREADS is not set, so that NumPy's threads and those of cameras and nets compete."
    return Line("threads", "ok", text, "set OMP_NUM_THREADS=1 for `unbroken run`, as the systemd unit does")


def clock() -> Iterator[Line]:
    """Whether the clock is kept by somebody: times of cameras and of events are worth as much as it is."""
    synchronised = _synchronised()
    if synchronised is None:
        text = "Whether the clock is kept in step cannot be told here."
        yield Line("clock", "ok", text, "on the host: `timedatectl` should say `System clock synchronized: yes`")
    elif synchronised:
        yield Line("clock", "ok", "The clock is kept in step with others.")
    else:
        mend = "`timedatectl set-ntp true`, or install chrony: events of several machines are compared by it"
        yield Line("clock", "warn", "The clock is not kept in step with others.", mend)


def _synchronised() -> bool | None:
    program = shutil.which("timedatectl")
    if program:
        command = [program, "show", "--property=NTPSynchronized", "--value"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            answer = ""
        if answer in ("yes", "no"):
            return answer == "yes"
    return True if Path("/run/systemd/timesync/synchronized").exists() else None


def disk(folder: Path) -> Iterator[Line]:
    """Space and speed where the database lies."""
    if fault := unwritable(folder):
        yield Line("disk", "fail", f"{fault[:1].upper()}{fault[1:]}.", "run as the user who owns it, or choose another")
        return
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free / 1e9
    speed = _write_speed(there)
    text = f"{free:.1f} GB free in {there}, {speed:.0f} MB/s written and synced."
    if free < _ENOUGH_DISK:
        yield Line("disk", "warn", text, "make room: a full disk stops a site")
    elif speed < _SLOW_DISK:
        yield Line("disk", "warn", text, "put the database on a faster disk, not on a card or a share")
    else:
        yield Line("disk", "ok", text)


def _write_speed(folder: Path) -> float:
    """Megabytes per second that reach the disk."""
    block = os.urandom(_PROBE // 8)
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            start = perf_counter()
            for _ in range(8):
                probe.write(block)
            probe.flush()
            os.fsync(probe.fileno())
            return _PROBE / 1e6 / max(perf_counter() - start, 1e-9)
    except OSError:
        return 0.0


def sqlite(folder: Path) -> Iterator[Line]:
    """Whether SQLite is recent, and can keep a write-ahead log in a folder."""
    version = sqlite3.sqlite_version
    if tuple(map(int, version.split("."))) < _SQLITE:
        mend = f"use a Python with SQLite {'.'.join(map(str, _SQLITE))} or later"
        yield Line("sqlite", "fail", f"SQLite {version} is too old.", mend)
        return
    if unwritable(folder):
        return
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryDirectory(dir=there) as scratch:
            connection = sqlite3.connect(Path(scratch) / "probe.db")
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.close()
    except (OSError, sqlite3.Error) as error:
        yield Line("sqlite", "fail", f"SQLite {version} cannot write in {there} ({error}).", "choose another folder")
        return
    if mode == "wal":
        yield Line("sqlite", "ok", f"SQLite {version} with a write-ahead log.")
    else:
        mend = "put the database on a local disk: shares cannot do it"
        yield Line("sqlite", "fail", f"SQLite {version} gets no write-ahead log in {there}.", mend)


def listening(host: str, port: int) -> Line:
    """Whether the dashboard can listen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and (answer := _running(host, port)) is not None:
            grade: Grade = "ok" if answer else "warn"
            said = "and does all of its work" if answer else "and does not do all of its work"
            mend = "" if answer else "the dashboard and `/readyz` say what it lacks"
            return Line("dashboard", grade, f"A site runs already, with its dashboard on port {port}, {said}.", mend)
        text = f"The dashboard cannot listen on {host}, port {port} ({error.strerror})."
        return Line("dashboard", "fail", text, "choose another web.port, or stop what uses it (`ss -ltnp`)")
    return Line("dashboard", "ok", f"The dashboard can listen on {host}, port {port}.")


def _running(host: str, port: int) -> bool | None:
    """Whether the site that listens on a port does all of its work; `None` where something else listens."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    connection = HTTPConnection(name, port, timeout=3)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read(10_000))
    except (OSError, HTTPException, ValueError, RecursionError):
        return None
    finally:
        connection.close()
    ready = answer.get("ready") if isinstance(answer, dict) else None
    return ready if isinstance(ready, bool) else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
