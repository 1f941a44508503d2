"""The whole state of an identity engine as bytes, and back so exactly that it goes on as if it had never stopped.

Everything that the engine holds is written: numbers to the bit, arrays with the order of their memory (it decides how
sums are rounded), things that two others share once. Only plain containers, numbers, arrays and the classes of
`unbroken.identity` and `unbroken.core` can be in a state, on the way in and on the way out; nothing is executed by
reading one. Reading compares what classes hold with what they hold in this version, so that a state of another version
is refused (`StoreVersionError`) and not half understood. Settings alone may differ: those of a frozen dataclass whose
fields all have defaults; what is no longer known is left out, what was not known yet is at its default.

Layout: mark, schema, checksum, length of the head; the head in JSON; blocks of numbers, each at a multiple of 64 bytes.
The head is a list of things; things name each other by their place in it. Long sequences of numbers, and of frozen
values whose fields are numbers and arrays of one shape (the views of a gallery), are blocks: that is what makes a
gallery of 100,000 people readable in a second. Of a block that repeats itself, as room that was reserved does, the
64 bytes that are the same as those before are left out, and bits say which. Everything else lies there as it is in
memory, so that whatever is known of somebody can be searched for in the bytes of a state.
"""

from __future__ import annotations

import importlib
import json
import re
import struct
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from itertools import repeat
from operator import attrgetter
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from unbroken.core.batches import Batch
from unbroken.core.errors import StoreError, StoreVersionError
from unbroken.identity.adoption import adopted
from unbroken.identity.engine import Engine
from unbroken.identity.features import Bank, FeatureSettings

SCHEMA: Final = 2
"""The version of the layout. Mark, schema, checksum and length stay where they are in all of them."""
_READ = (1, SCHEMA)
"""The layouts that can be read: the first left nothing out of its blocks."""

MEND: Final = "rebuild it from the tables with `unbroken gallery rebuild`"
"""What helps where a state cannot be read and the database can."""

_MARK = b"UNBROKEN"
_HEADER = struct.Struct("<8sIIQ")
_ALIGNMENT = 64
_FEW = 8
_SMALL = 4096
"""Bytes of a block of which nothing is left out."""
_PROBED = 1024
"""Places of a block that are looked at before it is gone through."""
_WORTH = 0.25
"""Share of repeated pieces from which on they are left out."""
_CLASS = re.compile(r"(?:identity|core)\.[a-z_]+:[A-Za-z_]+")
_DTYPE = re.compile(r"[<|][biuf][1248]")
_BROKEN = (
    KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError, ImportError
)  # fmt: skip

Node = object
_Array = NDArray[np.generic]


def bytes_of_engine(engine: Engine, model: str = "") -> bytes:
    """Everything that an engine and its manager hold.

    Args:
        engine: between two calls of `apply`.
        model: the fingerprint of the Re-ID net; a state of another is refused when it is read.

    Raises:
        StoreError: the manager holds something that has no place in a state.
    """
    writer = _Writer()
    root = writer.node(engine)
    head = {"model": model, "root": root, "things": writer.things, "tables": writer.tables}
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-(_HEADER.size + len(text)) % _ALIGNMENT)
    checksum = zlib.crc32(text)
    for block in writer.blocks:
        checksum = zlib.crc32(block, checksum)
    return b"".join([_HEADER.pack(_MARK, SCHEMA, checksum, len(text)), text, *writer.blocks])


def size_of_engine(engine: Engine) -> int:
    """Bytes of all numbers that an engine holds in arrays and long sequences, room that is reserved included."""
    writer = _Writer()
    writer.node(engine)
    return writer.size


