"""A colour for each person: stable, told apart from its neighbours, also by people who see fewer colours.

The colours are chosen once, farthest first, from a grid of OKLCH (B. Ottosson, "A perceptual color space for image
processing", 2020). The distance of two colours is the least of what normal, protan, deutan and tritan eyes see
(G. Machado, M. Oliveira, L. Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009,
severity 1), so red and green of one lightness never follow each other.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from unbroken.core.arrays import Floats

COUNT = 24
"""How many colours there are before they come again."""

UNDECIDED = (170, 170, 170)
"""Blue, green, red of a track that is nobody yet."""

_LMS_FROM_OKLAB = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]]
)
_RGB_FROM_LMS = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
_DEFICIENCIES = np.array(
    [
        np.eye(3),
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ]
)


def bgr(person: int) -> tuple[int, int, int]:
    """Blue, green, red, 0..255, of a Global ID; grey for -1 (undecided)."""
    if person < 1:
        return UNDECIDED
    red, green, blue = (int(value) for value in palette()[(person - 1) % COUNT])
    return blue, green, red


def css(person: int) -> str:
    """The same colour as `#rrggbb`."""
    blue, green, red = bgr(person)
    return f"#{red:02x}{green:02x}{blue:02x}"


def ink(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Near black or white (BGR): what is readable on a colour (BGR)."""
    blue, green, red = colour
    return (20, 20, 20) if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else (255, 255, 255)


@lru_cache(maxsize=1)
def palette() -> Floats:
    """(COUNT, 3) red, green, blue, 0..255: a blue first, then always the colour farthest from all before it."""
    colours = _candidates()
    seen = perceived(colours)
    start = int(np.argmin(np.abs(colours - np.array([52.0, 140.0, 240.0])).sum(axis=1)))
    chosen = [start]
    nearest = _distances(seen, start)
    while len(chosen) < COUNT:
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, _distances(seen, chosen[-1]))
    result: Floats = colours[chosen]
    result.flags.writeable = False
    return result


def perceived(colours: Floats) -> Floats:
    """(N, 3) red, green, blue, 0..255 -> (4, N, 3) OKLab as seen by normal, protan, deutan and tritan eyes."""
    scaled = colours / 255
    linear = np.where(scaled <= 0.04045, scaled / 12.92, ((scaled + 0.055) / 1.055) ** 2.4)
    simulated = np.clip(linear @ _DEFICIENCIES.transpose(0, 2, 1), 0, 1)
    lms = np.cbrt(simulated @ np.linalg.inv(_RGB_FROM_LMS).T)
    result: Floats = lms @ np.linalg.inv(_LMS_FROM_OKLAB).T
    return result


def _distances(seen: Floats, row: int) -> Floats:
    result: Floats = np.linalg.norm(seen - seen[:, row : row + 1], axis=2).min(axis=0)
    return result


def _candidates() -> Floats:
    """Colours that a screen can show, neither dark nor pale, so that they stand out on video."""
    lightness, chroma, hue = np.meshgrid(
        np.linspace(0.52, 0.88, 7), np.linspace(0.11, 0.2, 4), np.linspace(0, 2 * np.pi, 60, endpoint=False)
    )
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1).reshape(-1, 3)
    linear = (lab @ _LMS_FROM_OKLAB.T) ** 3 @ _RGB_FROM_LMS.T
    linear = linear[((linear >= 0) & (linear <= 1)).all(axis=1)]
    scaled = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    result: Floats = np.round(scaled * 255)
    return result
