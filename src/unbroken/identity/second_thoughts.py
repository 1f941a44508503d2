"""Second thoughts, a bounded few with each decision: tracks are weighed again, and people who are one are merged."""

from __future__ import annotations

from collections.abc import Sequence

from unbroken.core.events import Event
from unbroken.core.sightings import Sightings
from unbroken.identity.changes import Changes, joined
from unbroken.identity.corrections import CorrectionSettings
from unbroken.identity.learning import Learner
from unbroken.identity.looks.calibration import Likeness
from unbroken.identity.merges import find_merge

_LEARN_EVERY = 256
"""Revisits after which transit times are learnt anew from what has changed hands."""


class SecondThoughts:
    """Goes through the tracks of a window again and again, from the latest to the oldest.

    Args:
        settings: of corrections.
        changes: to the site.
        learner: of transit times; `None` where those that are known stay.
    """

    def __init__(self, settings: CorrectionSettings, changes: Changes, learner: Learner | None) -> None:
        self.settings = settings
        self._changes = changes
        self._learner = learner
        self._revisited = 0

    def think(self, time: float) -> list[Event]:
        """The few that one decision brings with it, once a model of looks is learnt."""
        site, settings = self._changes.site, self.settings
        history = site.history
        span = min(settings.window, history.count)
        events: list[Event] = []
        if not isinstance(site.likeness, Likeness):
            return events
        slots: list[int] = []
        for _ in range(min(settings.revisits, span)):
            self._revisited += 1
            if self._learner is not None and self._revisited % _LEARN_EVERY == 0:
                events += self._changes.revisit_all(slots, time)
                self._learner.learn_transits()
                slots = []
            slots.append(history.slot(history.count - 1 - self._revisited % span))
        events += self._changes.revisit_all(slots, time)
        slot = history.slot(history.count - 1 - self._revisited % span)
        for person in {int(history.persons[slot]), int(history.persons[(history.count - 1) % history.size])}:
            events += self._merge(person, time)
        return events

    def look_again(self, sightings: Sequence[Sightings], renewed: Sequence[int]) -> list[Event]:
        """Weigh each track again whenever it has been seen twice as well as before: decisions rest on a few views."""
        history, events = self._changes.site.history, list[Event]()
        if not sightings:
            return events
        time = max(view.time for view in sightings)
        for number in renewed:
            slot = history.slot(number)
            if self._changes.is_open(slot):
                events += self._changes.revisit(slot, time)
                events += self._merge(int(history.persons[slot]), time)
        return events

    def _merge(self, person: int, time: float) -> list[Event]:
        site, notes = self._changes.site, self._changes.notes
        if not isinstance(site.likeness, Likeness) or person <= 0:
            return []
        found = find_merge(person, self.settings, site)
        if found is None or notes.apart(found.person, found.absorbed):
            return []
        events = [
            event
            for eviction in found.evicted
            for event in self._changes.hand_over(eviction.slots, eviction.decision, time)
        ]
        return [*events, joined(found, site, notes, time)]
