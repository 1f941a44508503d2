"""Who each camera's own tracks are, and that nobody is twice in one view: neither at once nor in what holds at the end.

A camera's track has one Global ID in the end, the last that it was answered with. So two tracks that were in view
together must never have the same one, however the ground puts them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Key = tuple[str, int]
"""A camera and an id of its own tracker."""

_TIMEOUT = 60.0
"""Seconds after which a track that was neither seen nor ended counts as ended."""


@dataclass(slots=True)
class _Claim:
    """A camera's track: when it was first and last seen, who it is (-1: nobody yet), and whether it has ended."""

    first: float
    last: float
    person: int = -1
    over: bool = False


class Claims:
    """The cameras' tracks that are in view, and those that were in view beside them. One thread owns it."""

    def __init__(self) -> None:
        self._held: dict[str, dict[int, _Claim]] = {}

    def __len__(self) -> int:
        return sum(len(held) for held in self._held.values())

    def person(self, key: Key) -> int:
        """Who a track is, as far as was told; -1 while nobody was."""
        claim = self._held.get(key[0], {}).get(key[1])
        return -1 if claim is None else claim.person

    def see(self, camera: str, tracks: Iterable[int], time: float) -> None:
        """A camera shows its tracks."""
        held = self._held.setdefault(camera, {})
        for number in tracks:
            claim = held.setdefault(number, _Claim(time, time))
            claim.first, claim.last = min(claim.first, time), max(claim.last, time)
            claim.over = False

    def allows(self, key: Key, person: int) -> bool:
        """Whether a track may be this person: no other of its camera that was in view beside it is.

        One that has not ended may come back into view, and so counts as beside it.
        """
        held = self._held.get(key[0], {})
        mine = held.get(key[1])
        if mine is None or mine.person == person:
            return True
        return not any(
            claim.person == person and (claim.last >= mine.first or not claim.over) and claim.first <= mine.last
            for number, claim in held.items()
            if number != key[1]
        )

    def take(self, key: Key, person: int) -> None:
        """A track is this person."""
        claim = self._held.get(key[0], {}).get(key[1])
        if claim is not None:
            claim.person = person

    def rename(self, person: int, name: int) -> None:
        """Whoever was `person` is `name` from here; -1: nobody is."""
        for held in self._held.values():
            for claim in held.values():
                if claim.person == person:
                    claim.person = name

    def end(self, camera: str, tracks: Iterable[int], time: float) -> None:
        """A camera has given tracks up; they are forgotten once none that was beside them is in view."""
        held = self._held.get(camera, {})
        for number in tracks:
            if number in held:
                held[number].over = True
        for claim in held.values():
            claim.over = claim.over or claim.last < time - _TIMEOUT
        oldest = min((claim.first for claim in held.values() if not claim.over), default=float("inf"))
        self._held[camera] = {number: claim for number, claim in held.items() if not claim.over or claim.last >= oldest}