def engine_of_bytes(state: bytes, fresh: Engine, model: str = "", batches: Iterable[Batch] = ()) -> Engine:
    """The engine that `bytes_of_engine` was given, with the settings of another.

    Args:
        state: the bytes.
        fresh: an engine as it would begin: its settings hold from here on. With equal settings the restored engine
            answers all that follows as the first would have, to the bit.
        model: the fingerprint of the Re-ID net that is in use now.
        batches: what was applied since, in its order: under the settings of the state, as it was then.

    Raises:
        StoreVersionError: it is whole, but of a version whose state holds other things.
        StoreError: it is no state, it is damaged, or it is of another net or of another policy.
    """
    head, blocks = _opened(state)
    try:
        if head["model"] != model:
            raise StoreError(
                f"the state holds features of the net {head['model'] or 'none'!r}, now {model or 'none'!r} is in use; "
                "use that net again or begin with another database"
            )
        reader = _Reader(head, blocks)
        engine = reader.value(head["root"])
        if not isinstance(engine, Engine):
            raise TypeError(f"it is of {type(engine).__name__}")
        _check_held(reader.held, fresh)
        for batch in batches:
            engine.apply(batch)
        engine.settings = fresh.settings
        engine.manager = adopted(engine.manager, fresh.manager)
    except _BROKEN as error:
        raise StoreVersionError(f"the state cannot be read ({error}): it is from another version; {MEND}") from error
    return engine


def _opened(state: bytes) -> tuple[Mapping[str, Node], memoryview]:
    """The head and the blocks of a state whose checksum is right."""
    if len(state) < _HEADER.size or state[: len(_MARK)] != _MARK:
        raise StoreError(f"{len(state)} bytes are no state of unbroken; give what `bytes_of_engine` made")
    _, schema, checksum, length = _HEADER.unpack_from(state)
    body = memoryview(state)[_HEADER.size :]
    if length > len(body) or zlib.crc32(body) != checksum:
        raise StoreError(
            f"the state of {len(state)} bytes is damaged: its checksum is wrong; restore a backup, or {MEND}"
        )
    if schema not in _READ:
        raise StoreVersionError(f"the state has layout {schema}, this version reads {SCHEMA}; {MEND}")
    try:
        head = json.loads(bytes(body[:length]))
    except (ValueError, RecursionError) as error:
        raise StoreVersionError(f"the head of the state cannot be read ({error}); {MEND}") from error
    if not isinstance(head, dict) or not head.keys() >= {"model", "root", "things", "tables"}:
        raise StoreVersionError(f"the head of the state lacks a part: it is from another version; {MEND}")
    return head, body[length:]


def _check_held(held: Mapping[str, list[str]], fresh: Engine) -> None:
    """Raise a ValueError where a class, of the engine or of a track, holds other things than in this version."""
    writer = _Writer()
    writer.node((fresh, Bank(FeatureSettings())))
    for name, attributes in writer.held.items():
        if held.get(name, attributes) != attributes:
            raise ValueError(f"{name} holds other things in this version")


class _Writer:
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
            return ["n", _dtype_of(value.dtype), value.tobytes().hex()]
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
            rows = self._rows(kind, values) if _is_frozen(kind) else None
            if rows is not None:
                return rows
        return [self.node(value) for value in values]

    def _rows(self, kind: type, values: Sequence[object]) -> Node | None:
        """Frozen values as a table; `None` where their fields do not allow it."""
        names = [name for name, _ in _held_by(values[0])]
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
        first = cast("_Array", column[0])
        where = self._block(np.stack(cast("Sequence[_Array]", column)))
        return ["a", where, _dtype_of(first.dtype), list(first.shape), bool(first.flags.writeable), len(column)]

    def _thing(self, value: object) -> Node:
        if isinstance(value, np.ndarray):
            return self._array(value)
        if type(value) in (dict, Counter):
            mapping = cast("dict[object, object]", value)
            name = "d" if type(value) is dict else "c"
            return [name, self.sequence(list(mapping)), self.sequence(list(mapping.values()))]
        if type(value) is deque:
            return ["q", value.maxlen, self.sequence(list(value))]
        for letter, container in _CONTAINERS.items():
            if type(value) is container:
                return [letter, self.sequence(list(cast("Iterable[object]", value)))]
        name = self._class(type(value))
        held = dict(_held_by(value))
        self.held[name] = sorted(held)
        return ["o", name, {attribute: self.node(part) for attribute, part in held.items()}]

    def _array(self, array: _Array) -> Node:
        base: _Array = array
        while isinstance(base.base, np.ndarray):
            base = base.base
        dtype, writeable = _dtype_of(array.dtype), bool(array.flags.writeable)
        if base is not array and (base.flags.c_contiguous or base.flags.f_contiguous):
            offset = array.ctypes.data - base.ctypes.data
            where = [offset, list(array.shape), list(array.strides)]
            return ["w", self.node(base), dtype, *where, writeable]
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        return ["a", self._block(array, order), dtype, list(array.shape), writeable, order]

    def _block(self, array: _Array, order: str = "C") -> Node:
        """Where the bytes of an array begin, how many there are, and how many pieces are kept if some are left out."""
        content = array.tobytes("F" if order == "F" else "C")
        start, length = self._end, len(content)
        self.size += length
        content = _padded(content)
        kept = _repeats(content)
        if kept is None:
            self._put(content)
            return [start, length]
        self._put(_padded(np.packbits(kept).tobytes()))
        self._put(_pieces(content)[kept].tobytes())
        return [start, length, int(np.count_nonzero(kept))]

    def _put(self, content: bytes) -> None:
        self.blocks.append(content)
        self._end += len(content)

    def _class(self, kind: type) -> str:
        name = f"{kind.__module__.removeprefix('unbroken.')}:{kind.__qualname__}"
        if not _CLASS.fullmatch(name) or not kind.__module__.startswith("unbroken."):
            raise StoreError(f"a state cannot hold {kind.__module__}.{kind.__qualname__}; managers hold plain values")
        return name


