"""What the report says of a run before it has begun: settings and versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from unbroken import __version__
from unbroken.config.site import SiteSettings
from unbroken.render.report import ReportFacts

_GROUPS = {
    "detection": "Detection",
    "reid": "Re-ID",
    "tracking": "Tracking",
    "identity": "Identity",
    "runtime": "Runtime",
}
_PACKAGES = ("numpy", "scipy", "opencv-python-headless", "av", "onnxruntime", "openvino")


def report_facts(settings: SiteSettings, used: Mapping[str, str] | None = None, *, created: str = "") -> ReportFacts:
    """The facts of a site: its settings in groups, what really ran, and the versions of what it ran on.

    Args:
        settings: checked.
        used: descriptions of what was built, such as {"detector": "rtmdet_nano on onnxruntime 1.32 cpu, 1 thread"}.
        created: when the run takes place, in words.
    """
    content = settings.model_dump()
    groups = {"Used": dict(used)} if used else {}
    groups["Cameras"] = {camera.name: without_password(camera.source) for camera in settings.cameras}
    groups |= {title: _flat(content[name]) for name, title in _GROUPS.items()}
    groups["Versions"] = {"unbroken": __version__, **_versions()}
    return ReportFacts(version=__version__, created=created, settings=groups)


def without_password(source: str) -> str:
    """An address without the user's name and password; up to the last `@`, since passwords may hold anything.

    >>> without_password("rtsp://me:secret@10.0.0.7/live")
    'rtsp://***@10.0.0.7/live'
    """
    return re.sub(r"^(\w+://).*@", r"\1***@", source)


def _flat(values: Mapping[str, object]) -> dict[str, str]:
    """Settings by name; those that are empty were not used."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value)
        elif value not in ("", ()):
            flat[name.replace("_", " ")] = str(value)
    return flat


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
