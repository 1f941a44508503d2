"""What was corrected: what can be taken back, and who was told apart."""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from dataclasses import dataclass

from unbroken.core.errors import ContractError
from unbroken.identity.gallery import View


@dataclass(frozen=True, slots=True, eq=False)
class Undo:
    """What a correction has changed, as it was before.

    Attributes:
        views: of each person touched; none of somebody who was not there.
        tracks: number of each track that changed hands, and whose it was.
    """

    views: dict[int, tuple[View, ...]]
    tracks: tuple[tuple[int, int], ...]


class Notes:
    """The corrections that can be taken back, and the pairs of people who were told apart. Both are bounded.

    Args:
        remembered: how many of each; the oldest go first.
    """

    def __init__(self, remembered: int) -> None:
        self._corrections: deque[Undo] = deque(maxlen=remembered)
        self._apart: deque[tuple[int, int]] = deque(maxlen=remembered)

    def add(self, correction: Undo) -> None:
        """Remember what a correction has changed."""
        self._corrections.append(correction)

    def take(self, person: int) -> Undo:
        """The last correction that changed a person; it is forgotten here.

        Raises:
            ContractError: there is none, or a later one rests on it.
        """
        later: set[int] = set()
        for place in reversed(range(len(self._corrections))):
            touched = _touched(self._corrections[place])
            if person in touched:
                if touched & later:
                    other = min(touched & later)
                    raise ContractError(
                        f"person {person}: a later correction of person {other} rests on the last one; undo that first"
                    )
                found = self._corrections[place]
                del self._corrections[place]
                return found
            later |= touched
        raise ContractError(
            f"person {person} has no correction to undo; only the last {self._corrections.maxlen} are remembered"
        )

    def keep_apart(self, person: int, other: int) -> None:
        """Two people were told apart by hand."""
        self._apart.append((min(person, other), max(person, other)))

    def let_meet(self, person: int, other: int) -> None:
        """Two people may be one after all."""
        pair = (min(person, other), max(person, other))
        self._apart = deque((known for known in self._apart if known != pair), maxlen=self._apart.maxlen)

    def apart(self, person: int, other: int) -> bool:
        """Whether two people were told apart by hand."""
        return (min(person, other), max(person, other)) in self._apart

    def forget(self, persons: Set[int], numbers: Set[int]) -> None:
        """Drop everything of these people and of these tracks: a correction holds vectors, under older names too."""
        theirs = {
            view.number for known in self._corrections for person in persons for view in known.views.get(person, ())
        }
        theirs |= numbers
        kept = (
            known
            for known in self._corrections
            if not (_touched(known) & persons or theirs & {view.number for one in known.views.values() for view in one})
        )
        self._corrections = deque(kept, maxlen=self._corrections.maxlen)
        self._apart = deque((pair for pair in self._apart if not persons & set(pair)), maxlen=self._apart.maxlen)

    @property
    def told_apart(self) -> set[int]:
        """People who were told apart from somebody."""
        return {person for pair in self._apart for person in pair}

    def without_corrections(self) -> Notes:
        """The same people are apart, and there is nothing to take back."""
        other = Notes(self._corrections.maxlen or 0)
        other._apart = self._apart.copy()
        return other

    def resize(self, remembered: int) -> None:
        """Remember as many from here on."""
        self._corrections = deque(self._corrections, maxlen=remembered)
        self._apart = deque(self._apart, maxlen=remembered)


def _touched(correction: Undo) -> set[int]:
    return set(correction.views) | {person for _, person in correction.tracks}
