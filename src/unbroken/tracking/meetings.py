"""Who has been so near to somebody else that the two may have been exchanged, and what says so once they part."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from unbroken.core.arrays import Bools, Features, Floats, Ints
from unbroken.geometry.boxes import iou
from unbroken.tracking.table import TrackTable

_TOGETHER = 0.3
"""Overlap (IoU) from which place alone may mistake one for the other."""

_KNOWN, _CLEAN = 3, 3
"""Features that a track needs from before the meeting, and from after it."""

_TELLING = 0.1
"""Difference of looks, in sums of two cosines, below which nobody is told from anybody."""


class Meetings:
    """Tracks that overlap, or did a moment ago, and how each looked before.

    All who overlapped one another, directly or through others, form a knot: inside it anybody may have become anybody.
    A knot's tracks keep a copy of their features from before. As soon as two of them have `_CLEAN` new features since
    they overlapped with anybody, the new ones are compared with the old ones of both: if exchanging the two explains
    the looks better by a share of what tells them apart, they are exchanged. That share is read off the two
    themselves, so no threshold depends on the net.

    Attributes:
        ids: (P,) of the tracks, in order.
        knots: (P,) a number for each knot.
        before: (P, B, D) the features from before.
        known: (P,) how many features had been stored by then.
        stored: (P,) how many had been when the track last overlapped with somebody.
        last: (P,) when that was, seconds.
    """

    __slots__ = ("before", "ids", "knots", "known", "last", "stored")

    def __init__(self) -> None:
        self.ids: Ints = np.zeros(0, dtype=np.int64)
        self.knots: Ints = np.zeros(0, dtype=np.int64)
        self.before: Features = np.zeros((0, 0, 0), dtype=np.float32)
        self.known: Ints = np.zeros(0, dtype=np.int64)
        self.stored: Ints = np.zeros(0, dtype=np.int64)
        self.last: Floats = np.zeros(0)

    def mend(self, table: TrackTable, margin: float, patience: float) -> bool:
        """Note who overlaps now, and exchange those who part in each other's place. Rows of the table stay in order.

        Args:
            table: tracks of one camera that have just been corrected.
            margin: share of the difference in looks by which exchanging must be better.
            patience: seconds after which a meeting is forgotten.

        Returns:
            Whether anybody was exchanged.
        """
        time = float(table.seen.max(initial=0.0))
        self._keep(np.isin(self.ids, table.ids) & (time - self.last <= patience))
        self._note(table, time)
        return self._settle(table, margin) if len(self.ids) > 1 else False

    def _keep(self, kept: Bools) -> None:
        if not kept.all():
            for name in self.__slots__:
                setattr(self, name, getattr(self, name)[kept])

    def _note(self, table: TrackTable, time: float) -> None:
        """Begin and renew the meetings of those who overlap now."""
        near = np.triu(iou(table.boxes, table.boxes) > _TOGETHER, 1) & table.confirmed & table.confirmed[:, None]
        one, other = near.nonzero()
        if not len(one):
            return
        self._begin(table, np.setdiff1d(table.ids[np.union1d(one, other)], self.ids))
        first, second = (np.searchsorted(self.ids, table.ids[rows]) for rows in (one, other))
        met = np.union1d(first, second)
        self.stored[met] = table.stored[np.searchsorted(table.ids, self.ids[met])]
        self.last[met] = time
        for left, right in zip(first, second, strict=True):
            self.knots[self.knots == self.knots[right]] = self.knots[left]

    def _begin(self, table: TrackTable, ids: Ints) -> None:
        """Take in tracks that were alone so far."""
        if not len(ids):
            return
        rows = np.searchsorted(table.ids, ids)
        banks = table.bank[rows]
        every = np.concatenate([self.ids, ids])
        order = every.argsort()
        self.ids = every[order]
        self.knots = np.concatenate([self.knots, ids])[order]
        self.before = np.concatenate([self.before.reshape(-1, *banks.shape[1:]), banks])[order]
        self.known = np.concatenate([self.known, table.stored[rows]])[order]
        self.stored = np.concatenate([self.stored, table.stored[rows]])[order]
        self.last = np.concatenate([self.last, np.zeros(len(ids))])[order]

    def _settle(self, table: TrackTable, margin: float) -> bool:
        """Judge the pairs of which one has just become clear."""
        rows = np.searchsorted(table.ids, self.ids)
        clean = table.stored[rows] - self.stored
        ready = ((clean >= _CLEAN) & (self.known >= _KNOWN)).nonzero()[0]
        exchanged = False
        for one, other in combinations(ready.tolist(), 2):
            pair = np.array([one, other])
            if self.knots[one] == self.knots[other] and (clean[pair] == _CLEAN).any():
                after = table.newest(rows[pair], _CLEAN)
                if swapped_looks(self.before[pair], after, margin):
                    self._exchange(table, pair, after)
                    exchanged = True
        return exchanged

    def _exchange(self, table: TrackTable, pair: Ints, after: Features) -> None:
        """Give each of two the place of the other, and the looks that it has shown there."""
        rows = np.searchsorted(table.ids, self.ids[pair])
        table.exchange(rows)
        table.relearn(rows, self.before[pair], self.known[pair], after[::-1])
        self.stored[pair] = table.stored[rows] - _CLEAN


def swapped_looks(before: Features, after: Features, margin: float) -> bool:
    """Whether two tracks look as if they had been exchanged.

    With s(x, y) the mean cosine between the features of x and of y, exchanging gains
    s(a, b') + s(b, a') - s(a, a') - s(b, b'), primes for after. If nobody's looks changed in between, that is plus or
    minus d = s(a, a) + s(b, b) - 2 s(a, b); it must be more than the margin's share of d.

    Args:
        before: (2, B, D), unit rows; rows of zeros are empty places.
        after: (2, K, D), unit rows.
        margin: share of d.
    """
    old = [bank[bank.any(axis=1)] for bank in before]
    apart = _alike_within(old[0]) + _alike_within(old[1]) - 2 * float((old[0] @ old[1].T).mean())
    kept, crossed = (
        sum(float((bank @ new.T).mean()) for bank, new in zip(old, order, strict=True))
        for order in (after, after[::-1])
    )
    return apart > _TELLING and crossed - kept > margin * apart


def _alike_within(bank: Features) -> float:
    """The mean cosine between different rows of one track (B, D), B at least 2."""
    count = len(bank)
    return float((bank @ bank.T).sum() - count) / (count * (count - 1))
