"""What is known of everybody: their views, columns with an exact search, and the rules that keep it bounded."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Bools, Features, Floats, Ints
from unbroken.identity.looks.bootstrap import Bootstrap
from unbroken.identity.looks.calibration import Likeness

_FIRST_ROWS = 64
_AT_ONCE = 4096
"""People whose vectors are projected together."""
_BLOCK = 1024
"""People whom several tracks are compared with at a time."""
_DENSE = 8
"""Rows are looked up in a table of all Global IDs where these are at most so many times what is asked for."""
_FROM_THE_FIRST = np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class GallerySettings:
    """How much is remembered.

    Attributes:
        capacity: people; who was seen longest ago makes room.
        lifetime: seconds after which somebody who was not seen again is forgotten.
        views: tracks kept per person: the most diverse ones, and always the last.
        megabytes: of vectors, in both forms, and what a comparison needs; who was seen longest ago makes room.
    """

    capacity: int = 100_000
    lifetime: float = 30 * 86400.0
    views: int = 8
    megabytes: float = 2000.0


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One track of a person, as the gallery keeps it.

    Attributes:
        number: of the track, in the history.
        camera: number of the camera.
        start: seconds.
        end: seconds.
        vector: (D,) float32, as the net made it: it outlives every calibration.
        row: (d,) the same in the basis of the present calibration.
    """

    number: int
    camera: int
    start: float
    end: float
    vector: Features
    row: Floats

    @property
    def middle(self) -> float:
        """Seconds: its place in the order of time."""
        return (self.start + self.end) / 2

    @property
    def bytes(self) -> int:
        """Of both vectors."""
        return self.vector.nbytes + self.row.nbytes


