"""A state on the way in: nodes, things and blocks become values again; see `storage.state` for the layout."""

from __future__ import annotations

import importlib
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from itertools import islice, repeat
from typing import cast

import numpy as np
from numpy.typing import NDArray

from unbroken.storage.state_packing import ALIGNMENT, pieces_of
from unbroken.storage.state_parts import CLASS, CONTAINERS, Array, Node, dtype_from, is_frozen


class Reader:
    """Turns nodes back into values.

    Attributes:
        held: by class, the names of what its instances held.
    """

    def __init__(self, head: Mapping[str, Node], blocks: memoryview) -> None:
        self.held: dict[str, list[str]] = {}
        self._things = cast("list[list[Node]]", head["things"])
        self._tables = cast("list[list[Node]]", head["tables"])
        self._blocks = blocks
        self._made: dict[int, object] = {}
        self._rows: dict[int, list[object]] = {}

    def value(self, node: Node) -> object:
        """The value that a node stands for."""
        if not isinstance(node, list):
            return node
        kind, *parts = node
        if kind == "t":
            return tuple(self.sequence(parts[0]))
        if kind == "r":
            return self._thing(parts[0])
        if kind == "v":
            return self._table(parts[0])[parts[1]]
        if kind == "n":
            return np.frombuffer(bytes.fromhex(parts[1]), dtype=dtype_from(parts[0]))[0]
        if kind == "e":
            return _class_of(parts[0])(parts[1])
        raise ValueError(f"a node of kind {kind!r}")

    def sequence(self, node: Node) -> list[object]:
        """The values that `Writer.sequence` was given."""
        if isinstance(node, list):
            return [self.value(one) for one in node]
        ((kind, where),) = cast("dict[str, list[Node]]", node).items()
        if kind == "v":
            return list(self._table(cast("int", where)))
        if kind == "t":
            values = self.sequence(where[1])
            counts = cast("list[int]", self._numbers(where[0], "<i8").tolist())
            if sum(counts) != len(values):
                raise ValueError(f"{len(values)} values for tuples of {sum(counts)}")
            flat = iter(values)
            return [tuple(islice(flat, count)) for count in counts]
        return cast("list[object]", self._numbers(where, {"i": "<i8", "f": "<f8"}[kind]).tolist())

    def _thing(self, place: int) -> object:
        if place in self._made:
            return self._made[place]
        kind, *parts = self._things[place]
        if kind == "o":
            return self._instance(place, cast("str", parts[0]), cast("dict[str, Node]", parts[1]))
        if kind in ("a", "w"):
            self._made[place] = self._owned(parts) if kind == "a" else self._view(parts)
        else:
            self._made[place] = self._container(kind, parts)
        return self._made[place]

    def _container(self, kind: Node, parts: Sequence[Node]) -> object:
        if kind in ("d", "c"):
            mapping = dict(zip(self.sequence(parts[0]), self.sequence(parts[1]), strict=True))
            return mapping if kind == "d" else Counter(cast("dict[object, int]", mapping))
        if kind == "q":
            return deque(self.sequence(parts[1]), maxlen=cast("int | None", parts[0]))
        return CONTAINERS[cast("str", kind)](self.sequence(parts[0]))

    def _instance(self, place: int, name: str, held: Mapping[str, Node]) -> object:
        kind = _class_of(name)
        made: object = object.__new__(kind)
        self._made[place] = made
        names = {one.name for one in fields(kind)} if is_dataclass(kind) else held.keys()
        if names != held.keys() and not is_settings(kind):
            raise ValueError(f"{name} holds {', '.join(sorted(held))}")
        self.held[name] = sorted(names)
        values = {attribute: self.value(part) for attribute, part in held.items() if attribute in names}
        if names != held.keys():
            values |= {one.name: _default(one) for one in fields(kind) if one.name not in held}
        for attribute, value in values.items():
            object.__setattr__(made, attribute, value)
        return made

    def _table(self, number: int) -> list[object]:
        """The rows of a table, made once."""
        if number not in self._rows:
            name, packed = cast("tuple[str, dict[str, list[Node]]]", self._tables[number])
            kind = _class_of(name)
            if not is_dataclass(kind) or {one.name for one in fields(kind)} != packed.keys():
                raise ValueError(f"{name} holds {', '.join(sorted(packed))}")
            columns = [self._column(*column) for column in packed.values()]
            self._rows[number] = _filled(kind, tuple(packed), columns)
        return self._rows[number]

    def _column(self, kind: Node, where: Node, *array: Node) -> Sequence[object]:
        if kind != "a":
            return cast("list[object]", self._numbers(where, {"i": "<i8", "f": "<f8"}[cast("str", kind)]).tolist())
        dtype, shape, writeable, count = cast("tuple[str, list[int], bool, int]", array)
        rows = [row.copy() for row in self._numbers(where, dtype).reshape(count, *shape)]
        if not writeable:
            for row in rows:
                row.setflags(write=False)
        return rows

    def _owned(self, parts: Sequence[Node]) -> Array:
        where, dtype, shape, writeable, order = cast("tuple[Node, str, list[int], bool, str]", tuple(parts))
        block = self._numbers(where, dtype)
        array = np.empty(shape, dtype=dtype_from(dtype), order="F" if order == "F" else "C")
        array[...] = block.reshape(shape, order="F" if order == "F" else "C")
        array.setflags(write=writeable)
        return array

    def _view(self, parts: Sequence[Node]) -> Array:
        base, dtype, offset, shape, strides, writeable = cast(
            "tuple[Node, str, int, list[int], list[int], bool]", tuple(parts)
        )
        owner = cast("Array", self.value(base))
        flat = owner.reshape(-1, order="A")
        view: Array = np.ndarray(shape, dtype_from(dtype), buffer=flat, offset=offset, strides=strides)
        if writeable and not view.flags.writeable:
            raise ValueError("a view that could change what cannot be changed")
        view.setflags(write=writeable)
        return view

    def _numbers(self, where: Node, dtype: str) -> Array:
        start, length, *packed = cast("list[int]", where)
        if packed:
            return self._whole(start, length, packed[0]).view(dtype_from(dtype))
        return np.frombuffer(self._bytes(start, length), dtype=dtype_from(dtype))

    def _whole(self, start: int, length: int, count: int) -> NDArray[np.uint8]:
        """(length,) the bytes of a block of which pieces were left out."""
        pieces = -(-length // ALIGNMENT)
        bits = self._bytes(start, -(-pieces // 8))
        kept = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=pieces).astype(np.bool_)
        if not pieces or not kept[0] or np.count_nonzero(kept) != count:
            raise ValueError(f"a block at {start} that keeps {count} of {pieces} pieces")
        left = self._bytes(start + len(bits) + -len(bits) % ALIGNMENT, count * ALIGNMENT)
        whole: NDArray[np.uint8] = pieces_of(left)[np.cumsum(kept) - 1].view(np.uint8).reshape(-1)[:length]
        return whole

    def _bytes(self, start: int, length: int) -> memoryview:
        if not 0 <= start <= start + length <= len(self._blocks):
            raise ValueError(f"a block at {start} of {length} bytes")
        return self._blocks[start : start + length]


def is_settings(kind: type) -> bool:
    """Whether a class holds settings: it is frozen, and every field has a default."""
    return is_frozen(kind) and all(
        one.default is not MISSING or one.default_factory is not MISSING for one in fields(kind)
    )


def _default(one: Field[object]) -> object:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _filled(kind: type, names: Sequence[str], columns: Sequence[Sequence[object]]) -> list[object]:
    """Instances of a class, column by column, which takes a third of the time that row by row would."""
    lengths = set(map(len, columns))
    if len(lengths) != 1:
        raise ValueError(f"columns of {kind.__name__} have different lengths")
    rows: list[object] = [object.__new__(kind) for _ in range(lengths.pop())]
    for name, column in zip(names, columns, strict=True):
        deque(map(object.__setattr__, rows, repeat(name), column), maxlen=0)
    return rows


def _class_of(name: object) -> type:
    """The class of a name that may be in a state."""
    if not isinstance(name, str) or not CLASS.fullmatch(name):
        raise ValueError(f"a class {name!r}")
    module, attribute = name.split(":")
    kind: object = getattr(importlib.import_module(f"unbroken.{module}"), attribute)
    if not isinstance(kind, type) or kind.__module__ != f"unbroken.{module}" or issubclass(kind, BaseException):
        raise ValueError(f"a class {name!r}")
    return kind
