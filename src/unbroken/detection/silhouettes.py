"""From evidence, pixel by pixel, to people: connected silhouettes, and groups taken apart.

A silhouette with the height that the perspective expects is one person. Any other is explained by people of the
expected size, the best first (matching pursuit over an integral image, in the spirit of Fleuret et al. 2008): a
person is three stacked boxes, head, trunk and legs, and earns what evidence he covers, pays for what he covers
without evidence; evidence once explained pays nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Floats, Image, Ints
from unbroken.detection.background import SHADED
from unbroken.detection.perspective import Perspective

Weights = NDArray[np.float32]

_SHADE = 0.3
"""What a shaded pixel weighs against a solid one: a dark coat looks like a shadow, a shadow is no person."""

_BODY = ((0.0, 0.16, 0.4), (0.12, 0.6, 0.75), (0.5, 1.0, 0.6))
"""Head, trunk, legs: from and to in parts of the height, width in parts of the person's width."""

_MISSING = 0.7
"""What a covered pixel without evidence costs, where one with evidence earns 1."""

_LEAST_QUALITY = 0.08
"""People who explain less of themselves are not looked for: most are hidden behind others, and their scores say so."""


@dataclass(frozen=True, slots=True, eq=False)
class Silhouette:
    """A connected piece of evidence.

    Attributes:
        left: of its corner in the picture.
        top: of its corner in the picture.
        weights: (h, w) float32, 0..1: the evidence of each of its pixels.
        inside: (h, w) uint8, 1 where it is.
        whole: it does not touch the edge of the picture.
    """

    left: int
    top: int
    weights: Weights
    inside: Image
    whole: bool

    @property
    def window(self) -> tuple[slice, slice]:
        """Where it lies in the picture."""
        height, width = self.inside.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def trimmed(self) -> Floats:
        """Corners (4,) of its box in the picture, without thin ends: rows and columns of little evidence."""
        top, bottom = _extent(self.weights.sum(axis=1), 0.1)
        left, right = _extent(self.weights.sum(axis=0), 0.12)
        return np.array([self.left + left, self.top + top, self.left + right, self.top + bottom], dtype=np.float64)

    def mean(self, picture: NDArray[np.generic]) -> float:
        """The mean of a picture (H, W) within it."""
        return float(cv2.mean(picture[self.window], self.inside)[0])

    def fullness(self, box: Floats) -> float:
        """The mean evidence in a box within it."""
        x1, y1, x2, y2 = (box - [self.left, self.top, self.left, self.top]).astype(int)
        return float(self.weights[y1:y2, x1:x2].mean())


