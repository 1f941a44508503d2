"""Whether a machine, and a site on it, has all it needs: one plain sentence each, with the mend where it lacks."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from unbroken import __version__
from unbroken.app import machine
from unbroken.app.check import check_site
from unbroken.app.machine import Line
from unbroken.app.reach import Reached
from unbroken.app.sources import PATIENCE
from unbroken.config.site import SiteSettings
from unbroken.models.registry import known_cards, located
from unbroken.models.verify import verify

_SUPPORTED = (3, 10)
_PACKAGES = ("numpy", "scipy", "pydantic", "starlette", "uvicorn")
_EXTRAS = {"psycopg": "postgres", "paho-mqtt": "mqtt", "cryptography": "encryption", "pyarrow": "parquet"}
_CODECS = ("h264", "hevc", "mjpeg")
_MACHINE = (machine.processors, machine.memory, machine.graphics, machine.limits, machine.clock)


def examine(environment: Mapping[str, str], site: Path | None = None, patience: float = PATIENCE) -> Iterator[Line]:
    """Look at the machine and, where one is given, at a site. Nothing is changed; a probe file is written and removed.

    Args:
        environment: the variables that are set.
        site: a site file.
        patience: seconds for all cameras together.
    """
    yield from (line for look in (_python, _packages, _opencv, _video, _runtimes) for line in look())
    yield from (line for look in _MACHINE for line in look())
    yield machine.threads(environment)
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
    yield from (line for look in (machine.disk, machine.sqlite) for line in look(folder))
    if settings is not None and settings.web.on:
        yield machine.listening(settings.web.host, settings.web.port)


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


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
