"""What the writing and the reading of a state agree on: names of classes, kinds of arrays, what an instance holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from unbroken.core.errors import StoreError

Node = object
"""What stands for a value in the head of a state: something that JSON can hold."""
Array = NDArray[np.generic]

CLASS = re.compile(r"(?:identity|core)(?:\.[a-z_]+)+:[A-Za-z_]+")
"""The names of classes whose instances may be in a state."""
CONTAINERS: dict[str, Callable[[Iterable[object]], object]] = {"l": list, "s": set, "z": frozenset}
"""The letters of containers."""
_DTYPE = re.compile(r"[<|][biuf][1248]")


def held_by(value: object) -> Iterator[tuple[str, object]]:
    """The attributes that an instance has, in slots or not."""
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield name, getattr(value, name)
    yield from getattr(value, "__dict__", {}).items()


def is_frozen(kind: type) -> bool:
    """Whether a class is a frozen dataclass."""
    parameters: object = getattr(kind, "__dataclass_params__", None)
    return bool(getattr(parameters, "frozen", False))


def dtype_of(dtype: np.dtype[np.generic]) -> str:
    """The name of a kind of array, little-endian.

    Raises:
        StoreError: it has no place in a state.
    """
    name = dtype.newbyteorder("<").str
    if not _DTYPE.fullmatch(name):
        raise StoreError(f"a state cannot hold arrays of {dtype}; managers hold arrays of numbers")
    return name


def dtype_from(name: object) -> np.dtype[np.generic]:
    """The kind of array that `dtype_of` named; a ValueError where it names none."""
    if not isinstance(name, str) or not _DTYPE.fullmatch(name):
        raise ValueError(f"an array of {name!r}")
    return np.dtype(name)
