"""The identity managers by name: a camera does not know which one it talks to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import cast

from unbroken.core.errors import ConfigError
from unbroken.core.ports import IdentityManager
from unbroken.identity.fixed import FixedManager, FixedSettings
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings

DEFAULT = "calibrated"
"""The policy that is used where none is named."""

POLICIES = {"calibrated": (CalibratedManager, ManagerSettings), "fixed": (FixedManager, FixedSettings)}
"""What a user may write as `policy`: the manager and its settings."""


def by_name(policy: str = DEFAULT, **settings: object) -> IdentityManager:
    """A fresh manager with the given settings, the others at their defaults.

    Raises:
        ConfigError: policy or setting is not known, or a value does not fit.
    """
    if policy not in POLICIES:
        raise ConfigError(f"identity policy {policy!r} is not known; choose one of {', '.join(sorted(POLICIES))}")
    manager, kind = POLICIES[policy]
    known = [field.name for field in dataclasses.fields(kind)]
    for name in settings:
        if name not in known:
            raise ConfigError(f"identity policy {policy!r} has no setting {name!r}; it has {', '.join(known)}")
    make = cast("Callable[[object], IdentityManager]", manager)
    return make(kind(**settings))
