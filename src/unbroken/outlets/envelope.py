"""What goes out for an event: its type, an id to deduplicate by, where and when, and its own fields, as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timezone
from functools import cache
from hashlib import blake2b
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from unbroken.core.errors import ContractError
from unbroken.core.events import Event
from unbroken.core.plain import event_fields, json_text, snake_case, type_of

SCHEMA = 2
"""The version of the envelope; it rises when a field changes its meaning or goes. New fields may come at any time."""


_SINCE_1970 = 1e8

TYPES: Mapping[str, type[Event]] = {type_of(kind): kind for kind in get_args(Event)}
"""All types of events, by name."""
_NAMES: Mapping[str, type[Event]] = {snake_case(kind): kind for kind in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event on its way out.

    Attributes:
        id: 32 hexadecimal digits, made from the site and the event alone: whatever tells the same event again, a second
            delivery, a restart that goes through its journal or a replay, tells it with the same id.
        site: the name of the site.
        epoch: counts the starts of the site, from 1.
        sequence: counts the events of the epoch, from 1: the order in which they were told.
        event: what happened.
    """

    id: str
    site: str
    epoch: int
    sequence: int
    event: Event

    @property
    def type(self) -> str:
        """The name of what happened."""
        return type_of(type(self.event))

    def fields(self) -> dict[str, object]:
        """The JSON object; what is not a number is null."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "site": self.site,
            "epoch": self.epoch,
            "sequence": self.sequence,
            "type": self.type,
            "at": _moment(self.event.time),
            **event_fields(self.event),
        }

    def line(self) -> str:
        """One line of JSON, with its end."""
        return json_text(self.fields()) + "\n"

    @classmethod
    def read(cls, text: str | bytes) -> Envelope:
        """The envelope of a line.

        Raises:
            ContractError: it is not one, or is of a newer version.
        """
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ContractError(f"event: {str(text)[:80]!r} is not JSON ({error}); is it a line of events?") from error
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            version = found.get("schema") if isinstance(found, dict) else None
            raise ContractError(f"event: its schema is {version!r}; this version reads {SCHEMA}")
        event = event_from(found)
        try:
            return cls(str(found["id"]), str(found["site"]), int(found["epoch"]), int(found["sequence"]), event)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ContractError(f"event: {error} is missing or wrong; is the line complete?") from error


class Sealer:
    """Puts events into envelopes and counts them.

    Args:
        site: the name of the site.
        epoch: counts the starts of the site.
    """

    def __init__(self, site: str, epoch: int) -> None:
        self._site = site
        self._epoch = epoch
        self._sequence = 0

    def id_of(self, event: Event) -> str:
        """The id that an event has."""
        return event_id(self._site, event)

    def seal(self, event: Event) -> Envelope:
        """The next envelope."""
        self._sequence += 1
        return Envelope(self.id_of(event), self._site, self._epoch, self._sequence, event)


def event_id(site: str, event: Event) -> str:
    """The id of an event: BLAKE2b, 16 bytes, of the site's name and of what happened, in hexadecimal digits."""
    text = json_text([site, type_of(type(event)), event_fields(event)])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def event_from(found: Mapping[str, object]) -> Event:
    """The event of a JSON object: its `type` says which; fields that are not known are left out.

    `person_appeared`, `person_changed` and `person_left` are taken as well as `new`, `update` and `end`.

    Raises:
        ContractError: the type is not known, or a field is missing or of another type.
    """
    name = str(found.get("type"))
    kind: Any = TYPES.get(name) or _NAMES.get(name)
    if kind is None:
        raise ContractError(f"event: the type {found.get('type')!r} is not known; known are {', '.join(TYPES)}")
    hints = hints_of(kind)
    try:
        values: dict[str, Any] = {
            one.name: _typed(hints[one.name], found[one.name]) for one in fields(kind) if one.name in found
        }
        event: Event = kind(**values)
        return event
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ContractError(f"event: {found.get('type')} does not fit its fields ({error})") from error


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """The types of the fields of an event."""
    return get_type_hints(kind)


def _typed(hint: Any, value: object) -> object:
    """A value of JSON as the type that a field has."""
    if hint is float:
        return math.nan if value is None else _checked(value, (int, float), float)
    if hint in (int, str, bool):
        return _checked(value, (hint,), hint)
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise TypeError(f"{value!r} is not an object")
        hints = hints_of(hint)
        return hint(**{name: _typed(hints[name], one) for name, one in value.items() if name in hints})
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint), value)
    if get_origin(hint) in (Union, UnionType):
        return None if value is None else _typed(next(one for one in get_args(hint) if one is not type(None)), value)
    if get_origin(hint) is Literal and value in get_args(hint):
        return value
    raise TypeError(f"{value!r} is not {hint}")


def _tuple(hints: tuple[Any, ...], value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_typed(hints[0], one) for one in value)
    if len(hints) != len(value):
        raise TypeError(f"{value!r} has not {len(hints)} parts")
    return tuple(_typed(hint, one) for hint, one in zip(hints, value, strict=True))


def _checked(value: object, kinds: tuple[type, ...], made: Any) -> object:
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{value!r} is not {made.__name__}")
    return made(value)


def _moment(time: float) -> str | None:
    """ISO 8601 in UTC to the millisecond; `None` for a time that counts from the start of a file."""
    if not _SINCE_1970 <= time < 1e11:
        return None
    moment = datetime.fromtimestamp(time, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
