"""Events as rows: columns to search by, and everything else as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from unbroken.core.events import Event
from unbroken.core.plain import json_text, type_of
from unbroken.storage.database import Row

NOBODY = -1
_OTHERS = ("absorbed", "separated")


def event_row(event: Event) -> Row:
    """Time, type, camera, person and body of an event, in the order of the columns."""
    fields = asdict(event)
    camera, person = str(fields.get("camera", "")), int(fields.get("person", NOBODY))
    return event.time, type_of(type(event)), camera, person, json_text(fields)


def named_in(event: Event) -> frozenset[int]:
    """Everybody else whom an event names: as absorbed, separated, or weighed."""
    fields = asdict(event)
    named = {int(fields[name]) for name in _OTHERS if name in fields}
    weighed = [*fields.get("alternatives", ()), fields.get("evidence") or {}]
    named.update(int(one["person"]) for one in weighed if "person" in one)
    return frozenset(person for person in named if person > 0 and person != fields.get("person"))


def without(body: str, person: int) -> str:
    """The JSON of an event with everything taken out that was said of a person; empty where it is about him."""
    fields = json.loads(body)
    if any(fields.get(name) == person for name in _OTHERS):
        return ""
    return json_text({str(name): _scrubbed(value, person) for name, value in fields.items()})


def _scrubbed(value: object, person: int) -> object:
    if isinstance(value, list):
        return [one for one in value if not _is_of(one, person)]
    return None if _is_of(value, person) else value


def _is_of(value: object, person: int) -> bool:
    return isinstance(value, dict) and value.get("person") == person
