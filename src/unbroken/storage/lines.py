"""People taken out of JSON Lines where they lie: the file keeps its size, so whoever appends to it may go on."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from pathlib import Path

from unbroken.core.errors import StoreError
from unbroken.storage.erasure import Gone

ERASED = b'{"event":"erased"}'
"""What a line becomes that was about somebody who has been forgotten, filled up with blanks."""
_NAMES = ("person", "absorbed", "separated")


def erase_lines(path: Path, gone: Collection[Gone]) -> int:
    """Blank every line of a file that is about one of the people; how many there were.

    A line is about somebody whose Global ID it has, or whose track, while it was undecided.

    Raises:
        StoreError: the file cannot be read or written.
    """
    persons = {person for one in gone for person in one.persons}
    tracks = {(camera, track) for one in gone for camera, _, track in one.tracks}
    likely, count = _likely(persons, tracks), 0
    try:
        with path.open("r+b") as file:
            place = 0
            for line in iter(file.readline, b""):
                if len(line) > len(ERASED) and likely.search(line) and _is_about(line, persons, tracks):
                    file.seek(place)
                    file.write(ERASED.ljust(len(line) - 1))
                    file.seek(place + len(line))
                    count += 1
                place += len(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"{path}: people cannot be erased from it ({error.strerror}); remove it by hand") from error
    return count


def _likely(persons: Collection[int], tracks: Collection[tuple[str, int]]) -> re.Pattern[bytes]:
    """What a line about one of them must hold: most lines need not be parsed."""
    numbers = "|".join(map(str, sorted(persons)))
    local = "|".join(str(track) for track in sorted({track for _, track in tracks})) or "none"
    return re.compile(rf'"(?:{"|".join(_NAMES)})": ?(?:{numbers})[,}}]|"track": ?(?:{local})[,}}]'.encode())


def _is_about(line: bytes, persons: Collection[int], tracks: Collection[tuple[str, int]]) -> bool:
    try:
        fields = json.loads(line)
    except ValueError:
        return False
    if not isinstance(fields, dict):
        return False
    undecided = fields.get("person") in (None, -1) and (fields.get("camera"), fields.get("track")) in tracks
    return undecided or any(fields.get(name) in persons for name in _NAMES)
