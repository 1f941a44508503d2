"""Cards as TOML: the manifest of the package, and the cards that users write beside their own files."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path

from unbroken.core.cards import InputSpec, ModelCard
from unbroken.core.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CARD_SUFFIX = ".card.toml"
"""What a card beside a user's file ends with."""

_INPUT_FIELDS = {field.name: field.type for field in dataclasses.fields(InputSpec)}
_CARD_FIELDS = {field.name for field in dataclasses.fields(ModelCard)} - {"name", "input"}
_CHOICES = {"task": ("detection", "reid"), "order": ("BGR", "RGB"), "letterbox": ("none", "top_left", "centre")}


@lru_cache(maxsize=1)
def manifest() -> Mapping[str, ModelCard]:
    """The cards that come with the package, by name."""
    text = resources.files("unbroken.models").joinpath("manifest.toml").read_text(encoding="utf-8")
    return cards_from_toml(text, "the manifest")


def read_cards(path: Path) -> Mapping[str, ModelCard]:
    """The cards of a file.

    Raises:
        ConfigError: the file cannot be read, or a card is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"card {path} cannot be read ({error}); mend or remove it") from error
    return cards_from_toml(text, str(path))


def cards_from_toml(text: str, source: str) -> dict[str, ModelCard]:
    """Read cards: one table per net, named like it. `source` is what messages call the text.

    Raises:
        ConfigError: the text is no TOML, or a card has an unknown field, a wrong value or lacks one.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is no valid TOML ({error}); mend it") from error
    return {name: _card(name, table, f"card {name} of {source}") for name, table in tables.items()}


def toml_from_card(card: ModelCard) -> str:
    """A card as a TOML table: what `cards_from_toml` reads. Fields at their defaults are left out."""
    lines = [f"[{_quoted(card.name)}]"]
    for field in dataclasses.fields(card):
        value = getattr(card, field.name)
        if field.name not in ("name", "input") and value != field.default:
            lines.append(f"{field.name} = {_toml(value)}")
    spec = card.input
    given = [f"{field.name} = {_toml(getattr(spec, field.name))}" for field in dataclasses.fields(spec)]
    return "\n".join([*lines, "input = { " + ", ".join(given) + " }", ""])


def with_input(card: ModelCard, wishes: Mapping[str, object]) -> ModelCard:
    """A card whose input has some of its fields changed.

    Raises:
        ConfigError: an unknown field or a value that it cannot take.
    """
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in wishes.items()}
    base = {field.name: getattr(card.input, field.name) for field in dataclasses.fields(card.input)}
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in base.items()} | given
    return dataclasses.replace(card, input=_input(fields, f"card {card.name}"))


def _card(name: str, table: object, source: str) -> ModelCard:
    if not isinstance(table, dict):
        raise ConfigError(f"{source} is no table; write [{name}] and its fields below")
    unknown = set(table) - _CARD_FIELDS - {"input"}
    if unknown:
        raise ConfigError(
            f"{source} has the unknown field {min(unknown)!r}; known are {', '.join(sorted(_CARD_FIELDS))}"
        )
    missing = {"task", "files", "input"} - set(table)
    if missing:
        raise ConfigError(f"{source} lacks {min(missing)!r}; add it")
    fields = {key: _value(key, value, source) for key, value in table.items() if key != "input"}
    try:
        return ModelCard(name=name, input=_input(table["input"], source), **fields)  # type: ignore[arg-type]
    except TypeError as error:
        raise ConfigError(f"{source} cannot be used ({error}); mend it") from error


def _input(table: object, source: str) -> InputSpec:
    if not isinstance(table, dict):
        raise ConfigError(f"{source} has an input that is no table; write input = {{ width = 416, height = 416 }}")
    unknown = set(table) - set(_INPUT_FIELDS)
    if unknown:
        raise ConfigError(
            f"{source} has the unknown input field {min(unknown)!r}; known are {', '.join(sorted(_INPUT_FIELDS))}"
        )
    fields = {key: _value(key, value, source) for key, value in table.items()}
    spec = InputSpec(**{"width": 0, "height": 0, **fields})  # type: ignore[arg-type]
    if spec.scale == 0 or 0 in spec.std or len(spec.mean) != 3 or len(spec.std) != 3:
        raise ConfigError(f"{source}: scale and std must not be 0, and mean and std have three numbers; mend it")
    return spec


def _value(key: str, value: object, source: str) -> object:
    """A TOML value as the field wants it, with its type checked against the fields that have defaults."""
    if key in _CHOICES and value not in _CHOICES[key]:
        raise ConfigError(f"{source}: {key} is {value!r}; choose one of {', '.join(_CHOICES[key])}")
    numbers = ("width", "height", "fill", "multiple", "dimension", "output")
    if key in numbers and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise ConfigError(f"{source}: {key} is {value!r}; give a whole number, 0 or more")
    if key == "trusted" and (not isinstance(value, float) or not 0 < value < 1):
        raise ConfigError(f"{source}: trusted is {value!r}; give a score between 0 and 1")
    if key == "separation" and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 100):
        raise ConfigError(f"{source}: separation is {value!r}; give standard deviations, 0 where it is not known")
    if key == "scale" and not isinstance(value, int | float):
        raise ConfigError(f"{source}: {key} is {value!r}; give a number")
    if key in ("mean", "std", "files", "urls", "sha256", "also", "bytes"):
        if not isinstance(value, list):
            raise ConfigError(f"{source}: {key} is {value!r}; give a list")
        return tuple(float(part) for part in value) if key in ("mean", "std") else tuple(value)
    return float(value) if key in ("scale", "separation") and isinstance(value, int | float) else value


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