def silhouettes(evidence: Image, least_height: float) -> Iterator[Silhouette]:
    """The connected pieces of evidence, specks left out.

    Args:
        evidence: (H, W) as `Background.observe` gives it.
        least_height: of a person, in pixels.
    """
    height, width = evidence.shape
    reach = max(round(0.6 * least_height), 3)
    steady = cv2.compare(cv2.blur(evidence, (5, 5)), 100, cv2.CMP_GT)
    joined = cv2.morphologyEx(steady, cv2.MORPH_CLOSE, np.ones((reach, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8, ltype=cv2.CV_16U)
    for label in range(1, count):
        x, y, w, h, area = (int(number) for number in stats[label])
        if h < 0.5 * least_height or area < 0.1 * least_height**2:
            continue
        inside = (labels[y : y + h, x : x + w] == label).astype(np.uint8)
        piece = evidence[y : y + h, x : x + w]
        weights = np.where(piece > SHADED, 1.0, np.where(piece > 0, _SHADE, 0.0)) * inside
        whole = x > 1 and y > 1 and x + w < width - 1 and y + h < height - 1
        yield Silhouette(x, y, weights.astype(np.float32), inside, whole)


def presence(silhouette: Silhouette, luma: Image, background: Image) -> float:
    """How much its outline is an edge of the picture rather than of the background: 1 is real, 0 a ghost.

    Args:
        silhouette: the piece.
        luma: (H, W) of the picture.
        background: (H, W) of the background.
    """
    outline = cv2.morphologyEx(
        cv2.copyMakeBorder(silhouette.inside, 2, 2, 2, 2, cv2.BORDER_CONSTANT), cv2.MORPH_GRADIENT, np.ones((3, 3))
    )[2:-2, 2:-2]
    now = _edges(luma[silhouette.window], outline)
    before = _edges(background[silhouette.window], outline)
    return now / (now + before + 1e-6)


def people_in(silhouette: Silhouette, perspective: Perspective, *, least_height: float = 8.0, most: int = 8) -> Floats:
    """Explain a silhouette by people of the expected size, the best first.

    Args:
        silhouette: the piece.
        perspective: of its camera.
        least_height: pixels; where people should be smaller, none are looked for.
        most: as many people at most.

    Returns:
        (N, 5): corners in the picture, and the part of the body's pixels that is explained, costs subtracted.
    """
    height, width = silhouette.inside.shape
    tallest = perspective.height(silhouette.top + height)
    margin = int(0.5 * tallest) + 2
    evidence = cv2.copyMakeBorder(silhouette.weights, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    value = evidence * (1 + _MISSING) - _MISSING
    across = max(int(perspective.aspect * tallest / 7), 1)
    centres = np.arange(margin, margin + width, across)
    feet = np.arange(margin + int(0.4 * tallest), min(margin + height + int(0.35 * tallest), 2 * margin + height))
    feet = feet[:: max(int(tallest / 20), 1)]
    heights = perspective.heights(feet - margin + float(silhouette.top))
    feet, heights = feet[heights >= least_height], heights[heights >= least_height]
    bodies = _Bodies.at(feet, heights, centres, perspective.aspect, (value.shape[0], value.shape[1]))
    found: list[tuple[float, float, float, float, float]] = []
    while len(feet) and len(found) < most:
        gain = bodies.covered(value)
        row, column = np.unravel_index(int(np.argmax(gain)), gain.shape)
        quality = float(gain[row, column] / bodies.areas[row])
        if quality < _LEAST_QUALITY:
            break
        x, foot, tall = float(centres[column]), float(feet[row]), float(heights[row])
        half = tall * perspective.aspect / 2
        found.append((x - half, foot - tall, x + half, foot, quality))
        _explain(value, evidence, (x - half, foot - tall, x + half, foot))
    corner = [silhouette.left - margin, silhouette.top - margin] * 2
    people: Floats = np.array(found, dtype=np.float64).reshape(-1, 5) + np.array([*corner, 0.0])
    return people


@dataclass(frozen=True, slots=True, eq=False)
class _Bodies:
    """Where the three boxes of a body lie for each (foot, centre), in rows and columns of an integral image.

    Attributes:
        boxes: per box top (F, 1), bottom (F, 1), left (F, C) and right (F, C).
        areas: (F,) pixels of a body.
    """

    boxes: list[tuple[Ints, Ints, Ints, Ints]]
    areas: Floats

    @classmethod
    def at(cls, feet: Ints, heights: Floats, centres: Ints, aspect: float, shape: tuple[int, int]) -> _Bodies:
        boxes = []
        areas = np.zeros(len(feet))
        for start, end, part in _BODY:
            top = _within(feet - heights * (1 - start), shape[0])[:, None]
            bottom = _within(feet - heights * (1 - end), shape[0])[:, None]
            half = (heights * aspect * part / 2)[:, None]
            boxes.append((top, bottom, _within(centres - half, shape[1]), _within(centres + half, shape[1])))
            areas += ((bottom - top) * 2 * half)[:, 0]
        return cls(boxes, np.maximum(areas, 1.0))

    def covered(self, value: Weights) -> Floats:
        """The sum of the values under each body, (F, C)."""
        integral = cv2.integral(value)
        total = np.zeros(self.boxes[0][2].shape)
        for top, bottom, left, right in self.boxes:
            total += integral[bottom, right] - integral[top, right] - integral[bottom, left] + integral[top, left]
        return total


def _within(places: Floats, last: int) -> Ints:
    """Whole numbers from 0 to `last`."""
    inside: Ints = np.minimum(np.maximum(places, 0.0), last).astype(np.int64)
    return inside


def _explain(value: Weights, evidence: Weights, box: tuple[float, float, float, float]) -> None:
    """Take the evidence in a box away: it earns nothing more, and costs nobody anything."""
    left, top, right, bottom = (max(int(edge), 0) for edge in box)
    window = (slice(top, bottom + 1), slice(left, right + 1))
    value[window] = np.where(evidence[window] > 0.25, 0.0, np.minimum(value[window], 0.0))


def _extent(profile: Weights, part: float) -> tuple[int, int]:
    """From where to where a profile is above a part of its peak."""
    above = np.flatnonzero(profile > part * profile.max())
    return (int(above[0]), int(above[-1]) + 1) if len(above) else (0, len(profile))


def _edges(picture: Image, where: Image) -> float:
    """The mean gradient of the pixels in `where`."""
    across = cv2.Sobel(picture, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(picture, cv2.CV_32F, 0, 1)
    return float(cv2.mean(cv2.magnitude(across, down), where)[0])
