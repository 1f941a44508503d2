"""Settings of trackers: each has a range, declared where its default stands, checked when it is set."""

from __future__ import annotations

import dataclasses
from numbers import Real
from typing import TypeVar

from unbroken.core.errors import ConfigError

T = TypeVar("T", int, float)


def ranged(default: T, low: float, high: float) -> T:
    """A number with its default and the range that it must lie in, ends included: a dataclass field."""
    made: T = dataclasses.field(default=default, metadata={"range": (low, high)})
    return made


def ranges(parameters: type) -> dict[str, tuple[float, float]]:
    """The declared range of each number of a frozen dataclass of parameters, by name: what a search may try."""
    fields = dataclasses.fields(parameters)
    return {field.name: field.metadata["range"] for field in fields if "range" in field.metadata}


def check(parameters: object) -> None:
    """Raise a ConfigError that names the first setting outside its range; for `__post_init__`.

    Raises:
        ConfigError: a setting is no number, or lies outside its range.
    """
    kind = type(parameters)
    for name, (low, high) in ranges(kind).items():
        value = getattr(parameters, name)
        number = isinstance(value, Real) and not isinstance(value, bool)
        if not number or not low <= float(value) <= high:
            raise ConfigError(f"{kind.__name__}: {name} is {value!r}; give a number in {low:g}..{high:g}")
