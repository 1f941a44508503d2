"""What all settings share: nothing unknown is accepted, nothing changes later, names fit file names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=64)]
Value = bool | int | float | str


class Strict(BaseModel):
    """Settings that refuse what they don't know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
