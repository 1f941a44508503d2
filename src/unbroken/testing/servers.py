"""RTSP servers in processes of their own: GStreamer's where it is installed, else the project's own camera."""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from unbroken.testing.rtsp import RtspCamera

PYTHON = "/usr/bin/python3"
"""The system's Python: packages `gir1.2-gst-rtsp-server-1.0`, `python3-gi`, `gstreamer1.0-plugins-good` and `-bad`."""


@dataclass(frozen=True, slots=True)
class Served:
    """What serves, and where: one address per file."""

    server: str
    addresses: tuple[str, ...]


def has_gstreamer() -> bool:
    """Whether GStreamer's RTSP server can be used here."""
    look = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst; Gst.init(None); "
    look += "assert all(map(Gst.ElementFactory.find, ('qtdemux', 'h264parse', 'rtph264pay')))"
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return not subprocess.run([PYTHON, "-c", look], capture_output=True, timeout=60, check=False).returncode
    return False


@contextmanager
def served(files: Sequence[Path]) -> Iterator[Served]:
    """Serve H.264 files in MP4 over RTSP while the context lasts."""
    with _by_gstreamer(files) if has_gstreamer() else _by_ourselves(files) as serving:
        yield serving


@contextmanager
def _by_gstreamer(files: Sequence[Path]) -> Iterator[Served]:
    program = str(Path(__file__).with_name("gst_server.py"))
    with subprocess.Popen(
        [PYTHON, program, *map(str, files)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            port = int(process.stdout.readline()) if process.stdout else 0
            addresses = tuple(f"rtsp://127.0.0.1:{port}/{number}" for number in range(len(files)))
            yield Served("GStreamer's RTSP server", addresses)
        finally:
            process.kill()


@contextmanager
def _by_ourselves(files: Sequence[Path]) -> Iterator[Served]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=([str(file) for file in files], there), daemon=True)
    process.start()
    try:
        yield Served("unbroken's own RTSP camera", tuple(here.recv()))
    finally:
        here.send(None)
        process.join(5)
        process.kill()
        process.join()


def _serve(files: list[str], there: Connection) -> None:
    cameras = [RtspCamera(Path(file)) for file in files]
    for camera in cameras:
        camera.start()
    there.send([camera.address for camera in cameras])
    there.recv()
    for camera in cameras:
        camera.stop()
