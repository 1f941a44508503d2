"""One unit vector a person, searched exactly: the gallery of the fixed rule."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from unbroken.core.arrays import Features, Floats, Ints
from unbroken.core.errors import ContractError

_FIRST_ROWS = 64


class Vectors:
    """Unit vectors under integer keys: exact cosine search by one matrix product, constant-time writes.

    Rows lie in one array that doubles when it is full; a removed row is filled with the last one, so the live rows
    are always a prefix and a query needs no mask. At 100,000 x 512 an approximate index saves nothing here: each
    sighting moves a vector, and moving one costs this array one row and a graph index a search.
    """

    def __init__(self) -> None:
        self._rows: Features = np.zeros((0, 0), dtype=np.float32)
        self._keys: Ints = np.zeros(0, dtype=np.int64)
        self._place: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._place)

    @property
    def keys(self) -> Ints:
        """(K,) the keys, in the order of the columns of `similarities`."""
        return self._keys[: len(self._place)]

    @property
    def dimension(self) -> int:
        """The length of a vector; 0 before the first."""
        return int(self._rows.shape[1])

    def get(self, key: int, default: Features) -> Features:
        """(D,) a copy of the vector of a key, or the default."""
        row = self._place.get(key)
        return default if row is None else self._rows[row].copy()

    def put(self, key: int, vector: Features) -> None:
        """Add or replace the vector of a key; it is scaled to unit length.

        Raises:
            ContractError: the length differs from that of the vectors already here.
        """
        self.check(len(vector))
        row = self._place.get(key)
        if row is None:
            row = len(self._place)
            self._reserve(row + 1, len(vector))
            self._place[key] = row
            self._keys[row] = key
        norm = float(np.sqrt(vector @ vector))
        self._rows[row] = vector / norm if norm > 0 else vector

    def remove(self, keys: Iterable[int]) -> None:
        """Drop keys; those that are not here are ignored."""
        for key in keys:
            row = self._place.pop(key, None)
            if row is None:
                continue
            last = len(self._place)
            if row != last:
                self._rows[row] = self._rows[last]
                self._keys[row] = self._keys[last]
                self._place[int(self._keys[row])] = row
            self._rows[last] = 0

    def similarities(self, queries: Features) -> Floats:
        """(Q, D) unit rows -> (Q, K) cosine similarities with everybody, in the order of `keys`."""
        if not self._place:
            return np.zeros((len(queries), 0))
        self.check(queries.shape[1])
        found: Floats = (queries @ self._rows[: len(self._place)].T).astype(np.float64)
        return found

    def check(self, dimension: int) -> None:
        """Raise a ContractError unless vectors of this dimension can be compared with those here."""
        if self._place and dimension != self.dimension:
            raise ContractError(
                f"features: have {dimension} numbers, the gallery holds {self.dimension}; "
                "one gallery takes the features of one Re-ID net"
            )

    def _reserve(self, count: int, dimension: int) -> None:
        if not self._place and dimension != self.dimension:
            self._rows = np.zeros((0, dimension), dtype=np.float32)
            self._keys = np.zeros(0, dtype=np.int64)
        if count > len(self._rows):
            size = max(2 * len(self._rows), _FIRST_ROWS)
            rows = np.zeros((size, dimension), dtype=np.float32)
            keys = np.zeros(size, dtype=np.int64)
            rows[: len(self._rows)], keys[: len(self._keys)] = self._rows, self._keys
            self._rows, self._keys = rows, keys
