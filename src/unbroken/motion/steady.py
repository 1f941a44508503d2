"""The camera's own motion, seen in the boxes alone: what all people do at once, the camera did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats, Ints

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

    fewest: int = 4
    reach: float = 0.4
    agreement: float = 0.15
    stillness: float = 1.0


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
    heights = np.maximum(predicted[:, 3], 1.0)
    growth = np.log(heights[:, None] / np.maximum(measured[:, 3], 1.0))
    steps = measured[None, :, :2] - predicted[:, None, :2]
    for number in range(_ROUNDS):
        rows, columns = _mutual(steps - shift, heights, growth, settings.reach)
        if len(rows) < settings.fewest:
            return shift
        believed = _agreed(steps[rows, columns], heights[rows], settings)
        if believed is None and number == _ROUNDS - 1:
            return np.zeros(2)
        shift = np.median(steps[rows, columns], axis=0) if believed is None else believed
    return shift


def _mutual(steps: Floats, heights: Floats, growth: Floats, reach: float) -> tuple[Ints, Ints]:
    """Pairs of which each is the other's nearest."""
    distances = np.square(steps).sum(axis=2) / np.square(heights)[:, None] + 4 * np.square(growth)
    best = distances.argmin(axis=1)
    rows = np.arange(len(distances))
    good = (distances.argmin(axis=0)[best] == rows) & (distances[rows, best] < reach**2)
    return rows[good], best[good]


def _agreed(steps: Floats, heights: Floats, settings: Steadiness) -> Floats | None:
    """The shift on which at least half of the pairs agree, shrunk by its uncertainty."""
    off = steps - np.median(steps, axis=0)
    near = np.sqrt(np.square(off).sum(axis=1)) < settings.agreement * heights
    count = int(near.sum())
    if count < max(settings.fewest, len(steps) / 2):
        return None
    weights = heights[near, None] ** -2.0
    shift: Floats = (steps[near] * weights).sum(axis=0) / weights.sum()
    spread = float((np.square(steps[near] - shift) * weights).sum() / weights.sum()) / (count - 1)
    power = float(shift @ shift)
    return shift * (power / (power + settings.stillness * spread + 1e-9))
