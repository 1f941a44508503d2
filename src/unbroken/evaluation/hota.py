"""HOTA, Higher Order Tracking Accuracy (Luiten et al., IJCV 2021, arXiv 2009.07736), as TrackEval computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.evaluation.pairing import EPSILON, Pairing, assigned

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
    reached = np.searchsorted(ALPHAS - EPSILON, similarity, side="right")
    key = pairing.truth_ids[rows] * len(result_counts) + pairing.result_ids[columns]
    truth, result = (counts[:, None] for counts in (truth_counts, result_counts))
    met, counts = _counts(key, reached)
    tp = counts.sum(axis=0)
    ass_a, ass_re, ass_pr = _association(counts, truth[met // len(result)], result[met % len(result)])
    summed = _from_last(np.bincount(reached, similarity, len(ALPHAS) + 1).astype(np.float64))
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
    key = people * len(result_counts) + ids
    potential = np.bincount(key, shares, len(truth_counts) * len(result_counts))[key]
    alignment = potential / (truth_counts[people] + result_counts[ids] - potential)
    taken = assigned(pairing.frames, rows, columns, alignment * similarity)
    return rows[taken], columns[taken], similarity[taken]


def _counts(key: Ints, reached: Ints) -> tuple[Ints, Floats]:
    """The K keys that occur, and (K, 19) how often each does among the matches that reach each alpha.

    Args:
        key: (M,) which person and id each match is of, one number for both.
        reached: (M,) how many of the alphas its similarity reaches.
    """
    met, place = np.unique(key, return_inverse=True)
    width = len(ALPHAS) + 1
    counts = np.bincount(place.reshape(-1) * width + reached, minlength=len(met) * width)
    return met, _from_last(counts.reshape(len(met), width).astype(np.float64))


def _from_last(numbers: Floats) -> Floats:
    """(..., 19): from (..., 20) numbers by how many alphas are reached, their sums by the alpha that is reached."""
    sums: Floats = np.cumsum(numbers[..., ::-1], axis=-1)[..., -2::-1]
    return sums


def _association(counts: Floats, truth: Ints, result: Ints) -> tuple[Floats, Floats, Floats]:
    """Association accuracy, recall and precision at each alpha.

    Args:
        counts: (K, 19) matches of each pair of a person and an id.
        truth: (K, 1) rows of the person.
        result: (K, 1) rows of the id.
    """
    scale = np.maximum(1, counts.sum(axis=0))
    accuracy = (counts * (counts / np.maximum(1, truth + result - counts))).sum(axis=0) / scale
    recall = (counts * (counts / np.maximum(1, truth))).sum(axis=0) / scale
    precision = (counts * (counts / np.maximum(1, result))).sum(axis=0) / scale
    return accuracy, recall, precision
