"""Which ground track each camera's own tracks belong to, where cameras follow people themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Ints
from unbroken.identity.ground.values import GroundObservations


@dataclass(slots=True)
class _Bond:
    """A camera's own track is a view of a ground track.

    Attributes:
        number: of the ground track.
        since: when the camera's track was first seen, seconds.
        time: when it was last seen.
        strain: seconds for which the ground has denied it.
    """

    number: int
    since: float
    time: float
    strain: float = 0.0


class Bonds:
    """The cameras' own tracks that are or were views of ground tracks. One thread owns it."""

    def __init__(self) -> None:
        self._held: dict[str, dict[int, _Bond]] = {}

    def vouched(self, view: GroundObservations, rows: Mapping[int, int]) -> Iterator[tuple[int, int, float]]:
        """Rows of a track (`rows` by its number) and of a foot point that a camera's tracker says are one; strain."""
        held = self._held.get(view.camera, {})
        for column, local in enumerate(view.locals.tolist()):
            bond = held.get(local) if local >= 0 else None
            if bond is not None and bond.number in rows:
                yield rows[bond.number], column, bond.strain

    def newcomers(self, view: GroundObservations) -> Bools:
        """(N,) which foot points are of tracks that the camera has only just begun."""
        held = self._held.get(view.camera, {})
        return np.array([local >= 0 and local not in held for local in view.locals.tolist()], dtype=np.bool_)

    def torn(self, view: GroundObservations, rows: Mapping[int, int], time: float) -> Iterator[tuple[int, int]]:
        """Row of a track and of a foot point whose camera's track was in view beside another one of that ground track.

        Args:
            view: of one camera.
            rows: of tracks, by their number.
            time: now, seconds.
        """
        held = self._held.get(view.camera, {})
        for column, local in enumerate(view.locals.tolist()):
            since = held[local].since if local in held else time
            for other, bond in held.items():
                if other != local and bond.time >= since and bond.number in rows and local >= 0:
                    yield rows[bond.number], column

    def note(self, view: GroundObservations, numbers: Ints, fits: Bools, now: tuple[float, float]) -> None:
        """Foot points with a track of their camera are on tracks with these (N,) numbers, -1 for none.

        Args:
            view: of one camera.
            numbers: (N,).
            fits: (N,) whether the ground agrees.
            now: time, and seconds since the instant before.
        """
        time, step = now
        held = self._held.setdefault(view.camera, {})
        for local, number, fit in zip(view.locals.tolist(), numbers.tolist(), fits.tolist(), strict=True):
            if local >= 0 and number >= 0:
                old = held.get(local)
                strain = old.strain if old is not None and old.number == number else -step
                held[local] = _Bond(number, old.since if old else time, time, 0.0 if fit else strain + step)

    def exchange(self, pair: tuple[int, int], after: float) -> None:
        """Two tracks went on under each other's numbers since."""
        for bond in self._all():
            if bond.time > after and bond.number in pair:
                bond.number = sum(pair) - bond.number

    def absorb(self, absorbed: int, kept: int) -> None:
        """Two tracks are one."""
        for bond in self._all():
            if bond.number == absorbed:
                bond.number = kept

    def meet(self, one: int, other: int) -> bool:
        """Whether a camera's own tracks of two ground tracks were ever in view together."""
        for held in self._held.values():
            mine, theirs = ([bond for bond in held.values() if bond.number == number] for number in (one, other))
            if any(a.since <= b.time and b.since <= a.time for a in mine for b in theirs):
                return True
        return False

    def forget(self, horizon: float, alive: frozenset[int]) -> None:
        """Leave out those last seen before, save where they still keep others off a ground track that is `alive`."""
        for camera, held in self._held.items():
            oldest = min((bond.since for bond in held.values() if bond.time >= horizon), default=np.inf)
            self._held[camera] = {
                local: bond
                for local, bond in held.items()
                if bond.time >= horizon or (bond.number in alive and bond.time >= oldest)
            }

    def _all(self) -> Iterator[_Bond]:
        return (bond for held in self._held.values() for bond in held.values())
