"""On which line of a TOML text each key stands: what the reader of the standard library does not tell.

The text has to be valid TOML: it is read by `tomllib` first, and this walks over it without checking it again.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

Location = tuple[str | int, ...]
"""The way to a value: names of tables and keys, numbers of items in lists."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
_SCALAR = re.compile(r"[^,\]\}\n#]+")


def lines_of(text: str) -> dict[Location, int]:
    """The line, from 1, of every table, key and list item of a valid TOML text."""
    walk = _Walk(text.replace("\r\n", "\n"))
    walk.document()
    return walk.lines


def line_at(lines: dict[Location, int], location: Sequence[str | int]) -> int:
    """The line of a value, or of the nearest table around it that is written down; 0 where there is none."""
    for end in range(len(location), 0, -1):
        if (line := lines.get(tuple(location[:end]), 0)) > 0:
            return line
    return 0


class _Walk:
    """One way through a text, noting where it has been."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Location, int] = {}
        self._text = text
        self._at = 0
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._counts: dict[Location, int] = {}

    def document(self) -> None:
        table: Location = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Location:
        listed = self._text.startswith("[[", self._at)
        self._at += 1 + listed
        line, parts = self._line(), self._key()
        self._at += 1 + listed
        place: Location = ()
        for number, part in enumerate(parts, 1):
            place = (*place, part)
            if listed and number == len(parts):
                self._counts[place] = self._counts.get(place, 0) + 1
            if place in self._counts:
                place = (*place, self._counts[place] - 1)
        self._note(place, line)
        return place

    def _pair(self, table: Location) -> None:
        line, parts = self._line(), self._key()
        place: Location = (*table, *parts)
        for end in range(len(table) + 1, len(place) + 1):
            self._note(place[:end], line)
        self._at += 1
        self._skip(_SPACE)
        self._value(place)

    def _value(self, place: Location) -> None:
        opening = self._text[self._at : self._at + 1]
        if opening == "[":
            self._list(place)
        elif opening == "{":
            self._inline_table(place)
        elif string := _STRING.match(self._text, self._at):
            self._at = string.end()
        else:
            self._skip(_SCALAR)

    def _list(self, place: Location) -> None:
        self._at += 1
        count = 0
        while self._next() != "]":
            self._note((*place, count), self._line())
            self._value((*place, count))
            count += 1
            self._comma()
        self._at += 1

    def _inline_table(self, place: Location) -> None:
        self._at += 1
        while self._next() != "}":
            self._pair(place)
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        if self._next() == ",":
            self._at += 1

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            if string := _STRING.match(self._text, self._at):
                parts.append(_unquoted(string.group()))
                self._at = string.end()
            elif bare := _BARE_KEY.match(self._text, self._at):
                parts.append(bare.group())
                self._at = bare.end()
            self._skip(_SPACE)
            if self._text[self._at : self._at + 1] != ".":
                return parts
            self._at += 1

    def _next(self) -> str:
        """The next character that says something; the end counts as every closing bracket."""
        self._skip(_BLANK)
        return self._text[self._at]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self._text, self._at):
            self._at = found.end()

    def _line(self) -> int:
        return bisect_left(self._ends, self._at) + 1

    def _note(self, place: Location, line: int) -> None:
        self.lines.setdefault(place, line)


def _unquoted(key: str) -> str:
    """A quoted key as `tomllib` reads it; escapes of single characters are enough for keys that somebody types."""
    inner = key[1:-1]
    return inner if key.startswith("'") else re.sub(r"\\(.)", r"\1", inner)
