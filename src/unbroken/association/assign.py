"""Assignment: the best set of pairs under a limit, nobody in two of them."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Floats, Ints


def assign(costs: Floats, limit: float) -> tuple[Ints, Ints]:
    """The pairs that together lie furthest below the limit: they maximise the sum of (limit - cost).

    A pair whose cost is not below the limit is never chosen, nor forced upon others. This is the assignment of SORT
    and DeepSORT (arXiv 1602.00763, 1703.07402: Hungarian algorithm, then gating) with the gate inside the optimum.

    Args:
        costs: (N, M), tracks by detections; infinity forbids, NaN is forbidden.
        limit: a pair must cost less.

    Returns:
        Rows and columns of the pairs, (K,) each, in the order of the rows.
    """
    allowed = costs < limit
    pairs = allowed.ravel().nonzero()[0]
    if not len(pairs):
        return pairs, pairs
    tracks, detections = np.divmod(pairs, costs.shape[1])
    rivals = np.bincount(tracks)[tracks] + np.bincount(detections)[detections]
    contested = rivals > 2
    if not contested.any():
        return tracks, detections
    alone = ~contested
    rows, columns = np.unique(tracks[contested]), np.unique(detections[contested])
    chosen_rows, chosen_columns = _optimum(costs, limit, rows, columns)
    tracks = np.concatenate([tracks[alone], chosen_rows])
    detections = np.concatenate([detections[alone], chosen_columns])
    order = np.argsort(tracks)
    return tracks[order], detections[order]


def _optimum(costs: Floats, limit: float, rows: Ints, columns: Ints) -> tuple[Ints, Ints]:
    """The optimum among the given rows and columns: what nobody else wants was taken before.

    A cost that counts as the limit where it is above makes the full assignment of the rest maximise sum(limit - cost).
    """
    part = np.minimum(costs[rows[:, None], columns], limit)
    left, right = linear_sum_assignment(part)
    good = part[left, right] < limit
    return rows[left[good]], columns[right[good]]
