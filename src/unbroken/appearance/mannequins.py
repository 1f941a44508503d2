"""Drawn people, as a surveillance camera would see them: what a Re-ID net is examined with where there is no footage.

Skin, hair, denim, grass, soil and sky have their natural colours, since only these can tell a net that red and blue
have been exchanged. The pictures are small, pale and noisy, since a wrong normalisation hardly hurts on brilliant ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Floats, Image, Ints

WIDTH, HEIGHT = 128, 256

Colour = tuple[float, float, float]

_SKIN = ((150, 180, 224), (118, 150, 198), (84, 112, 160), (54, 74, 110), (172, 198, 236))
_HAIR = ((20, 28, 40), (36, 56, 80), (66, 110, 150), (20, 20, 24), (112, 116, 120))
_TOPS = (
    (40, 30, 180), (130, 50, 30), (230, 235, 235), (34, 30, 30), (60, 110, 60), (40, 170, 210),
    (125, 120, 120), (90, 40, 130), (200, 140, 90), (40, 100, 200), (60, 80, 110), (90, 30, 60),
)  # fmt: skip
_TROUSERS = (
    (92, 52, 40), (140, 90, 70), (32, 28, 28), (80, 110, 130), (96, 92, 90), (50, 66, 60), (140, 160, 170),
    (36, 50, 80),
)  # fmt: skip
_PLACES = ((124, 128, 130), (86, 92, 96), (70, 110, 90), (138, 152, 160), (80, 100, 120), (190, 170, 150))
_SHOES: Colour = (34.0, 36.0, 40.0)

Random = np.random.Generator
Canvas = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mannequin:
    """What stays the same of a person from view to view. Colours are BGR."""

    skin: Colour
    hair: Colour
    top: Colour
    trousers: Colour
    second: Colour
    bag: Colour
    pattern: int
    shorts: bool
    long_sleeves: bool
    has_bag: bool
    breadth: float


@dataclass(frozen=True, slots=True)
class _Pose:
    """Where a person stands in a picture: fractions of his height become pixels."""

    centre: float
    top: float
    height: float
    breadth: float
    size: float

    def at(self, across: float, down: float) -> tuple[int, int]:
        """A point `across` from the middle and `down` from the crown."""
        return int(self.centre + WIDTH * across * self.breadth * self.size), int(self.top + self.height * down)

    def thick(self, pixels: float) -> int:
        """A thickness at the person's size."""
        return max(int(pixels * self.size), 1)


def crops_of_mannequins(people: int, views: int, rng: Random) -> tuple[list[Image], Ints]:
    """Some people, each seen a few times.

    Args:
        people: how many.
        views: how often each is seen.
        rng: what they look like and how they are seen.

    Returns:
        The crops, (256, 128, 3) BGR, and (people * views,) who is in each.
    """
    drawn = [mannequin(rng) for _ in range(people)]
    crops = [view(person, rng) for person in drawn for _ in range(views)]
    return crops, np.repeat(np.arange(people), views)


def mannequin(rng: Random) -> Mannequin:
    """A new person."""
    return Mannequin(
        skin=_chosen(_SKIN, rng),
        hair=_chosen(_HAIR, rng),
        top=_dyed(_TOPS, 18, rng),
        trousers=_dyed(_TROUSERS, 12, rng),
        second=_dyed(_TOPS, 18, rng),
        bag=_dyed(_TROUSERS, 12, rng),
        pattern=int(rng.integers(0, 4)),
        shorts=bool(rng.random() < 0.25),
        long_sleeves=bool(rng.random() < 0.6),
        has_bag=bool(rng.random() < 0.3),
        breadth=float(rng.uniform(0.85, 1.15)),
    )


def view(person: Mannequin, rng: Random) -> Image:
    """The person before another background, in another pose, light and distance. (256, 128, 3) BGR."""
    size = rng.uniform(0.88, 1.05)
    top = HEIGHT * rng.uniform(0.02, 0.07)
    pose = _Pose(WIDTH / 2 + rng.normal(0, 5), top, HEIGHT * 0.92 * size, person.breadth, size)
    canvas = _background(rng)
    _draw_legs(canvas, person, pose, rng.uniform(-0.12, 0.12))
    _draw_torso(canvas, person, pose)
    _draw_arms(canvas, person, pose, rng)
    _draw_head(canvas, person, pose)
    if rng.random() < 0.5:
        canvas = canvas[:, ::-1]
    return _photographed(_lit(canvas, rng), rng)


def _background(rng: Random) -> Canvas:
    canvas: Canvas = np.empty((HEIGHT, WIDTH, 3))
    canvas[:] = _chosen(_PLACES, rng)
    canvas[int(HEIGHT * rng.uniform(0.2, 0.6)) :] = _chosen(_PLACES, rng)
    for _ in range(4):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        corner = (x + int(rng.integers(10, 60)), y + int(rng.integers(10, 90)))
        cv2.rectangle(canvas, (x, y), corner, _dyed(_PLACES, 20, rng), -1)
    return canvas


