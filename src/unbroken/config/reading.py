"""`site.toml` becomes settings, or one sentence that names line, key, value and mend."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from unbroken.config.site import SiteSettings
from unbroken.core.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_site(path: Path) -> SiteSettings:
    """Read and check a site file. Paths in it are relative to the file.

    Raises:
        ConfigError: the file is missing, is no TOML, or a setting is unknown or out of its bounds.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the name") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML ({error}); mend that line") from error
    try:
        settings = SiteSettings.model_validate(content)
    except ValidationError as error:
        raise ConfigError(explained(error, str(path), text)) from None
    return _anchored(settings, path.parent)


def checked(content: Mapping[str, object], origin: str) -> SiteSettings:
    """Settings from values that are already at hand, such as those of the command line.

    Raises:
        ConfigError: a setting is unknown or out of its bounds.
    """
    try:
        return SiteSettings.model_validate(content)
    except ValidationError as error:
        raise ConfigError(explained(error, origin, "")) from None


def explained(error: ValidationError, origin: str, text: str) -> str:
    """One sentence for the first thing that is wrong, with its line where the text has it."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    line = line_of(text, first["loc"])
    place = f"{origin}, line {line}" if line else origin
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    key = ".".join(where) or "the site"
    if first["type"] == "extra_forbidden":
        known = _known_keys(where[:-1])
        return f"{place}: {key} is not a known setting; known here are {', '.join(known)}{more}"
    if first["type"] == "missing":
        return f"{place}: {key} is missing; add it{more}"
    return f"{place}: {key} is {first['input']!r}: {first['msg'].removeprefix('Value error, ')}{more}"


def line_of(text: str, location: Sequence[int | str]) -> int:
    """The line, from 1, on which a key of a TOML text stands, or its table where the key is missing; 0 if neither."""
    table = ".".join(str(part) for part in location[:-1] if isinstance(part, str))
    number = next((part for part in location if isinstance(part, int)), 0)
    key = re.compile(rf"\s*\"?{re.escape(str(location[-1]) if location else '')}\"?\s*=")
    header, count, best = "", 0, 0
    for line_number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[(\[?)\s*([\w.-]+)\s*\]", line):
            header, listed = match.group(2), bool(match.group(1))
            count += listed and header == table
            best = line_number if header == table and (not listed or count == number + 1) else best
        elif header == table and count in (0, number + 1) and key.match(line):
            return line_number
    return best


def _known_keys(where: Sequence[str]) -> list[str]:
    model: type[object] = SiteSettings
    for part in where:
        fields = getattr(model, "model_fields", {})
        if part in fields:
            annotation = fields[part].annotation
            arguments = getattr(annotation, "__args__", ())
            model = arguments[0] if arguments else annotation
    return sorted(getattr(model, "model_fields", {}))


def _anchored(settings: SiteSettings, folder: Path) -> SiteSettings:
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
    models = settings.runtime.models
    runtime = settings.runtime.model_copy(update={"models": _path(models, folder) if models else ""})
    return settings.model_copy(update={"cameras": cameras, "runtime": runtime})


def _path(written: str, folder: Path) -> str:
    return written if "://" in written or written.isdigit() else str(folder / written)
