"""Trackers by name: those of this library, and those of others through the entry points `unbroken.trackers`."""

from __future__ import annotations

import dataclasses
import importlib
from importlib import metadata
from typing import cast

from unbroken.core.errors import ConfigError
from unbroken.core.ports import Tracker
from unbroken.tracking.engine import Engine, Parameters

TRACKERS = {
    "botsort": "unbroken.tracking.botsort:BotSort",
    "bytetrack": "unbroken.tracking.bytetrack:ByteTrack",
    "deepsort": "unbroken.tracking.deepsort:DeepSort",
    "ocsort": "unbroken.tracking.ocsort:OcSort",
    "sort": "unbroken.tracking.sort:Sort",
    "unbroken": "unbroken.tracking.unbroken:Unbroken",
}
"""Where the parameters of each tracker are: module and class."""

DEFAULT = "unbroken"
"""The tracker that is used where none is named."""

_GROUP = "unbroken.trackers"


def names() -> list[str]:
    """The names of all trackers that can be had, those of third parties included; none of them is loaded."""
    return sorted({*TRACKERS, *(entry.name for entry in metadata.entry_points(group=_GROUP))})


def parameters_of(name: str) -> type:
    """The frozen dataclass of parameters of a tracker. Loads its module.

    Raises:
        ConfigError: there is no tracker of that name, or it cannot be loaded.
    """
    if name in TRACKERS:
        module, kind = TRACKERS[name].split(":")
        return cast("type", getattr(importlib.import_module(module), kind))
    for entry in metadata.entry_points(group=_GROUP, name=name):
        try:
            return cast("type", entry.load())
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"tracker {name!r} ({entry.value}) cannot be loaded: {error}; mend or remove it"
            ) from error
    raise ConfigError(f"tracker {name!r} is not known; choose one of {', '.join(names())}")


def by_name(name: str = DEFAULT, **settings: object) -> Tracker:
    """A new tracker with the given settings, the others at their defaults.

    A third party's entry point names a class that is called with the settings. What it makes has `plan()`, as the
    parameters here have, or `tracker()`, where the engine alone does not do, or is a tracker itself
    (`core.ports.Tracker`).

    Raises:
        ConfigError: tracker or setting is not known, or a value does not fit.
    """
    kind = parameters_of(name)
    if dataclasses.is_dataclass(kind):
        known = [field.name for field in dataclasses.fields(kind) if field.init]
        for setting in settings:
            if setting not in known:
                raise ConfigError(f"tracker {name!r} has no setting {setting!r}; it has {', '.join(known)}")
    made = kind(**settings)
    if hasattr(made, "tracker"):
        return cast("Tracker", made.tracker())
    return Engine(cast("Parameters", made)) if hasattr(made, "plan") else cast("Tracker", made)
