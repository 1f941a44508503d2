"""Global IDs of a replay out of whose recording people were taken: the others keep the numbers that they had."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from unbroken.core.batches import Batch, Command, Verdict
from unbroken.core.events import Event
from unbroken.core.wire import event_of_plain, plain_of_event

_NAMES = ("person", "absorbed", "separated")


class Renumbering:
    """Between the numbers that an engine gives, without gaps, and those that were given when others were there.

    Args:
        skipped: the Global IDs that nobody gets.
    """

    def __init__(self, skipped: Iterable[int]) -> None:
        self._skipped = sorted(set(skipped))
        # Where the engine's numbers are as many behind as there are gaps before.
        self._gaps = [one - place for place, one in enumerate(self._skipped)]

    def outer(self, person: int) -> int:
        """The number that was given then for one that the engine gives now; what is none stays.

        >>> numbers = Renumbering([2, 3])
        >>> [numbers.outer(person) for person in (-1, 1, 2, 3)]
        [-1, 1, 4, 5]
        """
        return person + bisect_right(self._gaps, person) if person > 0 else person

    def inner(self, person: int) -> int:
        """The number that the engine gives now for one that was given then; 0 for those skipped.

        >>> [Renumbering([2, 3]).inner(person) for person in (1, 2, 4, 5)]
        [1, 0, 2, 3]
        """
        return 0 if person in self._skipped else person - bisect_right(self._skipped, person)

    def batch(self, batch: Batch) -> Batch:
        """A batch as the engine has to see it."""
        if not self._skipped or not batch.commands:
            return batch
        return replace(batch, commands=tuple(self._command(one) for one in batch.commands))

    def verdict(self, verdict: Verdict) -> Verdict:
        """What the engine says, in the numbers of then."""
        if not self._skipped:
            return verdict
        identities = tuple(
            replace(who, persons=np.array([self.outer(one) for one in who.persons.tolist()], dtype=np.int64))
            for who in verdict.identities
        )
        return replace(verdict, identities=identities, events=tuple(self._event(one) for one in verdict.events))

    def _command(self, command: Command) -> Command:
        named = {name: self.inner(getattr(command, name)) for name in _NAMES if hasattr(command, name)}
        return replace(command, **named)  # type: ignore[arg-type]

    def _event(self, event: Event) -> Event:
        return event_of_plain(self._plain(plain_of_event(event)))

    def _plain(self, value: object) -> object:
        """A plain value with other numbers wherever somebody is named."""
        if isinstance(value, list):
            return [self._plain(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self.outer(one) if name in _NAMES and isinstance(one, int) else self._plain(one)
            for name, one in value.items()
        }
