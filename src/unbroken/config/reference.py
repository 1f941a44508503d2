"""All settings of `site.toml` with defaults, units and bounds, as the models have them: nothing is written twice."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from unbroken.config.hints import nearest
from unbroken.config.problems import model_within
from unbroken.config.site import SiteSettings
from unbroken.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        table: the table it stands in, such as `outputs.mqtt`; empty for the top.
        name: the key.
        default: as TOML; empty where it has to be given.
        limits: such as `0.5 to 120`, or the choices; empty where there are none.
        description: with the unit.
        numeric: whether it takes a number.
    """

    table: str
    name: str
    default: str
    limits: str
    description: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table of settings.

    Attributes:
        name: such as `outputs.webhooks`.
        listed: whether there may be several: `[[outputs.webhooks]]`.
        description: what it is about.
        settings: those that are no tables themselves.
    """

    name: str
    listed: bool
    description: str
    settings: tuple[Setting, ...]


def tables() -> list[Table]:
    """All tables in the order in which a site file is read best."""
    return list(_tables(SiteSettings, "", listed=False))


def about(wanted: str = "") -> list[Table]:
    """The tables, or the table, or the one setting that a name such as `live` or `live.stall` means.

    Raises:
        ConfigError: there is none of that name.
    """
    every = tables()
    if not wanted:
        return every
    found = [table for table in every if table.name == wanted or table.name.startswith(f"{wanted}.")]
    if not found:
        alone = ((table, setting) for table in every for setting in table.settings)
        found = [
            replace(table, settings=(setting,)) for table, setting in alone if f"{table.name}.{setting.name}" == wanted
        ]
    if not found:
        known = [
            name for table in every for name in (table.name, *(f"{table.name}.{one.name}" for one in table.settings))
        ]
        raise ConfigError(
            f"{wanted!r} is no setting{nearest(wanted, known)}; `unbroken site explain` shows all of them"
        )
    return found


def schema() -> str:
    """The JSON Schema of a site file, for editors."""
    content = SiteSettings.model_json_schema()
    content["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    content["title"] = "site.toml of unbroken"
    return json.dumps(content, indent=2) + "\n"


def _tables(model: type[BaseModel], name: str, *, listed: bool) -> Iterator[Table]:
    fields = model.model_fields
    inner = {key: below for key, field in fields.items() if (below := model_within(field.annotation)) is not None}
    settings = tuple(_setting(name, key, field) for key, field in fields.items() if key not in inner)
    if settings:
        yield Table(name, listed, " ".join((inspect.getdoc(model) or "").split()), settings)
    for key, below in inner.items():
        several = typing.get_origin(fields[key].annotation) is tuple
        yield from _tables(below, f"{name}.{key}".lstrip("."), listed=several)


def _setting(table: str, name: str, field: FieldInfo) -> Setting:
    required = field.is_required()
    return Setting(
        table,
        name,
        "" if required else _toml(field.get_default(call_default_factory=True)),
        _limits(field),
        field.description or "",
        field.annotation in (int, float),
    )


def _limits(field: FieldInfo) -> str:
    if typing.get_origin(field.annotation) is typing.Literal:
        return ", ".join(map(str, typing.get_args(field.annotation)))
    bounds = {
        kind: value for part in field.metadata for kind in _BOUNDS if (value := getattr(part, kind, None)) is not None
    }
    lowest = next((_BOUNDS[kind] + f"{bounds[kind]:g}" for kind in ("ge", "gt") if kind in bounds), "")
    highest = next((_BOUNDS[kind] + f"{bounds[kind]:.8g}" for kind in ("le", "lt") if kind in bounds), "")
    return f"{lowest} to {highest}" if lowest and highest else ""


_BOUNDS = {"ge": "", "gt": "above ", "le": "", "lt": "below "}
"""How a bound is said, by what pydantic calls it."""


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return "{}" if isinstance(value, dict) else json.dumps(value, ensure_ascii=False)
