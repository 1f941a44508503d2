"""What is written for whoever operates a site: text for people and the journal, JSON for collectors; never a secret."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TextIO

from unbroken.config.service import LogSettings
from unbroken.config.site import SiteSettings
from unbroken.core.secrets import masked, names_in

ROOT = "unbroken"
"""The logger that all others of this library are below: `unbroken.outlets`, `unbroken.run` ..."""

if TYPE_CHECKING:
    _Handler = logging.StreamHandler[TextIO]
else:
    _Handler = logging.StreamHandler

_SHORTEST = 4
"""Characters that a secret needs to be replaced wherever it stands: shorter ones would eat ordinary words."""
_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""What syslog calls our levels (sd-daemon(3))."""
_USUAL = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}


def set_up(settings: LogSettings, secrets: Collection[str] = (), stream: TextIO | None = None) -> logging.Logger:
    """Send everything that is logged below `unbroken` to one stream. Called again, it replaces what it did before.

    Args:
        settings: level and form.
        secrets: values that must not show: tokens, passwords, keys.
        stream: standard error where left out.

    Returns:
        The logger `unbroken`.
    """
    target = stream or sys.stderr
    handler = _Told(target)
    handler.setFormatter(_formatter(settings.form, target, [text for text in secrets if len(text) >= _SHORTEST]))
    logger = logging.getLogger(ROOT)
    logger.addHandler(handler)
    for old in _ours(logger):
        if old is not handler:
            logger.removeHandler(old)
    logger.setLevel(settings.level.upper())
    logger.propagate = False
    return logger


def renew(settings: SiteSettings, environment: Mapping[str, str]) -> None:
    """Let other settings of the log, and secrets of other cameras, take effect, where `set_up` was called before."""
    for handler in _ours(logging.getLogger(ROOT))[:1]:
        set_up(settings.log, secrets_of(settings, environment), handler.stream)


def secrets_of(settings: SiteSettings, environment: Mapping[str, str]) -> set[str]:
    """The values of all environment variables that a site file names as secrets."""
    outputs = settings.outputs
    names = {settings.storage.key, settings.web.token, settings.bus.secret, *(hook.secret for hook in outputs.webhooks)}
    names |= {outputs.mqtt.password} if outputs.mqtt is not None else set()
    written = [settings.storage.database, *(hook.url for hook in outputs.webhooks)]
    written += [camera.source for camera in settings.cameras]
    names |= {name for text in written for name in names_in(text)}
    return {environment[name] for name in names if environment.get(name)}


class _Told(_Handler):
    """What `set_up` has added; handlers of others are left alone."""


def _ours(logger: logging.Logger) -> list[_Told]:
    return [handler for handler in logger.handlers if isinstance(handler, _Told)]


class TextFormatter(logging.Formatter):
    """One line per message: with the time for people, with the priority alone for the journal, which knows the time."""

    def __init__(self, secrets: Collection[str], *, journal: bool) -> None:
        super().__init__()
        self._secrets = secrets
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """The line, or several where an error brought its traceback."""
        text = _hidden(_with_trace(self, record), self._secrets)
        if self._journal:
            prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
            return "\n".join(f"{prefix}{line}" for line in text.splitlines() or [""])
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(sep=" ", timespec="milliseconds")
        return f"{time} {record.levelname.lower():7} {text}"


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `time` (UTC), `level`, `from`, `message`, and whatever was given as `extra`."""

    def __init__(self, secrets: Collection[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        content: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        content |= {key: value for key, value in record.__dict__.items() if key not in _USUAL}
        if record.exc_info:
            content["trace"] = self.formatException(record.exc_info)
        return _hidden(json.dumps(content, ensure_ascii=False, default=str), self._secrets)


def _formatter(form: str, stream: TextIO, secrets: Collection[str]) -> logging.Formatter:
    return JsonFormatter(secrets) if form == "json" else TextFormatter(secrets, journal=_goes_to_journal(stream))


def _goes_to_journal(stream: TextIO) -> bool:
    """Whether a stream is the one that systemd connected to its journal (systemd.exec(5), $JOURNAL_STREAM)."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (str(status.st_dev), str(status.st_ino)) == (device, inode)


def _with_trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    text = record.getMessage()
    return f"{text}\n{formatter.formatException(record.exc_info)}" if record.exc_info else text


def _hidden(text: str, secrets: Collection[str]) -> str:
    """A text without the secrets that are known, and without whatever else looks like one in an address."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
        text = text.replace(json.dumps(secret)[1:-1], "***")
    return masked(text)
