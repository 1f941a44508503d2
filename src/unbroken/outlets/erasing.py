"""Which lines of events a person leaves behind, and what becomes of them when the person is forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from unbroken.outlets.envelope import json_text

_NAMES = ("person", "absorbed", "separated", "into")
_Track = tuple[object, object, object]


class Erasure:
    """Takes a person out of lines of events: feed it all lines by `learn`, then `change` each of them.

    Lines that name the person, or somebody whom he absorbed, are erased, and those of the tracks that were his. Where
    he was merely weighed as an alternative for somebody else, that alternative is taken out of the line. The notice
    that he was forgotten stays, and the `end` that comes with it: they hold a number and nothing else, and tell
    integrators to forget him too.

    Args:
        person: the Global ID.
    """

    def __init__(self, person: int) -> None:
        self._persons = {person}
        self._tracks: set[_Track] = set()

    def learn(self, lines: Iterable[bytes]) -> None:
        """Find out by which names and tracks the person went, from lines in their order."""
        for line in lines:
            found = _parsed(line)
            if found.get("type") == "person_merged" and "absorbed" in found and found.get("person") in self._persons:
                self._persons.add(found["absorbed"])
            elif found.get("type") == "person_split" and "separated" in found and found.get("person") in self._persons:
                self._persons.discard(found["separated"])
            elif found.get("person") in self._persons and "track" in found:
                self._tracks.add(_track(found))

    def change(self, line: bytes) -> bytes | None:
        """The line without the person; `None` where nothing is left of it."""
        found = _parsed(line)
        if not found or _is_notice(found):
            return line
        if any(found.get(name) in self._persons for name in _NAMES):
            return None
        if "track" in found and found.get("person", -1) == -1 and _track(found) in self._tracks:
            return None
        others = found.get("alternatives")
        if not isinstance(others, list):
            return line
        kept = [one for one in others if not (isinstance(one, dict) and one.get("person") in self._persons)]
        return line if len(kept) == len(others) else json_text({**found, "alternatives": kept}).encode() + b"\n"


def _is_notice(found: Mapping[str, Any]) -> bool:
    kind, reason = found.get("type"), found.get("reason")
    return kind == "person_forgotten" or (kind in ("end", "zone_left") and reason == "forgotten")


def _track(found: Mapping[str, Any]) -> _Track:
    return found.get("epoch"), found.get("camera"), found.get("track")


def _parsed(line: bytes) -> dict[str, Any]:
    """The object of a line; empty where it is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
