"""HOTA, Higher Order Tracking Accuracy (Luiten et al., IJCV 2021, arXiv 2009.07736), as TrackEval computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Floats, Ints
from unbroken.evaluation.pairing import EPSILON, Pairing

ALPHAS: Floats = np.arange(0.05, 0.99, 0.05)
"""The 19 similarities at which a match counts; HOTA is the mean over them."""


@dataclass(frozen=True, slots=True, eq=False)
class Hota:
    """HOTA and its parts at each of the 19 `ALPHAS`. The mean of an array is what papers print.

    Attributes:
        tp: (19,) matched rows.
        fn: (19,) truth rows without a match.
        fp: (19,) result rows without a match.
        ass_a: (19,) association accuracy (eq. 15).
        ass_re: (19,) association recall (eq. 22).
        ass_pr: (19,) association precision (eq. 23).
        loc_a: (19,) mean similarity of the matches (eq. 28).
    """

    tp: Floats
    fn: Floats
    fp: Floats
    ass_a: Floats
    ass_re: Floats
    ass_pr: Floats
    loc_a: Floats

    @property
    def det_a(self) -> Floats:
        """Detection accuracy (eq. 11)."""
        return self.tp / np.maximum(1, self.tp + self.fn + self.fp)

    @property
    def det_re(self) -> Floats:
        """Detection recall (eq. 19)."""
        return self.tp / np.maximum(1, self.tp + self.fn)

    @property
    def det_pr(self) -> Floats:
        """Detection precision (eq. 20)."""
        return self.tp / np.maximum(1, self.tp + self.fp)

    @property
    def hota(self) -> Floats:
        """The geometric mean of detection and association (eq. 16)."""
        return np.sqrt(self.det_a * self.ass_a)


def hota(pairing: Pairing) -> Hota:
    """Score one sequence."""
    truth_counts, result_counts = np.bincount(pairing.truth_ids), np.bincount(pairing.result_ids)
    rows, columns, similarity = _matches(pairing, truth_counts, result_counts)
    people, ids = pairing.truth_ids[rows], pairing.result_ids[columns]
    parts = []
    for alpha in ALPHAS:
        hit = similarity >= alpha - EPSILON
        parts.append((*_association(people[hit], ids[hit], truth_counts, result_counts), similarity[hit].sum()))
    tp, ass_a, ass_re, ass_pr, summed = np.array(parts).T
    return Hota(
        tp,
        len(pairing.truth_ids) - tp,
        len(pairing.result_ids) - tp,
        ass_a,
        ass_re,
        ass_pr,
        np.maximum(1e-10, summed) / np.maximum(1e-10, tp),
    )


def combined(scores: Sequence[Hota]) -> Hota:
    """Score several sequences as one: counts add up, the rest is weighed by matches."""
    tp = np.sum([score.tp for score in scores], axis=0)

    def mean(name: str) -> Floats:
        total: Floats = np.sum([getattr(score, name) * score.tp for score in scores], axis=0)
        weighed: Floats = total / np.maximum(1, tp)
        return weighed

    located = np.sum([score.loc_a * score.tp for score in scores], axis=0)
    return Hota(
        tp,
        np.sum([score.fn for score in scores], axis=0),
        np.sum([score.fp for score in scores], axis=0),
        mean("ass_a"),
        mean("ass_re"),
        mean("ass_pr"),
        np.maximum(1e-10, located) / np.maximum(1e-10, tp),
    )


def _matches(pairing: Pairing, truth_counts: Ints, result_counts: Ints) -> tuple[Ints, Ints, Floats]:
    """The one matching used at every alpha: it favours pairs of ids that fit well over the whole sequence."""
    similarity, rows, columns = pairing.similarity, pairing.rows, pairing.columns
    row_sums = np.bincount(rows, similarity, len(pairing.truth_ids))
    column_sums = np.bincount(columns, similarity, len(pairing.result_ids))
    shares = similarity / (row_sums[rows] + column_sums[columns] - similarity)
    people, ids = pairing.truth_ids[rows], pairing.result_ids[columns]
    key = people * max(pairing.shape[1], 1) + ids
    keys, place = np.unique(key, return_inverse=True)
    potential = np.bincount(place.reshape(-1), shares, len(keys))[place]
    alignment = potential / (truth_counts[people] + result_counts[ids] - potential)
    found: list[tuple[Ints, Ints]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for frame, matrix in pairing.matrices(alignment * similarity):
        first, second = linear_sum_assignment(matrix, maximize=True)
        hit = matrix[first, second] > 0
        found.append((first[hit] + pairing.truth_starts[frame], second[hit] + pairing.result_starts[frame]))
    matched_rows = np.concatenate([pair[0] for pair in found])
    matched_columns = np.concatenate([pair[1] for pair in found])
    return matched_rows, matched_columns, _values_at(pairing, matched_rows, matched_columns)


def _values_at(pairing: Pairing, rows: Ints, columns: Ints) -> Floats:
    """The similarity of the given pairs."""
    width = max(len(pairing.result_ids), 1)
    keys = pairing.rows * width + pairing.columns
    order = np.argsort(keys)
    values: Floats = pairing.similarity[order[np.searchsorted(keys[order], rows * width + columns)]]
    return values


def _association(people: Ints, ids: Ints, truth_counts: Ints, result_counts: Ints) -> tuple[int, float, float, float]:
    """Number of matches and the association accuracy, recall and precision at one alpha."""
    keys, counts = np.unique(people * max(len(result_counts), 1) + ids, return_counts=True)
    truth, result = truth_counts[keys // max(len(result_counts), 1)], result_counts[keys % max(len(result_counts), 1)]
    tp = int(counts.sum())
    scale = max(1, tp)
    accuracy = float(np.sum(counts * (counts / np.maximum(1, truth + result - counts)))) / scale
    recall = float(np.sum(counts * (counts / np.maximum(1, truth)))) / scale
    precision = float(np.sum(counts * (counts / np.maximum(1, result)))) / scale
    return tp, accuracy, recall, precision
