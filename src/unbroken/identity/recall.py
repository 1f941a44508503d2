"""What an identity manager can be made of anew when its state is gone: who was where, and looked how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from unbroken.core.arrays import Ints
from unbroken.core.errors import StoreError
from unbroken.core.ports import IdentityManager
from unbroken.identity.history import Tracklet


@dataclass(frozen=True, slots=True, eq=False)
class Remembered:
    """People as tables know them. Who was forgotten is not among them; who was merged goes by his present Global ID.

    Attributes:
        tracks: that have ended, in the order of their ends; all features have the same length, those of tracks that
            nobody has looked at are zeros. `track` is a number that no other track of its camera ever has.
        persons: (N,) their Global IDs.
        highest: the highest Global ID that was ever given.
        apart: pairs of people who were told apart by hand.
    """

    tracks: tuple[Tracklet, ...]
    persons: Ints
    highest: int
    apart: tuple[tuple[int, int], ...] = ()


@runtime_checkable
class Recalling(Protocol):
    """An identity manager that can begin with people who are known."""

    def recall(self, known: Remembered) -> None:
        """Know these people. Called once, before anything else."""


def recall_into(manager: IdentityManager, known: Remembered) -> None:
    """Have a manager that has not begun know people.

    Raises:
        StoreError: it has no way to.
    """
    if not isinstance(manager, Recalling):
        raise StoreError(
            f"{type(manager).__name__} cannot be made of what is in the tables; use a policy that can, or begin with "
            "another database"
        )
    manager.recall(known)
