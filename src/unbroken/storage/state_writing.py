"""A state on the way out: values become nodes, things and blocks; see `storage.state` for the layout."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from enum import Enum
from operator import attrgetter
from typing import cast

import numpy as np

from unbroken.core.errors import StoreError
from unbroken.storage.state_packing import padded, pieces_of, repeats
from unbroken.storage.state_parts import CLASS, CONTAINERS, Array, Node, dtype_of, held_by, is_frozen

_FEW = 8
"""Values that are listed one by one."""


class Writer:
    """Turns values into nodes, things and blocks.

    Attributes:
        things: nodes of what can be shared or changed, by place.
        tables: of equal frozen values: class, kinds and blocks of the fields.
        held: by class, the names of what its instances hold.
        blocks: of numbers, padded.
        size: bytes of the numbers, with what was left out.
    """

    def __init__(self) -> None:
        self.things: list[Node] = []
        self.tables: list[Node] = []
        self.held: dict[str, list[str]] = {}
        self.blocks: list[bytes] = []
        self.size = 0
        self._end = 0
        self._known: dict[int, Node] = {}
        self._alive: list[object] = []

    def node(self, value: object) -> Node:
        """What stands for a value."""
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if kind is tuple:
            return ["t", self.sequence(cast("tuple[object, ...]", value))]
        if isinstance(value, Enum):
            return ["e", self._class(kind), value.value]
        if isinstance(value, np.generic):
            return ["n", dtype_of(value.dtype), value.tobytes().hex()]
        if id(value) not in self._known:
            place = len(self.things)
            self._known[id(value)] = ["r", place]
            self._alive.append(value)
            self.things.append(None)
            self.things[place] = self._thing(value)
        return self._known[id(value)]

    def sequence(self, values: Sequence[object]) -> Node:
        """What stands for several values: blocks where they are many and alike, else a list of nodes."""
        kinds = set(map(type, values))
        if len(values) > _FEW and len(kinds) == 1:
            kind = kinds.pop()
            if kind is int and all(-(2**63) <= cast("int", value) < 2**63 for value in values):
                return {"i": self._block(np.array(values, dtype=np.int64))}
            if kind is float:
                return {"f": self._block(np.array(values, dtype=np.float64))}
            if kind is tuple:
                parts = cast("Sequence[tuple[object, ...]]", values)
                counts = self._block(np.array([len(part) for part in parts], dtype=np.int64))
                return {"t": [counts, self.sequence([value for part in parts for value in part])]}
            rows = self._rows(kind, values) if is_frozen(kind) else None
            if rows is not None:
                return rows
        return [self.node(value) for value in values]

    def _rows(self, kind: type, values: Sequence[object]) -> Node | None:
        """Frozen values as a table; `None` where their fields do not allow it."""
        names = [name for name, _ in held_by(values[0])]
        columns = {name: list(map(attrgetter(name), values)) for name in names}
        if not all(map(_fits_a_column, columns.values())):
            return None
        packed = {name: self._column(column) for name, column in columns.items()}
        self.tables.append([self._class(kind), packed])
        for row, value in enumerate(values):
            self._known.setdefault(id(value), ["v", len(self.tables) - 1, row])
        self._alive += values
        return {"v": len(self.tables) - 1}

    def _column(self, column: Sequence[object]) -> Node:
        if type(column[0]) is int:
            return ["i", self._block(np.array(column, dtype=np.int64))]
        if type(column[0]) is float:
            return ["f", self._block(np.array(column, dtype=np.float64))]
        first = cast("Array", column[0])
        where = self._block(np.stack(cast("Sequence[Array]", column)))
        return ["a", where, dtype_of(first.dtype), list(first.shape), bool(first.flags.writeable), len(column)]

    def _thing(self, value: object) -> Node:
        if isinstance(value, np.ndarray):
            return self._array(value)
        if type(value) in (dict, Counter):
            mapping = cast("dict[object, object]", value)
            name = "d" if type(value) is dict else "c"
            return [name, self.sequence(list(mapping)), self.sequence(list(mapping.values()))]
        if type(value) is deque:
            return ["q", value.maxlen, self.sequence(list(value))]
        for letter, container in CONTAINERS.items():
            if type(value) is container:
                return [letter, self.sequence(list(cast("Iterable[object]", value)))]
        name = self._class(type(value))
        held = dict(held_by(value))
        self.held[name] = sorted(held)
        return ["o", name, {attribute: self.node(part) for attribute, part in held.items()}]

    def _array(self, array: Array) -> Node:
        base: Array = array
        while isinstance(base.base, np.ndarray):
            base = base.base
        dtype, writeable = dtype_of(array.dtype), bool(array.flags.writeable)
        if base is not array and (base.flags.c_contiguous or base.flags.f_contiguous):
            offset = array.ctypes.data - base.ctypes.data
            where = [offset, list(array.shape), list(array.strides)]
            return ["w", self.node(base), dtype, *where, writeable]
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        return ["a", self._block(array, order), dtype, list(array.shape), writeable, order]

    def _block(self, array: Array, order: str = "C") -> Node:
        """Where the bytes of an array begin, how many there are, and how many pieces are kept if some are left out."""
        content = array.tobytes("F" if order == "F" else "C")
        start, length = self._end, len(content)
        self.size += length
        content = padded(content)
        kept = repeats(content)
        if kept is None:
            self._put(content)
            return [start, length]
        self._put(padded(np.packbits(kept).tobytes()))
        self._put(pieces_of(content)[kept].tobytes())
        return [start, length, int(np.count_nonzero(kept))]

    def _put(self, content: bytes) -> None:
        self.blocks.append(content)
        self._end += len(content)

    def _class(self, kind: type) -> str:
        name = f"{kind.__module__.removeprefix('unbroken.')}:{kind.__qualname__}"
        if not CLASS.fullmatch(name) or not kind.__module__.startswith("unbroken."):
            raise StoreError(f"a state cannot hold {kind.__module__}.{kind.__qualname__}; managers hold plain values")
        return name


def _fits_a_column(column: Sequence[object]) -> bool:
    """Whether one field of many values is all whole numbers, all numbers, or all arrays of one shape and kind."""
    kinds = set(map(type, column))
    if kinds != {np.ndarray}:
        return kinds in ({int}, {float})
    arrays = cast("Sequence[Array]", column)
    alike = {(array.dtype, array.shape, array.flags.writeable, array.flags.c_contiguous) for array in arrays}
    return len(alike) == 1 and arrays[0].flags.c_contiguous
