"""Batches and verdicts as bytes, and back to the bit: what a journal keeps, a recording holds, a wire carries.

A message is a header (mark, version, kind, checksum, length), a head in JSON, and the arrays behind it as little-endian
numbers in the order in which the head counts them. Rows of features that are zero (nothing new was seen) are left out.
Nothing in a message is ever executed: the kinds of events and commands are a closed list, each field is checked
against its type, each count against the bytes that are there.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Final, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Bools, Features, Floats, Ints
from unbroken.core.batches import Batch, Command, Report, Verdict
from unbroken.core.errors import StoreError, StoreVersionError
from unbroken.core.events import Event
from unbroken.core.sightings import Identities, Sightings

VERSION: Final = 1
"""Rises when older readers could not read what is written."""

_MARK = b"UBW"
_WIDEST = 2**14
_LARGEST_FEATURE = 1e6
"""Features have unit length; far beyond it products of two of them overflow."""
_HEADER = struct.Struct("<3sBcII")
BATCH, VERDICT, STEP = b"B", b"V", b"S"
"""Kinds of messages."""

_NAMES = {BATCH: "a batch", VERDICT: "a verdict", STEP: "a step"}

BROKEN = (KeyError, TypeError, ValueError, OverflowError, RecursionError)
"""What reading a head raises that holds something else than it should."""

Head = Mapping[str, object]
_T = TypeVar("_T")


def bytes_of_batch(batch: Batch) -> bytes:
    """A batch as a message."""
    arrays: list[NDArray[np.generic]] = []
    reports = [_head_of_report(report, arrays) for report in batch.reports]
    commands = [_plain(command) for command in batch.commands]
    return message_of(BATCH, {"time": batch.time, "reports": reports, "commands": commands}, arrays)


def batch_of_bytes(message: bytes) -> Batch:
    """The batch in a message.

    Raises:
        StoreError: it is no message, is damaged, or is of another version or kind.
    """
    head, arrays = opened(message, BATCH)
    try:
        reports = tuple(_report(mapping_of(one), arrays) for one in list_of(head["reports"]))
        commands = tuple(cast("Command", _value(one, Command)) for one in list_of(head["commands"]))
        arrays.finish()
        return Batch(float_of(head["time"]), reports, commands)
    except BROKEN as error:
        raise damaged(BATCH, error) from error


def bytes_of_verdict(verdict: Verdict) -> bytes:
    """A verdict as a message."""
    arrays: list[NDArray[np.generic]] = []
    identities = []
    for one in verdict.identities:
        identities.append({"camera": one.camera, "time": one.time, "rows": len(one)})
        arrays += [one.tracks, one.persons, one.state, one.confidence]
    events = [_plain(event) for event in verdict.events]
    head = {"identities": identities, "events": events, "refusals": list(verdict.refusals)}
    return message_of(VERDICT, head, arrays)


def verdict_of_bytes(message: bytes) -> Verdict:
    """The verdict in a message.

    Raises:
        StoreError: it is no message, is damaged, or is of another version or kind.
    """
    head, arrays = opened(message, VERDICT)
    try:
        identities = tuple(_identities(mapping_of(one), arrays) for one in list_of(head["identities"]))
        events = tuple(cast("Event", _value(one, Event)) for one in list_of(head["events"]))
        refusals = tuple(str_of(one) for one in list_of(head["refusals"]))
        arrays.finish()
        return Verdict(identities, events, refusals)
    except BROKEN as error:
        raise damaged(VERDICT, error) from error


def event_of_plain(plain: object) -> Event:
    """The event that `plain_of_event` was given.

    Raises:
        StoreError: it is none.
    """
    try:
        return cast("Event", _value(plain, Event))
    except BROKEN as error:
        raise StoreError(f"this is no event ({error}); it is damaged or from another version") from error


def plain_of_event(event: Event) -> dict[str, object]:
    """An event as numbers, strings, lists and one mapping: what JSON can carry. `kind` names its class."""
    return cast("dict[str, object]", _plain(event))


def message_of(kind: bytes, head: Head, arrays: Sequence[NDArray[np.generic]]) -> bytes:
    """A message: a head that JSON can carry, and the arrays that it counts."""
    text = json.dumps(head, separators=(",", ":")).encode()
    body = b"".join([text, *(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes() for array in arrays)])
    return _HEADER.pack(_MARK, VERSION, kind, zlib.crc32(body), len(text)) + body


def opened(message: bytes, kind: bytes) -> tuple[Head, Arrays]:
    """Head and arrays of a message of this kind.

    Raises:
        StoreVersionError: it is whole, and of another version.
        StoreError: it is no message, is damaged, or is of another kind.
    """
    name = _NAMES[kind]
    if len(message) < _HEADER.size or message[:3] != _MARK:
        raise StoreError(f"{len(message)} bytes are no message of unbroken; give what `bytes_of_...` made of {name}")
    _, version, found, checksum, length = _HEADER.unpack_from(message)
    body = memoryview(message)[_HEADER.size :]
    if zlib.crc32(body) != checksum or length > len(body):
        raise StoreError(f"{name} of {len(message)} bytes is damaged: its checksum is wrong; restore it from a copy")
    if version != VERSION:
        raise StoreVersionError(
            f"{name} is in version {version} of the format, this is {VERSION}; use the version it is from"
        )
    if found != kind:
        raise StoreError(f"the message is {_NAMES.get(found, 'of an unknown kind')}, not {name}; read it as what it is")
    try:
        return mapping_of(json.loads(bytes(body[:length]))), Arrays(body[length:])
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged(kind, error) from error


def damaged(kind: bytes, error: Exception) -> StoreError:
    """What is raised where a message whose checksum is right holds something else than it should."""
    return StoreVersionError(f"{_NAMES[kind]} cannot be read ({error}); it was not written by this version of unbroken")


@dataclass(slots=True)
class Arrays:
    """The arrays of a message, read from the front."""

    rest: memoryview

    def floats(self, *shape: int) -> Floats:
        """The next array, of float64."""
        return np.asarray(self.take(np.float64, *shape), dtype=np.float64)

    def ints(self, count: int) -> Ints:
        """The next array, of int64."""
        return np.asarray(self.take(np.int64, count), dtype=np.int64)

    def take(self, dtype: type[np.generic], *shape: int) -> NDArray[np.generic]:
        """The next array: a copy of its own, so that its bytes lie as numpy likes them."""
        if min(shape, default=0) < 0:
            raise ValueError(f"an array of shape {shape}")
        wanted = np.dtype(dtype).newbyteorder("<")
        size = wanted.itemsize
        for length in shape:
            size *= length
        if size > len(self.rest):
            raise ValueError(f"{len(self.rest)} bytes left for an array of {size}")
        part, self.rest = self.rest[:size], self.rest[size:]
        return np.frombuffer(part, dtype=wanted).reshape(shape).astype(np.dtype(dtype))

    def finish(self) -> None:
        """Nothing may be left."""
        if len(self.rest):
            raise ValueError(f"{len(self.rest)} bytes too many")


def _head_of_report(report: Report, arrays: list[NDArray[np.generic]]) -> Head:
    seen = report.sightings
    features = np.ascontiguousarray(seen.features)
    new: Bools = np.any(features.view(np.uint32) != 0, axis=1)
    arrays += [seen.tracks, seen.boxes, seen.ground, seen.covariance, seen.quality, seen.ended]
    arrays.append(new.astype(np.uint8))
    arrays.append(features[new])
    return {
        "camera": seen.camera,
        "time": seen.time,
        "epoch": report.epoch,
        "number": report.number,
        "rows": len(seen),
        "width": features.shape[1],
        "new": int(new.sum()),
        "ended": len(seen.ended),
    }


def _report(head: Head, arrays: Arrays) -> Report:
    rows, width = int_of(head["rows"]), int_of(head["width"])
    tracks, boxes = arrays.ints(rows), arrays.floats(rows, 4)
    ground, covariance = arrays.floats(rows, 2), arrays.floats(rows, 2, 2)
    quality, ended = arrays.floats(rows), arrays.ints(int_of(head["ended"]))
    features = _features(arrays, (rows, width), int_of(head["new"]))
    camera, time = str_of(head["camera"]), float_of(head["time"])
    sightings = Sightings(camera, time, tracks, boxes, ground, covariance, features, quality, ended)
    return Report(int_of(head["epoch"]), int_of(head["number"]), sightings)


def _features(arrays: Arrays, shape: tuple[int, int], count: int) -> Features:
    new = arrays.take(np.uint8, shape[0]).astype(np.bool_)
    found = arrays.take(np.float32, count, shape[1])
    if new.sum() != count or shape[1] > _WIDEST:
        raise ValueError(f"{count} features of {shape[1]} numbers for {int(new.sum())} rows")
    if (np.abs(found) > _LARGEST_FEATURE).any():
        raise ValueError(f"a feature holds a number beyond {_LARGEST_FEATURE:g}")
    features = np.zeros(shape, dtype=np.float32)
    features[new] = found
    return features


def _identities(head: Head, arrays: Arrays) -> Identities:
    rows = int_of(head["rows"])
    tracks, persons, state = (arrays.ints(rows) for _ in range(3))
    camera, time = str_of(head["camera"]), float_of(head["time"])
    return Identities(camera, time, tracks, persons, state, arrays.floats(rows))


def _plain(value: object) -> object:
    """A frozen value as what JSON can carry; a dataclass is a mapping with its name under `kind`."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"kind": type(value).__name__} | {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _value(plain: object, wanted: object) -> object:
    """A plain value as what an annotation wants.

    Raises:
        TypeError, ValueError, KeyError: it is something else.
    """
    if isinstance(wanted, type) and wanted in _SCALARS:
        return _SCALARS[wanted](plain)
    parts = get_args(wanted)
    if get_origin(wanted) is Literal:
        return parts[parts.index(plain)]
    if get_origin(wanted) is tuple:
        items = list_of(plain)
        wants = parts[:1] * len(items) if parts[1:] == (...,) else parts
        return tuple(_value(one, want) for one, want in zip(items, wants, strict=True))
    mapping = mapping_of(plain)
    kinds: dict[str, type] = {kind.__name__: kind for kind in (parts or (wanted,))}
    kind = kinds[str_of(mapping["kind"])]
    hints = _hints(kind)
    if mapping.keys() - hints.keys() - {"kind"}:
        raise ValueError(f"{kind.__name__} has no field {min(mapping.keys() - hints.keys() - {'kind'})}")
    return kind(**{name: _value(mapping[name], hint) for name, hint in hints.items() if name in mapping})


@cache
def _hints(kind: type) -> dict[str, object]:
    return get_type_hints(kind)


def int_of(value: object) -> int:
    """A whole number; a TypeError for anything else."""
    return _of(int, value)


def float_of(value: object) -> float:
    """A number; a TypeError for anything else."""
    return float(_of(int, value)) if type(value) is int else _of(float, value)


def _bool(value: object) -> bool:
    return _of(bool, value)


def str_of(value: object) -> str:
    """A text; a TypeError for anything else."""
    return _of(str, value)


def list_of(value: object) -> list[object]:
    """A list; a TypeError for anything else."""
    return _of(list, value)


def mapping_of(value: object) -> Head:
    """A mapping; a TypeError for anything else."""
    return _of(dict, value)


def _of(kind: type[_T], value: object) -> _T:
    if type(value) is not kind:
        raise TypeError(f"{value!r:.40} in place of {kind.__name__}")
    return value


_SCALARS: dict[type, Callable[[object], object]] = {int: int_of, float: float_of, str: str_of, bool: _bool}
"""How the plain kinds of fields are read."""
