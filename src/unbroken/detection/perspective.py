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
            self._known = fitted(np.array([sample for held in self._samples.values() for sample in held]))


def fitted(samples: Floats) -> Perspective:
    """The perspective of samples (N, 3) of foot, height, width: iterated least squares, Geman-McClure weights.

    A weak pull of the slope to zero decides where all feet are in the same rows.
    """
    feet, heights = samples[:, 0], samples[:, 1]
    design = np.column_stack([feet, np.ones(len(feet))])
    pull = np.diag([0.1 * len(feet), 0.0])
    line = np.array([0.0, float(np.median(heights))])
    for _ in range(12):
        rest = heights - design @ line
        spread = max(1.48 * float(np.median(np.abs(rest))), 0.03 * float(np.median(heights)))
        weights = (1 + (rest / (2 * spread)) ** 2) ** -2
        line = np.linalg.solve(design.T @ (weights[:, None] * design) + pull, design.T @ (weights * heights))
    aspect = float(np.clip(np.median(samples[:, 2] / heights), 0.25, 0.5))
    return Perspective(float(line[0]), float(line[1]), aspect)
