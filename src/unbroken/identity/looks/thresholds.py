"""Thresholds for the fixed rule from pairs that need no labels, and whether a net separates people at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats

FEW = 50
"""Pairs of a kind below which a quantile is a guess."""
SEPARATES = 0.9
"""Area under the curve below which a net does not tell the people of this site apart."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Where the fixed rule should cut, and what it costs.

    Attributes:
        same: cosine distance below which two views are one person: strangers pass at the wanted rate.
        different: cosine distance above which they are two: views of one person fail at the wanted rate.
        false_merges: share of strangers below `same`.
        missed: share of pairs of one person above `same`.
        area: the probability that a pair of one person is closer than a pair of strangers.
        pairs: of one person, and of strangers.
        warnings: one sentence each.
    """

    same: float
    different: float
    false_merges: float
    missed: float
    area: float
    pairs: tuple[int, int]
    warnings: tuple[str, ...]


def operating_point(own: Floats, strangers: Floats, rate: float) -> OperatingPoint:
    """The cut for a wanted rate of false merges.

    Args:
        own: (N,) cosine distances between views of one track, some time apart.
        strangers: (M,) cosine distances between people seen together in one view.
        rate: share of strangers that may be taken for one person, 0..1.

    Returns:
        The operating point; NaN throughout where one kind of pairs is missing.
    """
    warnings = _few(len(own), "of one person") + _few(len(strangers), "of strangers")
    if not len(own) or not len(strangers):
        nothing = float("nan")
        pairs = (len(own), len(strangers))
        return OperatingPoint(nothing, nothing, nothing, nothing, nothing, pairs, tuple(warnings))
    same = float(np.quantile(strangers, rate))
    different = max(float(np.quantile(own, 1 - rate)), same)
    area = _area(own, strangers)
    if area < SEPARATES:
        warnings.append(
            f"a view is closer to its own person than to a stranger in {area:.0%} of the cases only: this net does "
            "not separate the people of this site; choose another"
        )
    false_merges, missed = float((strangers < same).mean()), float((own > same).mean())
    return OperatingPoint(same, different, false_merges, missed, area, (len(own), len(strangers)), tuple(warnings))


def _few(count: int, kind: str) -> list[str]:
    if count >= FEW:
        return []
    return [f"{count} pairs {kind} are too few to calibrate on (at least {FEW}): use longer or busier footage"]


def _area(own: Floats, strangers: Floats) -> float:
    """Mann and Whitney's U over the number of pairs; ties count half."""
    ordered = np.sort(strangers)
    above = len(ordered) - np.searchsorted(ordered, own, side="right")
    level = np.searchsorted(ordered, own, side="right") - np.searchsorted(ordered, own, side="left")
    return float((above + level / 2).mean() / len(ordered))
