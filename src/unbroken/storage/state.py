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

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

from unbroken.core.batches import Batch
from unbroken.core.errors import StoreError, StoreVersionError
from unbroken.identity.adoption import adopted
from unbroken.identity.engine import Engine
from unbroken.identity.looks.features import Bank, FeatureSettings
from unbroken.storage.state_packing import ALIGNMENT
from unbroken.storage.state_parts import Node
from unbroken.storage.state_reading import Reader
from unbroken.storage.state_writing import Writer

SCHEMA: Final = 2
"""The version of the layout. Mark, schema, checksum and length stay where they are in all of them."""
_READ = (1, SCHEMA)
"""The layouts that can be read: the first left nothing out of its blocks."""

MEND: Final = "rebuild it from the tables with `unbroken gallery rebuild`"
"""What helps where a state cannot be read and the database can."""

_MARK = b"UNBROKEN"
_HEADER = struct.Struct("<8sIIQ")
_BROKEN = (
    KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError, ImportError
)  # fmt: skip


def bytes_of_engine(engine: Engine, model: str = "") -> bytes:
    """Everything that an engine and its manager hold.

    Args:
        engine: between two calls of `apply`.
        model: the fingerprint of the Re-ID net; a state of another is refused when it is read.

    Raises:
        StoreError: the manager holds something that has no place in a state.
    """
    writer = Writer()
    root = writer.node(engine)
    head = {"model": model, "root": root, "things": writer.things, "tables": writer.tables}
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-(_HEADER.size + len(text)) % ALIGNMENT)
    checksum = zlib.crc32(text)
    for block in writer.blocks:
        checksum = zlib.crc32(block, checksum)
    return b"".join([_HEADER.pack(_MARK, SCHEMA, checksum, len(text)), text, *writer.blocks])


def size_of_engine(engine: Engine) -> int:
    """Bytes of all numbers that an engine holds in arrays and long sequences, room that is reserved included."""
    writer = Writer()
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
        reader = Reader(head, blocks)
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
    writer = Writer()
    writer.node((fresh, Bank(FeatureSettings())))
    for name, attributes in writer.held.items():
        if held.get(name, attributes) != attributes:
            raise ValueError(f"{name} holds other things in this version")
