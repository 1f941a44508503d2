"""Costs and similarities of tracks (N) with detections (M): matrices (N, M) in that order."""

from __future__ import annotations

import numpy as np

from unbroken.core.arrays import Bools, Features, Floats

CHI_SQUARE_95 = {2: 5.9915, 4: 9.4877}
"""The 95 % quantile of the chi-square distribution, by degrees of freedom: gates of DeepSORT."""

_TINY = float(np.finfo(np.float64).tiny)


def height_iou(first: Floats, second: Floats) -> Floats:
    """What two boxes share of their vertical extent, as an IoU of intervals. (N, 4), (M, 4) -> (N, M) in 0..1.

    Source: Hybrid-SORT (arXiv 2308.00783), equation 6.
    """
    shared = np.minimum(first[:, None, 3], second[None, :, 3]) - np.maximum(first[:, None, 1], second[None, :, 1])
    hull = np.maximum(first[:, None, 3], second[None, :, 3]) - np.minimum(first[:, None, 1], second[None, :, 1])
    extent: Floats = np.maximum(shared, 0) / np.maximum(hull, _TINY)
    return extent


def fused(similarities: Floats, scores: Floats) -> Floats:
    """Similarities weighed by the score of each detection (ByteTrack's code; BoT-SORT, equation 10). (N, M), (M,)."""
    weighed: Floats = similarities * scores
    return weighed


def cosine_distances(first: Features, second: Features) -> Floats:
    """1 - cosine of unit rows (N, D), (M, D) -> (N, M); NaN where either row is zeros: not computed, no evidence."""
    if not first.shape[1] or first.shape[1] != second.shape[1]:
        return np.full((len(first), len(second)), np.nan)
    distances: Floats = 1.0 - (first @ second.T).astype(np.float64)
    distances[~first.any(axis=1)] = np.nan
    distances[:, ~second.any(axis=1)] = np.nan
    return distances


def nearest_distances(banks: Features, features: Features) -> Floats:
    """The least cosine distance of a detection to any feature that a track keeps (DeepSORT, equation 4).

    Args:
        banks: (N, B, D), unit rows; rows of zeros are empty places.
        features: (M, D), unit rows; a row of zeros was not computed.

    Returns:
        (N, M); NaN where there is nothing to compare.
    """
    count, depth, dimension = banks.shape
    if not count * depth * dimension:
        return np.full((count, len(features)), np.nan)
    distances = cosine_distances(banks.reshape(-1, dimension), features).reshape(count, depth, len(features))
    least: Floats = np.where(np.isnan(distances), np.inf, distances).min(axis=1)
    least[np.isinf(least)] = np.nan
    return least


def mahalanobis(positions: Floats, variances: Floats, measured: Floats) -> Floats:
    """Squared Mahalanobis distance (DeepSORT, equation 1) under a diagonal covariance.

    Args:
        positions: (N, K), predicted coordinates.
        variances: (N, K), of measured minus predicted.
        measured: (M, K).

    Returns:
        (N, M), chi-square distributed with K degrees of freedom for true pairs.
    """
    inverse = 1.0 / variances
    distances: Floats = np.zeros((len(positions), len(measured)))
    for coordinate in range(positions.shape[1]):
        offsets = measured[None, :, coordinate] - positions[:, None, coordinate]
        distances += offsets * offsets * inverse[:, None, coordinate]
    return distances


def direction_consistency(headings: Floats, origins: Floats, targets: Floats) -> Floats:
    """How well going on to a detection agrees with the direction a track has had (OC-SORT, arXiv 2203.14360, 4.2).

    The paper's cost is the difference of angles; here, as in its experiments, it becomes a similarity that is positive
    below a right angle. The three arrays broadcast: (K, 2) each gives (K,); (N, 1, 2), (N, 1, 2), (M, 2) a matrix.

    Args:
        headings: (..., 2), unit vectors of motion between two past observations; zeros where it is not known.
        origins: (..., 2), centres of the older observation, where the new direction starts.
        targets: (..., 2), centres of detections.

    Returns:
        (...) in -0.5..0.5; 0 where there is no direction.
    """
    steps = targets - origins
    lengths = np.sqrt(steps[..., 0] ** 2 + steps[..., 1] ** 2)
    along = steps[..., 0] * headings[..., 0] + steps[..., 1] * headings[..., 1]
    cosines = along / np.maximum(lengths, _TINY)
    consistency: Floats = 0.5 - np.arccos(np.minimum(np.maximum(cosines, -1.0), 1.0)) / np.pi
    return consistency


def forbid(costs: Floats, where: Bools) -> Floats:
    """The costs, infinite where told."""
    limited: Floats = np.where(where, np.inf, costs)
    return limited
