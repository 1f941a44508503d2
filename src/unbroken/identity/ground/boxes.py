"""Boxes of people who are partly hidden, made whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats


@dataclass(frozen=True, slots=True)
class WholeBoxes:
    """How boxes are made whole.

    Attributes:
        window: seconds before and after in which a person's other boxes in the view say how large he is.
        share: the quantile of their heights and widths that is taken for his size: what hides him makes boxes smaller.
        growth: a box grows at most by this factor in height.
    """

    window: float = 1.0
    share: float = 0.8
    growth: float = 1.6


def whole_boxes(times: Floats, boxes: Floats, settings: WholeBoxes) -> Floats:
    """One person's boxes in one view, with feet and sides that others hide put back; heads stay where they are.

    Args:
        times: (N,) seconds, ascending.
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        settings: how.

    Returns:
        (N, 4): no box is lower than it was; the middle of its upper edge has not moved.
    """
    sizes = boxes[:, 2:] - boxes[:, :2]
    starts = np.searchsorted(times, times - settings.window)
    ends = np.searchsorted(times, times + settings.window, side="right")
    usual = [np.quantile(sizes[a:b], settings.share, axis=0) for a, b in zip(starts, ends, strict=True)]
    width, height = np.array(usual).reshape(-1, 2).T
    tall = np.clip(height, sizes[:, 1], settings.growth * sizes[:, 1])
    half = np.maximum(width, 0.7 * sizes[:, 0]) / 2
    centre = (boxes[:, 0] + boxes[:, 2]) / 2
    return np.column_stack([centre - half, boxes[:, 1], centre + half, boxes[:, 1] + tall])