class Gallery:
    """Everybody known: for each person a few diverse views, and as columns what a comparison needs.

    The columns are kept in the order of the Global IDs, so a person's row is found by bisection. Comparing a track
    with everybody is one matrix product.
    """

    def __init__(self, settings: GallerySettings | None = None) -> None:
        self.settings = settings or GallerySettings()
        self._views: dict[int, tuple[View, ...]] = {}
        self._count = 0
        self._next = 1
        self._held = 0
        self._likeness: Likeness | Bootstrap | None = None
        self._ids: Ints = np.zeros(0, dtype=np.int64)
        self._columns = _Columns.empty(0, 0)

    def __len__(self) -> int:
        return self._count

    @property
    def ids(self) -> Ints:
        """(P,) Global IDs, ascending."""
        return self._ids[: self._count]

    @property
    def columns(self) -> _Columns:
        """What a comparison needs, row by row for `ids`."""
        return self._columns.head(self._count)

    @property
    def bytes(self) -> int:
        """Of all vectors, and of what a comparison needs."""
        return self._held + self._count * self._columns.bytes_per_person

    def views(self, person: int) -> tuple[View, ...]:
        """The views kept of a person, oldest first; none of somebody unknown."""
        return self._views.get(person, ())

    def left(self, person: int, numbers: Set[int]) -> tuple[View, ...]:
        """The views of a person that are not of these tracks."""
        return tuple([view for view in self.views(person) if view.number not in numbers])

    def rows(self, persons: Ints) -> Ints:
        """(N,) Global IDs -> their rows, -1 for those who are not here."""
        if not self._count:
            return np.full(len(persons), -1, dtype=np.int64)
        if self._next <= _DENSE * len(persons):
            places = np.full(self._next, -1, dtype=np.int64)
            places[self.ids] = np.arange(self._count)
            return places[persons]
        inside = np.minimum(self.ids.searchsorted(persons), self._count - 1)
        return np.where(self.ids[inside] == persons, inside, -1)

    def row(self, person: int) -> int:
        """The row of one person, -1 of somebody who is not here."""
        row = int(self.ids.searchsorted(person))
        return row if row < self._count and self._ids[row] == person else -1

    def new_id(self) -> int:
        """The next Global ID; it is never given again."""
        person, self._next = self._next, self._next + 1
        return person

    def begin_after(self, highest: int) -> None:
        """Global IDs up to this one were given before and are not given again."""
        self._next = max(self._next, highest + 1)

    def ratios(self, rows: Floats) -> Floats:
        """(T, d) tracks -> (T, P) the model's log-likelihood ratios with everybody, before calibration."""
        if self._likeness is None or not self._count:
            return np.zeros((len(rows), self._count))
        columns, count = self._columns, self._count
        own = self._likeness.own(rows, self.settings.views)
        found = np.empty((len(rows), count))
        # Many rows go block by block, so that what is added meets the products while they are in the cache.
        step = count if len(rows) == 1 else _BLOCK
        for first in range(0, count, step):
            people = slice(first, min(first + step, count))
            part = rows @ columns.directions[people].T
            part += columns.offsets[people]
            part += own.take(columns.counts[people], axis=1)
            found[:, people] = part
        return found

    def together(self, rows: Floats) -> Floats:
        """(k, d) tracks of one person -> (P,) the model's log-likelihood ratios with everybody."""
        likeness = self._likeness
        if isinstance(likeness, Likeness) and len(rows) > 1 and self._count:
            columns, total = self.columns, rows.sum(axis=0)
            counts = columns.counts.astype(np.float64) + len(rows)
            alone = likeness.energy(total[None], np.array([float(len(rows))]))[0]
            found: Floats = likeness.energy(columns.sums + total, counts) - columns.energies - alone
            return found
        mean = rows
        if len(rows) > 1:
            mean = rows.mean(axis=0, keepdims=True)
            mean /= max(float(np.linalg.norm(mean)), 1e-12)
        ratios: Floats = self.ratios(mean)[0]
        return ratios

    def partly(self, rows: Sequence[Floats], views: Sequence[tuple[View, ...]]) -> Floats:
        """(N,) the model's log-likelihood ratios of (k, d) tracks of one person with a person of whom these views are.

        Each is compared with the views beside it; there is at least one of either.
        """
        if self._likeness is None:
            return np.zeros(len(rows))
        (sums, counts), (others, sizes) = _summed(rows), _summed([np.array([view.row for view in of]) for of in views])
        return self._likeness.pairwise(sums, counts, others, sizes)

    def joint(self, person: int) -> Floats:
        """(P,) the model's log-likelihood ratio that a person and each other are one."""
        if self._likeness is None:
            return np.zeros(self._count)
        columns, row = self.columns, self.row(person)
        counts = (columns.counts + columns.counts[row]).astype(np.float64)
        together = self._likeness.energy(columns.sums + columns.sums[row], counts)
        found: Floats = together - columns.energies - columns.energies[row]
        return found

    def put(self, person: int, views: tuple[View, ...]) -> None:
        """Set the views of a person; no views removes him."""
        if not views:
            self._remove(person)
            return
        ordered = tuple(sorted(views, key=lambda view: (view.middle, view.number)))
        self._set(person, self._most_diverse(ordered))

    def add(self, person: int, view: View) -> None:
        """Add a view of a person, or replace the one of the same track."""
        others = tuple(known for known in self.views(person) if known.number != view.number)
        self.put(person, (*others, view))

    def drop(self, person: int, number: int) -> None:
        """Remove a person's view of a track."""
        left = tuple(known for known in self.views(person) if known.number != number)
        if left:
            self._set(person, left)
        else:
            self._remove(person)

    def recalibrate(self, likeness: Likeness | Bootstrap, dimension: int) -> None:
        """Take a new calibration: every vector is projected anew to `dimension` numbers."""
        self._likeness = likeness
        self._columns = _Columns.empty(len(self._ids), dimension)
        people = self.ids.tolist()
        for first in range(0, len(people), _AT_ONCE):
            self._reproject(first, people[first : first + _AT_ONCE])

    def _reproject(self, first: int, people: list[int]) -> None:
        """Put the vectors of some people, whose rows begin at `first`, into the basis of the present calibration."""
        held = [self._views[person] for person in people]
        views = [view for mine in held for view in mine]
        if self._likeness is None or not views:
            return
        vectors = np.stack([view.vector for view in views])
        projected = self._likeness.project(vectors, np.array([view.camera for view in views]))
        renewed = [replace(view, row=place.copy()) for view, place in zip(views, projected, strict=True)]
        stops = np.cumsum([len(mine) for mine in held])
        for person, start, stop in zip(people, [0, *stops[:-1].tolist()], stops.tolist(), strict=True):
            self._hold(person, tuple(renewed[start:stop]))
        self._columns.set_all(first, [self._views[person] for person in people], self._likeness)

    def adopt(self, settings: GallerySettings) -> None:
        """Take other settings; people of whom more views are kept than they allow lose the least diverse."""
        fewer = settings.views < self.settings.views
        self.settings = settings
        if fewer:
            for person in self.ids.tolist():
                self.put(person, self._views[person])

    def overdue(self, time: float, keep: Set[int]) -> list[int]:
        """Who is too old or too many at a time and has to go, but nobody in `keep`."""
        ends = self._columns.ends[: self._count]
        old = ends < time - self.settings.lifetime
        excess = self._count - int(old.sum()) - self.settings.capacity
        if excess > 0:
            old[np.argsort(np.where(old, np.inf, ends), kind="stable")[:excess]] = True
        if self._heavy:
            old |= self._too_heavy(old)
        return [person for person in self.ids[old].tolist() if person not in keep]

    def _too_heavy(self, gone: Bools) -> Bools:
        """(P,) who else has to go, longest ago first, so that of too many bytes a tenth is free again."""
        found = np.zeros(self._count, dtype=np.bool_)
        weights = np.array([self._weight(person) for person in self.ids.tolist()])
        allowed = self.settings.megabytes * 1e6
        if weights[~gone].sum() <= allowed:
            return found
        order = np.argsort(np.where(gone, -np.inf, self.columns.ends), kind="stable")
        left = weights.sum() - np.cumsum(weights[order])
        found[order[: int(np.argmax(left <= 0.9 * allowed)) + 1]] = True
        return found

    @property
    def _heavy(self) -> bool:
        return self.bytes > self.settings.megabytes * 1e6

    def _weight(self, person: int) -> int:
        return sum(view.bytes for view in self._views[person]) + self._columns.bytes_per_person

    def _set(self, person: int, views: tuple[View, ...]) -> None:
        """A person has these views, in the order of time."""
        self._hold(person, views)
        row = self._row_for(person)
        self._columns.set(row, views, self._likeness)

    def _hold(self, person: int, views: tuple[View, ...]) -> None:
        self._held += sum([view.bytes for view in views]) - sum([view.bytes for view in self.views(person)])
        self._views[person] = views

    def _most_diverse(self, views: tuple[View, ...]) -> tuple[View, ...]:
        kept = list(views)
        while len(kept) > self.settings.views:
            vectors = np.stack([view.vector for view in kept])
            alike = vectors @ vectors.T
            np.fill_diagonal(alike, -np.inf)
            closest = np.unravel_index(int(np.argmax(alike)), alike.shape)
            del kept[int(min(closest))]
        return tuple(kept)

    def _row_for(self, person: int) -> int:
        """The row of one person, who is taken in where he is not here."""
        row = self.row(person)
        return self._insert(person) if row < 0 else row

    def _insert(self, person: int) -> int:
        if self._count == len(self._ids):
            size = max(2 * self._count, _FIRST_ROWS)
            self._ids = np.concatenate([self._ids, np.zeros(size - self._count, dtype=np.int64)])
            self._columns = self._columns.grown(size)
        row = int(self.ids.searchsorted(person))
        self._ids[row + 1 : self._count + 1] = self._ids[row : self._count].copy()
        self._columns.shift(row, row + 1, self._count)
        self._ids[row] = person
        self._count += 1
        return row

    def _remove(self, person: int) -> None:
        row = self.row(person)
        if row < 0:
            return
        self._hold(person, ())
        del self._views[person]
        self._ids[row : self._count - 1] = self._ids[row + 1 : self._count].copy()
        self._columns.shift(row + 1, row, self._count)
        self._count -= 1
        self._columns.clear(self._count)


