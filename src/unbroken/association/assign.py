"""Assignment: the best set of pairs under a limit, nobody in two of them."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Floats, Ints
from unbroken.geometry.kernels import compiled


def assign(costs: Floats, limit: float) -> tuple[Ints, Ints]:
    """The pairs that together lie furthest below the limit: they maximise the sum of (limit - cost).

    A pair whose cost is not below the limit is never chosen, nor forced upon others. This is the assignment of SORT
    and DeepSORT (arXiv 1602.00763, 1703.07402: Hungarian algorithm, then gating) with the gate inside the optimum: a
    pair that is not allowed gains nothing, so a full assignment of the rest costs nobody anything.

    Args:
        costs: (N, M), tracks by detections; infinity forbids, NaN is forbidden.
        limit: a pair must cost less.

    Returns:
        Rows and columns of the pairs, (K,) each, in the order of the rows.
    """
    if (fast := compiled()) is not None:
        return fast.assign(costs, limit)
    gains = limit - costs
    np.maximum(gains, 0.0, out=gains)
    tracks, detections = linear_sum_assignment(gains, maximize=True)
    good = gains[tracks, detections] > 0
    return tracks[good], detections[good]
