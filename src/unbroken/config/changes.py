"""What differs between two versions of `site.toml`, and which of it takes effect while a site runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from unbroken.config.reading import read_site
from unbroken.config.site import CameraSettings, SiteSettings
from unbroken.datasets.views import file_and_view

LIVE_SECTIONS = frozenset({"zones", "lines", "live", "budget"})
"""Sections that take effect at once; `cameras` does too, one camera at a time."""
LIVE_SETTINGS: Mapping[str, frozenset[str]] = {"log": frozenset({"level", "form"})}
"""Settings of other sections that take effect at once. The others wait for a restart."""


@dataclass(frozen=True, slots=True)
class Changes:
    """From one version of the settings to the next. Cameras that are switched off count as not there.

    Attributes:
        added: cameras to open: new in the file, and on.
        removed: names of cameras to close: no longer in the file.
        changed: cameras to close and open again, as they are now.
        switched_on: cameras to open: they were in the file, and off.
        switched_off: names of cameras to close: still in the file.
        live: sections other than cameras of which something takes effect at once.
        waiting: one sentence for each setting that takes effect after a restart only.
        in_force: the settings from here on: the new ones, save for what waits for a restart.
    """

    added: tuple[CameraSettings, ...]
    removed: tuple[str, ...]
    changed: tuple[CameraSettings, ...]
    switched_on: tuple[CameraSettings, ...]
    switched_off: tuple[str, ...]
    live: tuple[str, ...]
    waiting: tuple[str, ...]
    in_force: SiteSettings

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.to_close or self.to_open or self.live or self.waiting)

    @property
    def to_close(self) -> tuple[str, ...]:
        """Names of cameras to close; do this first."""
        return (*self.removed, *self.switched_off, *(camera.name for camera in self.changed))

    @property
    def to_open(self) -> tuple[CameraSettings, ...]:
        """Cameras to open, after those of `to_close` are closed."""
        return (*self.added, *self.switched_on, *self.changed)

    def sentences(self) -> list[str]:
        """What happens, one sentence each, for the log."""
        return [
            *(f"camera {camera.name} is added" for camera in self.added),
            *(f"camera {name} is removed" for name in self.removed),
            *(f"camera {camera.name} is changed and opened again" for camera in self.changed),
            *(f"camera {camera.name} is switched on" for camera in self.switched_on),
            *(f"camera {name} is switched off" for name in self.switched_off),
            *(f"{section} is changed and takes effect now" for section in self.live),
            *self.waiting,
        ]


def changes_between(old: SiteSettings, new: SiteSettings, touched: Collection[str] = ()) -> Changes:
    """The way from one version of the settings to another.

    Args:
        old: what is in force.
        new: what the file says now.
        touched: names of cameras whose files (calibration) have other contents than before.
    """
    was = {camera.name: camera for camera in old.cameras}
    now = {camera.name: camera for camera in new.cameras}
    both = [camera for name, camera in now.items() if name in was]
    sections = [name for name in SiteSettings.model_fields if name != "cameras"]
    different = [name for name in sections if getattr(old, name) != getattr(new, name)]
    now_on = {name: _merged(name, old, new) for name in different}
    live = tuple(name for name in different if now_on[name] != getattr(old, name))
    return Changes(
        added=tuple(camera for name, camera in now.items() if name not in was and camera.on),
        removed=tuple(name for name, camera in was.items() if name not in now and camera.on),
        changed=tuple(
            camera
            for camera in both
            if camera.on and was[camera.name].on and (camera != was[camera.name] or camera.name in touched)
        ),
        switched_on=tuple(camera for camera in both if camera.on and not was[camera.name].on),
        switched_off=tuple(camera.name for camera in both if was[camera.name].on and not camera.on),
        live=live,
        waiting=tuple(sentence for name in different for sentence in _waiting(name, now_on[name], new)),
        in_force=old.model_copy(update={"cameras": new.cameras, **now_on}),
    )


def _merged(section: str, old: SiteSettings, new: SiteSettings) -> object:
    """A section as it is in force from here on."""
    before, after = getattr(old, section), getattr(new, section)
    if section in LIVE_SECTIONS:
        return after
    return before.model_copy(update={name: getattr(after, name) for name in LIVE_SETTINGS.get(section, ())})


def running(settings: SiteSettings) -> dict[str, CameraSettings]:
    """The cameras that are switched on, by name."""
    return {camera.name: camera for camera in settings.cameras if camera.on}


class SiteFile:
    """A site file that is watched: ask now and then, or on SIGHUP, what has changed.

    Args:
        path: the file.
        settings: what was read from it and is in force.
        part: what of the file concerns this process.
    """

    def __init__(
        self, path: Path, settings: SiteSettings, part: Callable[[SiteSettings], SiteSettings] = lambda whole: whole
    ) -> None:
        self.path = path
        self._part = part
        self.settings = settings
        self._stamp = _stamp(path)
        self._stamps = _calibration_stamps(settings)

    def changes(self, *, anyway: bool = False) -> Changes | None:
        """What has changed since the last call; `None` where nothing has. The file is read only if it was touched.

        The changes are taken as applied: `settings` are those in force from here on. A file that is wrong leaves
        everything as it is, and is complained about once, not at every call.

        Args:
            anyway: read the file also where its time and size say that it is the same.

        Raises:
            ConfigError: the file has changed and cannot be used.
        """
        stamp = _stamp(self.path)
        stamps = _calibration_stamps(self.settings)
        if stamp == self._stamp and stamps == self._stamps and not anyway:
            return None
        touched = [name for name, seen in stamps.items() if seen != self._stamps[name]]
        self._stamp, self._stamps = stamp, stamps
        found = changes_between(self.settings, self._part(read_site(self.path)), touched)
        self.settings = found.in_force
        self._stamps = _calibration_stamps(self.settings)
        return found if found else None


_Stamp = tuple[int, int, int]


def _stamp(path: Path) -> _Stamp:
    """What differs once a file was written or replaced; zeros where there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_mtime_ns, status.st_size, status.st_ino


def _calibration_stamps(settings: SiteSettings) -> Mapping[str, _Stamp]:
    return {
        camera.name: _stamp(file_and_view(camera.calibration)[0]) for camera in settings.cameras if camera.calibration
    }


def _waiting(section: str, before: object, new: SiteSettings) -> list[str]:
    """One sentence for each setting of a section, as it is in force, that has to wait."""
    after = getattr(new, section)
    if before == after:
        return []
    fields = [name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)]
    return [
        f"{section}.{name} is {_said(getattr(after, name))} in the file and {_said(getattr(before, name))} in force: "
        "restart to use it"
        for name in fields
    ]


def _said(value: object) -> str:
    simple = isinstance(value, bool | int | float | str)
    return repr(value) if simple else "something else"
