"""`site.toml` becomes settings, or one sentence that names line, key, value and mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from unbroken.config.problems import Problem, parsed, problems_of
from unbroken.config.site import SiteSettings
from unbroken.core.errors import ConfigError
from unbroken.core.names import LOOP

LARGEST = 4_000_000
"""Bytes of a site file: more than a thousand cameras need, and little enough to be read at once."""


def read_site(path: Path) -> SiteSettings:
    """Read and check a site file. Paths in it are relative to the file.

    Raises:
        ConfigError: the file is missing, is no TOML, or a setting is unknown or out of its bounds.
    """
    settings, problems = parsed(text_of(path))
    if settings is None or problems:
        raise ConfigError(first_of(problems, str(path), f"; `unbroken site check {path}` lists them"))
    return anchored(settings, path.parent)


def text_of(path: Path) -> str:
    """The text of a site file.

    Raises:
        ConfigError: it cannot be read, is no text or too large for a site.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path}: has {path.stat().st_size} bytes; a site file has {LARGEST} at most")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no TOML ({error}); save it as UTF-8 text") from error


def checked(content: Mapping[str, object], origin: str) -> SiteSettings:
    """Settings from values that are already at hand, such as those of the command line.

    Raises:
        ConfigError: a setting is unknown or out of its bounds.
    """
    try:
        return SiteSettings.model_validate(content)
    except ValidationError as error:
        raise ConfigError(first_of(problems_of(error, {}), origin)) from None


def first_of(problems: Sequence[Problem], origin: str, rest: str = "") -> str:
    """One sentence for the first thing that is wrong, and how many more there are.

    Args:
        problems: at least one.
        origin: the file, or what else the settings came from.
        rest: what to do to see the others.
    """
    more = f" (and {len(problems) - 1} more{rest})" if len(problems) > 1 else ""
    return f"{problems[0].sentence(origin)}{more}"


def anchored(settings: SiteSettings, folder: Path) -> SiteSettings:
    """The settings with paths that are relative to the site file made relative to where we are."""
    cameras = tuple(
        camera.model_copy(
            update={
                "source": _path(camera.source, folder),
                "calibration": _path(camera.calibration, folder) if camera.calibration else "",
            }
        )
        for camera in settings.cameras
    )
    settings = settings.model_copy(update={"cameras": cameras})
    for section, keys in _PATHS.items():
        before = getattr(settings, section)
        written = {key: getattr(before, key) for key in keys}
        paths = {key: _path(value, folder) for key, value in written.items() if value and value != _NONE}
        settings = settings.model_copy(update={section: before.model_copy(update=paths)})
    return settings


_PATHS = {
    "runtime": ("models",),
    "storage": ("database", "pictures"),
    "outputs": ("events", "tracks", "spool", "authority"),
    "web": ("certificate", "key"),
    "log": ("access",),
}
"""Settings that are paths, by section; those of cameras aside."""

_NONE = "none"
"""What is written for `storage.database` where there is to be none."""


def _path(written: str, folder: Path) -> str:
    if written.startswith(LOOP):
        return f"{LOOP}{folder / written.removeprefix(LOOP)}"
    return written if "://" in written or written.isdigit() else str(folder / written)
