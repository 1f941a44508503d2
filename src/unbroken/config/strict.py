"""What all settings share: nothing unknown is accepted, nothing changes later, names fit file names."""

from __future__ import annotations

from math import isfinite
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

_LONGEST_PART = 255
"""Bytes of a name in a path: what file systems take."""


def _usable(text: str) -> str:
    """A path or an address that the operating system can at least be asked about."""
    parts = text.replace("\\", "/").split("/") if "://" not in text else []
    if any(len(part.encode("utf-8", "replace")) > _LONGEST_PART for part in parts):
        raise ValueError(f"it has a name of more than {_LONGEST_PART} bytes in it; shorten it")
    return text


def _one_line(text: str) -> str:
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise ValueError("it has a line break or a control character in it; remove that")
    return text


def _plain(value: object) -> object:
    """One sentence in place of one per kind that a value is not."""
    if not isinstance(value, bool | int | float | str):
        raise PydanticCustomError("kind", "is neither text nor a number, true or false; give one of those")
    if isinstance(value, float) and not isfinite(value):
        raise PydanticCustomError("finite", "is not finite; give a number")
    return value


Line = Annotated[str, Field(max_length=2048), AfterValidator(_one_line)]
"""Text on one line, without control characters."""
Place = Annotated[Line, AfterValidator(_usable)]
"""A path, an address, or the name of something that may also be given as a path."""
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=64)]
Value = Annotated[bool | int | float | str, BeforeValidator(_plain)]
"""The value of an option whose owner checks it: its kind is not known here."""
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
Point = tuple[Coordinate, Coordinate]
"""Pixels of a camera's picture (x to the right, y down), or metres on the ground."""


class Strict(BaseModel):
    """Settings that refuse what they don't know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
