"""CLEAR scores: MOTA, MOTP, switches (Bernardin and Stiefelhagen 2008), as TrackEval computes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.evaluation.pairing import EPSILON, Pairing, assigned, contested

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
    named, summed = _named(pairing, threshold)
    rows = np.flatnonzero(named >= 0)
    who = pairing.truth_ids[rows]
    order = np.argsort(who, kind="stable")
    who, ids, turns = who[order], named[rows][order], _turns(pairing)[rows][order]
    same = np.diff(who) == 0
    switches = int(np.count_nonzero(same & (np.diff(ids) != 0)))
    fragmentations = int(np.count_nonzero(same & (np.diff(turns) > 1)))
    matched, tp = np.bincount(who, minlength=people), len(rows)
    ratio = matched / np.maximum(np.bincount(pairing.truth_ids, minlength=people), 1)
    tracked = int(np.count_nonzero(ratio > 0.8))
    partly = int(np.count_nonzero(ratio >= 0.2)) - tracked
    return Clear(
        tp,
        len(pairing.truth_ids) - tp,
        len(pairing.result_ids) - tp,
        switches,
        fragmentations,
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


def _turns(pairing: Pairing) -> Ints:
    """For each truth row, the how-manieth frame it is in, of those that hold both truth and result.

    TrackEval passes over the other frames without touching what it remembers, so they end no run.
    """
    heights = np.diff(pairing.truth_starts)
    filled = (heights > 0) & (np.diff(pairing.result_starts) > 0)
    return np.repeat(np.cumsum(filled), heights)


def _named(pairing: Pairing, threshold: float) -> tuple[Ints, float]:
    """The id that each truth row is matched with, -1 for none, and the summed similarity of the matches.

    Pairs that share neither row nor column are matches. For the rest, frame by frame: keep the pairs of the last frame
    first, then the most similarity.
    """
    close = pairing.similarity >= threshold - EPSILON
    rows, columns, values = pairing.rows[close], pairing.columns[close], pairing.similarity[close]
    open_ = contested(rows, columns)
    named = np.full(len(pairing.truth_ids), -1)
    named[rows[~open_]] = pairing.result_ids[columns[~open_]]
    summed = float(values[~open_].sum())
    turns = _turns(pairing)
    contest = np.flatnonzero(open_)
    starts = np.flatnonzero(np.diff(turns[rows[contest]], prepend=-1))
    for pairs in np.split(contest, starts[1:]) if len(contest) else []:
        before = slice(*np.searchsorted(turns, [turns[rows[pairs[0]]] - 1, turns[rows[pairs[0]]]]))
        last = np.full(pairing.shape[0], -1)
        last[pairing.truth_ids[before]] = named[before]
        stays = last[pairing.truth_ids[rows[pairs]]] == pairing.result_ids[columns[pairs]]
        taken = pairs[assigned(rows[pairs], columns[pairs], _STAY * stays + values[pairs])]
        named[rows[taken]] = pairing.result_ids[columns[taken]]
        summed += float(values[taken].sum())
    return named, summed
