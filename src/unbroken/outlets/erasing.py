"""Which lines of events people leave behind, and what becomes of them when they are forgotten."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from unbroken.core.plain import json_text

_NAMES = ("person", "absorbed", "separated", "into")
_Track = tuple[str, str, str]


class Erasure:
    """Takes people out of lines of events: feed it all lines by `learn`, then `change` each of them.

    Lines that name a person, or somebody whom he absorbed, are erased, and those of the tracks that were his. Where
    he was merely weighed as an alternative for somebody else, that alternative is taken out of the line. The notice
    that he was forgotten stays, and the `end` that comes with it: they hold a number and nothing else, and tell
    integrators to forget him too.

    Args:
        persons: the Global IDs.
    """

    def __init__(self, persons: Collection[int]) -> None:
        self._asked = frozenset(persons)
        self._persons = set(persons)
        self._tracks: set[_Track] = set()

    def learn(self, lines: Iterable[bytes]) -> None:
        """Find out by which names and tracks the people went, from lines in their order."""
        for line in lines:
            found = _parsed(line)
            if not self._names(found.get("person")):
                continue
            if found.get("type") == "person_merged" and isinstance(found.get("absorbed"), int):
                self._persons.add(found["absorbed"])
            elif found.get("type") == "person_split" and isinstance(found.get("separated"), int):
                self._persons -= {found["separated"]} - self._asked
            elif "track" in found:
                self._tracks.add(_track(found))

    def change(self, line: bytes) -> bytes | None:
        """The line without the people; `None` where nothing is left of it."""
        found = _parsed(line)
        if not found or _is_notice(found):
            return line
        if any(self._names(found.get(name)) for name in _NAMES):
            return None
        if "track" in found and found.get("person", -1) == -1 and _track(found) in self._tracks:
            return None
        less = self._unweighed(found)
        return line if less == found else json_text(less).encode() + b"\n"

    def _unweighed(self, found: dict[str, Any]) -> dict[str, Any]:
        """The object without what it says of how the people were weighed for somebody else."""
        less = dict(found)
        if isinstance(less.get("alternatives"), list):
            less["alternatives"] = [one for one in less["alternatives"] if not self._weighs(one)]
        if self._weighs(less.get("evidence")):
            less["evidence"] = {**less["evidence"], "person": -1}
        return less

    def _weighs(self, evidence: object) -> bool:
        return isinstance(evidence, dict) and self._names(evidence.get("person"))

    def _names(self, value: object) -> bool:
        return isinstance(value, int) and value in self._persons


def _is_notice(found: Mapping[str, Any]) -> bool:
    kind, reason = found.get("type"), found.get("reason")
    return kind == "person_forgotten" or (kind in ("end", "zone_left") and reason == "forgotten")


def _track(found: Mapping[str, Any]) -> _Track:
    return str(found.get("epoch")), str(found.get("camera")), str(found.get("track"))


def _parsed(line: bytes) -> dict[str, Any]:
    """The object of a line; empty where it is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