def _draw_legs(canvas: Canvas, person: Mannequin, pose: _Pose, stride: float) -> None:
    lower = person.skin if person.shorts else person.trousers
    for side in (-1, 1):
        knee = side * (0.09 + abs(stride) * 0.5 * (side * stride > 0))
        foot = knee + stride * 0.3
        _line(canvas, pose.at(side * 0.07, 0.5), pose.at(knee, 0.72), person.trousers, pose.thick(19))
        _line(canvas, pose.at(knee, 0.72), pose.at(foot, 0.95), lower, pose.thick(14))
        cv2.ellipse(canvas, pose.at(foot + 0.02, 0.97), (pose.thick(10), 5), 0, 0, 360, _SHOES, -1, cv2.LINE_AA)


def _draw_torso(canvas: Canvas, person: Mannequin, pose: _Pose) -> None:
    _polygon(canvas, [pose.at(x, y) for x, y in ((-0.2, 0.17), (0.2, 0.17), (0.17, 0.53), (-0.17, 0.53))], person.top)
    if person.pattern == 1:
        for row in range(4):
            down = 0.22 + 0.08 * row
            _line(canvas, pose.at(-0.18, down), pose.at(0.18, down), person.second, 5)
    if person.pattern == 2:
        corners = ((-0.19, 0.36), (0.19, 0.36), (0.17, 0.53), (-0.17, 0.53))
        _polygon(canvas, [pose.at(x, y) for x, y in corners], person.second)


def _draw_arms(canvas: Canvas, person: Mannequin, pose: _Pose, rng: Random) -> None:
    sleeve = person.top if person.long_sleeves else person.skin
    for side in (-1, 1):
        elbow, hand = side * (0.25 + 0.05 * rng.random()), side * (0.2 + 0.1 * rng.random())
        _line(canvas, pose.at(side * 0.19, 0.2), pose.at(elbow, 0.36), person.top, pose.thick(12))
        _line(canvas, pose.at(elbow, 0.36), pose.at(hand, 0.5), sleeve, pose.thick(10))
        cv2.circle(canvas, pose.at(hand, 0.52), pose.thick(6), person.skin, -1, cv2.LINE_AA)
    if person.has_bag:
        _line(canvas, pose.at(-0.17, 0.18), pose.at(0.17, 0.5), person.bag, 6)
        cv2.ellipse(canvas, pose.at(0.2, 0.52), (12, 16), 0, 0, 360, person.bag, -1, cv2.LINE_AA)


def _draw_head(canvas: Canvas, person: Mannequin, pose: _Pose) -> None:
    _line(canvas, pose.at(0, 0.12), pose.at(0, 0.18), person.skin, pose.thick(13))
    cv2.ellipse(canvas, pose.at(0, 0.08), (pose.thick(14), pose.thick(18)), 0, 0, 360, person.skin, -1, cv2.LINE_AA)
    cv2.ellipse(canvas, pose.at(0, 0.05), (pose.thick(15), pose.thick(13)), 0, 180, 360, person.hair, -1, cv2.LINE_AA)


def _lit(canvas: Canvas, rng: Random) -> Canvas:
    """Shade across and down, brightness, and a slight cast."""
    across = rng.uniform(-0.2, 0.2) * np.linspace(-1, 1, WIDTH)[None, :, None]
    down = rng.uniform(-0.12, 0.12) * np.linspace(-1, 1, HEIGHT)[:, None, None]
    cast = 1 + rng.normal(0, 0.03, 3)
    lit: Canvas = canvas * (1 + across + down) * rng.uniform(0.75, 1.15) * cast
    return lit


def _photographed(canvas: Canvas, rng: Random) -> Image:
    """From afar: few pixels, little contrast, noise."""
    cloth = cv2.resize(rng.normal(0, 8, (HEIGHT // 4, WIDTH // 4)), (WIDTH, HEIGHT))[:, :, None]
    width = int(rng.uniform(22, 40))
    small = cv2.resize(canvas + cloth, (width, 2 * width), interpolation=cv2.INTER_AREA)
    pale = rng.uniform(60, 110) + (cv2.resize(small, (WIDTH, HEIGHT)) - 110) * rng.uniform(0.3, 0.5)
    noisy: Floats = pale + rng.normal(0, 3, pale.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _chosen(palette: Sequence[Sequence[int]], rng: Random) -> Colour:
    blue, green, red = palette[int(rng.integers(len(palette)))]
    return float(blue), float(green), float(red)


def _dyed(palette: Sequence[Sequence[int]], spread: float, rng: Random) -> Colour:
    blue, green, red = np.clip(_chosen(palette, rng) + rng.normal(0, spread, 3), 5, 250)
    return float(blue), float(green), float(red)


def _line(canvas: Canvas, start: tuple[int, int], end: tuple[int, int], colour: Colour, thickness: int) -> None:
    cv2.line(canvas, start, end, colour, thickness, cv2.LINE_AA)


def _polygon(canvas: Canvas, corners: Sequence[tuple[int, int]], colour: Colour) -> None:
    cv2.fillPoly(canvas, [np.array(corners)], colour, cv2.LINE_AA)
