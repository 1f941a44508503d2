"""Who walks there: height, build, speed and clothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Colour = tuple[int, int, int]
"""Blue, green, red, 0..255."""
Pattern = Literal["plain", "stripes", "band", "jacket"]

_UPPER: tuple[Colour, ...] = (
    (48, 48, 200), (190, 105, 35), (60, 140, 50), (40, 190, 230), (235, 235, 235), (40, 40, 44),
    (160, 60, 130), (60, 120, 235), (170, 170, 60), (150, 150, 155), (120, 90, 220), (70, 60, 20),
)  # fmt: skip
_LOWER: tuple[Colour, ...] = (
    (92, 58, 32), (40, 38, 36), (88, 88, 90), (40, 52, 84), (140, 92, 52), (52, 70, 52), (60, 36, 92), (110, 70, 90),
)  # fmt: skip
_HAIR: tuple[Colour, ...] = ((20, 22, 28), (30, 48, 78), (70, 130, 180), (120, 120, 124), (24, 40, 100))
_SKIN: tuple[Colour, ...] = ((150, 185, 230), (120, 160, 212), (90, 130, 185), (60, 90, 140), (45, 65, 100))
_BAG: tuple[Colour, ...] = ((30, 30, 34), (40, 60, 120), (50, 110, 60), (40, 40, 160), (130, 70, 30))
_PATTERNS: tuple[Pattern, ...] = ("plain", "plain", "stripes", "band", "jacket")


@dataclass(frozen=True, slots=True)
class Person:
    """One person.

    Attributes:
        number: from 1: the Global ID of the truth.
        height: metres.
        build: width against the average, around 1.
        speed: of walking, metres per second.
        upper: colour of shirt or coat.
        accent: second colour of a pattern.
        pattern: of the upper clothing.
        lower: colour of trousers or skirt.
        hair: colour.
        skin: colour.
        bag: colour of a backpack; `None` without one.
        skirt: wears a skirt or a long coat.
    """

    number: int
    height: float
    build: float
    speed: float
    upper: Colour
    accent: Colour
    pattern: Pattern
    lower: Colour
    hair: Colour
    skin: Colour
    bag: Colour | None
    skirt: bool


def draw_people(count: int, rng: np.random.Generator) -> tuple[Person, ...]:
    """People with clothes of their own. Upper colours repeat only after all have been worn, trousers repeat freely."""
    wardrobe: list[Colour] = []
    while len(wardrobe) < count:
        wardrobe += [_UPPER[number] for number in rng.permutation(len(_UPPER))]
    return tuple(_draw_person(number + 1, wardrobe[number], rng) for number in range(count))


def _draw_person(number: int, upper: Colour, rng: np.random.Generator) -> Person:
    def one_of(colours: tuple[Colour, ...]) -> Colour:
        return colours[int(rng.integers(len(colours)))]

    pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))]
    return Person(
        number=number,
        height=float(np.clip(rng.normal(1.73, 0.09), 1.5, 1.98)),
        build=float(np.clip(rng.normal(1.0, 0.08), 0.85, 1.2)),
        speed=float(np.clip(rng.normal(1.3, 0.15), 0.9, 1.7)),
        upper=_shaded(upper, rng),
        accent=one_of(_UPPER),
        pattern=pattern,
        lower=_shaded(one_of(_LOWER), rng),
        hair=one_of(_HAIR),
        skin=one_of(_SKIN),
        bag=one_of(_BAG) if rng.random() < 0.3 else None,
        skirt=bool(rng.random() < 0.2),
    )


def _shaded(colour: Colour, rng: np.random.Generator) -> Colour:
    """The colour, a little lighter or darker and a little off: no two dyes are the same."""
    mixed = np.clip(np.array(colour) * rng.uniform(0.85, 1.1) + rng.normal(0, 5, 3), 8, 245)
    return int(mixed[0]), int(mixed[1]), int(mixed[2])
