"""Identity scores: IDF1 and its parts (Ristani et al. 2016, arXiv 1609.01775), as TrackEval computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.evaluation.pairing import Pairing


@dataclass(frozen=True, slots=True)
class Identity:
    """Rows that agree under the best one-to-one matching of people and ids.

    Attributes:
        tp: rows with the right id.
        fn: truth rows without.
        fp: result rows without.
    """

    tp: int
    fn: int
    fp: int

    @property
    def idf1(self) -> float:
        """Harmonic mean of precision and recall."""
        return self.tp / max(1.0, self.tp + 0.5 * self.fp + 0.5 * self.fn)

    @property
    def idp(self) -> float:
        """Precision."""
        return self.tp / max(1.0, self.tp + self.fp)

    @property
    def idr(self) -> float:
        """Recall."""
        return self.tp / max(1.0, self.tp + self.fn)


def identity(pairing: Pairing, threshold: float = 0.5) -> Identity:
    """Score one sequence.

    TrackEval minimises FN + FP over a square matrix with dummies; since a pair of ids with m common rows saves 2 m,
    that is the one-to-one matching with the most common rows, which is solved here on a matrix of a quarter the size.

    Args:
        pairing: truth and result.
        threshold: the least similarity at which two rows may be the same.
    """
    people, ids = pairing.shape
    alike = pairing.similarity >= threshold
    keys = pairing.truth_ids[pairing.rows[alike]] * ids + pairing.result_ids[pairing.columns[alike]]
    common = np.bincount(keys, minlength=people * ids).reshape(people, ids)
    rows, columns = linear_sum_assignment(common, maximize=True)
    tp = int(common[rows, columns].sum())
    return Identity(tp, len(pairing.truth_ids) - tp, len(pairing.result_ids) - tp)


def combined(scores: Sequence[Identity]) -> Identity:
    """Score several sequences as one: counts add up."""
    return Identity(sum(s.tp for s in scores), sum(s.fn for s in scores), sum(s.fp for s in scores))
