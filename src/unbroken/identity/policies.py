"""The identity managers by name: a camera does not know which one it talks to."""

from __future__ import annotations

from collections.abc import Callable

from unbroken.core.errors import ConfigError
from unbroken.core.ports import IdentityManager
from unbroken.identity.fixed import FixedManager
from unbroken.identity.manager import CalibratedManager

POLICIES: dict[str, Callable[[], IdentityManager]] = {
    "calibrated": CalibratedManager,
    "fixed": FixedManager,
}
"""What a user may write as `policy`, and what it makes with its defaults."""


def by_name(policy: str) -> IdentityManager:
    """A fresh manager with its defaults.

    Raises:
        ConfigError: there is none of that name.
    """
    if policy not in POLICIES:
        raise ConfigError(f"identity policy {policy!r} is not known; choose one of {', '.join(sorted(POLICIES))}")
    return POLICIES[policy]()
