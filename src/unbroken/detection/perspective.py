"""How tall a standing person is in the picture, by where his feet are: learnt from the people themselves.

On flat ground, under a camera without roll, the height in pixels is a linear function of the row of the feet
(Hoiem, Efros and Hebert 2008, eq. 4 for small tilt).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats

_BANDS = 24
_PER_BAND = 40
_ENOUGH = 12
_SPREAD = 0.08
"""By what part people's heights differ, stride and badly cut silhouettes included."""

_STEEPEST = 1.5
"""The slope is a person's height over the camera's: no camera hangs much lower than a person's head."""


@dataclass(frozen=True, slots=True)
class Perspective:
    """Height = slope * foot + offset, width = aspect * height; pixels.

    Attributes:
        slope: pixels of height per row.
        offset: the height at row 0.
        aspect: width over height of an upright person.
    """

    slope: float
    offset: float
    aspect: float

    def heights(self, feet: Floats) -> Floats:
        """The height of people whose feet are in the given rows; at least 4 pixels. (N,) -> (N,)."""
        heights: Floats = np.maximum(self.slope * feet + self.offset, 4.0)
        return heights

    def height(self, foot: float) -> float:
        """The height of a person whose feet are in the given row."""
        return max(self.slope * foot + self.offset, 4.0)


class PerspectiveLearner:
    """Collects people who stand alone and fits the perspective to them, again and again.

    Samples are kept per band of rows, so that somebody who stands for an hour does not outweigh all who passed.
    """

    def __init__(self, picture_height: int) -> None:
        """Know nothing of pictures of the given height."""
        self._band = max(picture_height / _BANDS, 1.0)
        self._samples: dict[int, deque[tuple[float, float, float]]] = {}
        self._fresh = 0
        self._known: Perspective | None = None

    @property
    def known(self) -> Perspective | None:
        """The perspective, or `None` until enough people were seen."""
        return self._known

    def add(self, foot: float, height: float, width: float) -> None:
        """A person alone and whole: the row of his feet, his height and width."""
        band = self._samples.setdefault(int(foot / self._band), deque(maxlen=_PER_BAND))
        band.append((foot, height, width))
        self._fresh += 1
        if self._fresh >= _ENOUGH:
            self._fresh = 0
            self._known = fitted(
                np.array([sample for held in self._samples.values() for sample in held]), doubt=self._band
            )


def fitted(samples: Floats, *, doubt: float) -> Perspective:
    """The perspective of samples (N, 3) of foot, height, width: iterated least squares, Geman-McClure weights.

    Tall samples count for more: what is not a whole person is most often a part of one.

    Args:
        samples: pixels.
        doubt: pixels: a spread of feet below this says little about the slope, which is then drawn to zero.
    """
    feet, heights = samples[:, 0], samples[:, 1]
    middle, size = float(np.median(feet)), _weighted_median(heights, heights**2)
    slope, level = 0.0, size
    for _ in range(12):
        expected = np.maximum(slope * (feet - middle) + level, 0.1 * size)
        rest = heights / expected - 1
        spread = max(1.48 * float(np.median(np.abs(rest))), _SPREAD)
        weights = heights * (1 + (rest / (2 * spread)) ** 2) ** -2
        weights /= weights.sum()
        foot, mean = float(weights @ feet), float(weights @ heights)
        slope = float(weights @ ((feet - foot) * (heights - mean))) / (float(weights @ (feet - foot) ** 2) + doubt**2)
        slope = min(max(slope, 0.0), _STEEPEST)
        level = mean + slope * (middle - foot)
    aspect = float(np.clip(np.median(samples[:, 2] / heights), 0.25, 0.5))
    return Perspective(slope, level - slope * middle, aspect)


def _weighted_median(values: Floats, weights: Floats) -> float:
    """The value below which half of the weight lies."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])
