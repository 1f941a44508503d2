"""A homography from pairs of points: normalised direct linear transform (Hartley, In defense of the eight-point
algorithm, 1997), made robust by RANSAC (Fischler and Bolles 1981).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.core.errors import ContractError

_TRIALS = 1000
_FLAT = 1e-3
"""Three points whose triangle has less than this share of the square of their spread lie on a line."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedHomography:
    """A homography and how well each pair agrees.

    Attributes:
        matrix: (3, 3) from the first points to the second; every used first point has a positive third coordinate.
        errors: (N,) distance of each mapped first point from its second.
        used: (N,) which pairs it was fitted to; the others are outliers.
    """

    matrix: Floats
    errors: Floats
    used: Bools


def homography(first: Floats, second: Floats) -> Floats:
    """The homography that maps `first` to `second` with the least algebraic error.

    Args:
        first: (N, 2) with N >= 4.
        second: (N, 2).

    Returns:
        (3, 3), scaled to unit norm; its sign makes the third coordinate of the first point positive.
    """
    from_first, from_second = _normaliser(first), _normaliser(second)
    a, b = mapped(from_first, first), mapped(from_second, second)
    ones, zeros = np.ones(len(a)), np.zeros((len(a), 3))
    lifted = np.column_stack([a, ones])
    upper = np.concatenate([lifted, zeros, -b[:, :1] * lifted], axis=1)
    lower = np.concatenate([zeros, lifted, -b[:, 1:] * lifted], axis=1)
    flat = np.linalg.svd(np.concatenate([upper, lower]))[2][-1].reshape(3, 3)
    matrix = np.linalg.inv(from_second) @ flat @ from_first
    matrix = matrix / np.linalg.norm(matrix)
    sign = -1.0 if matrix[2] @ [*first[0], 1.0] < 0 else 1.0
    return np.asarray(sign * matrix, dtype=np.float64)


def robust_homography(
    first: Floats, second: Floats, tolerance: float, generator: np.random.Generator
) -> FittedHomography:
    """The homography that most pairs agree with; every set of four is tried where there are few.

    Args:
        first: (N, 2) points of the picture.
        second: (N, 2) points of the ground.
        tolerance: how far a pair may be off, in units of the second points.
        generator: draws sets of four where there are more than a thousand.

    Raises:
        ContractError: there are fewer than four pairs, the points lie on a line, or no homography has all its points
            on one side of the horizon.
    """
    _check(first, second)
    best: FittedHomography | None = None
    for rows in _fours(len(first), generator):
        if _degenerate(first[rows]) or _degenerate(second[rows]):
            continue
        fitted = _agreeing(homography(first[rows], second[rows]), first, second, tolerance)
        if fitted is not None and (best is None or _better(fitted, best)):
            best = fitted
    if best is None:
        raise ContractError(
            "points: no four of them make a view of a plane with everything below the horizon; check for swapped points"
        )
    return _refined(best, first, second, tolerance)


def mapped(matrix: Floats, points: Floats) -> Floats:
    """Points through a homography. (N, 2) -> (N, 2)."""
    lifted = points @ matrix[:, :2].T + matrix[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(lifted[:, :2] / lifted[:, 2:], dtype=np.float64)


def mirrored(matrix: Floats, point: Floats) -> bool:
    """Whether the ground appears mirrored: x to the right and y away from the camera, as seen from above, is not.

    Pixels count downwards, so a view from above turns the sense of rotation.
    """
    x, y, w = matrix @ np.array([*point, 1.0])
    jacobian = matrix[:2, :2] / w - np.outer([x, y], matrix[2, :2]) / w**2
    return bool(np.linalg.det(jacobian) > 0)


def _check(first: Floats, second: Floats) -> None:
    if len(first) != len(second):
        raise ContractError(f"points: {len(first)} in the picture and {len(second)} on the ground; give pairs")
    if len(first) < 4:
        raise ContractError(f"points: {len(first)} pairs are too few; give at least 4, better 6 or more")
    for name, points in (("picture", first), ("ground", second)):
        if np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[1] <= _FLAT * np.ptp(points):
            raise ContractError(f"points: all lie on one line of the {name}; give points that span an area")


def _fours(count: int, generator: np.random.Generator) -> list[Ints]:
    if comb(count, 4) <= _TRIALS:
        return [np.array(rows) for rows in combinations(range(count), 4)]
    return [generator.choice(count, 4, replace=False) for _ in range(_TRIALS)]


def _degenerate(points: Floats) -> bool:
    """Whether three of the four points lie on a line."""
    spread = float(np.ptp(points, axis=0).max()) ** 2
    corners = (points[list(rows)] for rows in combinations(range(4), 3))
    return any(abs(float(np.linalg.det(np.column_stack([three, np.ones(3)])))) <= _FLAT * spread for three in corners)


def _agreeing(matrix: Floats, first: Floats, second: Floats, tolerance: float) -> FittedHomography | None:
    weights = first @ matrix[2, :2] + matrix[2, 2]
    errors = np.linalg.norm(mapped(matrix, first) - second, axis=1)
    errors = np.where(np.isfinite(errors) & (weights > 0), errors, np.inf)
    used = errors <= tolerance
    return FittedHomography(matrix, errors, used) if used.sum() >= 4 else None


def _better(fitted: FittedHomography, best: FittedHomography) -> bool:
    """More pairs, or as many and closer."""
    if fitted.used.sum() != best.used.sum():
        return bool(fitted.used.sum() > best.used.sum())
    return bool(fitted.errors[fitted.used].sum() < best.errors[best.used].sum())


def _refined(best: FittedHomography, first: Floats, second: Floats, tolerance: float) -> FittedHomography:
    """Fitted to all pairs that agree, as long as that wins more of them."""
    for _ in range(10):
        fitted = _agreeing(homography(first[best.used], second[best.used]), first, second, tolerance)
        if fitted is None or fitted.used.sum() < best.used.sum():
            return best
        if (fitted.used == best.used).all():
            return fitted
        best = fitted
    return best


def _normaliser(points: Floats) -> Floats:
    """Moves points to their centre and scales them to a mean distance of sqrt 2."""
    centre = points.mean(axis=0)
    scale = np.sqrt(2) / max(float(np.linalg.norm(points - centre, axis=1).mean()), 1e-12)
    return np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])
