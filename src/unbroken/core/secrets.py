"""Secrets in addresses: they come from the environment, and nothing that is shown holds them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from unbroken.core.errors import ConfigError

_NAME = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_PLAIN = r"[^\s/@'\"]*(?:@[^\s/@'\"]*)*(?=@)"
_STRANGE = r"[^\s/@:]*:(?!\d{1,5}(?:[/?#\s'\"]|$))\S*(?=@)"
"""A password with slashes or quotes in it, which should be percent-encoded; it must not show all the same."""
_CREDENTIALS = re.compile(rf"(?<=://)(?:{_PLAIN}|{_STRANGE})")
_QUERY = re.compile(r"(?<=[?&])((?:[\w-]*(?:pass|pwd|token|secret|key|auth)[\w-]*))=[^&\s'\"]+", re.IGNORECASE)


def names_in(text: str) -> tuple[str, ...]:
    """The environment variables that a text names, each once: `$USER`, `${CAM_PASSWORD}`.

    >>> names_in("rtsp://$USER:${CAM_PASSWORD}@10.0.0.7/live")
    ('USER', 'CAM_PASSWORD')
    """
    return tuple(dict.fromkeys(braced or bare for braced, bare in _NAME.findall(text)))


def filled(text: str, environment: Mapping[str, str]) -> str:
    """A text with the environment variables that it names filled in. What it gives is not for showing.

    >>> filled("rtsp://${WHO}@10.0.0.7/live", {"WHO": "guest"})
    'rtsp://guest@10.0.0.7/live'

    Raises:
        ConfigError: a variable is not set.
    """
    for name in names_in(text):
        if not environment.get(name):
            raise ConfigError(f"environment variable {name} is not set, and {masked(text)} needs it; set it")
    return _NAME.sub(lambda found: environment[found.group(1) or found.group(2)], text)


def masked(text: str) -> str:
    """A text in which no address holds a name or a password any more: fit for logs, events, errors and pages.

    >>> masked("rtsp://admin:p@ss@10.0.0.7/live?token=abc cannot be reached")
    'rtsp://***@10.0.0.7/live?token=*** cannot be reached'
    """
    return _QUERY.sub(r"\1=***", _CREDENTIALS.sub("***", text))


def holds_password(address: str) -> bool:
    """Whether an address has a password written in it, rather than the name of a variable.

    >>> holds_password("rtsp://admin:${CAM}@10.0.0.7/live"), holds_password("rtsp://admin:1234@10.0.0.7/live")
    (False, True)
    """
    found = _CREDENTIALS.search(address)
    password = found.group().partition(":")[2] if found else ""
    return bool(password) and not _NAME.fullmatch(password)
