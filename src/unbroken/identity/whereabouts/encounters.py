"""What is gathered of pairs of tracks while they are in view together: sums, as columns with a row for each pair."""

from __future__ import annotations

from collections.abc import Iterable, Set

import numpy as np

from unbroken.core.arrays import Floats, Ints

_LEAST = 1e-3
"""Square metres: no position is known better."""
_FIRST_ROWS = 64


class Encounters:
    """Pairs of tracks, by the numbers of both.

    Attributes:
        sums: (N, 5) of inverse covariances (xx, xy, yy), and of these times the offset from the track of the lower
            number to the other (x, y).
        counts: (N,) instants that were added.
        last: (N,) seconds, of the latest of them.
    """

    def __init__(self) -> None:
        self.sums: Floats = np.zeros((_FIRST_ROWS, 5))
        self.counts: Ints = np.zeros(_FIRST_ROWS, dtype=np.int64)
        self.last: Floats = np.full(_FIRST_ROWS, -np.inf)
        self._rows: dict[int, dict[int, int]] = {}
        self._free = list(range(_FIRST_ROWS - 1, -1, -1))

    @property
    def numbers(self) -> Set[int]:
        """Of all tracks that are in a pair."""
        return self._rows.keys()

    def of(self, number: int) -> tuple[Ints, Ints]:
        """(M,) the tracks that are in a pair with this one, in the order in which they met it, and the rows."""
        rows = self._rows.get(number, {})
        return np.array(list(rows), dtype=np.int64), np.array(list(rows.values()), dtype=np.int64)

    def among(self, numbers: Ints) -> tuple[list[int], list[int]]:
        """Which of some tracks are in a pair with each other, by their places in (N,) `numbers`."""
        places = {number: place for place, number in enumerate(numbers.tolist())}
        found = [
            (place, places[other])
            for number, place in places.items()
            for other in self._rows.get(number, ())
            if other in places
        ]
        return [place for place, _ in found], [other for _, other in found]

    def rows(self, one: Ints, other: Ints) -> Ints:
        """(N,) the rows of pairs; a new one is taken in."""
        found = [self._row(*pair) for pair in zip(one.tolist(), other.tolist(), strict=True)]
        return np.array(found, dtype=np.int64)

    def add(self, rows: Ints, offsets: Floats, covariances: Floats, time: float) -> None:
        """One instant of (N,) different pairs: (N, 2) metres and (N, 2, 2) square metres of each."""
        dx, dy = offsets.T
        a, b, c = covariances[:, 0, 0] + _LEAST, covariances[:, 0, 1], covariances[:, 1, 1] + _LEAST
        det = a * c - b * b
        xx, xy, yy = c / det, -b / det, a / det
        before = self.sums[rows]
        x, y = before[:, 3] + xx * dx + xy * dy, before[:, 4] + xy * dx + yy * dy
        self.sums[rows] = np.stack([before[:, 0] + xx, before[:, 1] + xy, before[:, 2] + yy, x, y], axis=1)
        self.counts[rows] += 1
        self.last[rows] = time

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget all pairs of these tracks."""
        for number in numbers:
            for other, row in self._rows.pop(number, {}).items():
                self._rows.get(other, {}).pop(number, None)
                self.sums[row], self.counts[row], self.last[row] = 0.0, 0, -np.inf
                self._free.append(row)

    def _row(self, one: int, other: int) -> int:
        row = self._rows.get(one, {}).get(other)
        if row is None:
            if not self._free:
                self._grow()
            row = self._free.pop()
            self._rows.setdefault(one, {})[other] = row
            self._rows.setdefault(other, {})[one] = row
        return row

    def _grow(self) -> None:
        size = len(self.counts)
        self.sums = np.concatenate([self.sums, np.zeros((size, 5))])
        self.counts = np.concatenate([self.counts, np.zeros(size, dtype=np.int64)])
        self.last = np.concatenate([self.last, np.full(size, -np.inf)])
        self._free = list(range(2 * size - 1, size - 1, -1))