def _summed(groups: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Groups of (k, d) rows -> (N, d) their sums and (N,) how many they are."""
    counts = np.array([len(group) for group in groups])
    sums = np.add.reduceat(np.concatenate(groups), np.cumsum(counts) - counts, axis=0)
    return sums, counts.astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Row by row for the people of a gallery.

    Attributes:
        sums: (P, d) of the rows of a person's views.
        counts: (P,) how many.
        directions: (P, d) and `offsets` (P,): see `Likeness.weights`.
        energies: (P,) see `Likeness.energy`.
        cameras: (P,) of the latest view; `starts` and `ends` (P,) likewise, in seconds.
    """

    sums: Floats
    counts: Ints
    directions: Floats
    offsets: Floats
    energies: Floats
    cameras: Ints
    starts: Floats
    ends: Floats

    @classmethod
    def empty(cls, size: int, dimension: int) -> _Columns:
        """Room for `size` people."""
        return cls(
            np.zeros((size, dimension)),
            np.zeros(size, dtype=np.int64),
            np.zeros((size, dimension)),
            np.zeros(size),
            np.zeros(size),
            np.zeros(size, dtype=np.int64),
            np.zeros(size),
            np.zeros(size),
        )

    def _all(self) -> tuple[NDArray[np.generic], ...]:
        return (
            self.sums,
            self.counts,
            self.directions,
            self.offsets,
            self.energies,
            self.cameras,
            self.starts,
            self.ends,
        )

    @property
    def bytes_per_person(self) -> int:
        """Of one row."""
        return sum(column.nbytes for column in self._all()) // max(len(self.counts), 1)

    def head(self, count: int) -> _Columns:
        """Views of the first rows."""
        return _Columns(*(column[:count] for column in self._all()))  # type: ignore[arg-type]

    def grown(self, size: int) -> _Columns:
        """A copy with more room."""
        bigger = _Columns.empty(size, self.sums.shape[1])
        for mine, other in zip(self._all(), bigger._all(), strict=True):
            other[: len(mine)] = mine
        return bigger

    def set(self, row: int, views: tuple[View, ...], likeness: Likeness | Bootstrap | None) -> None:
        """Write a row from the views of its person."""
        last, projected = views[-1], bool(len(views[-1].row))
        self.cameras[row], self.starts[row], self.ends[row] = last.camera, last.start, last.end
        self.counts[row] = len(views) if projected else 0
        if likeness is None or not projected:
            return
        sums = self.sums[row : row + 1]
        sums[:] = np.add.reduceat(np.array([view.row for view in views]), _FROM_THE_FIRST, axis=0)
        weights = np.array([float(len(views))])
        energies = self.energies[row : row + 1]
        energies[:] = likeness.energy(sums, weights)
        self.directions[row : row + 1], self.offsets[row : row + 1] = likeness.weights(sums, weights, energies)

    def set_all(self, first: int, people: list[tuple[View, ...]], likeness: Likeness | Bootstrap | None) -> None:
        """Write consecutive rows from the views of their people."""
        rows = slice(first, first + len(people))
        last = [views[-1] for views in people]
        self.cameras[rows] = [view.camera for view in last]
        self.starts[rows] = [view.start for view in last]
        self.ends[rows] = [view.end for view in last]
        projected = bool(len(last[0].row))
        counts = np.array([len(views) if projected else 0 for views in people])
        self.counts[rows] = counts
        if likeness is None or not projected:
            return
        every = np.stack([view.row for views in people for view in views])
        sums = np.add.reduceat(every, np.cumsum(counts) - counts, axis=0)
        weights = counts.astype(np.float64)
        self.sums[rows], self.energies[rows] = sums, likeness.energy(sums, weights)
        self.directions[rows], self.offsets[rows] = likeness.weights(sums, weights, self.energies[rows])

    def clear(self, row: int) -> None:
        """Leave nothing in a row."""
        for column in self._all():
            column[row] = 0

    def shift(self, start: int, to: int, stop: int) -> None:
        """Move rows start..stop so that they begin at `to`."""
        for column in self._all():
            column[to : to + stop - start] = column[start:stop].copy()
