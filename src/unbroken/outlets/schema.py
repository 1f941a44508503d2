"""The JSON Schema of envelopes, made from the events themselves: `python -m unbroken.outlets.schema` prints it."""

from __future__ import annotations

import inspect
import json
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from unbroken.outlets.envelope import SCHEMA, TYPES, hints_of

_ENVELOPE: dict[str, dict[str, object]] = {
    "schema": {"const": SCHEMA, "description": "The version; it rises when a field changes its meaning or goes."},
    "id": {
        "type": "string",
        "pattern": "^[0-9a-f]{32}$",
        "description": "The same event always has the same id: deduplicate by it.",
    },
    "site": {"type": "string", "description": "The name of the site."},
    "epoch": {"type": "integer", "minimum": 1, "description": "Counts the starts of the site."},
    "sequence": {"type": "integer", "minimum": 1, "description": "Counts the events of the epoch."},
    "type": {"enum": list(TYPES), "description": "What happened."},
    "at": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "`time` in UTC; null where times count from the start of a file.",
    },
}


def event_schema() -> dict[str, object]:
    """The schema (draft 2020-12) that every envelope fits; it lets fields through that later versions may add."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Events of unbroken, version {SCHEMA}",
        "type": "object",
        "required": list(_ENVELOPE),
        "properties": _ENVELOPE,
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in TYPES],
        "$defs": {name: _object(kind, name) for name, kind in TYPES.items()},
    }


def schema_text() -> str:
    """The schema as it lies in `docs/schema/event.json`."""
    return json.dumps(event_schema(), indent=2, ensure_ascii=False) + "\n"


def _object(kind: type, name: str = "") -> dict[str, object]:
    hints = hints_of(kind)
    properties: dict[str, object] = {"type": {"const": name}} if name else {}
    properties |= {one.name: _value(hints[one.name]) for one in fields(kind)}
    needed = [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
    return {
        "description": inspect.cleandoc(kind.__doc__ or ""),
        "type": "object",
        "required": [*(["type"] if name else []), *needed],
        "properties": properties,
    }


def _value(hint: Any) -> dict[str, object]:
    simple = {float: ["number", "null"], int: "integer", str: "string", bool: "boolean"}
    if hint in simple:
        return {"type": simple[hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        return _object(hint)
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) in (Union, UnionType):
        return {"anyOf": [{"type": "null"} if one is type(None) else _value(one) for one in get_args(hint)]}
    parts = get_args(hint)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return {"type": "array", "items": _value(parts[0])}
    return {"type": "array", "prefixItems": [_value(one) for one in parts], "minItems": len(parts), "items": False}


if __name__ == "__main__":
    print(schema_text(), end="")
