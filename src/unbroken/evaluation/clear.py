"""CLEAR scores: MOTA, MOTP, switches (Bernardin and Stiefelhagen 2008), as TrackEval computes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.evaluation.pairing import EPSILON, Pairing, contested, renumbered, solved


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
    """For each truth row, the how-manieth frame it is in, of those that hold both truth and result; -1 in the others.

    TrackEval passes over the other frames without touching what it remembers, so they end no run.
    """
    heights = np.diff(pairing.truth_starts)
    filled = (heights > 0) & (np.diff(pairing.result_starts) > 0)
    return np.repeat(np.where(filled, np.cumsum(filled), -1), heights)


def _before(pairing: Pairing) -> Ints:
    """For each truth row, the row of the same person in the turn before; -1 where there is none."""
    turns = _turns(pairing)
    rows = np.flatnonzero(turns >= 0)
    rows = rows[np.argsort(pairing.truth_ids[rows], kind="stable")]
    follows = (np.diff(pairing.truth_ids[rows]) == 0) & (np.diff(turns[rows]) == 1)
    before = np.full(len(turns), -1)
    before[rows[1:][follows]] = rows[:-1][follows]
    return before


def _named(pairing: Pairing, threshold: float) -> tuple[Ints, float]:
    """The id that each truth row is matched with, -1 for none, and the summed similarity of the matches.

    Pairs that share neither row nor column are matches; the rest is settled frame by frame.
    """
    close = pairing.similarity >= threshold - EPSILON
    rows, columns, values = pairing.rows[close], pairing.columns[close], pairing.similarity[close]
    ids, taken = pairing.result_ids[columns], ~contested(rows, columns)
    named = np.full(len(pairing.truth_ids) + 1, -1)
    named[rows[taken]] = ids[taken]
    pairs = np.flatnonzero(~taken)
    ends = np.flatnonzero(np.diff(pairing.frames[close][pairs], prepend=-1, append=-1))
    contest = _Contest(rows[pairs], columns[pairs], ids[pairs], values[pairs], ends)
    hits = pairs[_settled(contest, _before(pairing)[rows[pairs]], named.tolist())]
    named[rows[hits]] = ids[hits]
    taken[hits] = True
    return named[:-1], float(values[taken].sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Contest:
    """Pairs that share their row or their column with another one, one frame after the other.

    Attributes:
        rows: (P,) truth row of each pair.
        columns: (P,) its result row.
        ids: (P,) id of the result row.
        values: (P,) similarity.
        bounds: (T + 1,) where the pairs of each frame begin, and the end.
    """

    rows: Ints
    columns: Ints
    ids: Ints
    values: Floats
    bounds: Ints


def _settled(contest: _Contest, before: Ints, named: list[int]) -> list[int]:
    """The pairs that are matches: of each frame those that the last frame had, then the most similarity.

    TrackEval adds 1000 to the similarity of the pairs of the last frame. They are one-to-one, and taking one costs at
    most two others: so all of them are taken, and what they leave free is assigned alone.

    Args:
        contest: the pairs.
        before: (P,) the truth row of the same person in the last frame; -1 where there is none.
        named: the id of each truth row as far as it is known, then -1.
    """
    rows, columns = renumbered(contest.rows), renumbered(contest.columns)
    row, column, truth, ids = rows.tolist(), columns.tolist(), contest.rows.tolist(), contest.ids.tolist()
    last = before.tolist()
    settled: list[int] = []
    for first, end in pairwise(contest.bounds.tolist()):
        kept = [pair for pair in range(first, end) if named[last[pair]] == ids[pair]]
        held, used = {row[pair] for pair in kept}, {column[pair] for pair in kept}
        free = [pair for pair in range(first, end) if row[pair] not in held and column[pair] not in used]
        if len(free) > 1:
            part = np.array(free)
            free = part[solved(rows[part], columns[part], contest.values[part])].tolist()
        for pair in kept + free:
            named[truth[pair]] = ids[pair]
        settled += kept + free
    return settled
