"""The remembered tracks in the order of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats, Ints

_ROUNDING = 1e-3
"""Seconds by which the middle of a track may be off as it is computed."""


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """N tracks by the middle of the time in which they were seen; of two with the same, the lower number comes first.

    Attributes:
        slots: (N,) of the tracks.
        middles: (N,) seconds, ascending.
        places: (size,) slot -> place among `slots`; -1 for slots without a track.
        half: seconds, of the longest track.
    """

    slots: Ints
    middles: Floats
    places: Ints
    half: float

    @classmethod
    def of(cls, used: Ints, starts: Floats, ends: Floats) -> Timeline:
        """Order tracks.

        Args:
            used: (N,) slots, by the numbers of their tracks.
            starts: (size,) seconds, by slot ...
            ends: (size,) ... likewise.
        """
        start, end = starts.take(used), ends.take(used)
        middles = (start + end) / 2
        order = middles.argsort(kind="stable")
        slots, places = used.take(order), np.full(len(starts), -1, dtype=np.int64)
        places[slots] = np.arange(len(slots))
        return cls(slots, middles.take(order), places, float((end - start).max(initial=0.0)) / 2)

    def around(self, start: float, end: float) -> Ints:
        """The slots, in their order, of all tracks that share an instant with start..end, and of some more."""
        reach = self.half + _ROUNDING
        return self.slots[self.middles.searchsorted(start - reach) : self.middles.searchsorted(end + reach, "right")]
