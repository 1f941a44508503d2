"""CLEAR scores: MOTA, MOTP, switches (Bernardin and Stiefelhagen 2008), as TrackEval computes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.evaluation.pairing import EPSILON, Pairing

_STAY = 1000.0


@dataclass(frozen=True, slots=True)
class Clear:
    """Counts of one sequence, or of several added up.

    Attributes:
        tp: matched rows.
        fn: truth rows without a match.
        fp: result rows without a match.
        switches: how often a person's id differs from the one it last had.
        fragmentations: how often a person is found again after a gap.
        mostly_tracked: people found in more than 80 % of their frames.
        partly_tracked: people between.
        mostly_lost: people found in less than 20 % of their frames.
        similarity: summed over the matches.
    """

    tp: int
    fn: int
    fp: int
    switches: int
    fragmentations: int
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    similarity: float

    @property
    def mota(self) -> float:
        """1 - (misses + false ones + switches) / truth rows."""
        return (self.tp - self.fp - self.switches) / max(1.0, self.tp + self.fn)

    @property
    def motp(self) -> float:
        """Mean similarity of the matches."""
        return self.similarity / max(1.0, self.tp)

    @property
    def recall(self) -> float:
        """Share of the truth that is matched."""
        return self.tp / max(1.0, self.tp + self.fn)

    @property
    def precision(self) -> float:
        """Share of the result that is matched."""
        return self.tp / max(1.0, self.tp + self.fp)


def clear(pairing: Pairing, threshold: float = 0.5) -> Clear:
    """Score one sequence.

    Args:
        pairing: truth and result.
        threshold: the least similarity of a match.
    """
    people = pairing.shape[0]
    last = np.full(people, -1)
    previous = np.full(people, -1)
    matched, begun = np.zeros(people, np.int64), np.zeros(people, np.int64)
    tp, switches, summed = 0, 0, 0.0
    for truth, ids, matrix in _frames(pairing):
        first, second = _match(matrix, ids == previous[truth][:, None], threshold)
        who, named = truth[first], ids[second]
        switches += int(np.count_nonzero((last[who] >= 0) & (last[who] != named)))
        matched[who] += 1
        begun[who[previous[who] < 0]] += 1
        last[who] = named
        previous.fill(-1)
        previous[who] = named
        tp += len(first)
        summed += float(matrix[first, second].sum())
    ratio = matched / np.maximum(np.bincount(pairing.truth_ids, minlength=people), 1)
    tracked = int(np.count_nonzero(ratio > 0.8))
    partly = int(np.count_nonzero(ratio >= 0.2)) - tracked
    return Clear(
        tp,
        len(pairing.truth_ids) - tp,
        len(pairing.result_ids) - tp,
        switches,
        int(np.maximum(begun - 1, 0).sum()),
        tracked,
        partly,
        people - tracked - partly,
        summed,
    )


def combined(scores: Sequence[Clear]) -> Clear:
    """Score several sequences as one: counts add up."""
    return Clear(
        sum(s.tp for s in scores),
        sum(s.fn for s in scores),
        sum(s.fp for s in scores),
        sum(s.switches for s in scores),
        sum(s.fragmentations for s in scores),
        sum(s.mostly_tracked for s in scores),
        sum(s.partly_tracked for s in scores),
        sum(s.mostly_lost for s in scores),
        math.fsum(s.similarity for s in scores),
    )


def _frames(pairing: Pairing) -> Iterator[tuple[Ints, Ints, Floats]]:
    """The people, the ids and the similarities of each frame that holds both.

    A frame in which nobody is alike still ends every run, one without truth or without result does not: TrackEval
    passes over those without touching what it remembers.
    """
    matrices = dict(pairing.matrices(pairing.similarity))
    truth_starts, result_starts = pairing.truth_starts.tolist(), pairing.result_starts.tolist()
    for frame in range(len(truth_starts) - 1):
        truth = pairing.truth_ids[truth_starts[frame] : truth_starts[frame + 1]]
        ids = pairing.result_ids[result_starts[frame] : result_starts[frame + 1]]
        if len(truth) and len(ids):
            yield truth, ids, matrices.get(frame, np.zeros((len(truth), len(ids))))


def _match(similarity: Floats, stays: Bools, threshold: float) -> tuple[Ints, Ints]:
    """Keep the pairs of the last frame first, then the most similarity."""
    scores = np.where(similarity < threshold - EPSILON, 0, _STAY * stays + similarity)
    rows, columns = linear_sum_assignment(scores, maximize=True)
    hit = scores[rows, columns] > EPSILON
    return rows[hit], columns[hit]
