"""Whether a machine, and a site on it, has all it needs: one plain sentence each, with the mend where it lacks."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Literal

from unbroken import __version__
from unbroken.app.check import check_site, unwritable
from unbroken.app.reach import PATIENCE, Reached
from unbroken.config.site import SiteSettings
from unbroken.models.registry import known_cards, located
from unbroken.models.verify import verify

Grade = Literal["ok", "warn", "fail"]


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


_SUPPORTED = (3, 10)
_PACKAGES = ("numpy", "scipy", "pydantic", "starlette", "uvicorn")
_EXTRAS = {"psycopg": "postgres", "paho-mqtt": "mqtt", "cryptography": "encryption", "pyarrow": "parquet"}
_CODECS = ("h264", "hevc", "mjpeg")
_ENOUGH_MEMORY = 2.0
_ENOUGH_DISK = 2.0
_ENOUGH_FILES = 1024
_SLOW_DISK = 20.0
_PROBE = 8_000_000
_SQLITE = (3, 31, 0)


def examine(environment: Mapping[str, str], site: Path | None = None, patience: float = PATIENCE) -> Iterator[Line]:
    """Look at the machine and, where one is given, at a site. Nothing is changed; a probe file is written and removed.

    Args:
        environment: the variables that are set.
        site: a site file.
        patience: seconds for all cameras together.
    """
    yield from (line for look in (_python, _packages, _opencv, _video, _runtimes) for line in look())
    yield from (line for look in (_processors, _memory, _graphics, _limits, _clock) for line in look())
    yield _threads(environment)
    settings = None
    if site is not None:
        report = check_site(site, environment, connect=True, patience=patience)
        settings = report.settings
        for problem in report.problems:
            yield Line("site", "fail" if problem.grade == "error" else "warn", problem.sentence(str(site)))
        if not report.errors:
            yield Line("site", "ok", f"{site} can be used.")
        yield from map(_camera, (answer for answer in report.reached if not answer.fault))
    yield from _nets(settings)
    folder = Path(settings.storage.database).parent if settings and "://" not in settings.storage.database else Path()
    yield from (line for look in (_disk, _sqlite) for line in look(folder))
    if settings is not None and settings.web.on:
        yield _port(settings.web.host, settings.web.port)


def _python() -> Iterator[Line]:
    version = platform.python_version()
    good = sys.version_info >= _SUPPORTED
    mend = "" if good else f"install Python {_SUPPORTED[0]}.{_SUPPORTED[1]} or later"
    yield Line("unbroken", "ok", f"unbroken {__version__} on {platform.platform()}.")
    yield Line("python", "ok" if good else "fail", f"Python {version}.", mend)


def _packages() -> Iterator[Line]:
    found = {name: _version(name) for name in _PACKAGES}
    for name, version in found.items():
        if not version:
            yield Line("packages", "fail", f"{name} is missing.", f"pip install {name}")
    yield Line("packages", "ok", f"{', '.join(f'{name} {version}' for name, version in found.items() if version)}.")
    extras = {name: _version(name) for name in _EXTRAS}
    for name, version in extras.items():
        text = f"{name} {version}." if version else f"{name} is not here (pip install 'unbroken[{_EXTRAS[name]}]')."
        yield Line("extras", "ok", text)


def _opencv() -> Iterator[Line]:
    try:
        import cv2

        from unbroken.inference.opencv import reads_darknet
    except ImportError as error:
        mend = "pip install opencv-python-headless; it needs no libGL, as opencv-python does"
        yield Line("opencv", "fail", f"OpenCV cannot be loaded ({error}).", mend)
        return
    darknet = "reads Darknet nets itself" if reads_darknet() else "has no Darknet reader: such nets are converted"
    yield Line("opencv", "ok", f"OpenCV {cv2.__version__}, which {darknet}.")


def _video() -> Iterator[Line]:
    try:
        import av
        from av.codec import Codec
    except ImportError as error:
        yield Line("video", "fail", f"PyAV cannot be loaded ({error}).", "pip install --force-reinstall av")
        return
    missing = []
    for name in _CODECS:
        try:
            Codec(name, "r")
        except ValueError:
            missing.append(name)
    release = ".".join(map(str, av.library_versions.get("libavcodec", ())))
    if missing:
        mend = "install PyAV from PyPI, whose FFmpeg has them"
        yield Line("video", "fail", f"PyAV {av.__version__} cannot decode {', '.join(missing)}.", mend)
    else:
        yield Line("video", "ok", f"PyAV {av.__version__} (libavcodec {release}) decodes {', '.join(_CODECS)}.")


def _runtimes() -> Iterator[Line]:
    try:
        import onnxruntime
    except ImportError as error:
        yield Line("onnxruntime", "fail", f"ONNX Runtime cannot be loaded ({error}).", "pip install onnxruntime")
        return
    providers = [name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers()]
    yield Line("onnxruntime", "ok", f"ONNX Runtime {onnxruntime.__version__} with {', '.join(providers)}.")
    version = _version("openvino")
    text = f"OpenVINO {version}." if version else "OpenVINO is not here; on Intel's CPUs it is the faster runtime."
    yield Line("openvino", "ok", text, "" if version else "pip install 'unbroken[openvino]' where nets run on a CPU")


def _processors() -> Iterator[Line]:
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


def _memory() -> Iterator[Line]:
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


def _graphics() -> Iterator[Line]:
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


def _limits() -> Iterator[Line]:
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft < _ENOUGH_FILES
    mend = f"`ulimit -n {_ENOUGH_FILES}`, or LimitNOFILE= in the unit" if few else ""
    yield Line("limits", "warn" if few else "ok", f"{soft} files may be open at once (at most {hard}).", mend)


def _threads(environment: Mapping[str, str]) -> Line:
    chosen = environment.get("OMP_NUM_THREADS", "")
    if chosen or usable_processors() < 2:
        return Line("threads", "ok", f"OMP_NUM_THREADS is {chosen or 'not needed'}.")
    text = "OMP_NUM_THREADS is not set, so that NumPy's threads and those of cameras and nets compete."
    return Line("threads", "ok", text, "set OMP_NUM_THREADS=1 for `unbroken run`, as the systemd unit does")


def _clock() -> Iterator[Line]:
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


def _camera(answer: Reached) -> Line:
    rate = f", {answer.frame_rate:.3g} pictures a second" if answer.frame_rate else ""
    size = f"{answer.size[0]} x {answer.size[1]} pixels"
    return Line("cameras", "ok", f"Camera {answer.camera}: {size}{rate}, first picture after {answer.seconds:.1f} s.")


def _nets(settings: SiteSettings | None) -> Iterator[Line]:
    """Nets that are here, and whether they are what their cards say."""
    folders = [Path(settings.runtime.models)] if settings and settings.runtime.models else []
    used = (
        {settings.detection.model, settings.reid.model, *(one.detector for one in settings.cameras)}
        if settings
        else set()
    )
    there = 0
    for name, card in sorted(known_cards(folders).items()):
        path = located(card, folders)
        if path is None or (settings is not None and name not in used):
            continue
        for checked in verify(card, path):
            there += 1
            if checked.state == "differs":
                mend = f"unbroken models fetch {name}"
                yield Line("models", "fail", f"{checked.path} is not the published file: {checked.reason}.", mend)
            else:
                yield Line("models", "ok", f"{name}: {checked.path} ({checked.state}).")
    if not there:
        yield Line("models", "ok", "No nets are used or here: `unbroken models list` shows them.")


def _disk(folder: Path) -> Iterator[Line]:
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


def _sqlite(folder: Path) -> Iterator[Line]:
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


def _port(host: str, port: int) -> Line:
    """Whether the dashboard can listen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(address)
    except OSError as error:
        text = f"The dashboard cannot listen on {host}, port {port} ({error.strerror})."
        return Line("dashboard", "fail", text, "choose another web.port, or stop what uses it (`ss -ltnp`)")
    return Line("dashboard", "ok", f"The dashboard can listen on {host}, port {port}.")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
