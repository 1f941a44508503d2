"""What follows from answers: observers see every step and tell events of their own, such as who is in the site now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from unbroken.core.events import Event
from unbroken.core.results import FrameResult


class Observer(Protocol):
    """A pure state: the same steps make the same events."""

    def observe(self, results: Sequence[FrameResult], events: Sequence[Event]) -> list[Event]:
        """Take in the answers of one step, at most one per camera, with its events; the events that follow."""

    def close(self) -> list[Event]:
        """The site stops: the events that this makes."""


class Observers:
    """Several observers as one; each sees the answers and the events of the site alone."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def observe(self, results: Sequence[FrameResult], events: Sequence[Event]) -> list[Event]:
        """What follows from one step."""
        return [event for observer in self._observers for event in observer.observe(results, events)]

    def close(self) -> list[Event]:
        """What follows from the end."""
        return [event for observer in self._observers for event in observer.close()]
