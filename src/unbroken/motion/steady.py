"""The camera's own motion, seen in the boxes alone: what all people do at once, the camera did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.geometry.kernels import compiled

_ROUNDS = 3
"""Pairs are found, shifted by what they have in common, and found again."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """When a common shift is believed. Distances are in box heights.

    Attributes:
        fewest: pairs that must agree.
        reach: how far a pair may be apart.
        agreement: how far a pair may be from the common shift and still count for it.
        stillness: how many times its own uncertainty a shift must exceed to count by half: the wish that a camera
            stands still.
    """

    fewest: int = 6
    reach: float = 0.4
    agreement: float = 0.15
    stillness: float = 3.0


def common_shift(predicted: Floats, measured: Floats, settings: Steadiness) -> Floats:
    """How far people were found from where they were expected, together.

    Expected and found boxes are paired where each is the other's nearest (in place and height), the median of the
    pairs' differences is refined to the mean of those near it, weighed by 1 / height^2, since near people move more;
    then it is shrunk towards 0 by its own uncertainty.

    Args:
        predicted: (N, 4) centre, width, height in pixels.
        measured: (M, 4) likewise.
        settings: when it is believed.

    Returns:
        (2,) pixels; zeros where too few agree.
    """
    shift = np.zeros(2)
    if min(len(predicted), len(measured)) < settings.fewest:
        return shift
    if (fast := compiled()) is not None:
        limits = (settings.fewest, settings.reach, settings.agreement, settings.stillness)
        return np.array(fast.common_shift(predicted, measured, limits, _ROUNDS))
    heights = np.maximum(predicted[:, 3], 1.0)
    growth = np.log(heights)[:, None] - np.log(np.maximum(measured[:, 3], 1.0))
    unlike, squares = 4 * growth * growth, (heights * heights)[:, None]
    right, down = (measured[:, axis] - predicted[:, axis, None] for axis in (0, 1))
    believed, pairs = None, np.zeros(0, dtype=np.int64)
    for _ in range(_ROUNDS):
        far = ((right - shift[0]) ** 2 + (down - shift[1]) ** 2) / squares + unlike
        rows, columns = _mutual(far, settings.reach)
        if len(rows) < settings.fewest:
            return shift
        before, pairs = pairs, rows * len(measured) + columns
        if len(before) == len(pairs) and (before == pairs).all():
            break  # the same pairs would say the same again
        steps = np.stack([right.take(pairs), down.take(pairs)], axis=1)
        believed = _agreed(steps, heights[rows], settings)
        shift = _median(steps) if believed is None else believed
    return np.zeros(2) if believed is None else believed


def _mutual(distances: Floats, reach: float) -> tuple[Ints, Ints]:
    """Pairs of which each is the other's nearest, by squared distances (N, M)."""
    best = distances.argmin(axis=1)
    rows = np.arange(len(distances))
    good = (distances.argmin(axis=0)[best] == rows) & (distances[rows, best] < reach**2)
    return rows[good], best[good]


def _median(rows: Floats) -> Floats:
    """The median of each column: np.median, without the care for NaN that takes most of its time."""
    ordered = np.sort(rows, axis=0)
    half = len(rows) // 2
    middle: Floats = ordered[half] if len(rows) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return middle


def _agreed(steps: Floats, heights: Floats, settings: Steadiness) -> Floats | None:
    """The shift on which at least half of the pairs agree, shrunk by its uncertainty."""
    off = steps - _median(steps)
    near = np.hypot(off[:, 0], off[:, 1]) < settings.agreement * heights
    count = int(np.count_nonzero(near))
    if count < max(settings.fewest, len(steps) / 2):
        return None
    agreeing, weights = steps[near], heights[near] ** -2.0
    whole = float(weights.sum())
    shift: Floats = weights @ agreeing / whole
    off = agreeing - shift
    spread = float((weights @ (off * off)).sum()) / whole / (count - 1)
    power = float(shift @ shift)
    return shift * (power / (power + settings.stillness * spread + 1e-9))
