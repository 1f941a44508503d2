"""What all settings share: nothing unknown is accepted, nothing changes later, names fit file names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=64)]
Value = bool | int | Annotated[float, Field(allow_inf_nan=False)] | str
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
Point = tuple[Coordinate, Coordinate]
"""Pixels of a camera's picture (x to the right, y down), or metres on the ground."""


class Strict(BaseModel):
    """Settings that refuse what they don't know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
