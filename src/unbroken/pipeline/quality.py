"""How far the view of a person can be believed: 0..1, from the box, its neighbours and the sharpness of the crop."""

from __future__ import annotations

import cv2
import numpy as np

from unbroken.core.arrays import Floats, Image
from unbroken.core.frames import Frame
from unbroken.geometry.boxes import areas, clipped, intersections

_FULL_HEIGHT = 128.0
"""Pixels: a person this tall has all the detail that a Re-ID net looks at (half of its 256 rows)."""
_SHARP = 60.0
"""Variance of the Laplacian of a grey crop that counts as half sharp."""
_EDGE = 2.0
"""Pixels from the picture's edge within which a box counts as cut off."""


def view_quality(boxes: Floats, scores: Floats, size: tuple[int, int]) -> Floats:
    """Quality of N views from their boxes alone: detector score, size, occlusion and truncation, multiplied.

    Somebody whose feet are lower in the picture stands in front; what he covers of a box is counted as hidden.

    Args:
        boxes: (N, 4) pixels.
        scores: (N,) of the detector, 0..1.
        size: width and height of the picture; (0, 0) where there is none, then nothing is cut off.

    Returns:
        (N,) in 0..1.
    """
    if not len(boxes):
        return np.zeros(0)
    height = np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    hidden = occlusion(boxes)
    quality: Floats = np.clip(scores, 0, 1) * np.sqrt(np.minimum(height / _FULL_HEIGHT, 1)) * (1 - hidden)
    return np.clip(np.where(cut_off(boxes, size), quality / 2, quality), 0, 1)


def occlusion(boxes: Floats) -> Floats:
    """The largest share of each box that one box in front of it covers. (N, 4) -> (N,) in 0..1."""
    covered = intersections(boxes, boxes) / np.maximum(areas(boxes), 1e-9)[:, None]
    in_front = boxes[None, :, 3] > boxes[:, None, 3]
    return np.asarray(np.where(in_front, covered, 0).max(axis=1, initial=0), dtype=np.float64)


def cut_off(boxes: Floats, size: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which boxes touch an edge of a picture of the given width and height. (N, 4) -> (N,)."""
    width, height = size
    if not width:
        return np.zeros(len(boxes), dtype=np.bool_)
    outside = (boxes[:, :2] < _EDGE).any(axis=1) | (boxes[:, 2] > width - _EDGE) | (boxes[:, 3] > height - _EDGE)
    return np.asarray(outside, dtype=np.bool_)


def crop_of(frame: Frame, box: Floats) -> Image:
    """The part of the picture inside a box (4,), cut at the picture's edges; empty where the box lies outside."""
    x1, y1, x2, y2 = clipped(box[None], frame.size)[0].round().astype(int).tolist()
    return frame.image[y1:y2, x1:x2]


def sharpness(crop: Image) -> float:
    """0 (blurred) to 1 (sharp), from the variance of the Laplacian at a fixed size of 64 x 128."""
    grey = cv2.cvtColor(cv2.resize(crop, (64, 128), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    variance = float(cv2.Laplacian(grey, cv2.CV_64F).var())
    return variance / (variance + _SHARP)
