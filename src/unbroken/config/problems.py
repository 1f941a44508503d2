"""Everything that is wrong with a site file: each with its line, key, value and mend."""

from __future__ import annotations

import sys
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from unbroken.config.hints import nearest
from unbroken.config.lines import Location, line_at, lines_of
from unbroken.config.site import ALONE, SiteSettings, contradictions
from unbroken.core.secrets import masked

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LONGEST = 80
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that is wrong, or may be.

    Attributes:
        line: of the file, from 1; 0 where no line is to blame.
        key: such as `cameras.1.source`; empty for the file as a whole.
        text: one sentence with key, value and mend. It never holds a password.
        grade: an `error` keeps a site from running as it is meant, a `warning` does not.
    """

    line: int
    key: str
    text: str
    grade: Literal["error", "warning"] = "error"

    def sentence(self, origin: str) -> str:
        """The whole sentence, with the place in front."""
        return f"{origin}, line {self.line}: {self.text}" if self.line else f"{origin}: {self.text}"


def parsed(text: str) -> tuple[SiteSettings | None, list[Problem]]:
    """The settings that a text of TOML describes, or `None`, and all that is wrong with it, in the order of lines."""
    try:
        content, lines = tomllib.loads(text), lines_of(text)
    except tomllib.TOMLDecodeError as error:
        return None, [Problem(_line_named(str(error)), "", f"is no TOML ({error}); mend that line")]
    except RecursionError:
        return None, [Problem(0, "", "is nested too deep for a site; start again from `unbroken site init`")]
    try:
        settings = SiteSettings.model_validate(content, context=ALONE)
    except ValidationError as error:
        return None, problems_of(error, lines)
    found = [Problem(line_at(lines, place), dotted(place), text) for place, text in contradictions(settings)]
    return settings, sorted(found)


def problems_of(error: ValidationError, lines: dict[Location, int]) -> list[Problem]:
    """What pydantic has found, in sentences, in the order of lines; an unknown key before what is missing for it."""
    details = [detail for detail in error.errors() if not _follows_from_others(detail, error.errors())]
    ranked = sorted(details, key=lambda one: (line_at(lines, one["loc"]), one["type"] != "extra_forbidden"))
    return [Problem(line_at(lines, one["loc"]), dotted(one["loc"]), _sentence(one)) for one in ranked]


def dotted(place: Sequence[str | int]) -> str:
    """A location as messages write it: `cameras.1.source`."""
    return ".".join(map(str, place))


def shown(value: object) -> str:
    """A value as a message shows it: short, and without passwords."""
    text = masked(repr(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _sentence(detail: ErrorDetails) -> str:
    where = [str(part) for part in detail["loc"]]
    key = ".".join(where) or "the site"
    if detail["type"] == "extra_forbidden":
        known = known_keys(where[:-1])
        return f"{key} is not a known setting{nearest(where[-1], known)}; known here are {', '.join(known)}"
    if detail["type"] == "missing":
        return f"{key} is missing; add it"
    message = masked(detail["msg"].removeprefix("Value error, "))
    if detail["type"] == "value_error" and not isinstance(detail["input"], str | int | float):
        return message
    if message.startswith(("is ", "has ", "it ")):
        return f"{key}: {shown(detail['input'])} {message.removeprefix('it ')}"
    choices = detail.get("ctx", {}).get("expected", "")
    hint = nearest(str(detail["input"]), str(choices).replace("'", "").replace(" or ", ", ").split(", "))
    return f"{key} is {shown(detail['input'])}: {message[:1].lower()}{message[1:]}{hint if choices else ''}"


def _follows_from_others(detail: ErrorDetails, every: Sequence[ErrorDetails]) -> bool:
    """Whether a list only counts as too short because its items are wrong, which is said already."""
    place = detail["loc"]
    return detail["type"] == "too_short" and any(
        other["loc"][: len(place)] == place and len(other["loc"]) > len(place) for other in every
    )


def known_keys(where: Sequence[str]) -> list[str]:
    """The settings that a table may have.

    Args:
        where: the way to the table: names of settings and numbers of items.
    """
    model: type[BaseModel] | None = SiteSettings
    for part in where:
        if model is not None and part in model.model_fields:
            model = model_within(model.model_fields[part].annotation)
    return sorted(model.model_fields) if model is not None else []


def model_within(annotation: object) -> type[BaseModel] | None:
    """The settings that an annotation such as `tuple[CameraSettings, ...]` is about; `None` for plain values."""
    arguments = typing.get_args(annotation)
    if not arguments:
        return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return next((model for model in map(model_within, arguments) if model is not None), None)


def _line_named(message: str) -> int:
    """The line that `tomllib` names in its message; 0 where it names none."""
    _, found, rest = message.partition("(at line ")
    number = rest.partition(",")[0]
    return int(number) if found and number.isdigit() else 0
