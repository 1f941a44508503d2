"""Nobody is in two places at once: what is kept true at every step, whatever was decided before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.core.events import Event
from unbroken.core.sightings import Sightings
from unbroken.identity.changes import Changes
from unbroken.identity.intake import Intake
from unbroken.identity.site import Site


class Exclusivity:
    """Of two tracks of one person that cannot both be his, the less certain becomes somebody else."""

    def __init__(self, site: Site, intake: Intake, changes: Changes) -> None:
        self._site = site
        self._intake = intake
        self._changes = changes
        self._strained: dict[tuple[int, int], float] = {}

    def keep(self, sightings: Sequence[Sightings]) -> list[Event]:
        """Look at everybody in view, and at those who were guessed to be somebody."""
        history = self._site.history
        found = self._in_view(sightings)
        seen = set(found)
        for track in self._intake.open.values():
            slot = history.slot(track.number)
            if slot >= 0 and not history.settled[slot] and history.persons[slot] > 0:
                found.setdefault(slot, track.end)
        slots = np.array(list(found), dtype=np.int64)
        slots = slots[np.lexsort((history.numbers[slots], -history.margins[slots], ~history.settled[slots]))]
        first, then = np.triu(history.persons[slots][:, None] == history.persons[slots], 1).nonzero()
        if not self._site.excluded(slots[then], slots[first]).any():
            self._strained = {}
            return []
        places: dict[int, list[int]] = {}
        strained: dict[tuple[int, int], float] = {}
        events: list[Event] = []
        for slot in slots.tolist():
            others = np.array(places.get(int(history.persons[slot]), []), dtype=np.int64)
            if slot not in seen:
                others = others[history.together(slot, others)]
            if len(others) and self._is_out_of_place(slot, others, found[slot], strained):
                events += self._changes.revisit(slot, found[slot])
            places.setdefault(int(history.persons[slot]), []).append(slot)
        self._strained = strained
        return events

    def clash(self, mine: Ints, theirs: Ints) -> bool:
        """Whether two people, by the slots of their tracks, are in view now and cannot be one."""
        history = self._site.history
        living = np.array(self._intake.slots, dtype=np.int64)
        mine, theirs = np.intersect1d(mine, living), np.intersect1d(theirs, living)
        together = [theirs[history.together(slot, theirs)] for slot in mine.tolist()]
        return any(
            bool(self._site.excluded(slot, others).any()) for slot, others in zip(mine.tolist(), together, strict=True)
        )

    def _in_view(self, sightings: Sequence[Sightings]) -> dict[int, float]:
        """The slots of everybody who is seen now and is somebody, and when."""
        history = self._site.history
        return {
            slot: view.time
            for view in sightings
            for number in view.tracks.tolist()
            if (slot := self._intake.slot(view.camera, number)) >= 0 and history.persons[slot] > 0
        }

    def _is_out_of_place(self, slot: int, others: Ints, time: float, strained: dict[tuple[int, int], float]) -> bool:
        """Whether a track cannot be whom the others are. A foot that is hidden for a moment is no reason.

        Only what is too far away by less than the error of a place again has to last; `strained` says since when.
        """
        site, settings = self._site, self._site.places
        clash = site.excluded(slot, others)
        generous = replace(settings, slack=2 * settings.slack)
        for other in others[clash].tolist():
            pair = int(site.history.numbers[slot]), int(site.history.numbers[other])
            since = strained[pair] = self._strained.get(pair, time)
            lone = np.array([other])
            if time - since >= settings.patience or site.excluded(slot, lone, generous).any():
                return True
        return False
