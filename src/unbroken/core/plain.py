"""Values as JSON: one form for files, messages, pages and the database."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from unbroken.core.events import Event, PersonAppeared, PersonChanged, PersonLeft

_PRESENCE: dict[type, str] = {PersonAppeared: "new", PersonChanged: "update", PersonLeft: "end"}


def json_text(value: object) -> str:
    """JSON without blanks that every reader takes: what is not a number (NaN, infinity) is null.

    >>> json_text({"a": float("nan"), "b": (1, 2.5)})
    '{"a":null,"b":[1,2.5]}'
    """
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def plain(value: object) -> object:
    """A value made of what JSON knows: dataclasses and mappings become objects, sequences become lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def type_of(kind: type[Event]) -> str:
    """The name that an event goes by: `new`, `update` and `end` for people in the site, else its own in snake case.

    >>> from unbroken.core.events import PersonEnrolled
    >>> type_of(PersonEnrolled), type_of(PersonAppeared)
    ('person_enrolled', 'new')
    """
    return _PRESENCE.get(kind) or snake_case(kind)


def snake_case(kind: type) -> str:
    """The name of a class in snake case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def event_fields(event: Event) -> dict[str, object]:
    """An event's own fields as JSON knows them, in their order."""
    return {one.name: plain(getattr(event, one.name)) for one in fields(event)}