class _Reader:
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
            return np.frombuffer(bytes.fromhex(parts[1]), dtype=_dtype(parts[0]))[0]
        if kind == "e":
            return _class_of(parts[0])(parts[1])
        raise ValueError(f"a node of kind {kind!r}")

    def sequence(self, node: Node) -> list[object]:
        """The values that `_Writer.sequence` was given."""
        if isinstance(node, list):
            return [self.value(one) for one in node]
        ((kind, where),) = cast("dict[str, list[Node]]", node).items()
        if kind == "v":
            return list(self._table(cast("int", where)))
        if kind == "t":
            flat = iter(self.sequence(where[1]))
            counts = cast("list[int]", self._numbers(where[0], "<i8").tolist())
            return [tuple(next(flat) for _ in range(count)) for count in counts]
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
        return _CONTAINERS[cast("str", kind)](self.sequence(parts[0]))

    def _instance(self, place: int, name: str, held: Mapping[str, Node]) -> object:
        kind = _class_of(name)
        made: object = object.__new__(kind)
        self._made[place] = made
        names = {one.name for one in fields(kind)} if is_dataclass(kind) else held.keys()
        if names != held.keys() and not _is_settings(kind):
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

    def _owned(self, parts: Sequence[Node]) -> _Array:
        where, dtype, shape, writeable, order = cast("tuple[Node, str, list[int], bool, str]", tuple(parts))
        block = self._numbers(where, dtype)
        array = np.empty(shape, dtype=_dtype(dtype), order="F" if order == "F" else "C")
        array[...] = block.reshape(shape, order="F" if order == "F" else "C")
        array.setflags(write=writeable)
        return array

    def _view(self, parts: Sequence[Node]) -> _Array:
        base, dtype, offset, shape, strides, writeable = cast(
            "tuple[Node, str, int, list[int], list[int], bool]", tuple(parts)
        )
        owner = cast("_Array", self.value(base))
        flat = owner.reshape(-1, order="A")
        view: _Array = np.ndarray(shape, _dtype(dtype), buffer=flat, offset=offset, strides=strides)
        if writeable and not view.flags.writeable:
            raise ValueError("a view that could change what cannot be changed")
        view.setflags(write=writeable)
        return view

    def _numbers(self, where: Node, dtype: str) -> _Array:
        start, length, *packed = cast("list[int]", where)
        if packed:
            return self._whole(start, length, packed[0]).view(_dtype(dtype))
        return np.frombuffer(self._bytes(start, length), dtype=_dtype(dtype))

    def _whole(self, start: int, length: int, count: int) -> NDArray[np.uint8]:
        """(length,) the bytes of a block of which pieces were left out."""
        pieces = -(-length // _ALIGNMENT)
        bits = self._bytes(start, -(-pieces // 8))
        kept = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=pieces).astype(np.bool_)
        if not pieces or not kept[0] or np.count_nonzero(kept) != count:
            raise ValueError(f"a block at {start} that keeps {count} of {pieces} pieces")
        left = self._bytes(start + len(bits) + -len(bits) % _ALIGNMENT, count * _ALIGNMENT)
        whole: NDArray[np.uint8] = _pieces(left)[np.cumsum(kept) - 1].view(np.uint8).reshape(-1)[:length]
        return whole

    def _bytes(self, start: int, length: int) -> memoryview:
        if not 0 <= start <= start + length <= len(self._blocks):
            raise ValueError(f"a block at {start} of {length} bytes")
        return self._blocks[start : start + length]


def _held_by(value: object) -> Iterator[tuple[str, object]]:
    """The attributes that an instance has, in slots or not."""
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield name, getattr(value, name)
    yield from getattr(value, "__dict__", {}).items()


def _is_frozen(kind: type) -> bool:
    parameters: object = getattr(kind, "__dataclass_params__", None)
    return bool(getattr(parameters, "frozen", False))


def _is_settings(kind: type) -> bool:
    """Whether a class holds settings: it is frozen, and every field has a default."""
    return _is_frozen(kind) and all(
        one.default is not MISSING or one.default_factory is not MISSING for one in fields(kind)
    )


def _default(one: Field[object]) -> object:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _padded(content: bytes) -> bytes:
    padding = -len(content) % _ALIGNMENT
    return content + bytes(padding) if padding else content


def _pieces(content: bytes | memoryview) -> NDArray[np.uint64]:
    """(N, 8): 64 bytes a row."""
    return np.frombuffer(content, dtype=np.uint64).reshape(-1, _ALIGNMENT // 8)


def _repeats(content: bytes) -> NDArray[np.bool_] | None:
    """(N,) which pieces differ from the one before; `None` where too few are alike to leave them out."""
    if len(content) < _SMALL:
        return None
    pieces = _pieces(content)
    probed = np.linspace(1, len(pieces) - 1, min(len(pieces) - 1, _PROBED)).astype(np.int64)
    if (pieces[probed] == pieces[probed - 1]).all(axis=1).mean() < _WORTH:
        return None
    kept = np.ones(len(pieces), dtype=np.bool_)
    kept[1:] = (pieces[1:] != pieces[:-1]).any(axis=1)
    return kept


def _fits_a_column(column: Sequence[object]) -> bool:
    """Whether one field of many values is all whole numbers, all numbers, or all arrays of one shape and kind."""
    kinds = set(map(type, column))
    if kinds != {np.ndarray}:
        return kinds in ({int}, {float})
    arrays = cast("Sequence[_Array]", column)
    alike = {(array.dtype, array.shape, array.flags.writeable, array.flags.c_contiguous) for array in arrays}
    return len(alike) == 1 and arrays[0].flags.c_contiguous


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
    if not isinstance(name, str) or not _CLASS.fullmatch(name):
        raise ValueError(f"a class {name!r}")
    module, attribute = name.split(":")
    kind: object = getattr(importlib.import_module(f"unbroken.{module}"), attribute)
    if not isinstance(kind, type) or kind.__module__ != f"unbroken.{module}" or issubclass(kind, BaseException):
        raise ValueError(f"a class {name!r}")
    return kind


def _dtype_of(dtype: np.dtype[np.generic]) -> str:
    name = dtype.newbyteorder("<").str
    if not _DTYPE.fullmatch(name):
        raise StoreError(f"a state cannot hold arrays of {dtype}; managers hold arrays of numbers")
    return name


def _dtype(name: object) -> np.dtype[np.generic]:
    if not isinstance(name, str) or not _DTYPE.fullmatch(name):
        raise ValueError(f"an array of {name!r}")
    return np.dtype(name)


_CONTAINERS: dict[str, Callable[[Iterable[object]], object]] = {"l": list, "s": set, "z": frozenset}
