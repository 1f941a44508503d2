"""How tracks get a Global ID and change hands: each change is one event, and can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unbroken.core.events import Event, PersonEnrolled, PersonMerged, PersonRecognised, PersonSplit
from unbroken.identity.corrections import reconsidered
from unbroken.identity.distances import with_distances
from unbroken.identity.intake import Intake
from unbroken.identity.merges import Merge
from unbroken.identity.notes import Notes, Undo
from unbroken.identity.resolver import Decision, companions, resolve
from unbroken.identity.site import LAPSED, PINNED, Site
from unbroken.identity.weighing import Weighed, weigh, weigh_all


@dataclass(slots=True, eq=False)
class Changes:
    """Carries out what was decided.

    Attributes:
        site: everything known.
        intake: of the tracks in view, for their names.
        notes: of what was corrected.
    """

    site: Site
    intake: Intake
    notes: Notes

    def is_open(self, slot: int) -> bool:
        """Whether a slot holds a track with a Global ID that nobody has decided by hand."""
        history = self.site.history
        return slot >= 0 and bool(history.persons[slot] > 0 and history.margins[slot] < LAPSED)

    def settle(self, decision: Decision, time: float) -> Event:
        """A track gets its first Global ID."""
        history, slot = self.site.history, decision.slot
        decision = with_distances(decision, history, self.site.gallery)
        camera, track = self.site.topology.names[history.cameras[slot]], int(history.local[slot])
        person = decision.person or self.site.gallery.new_id()
        self.assign(slot, person, decision)
        if decision.person:
            return PersonRecognised(time, camera, track, person, decision.evidence, decision.alternatives)
        return PersonEnrolled(time, camera, track, person, decision.alternatives)

    def move(self, decision: Decision, time: float) -> Event:
        """A track becomes a view of another person, who may be new."""
        history, gallery, slot = self.site.history, self.site.gallery, decision.slot
        decision = with_distances(decision, history, gallery)
        person = int(history.persons[slot])
        before = gallery.views(person)
        gallery.drop(person, int(history.numbers[slot]))
        alone = not gallery.views(person)
        target = decision.person or gallery.new_id()
        # Of somebody whose views are all gone, the history may hold more tracks than the gallery did.
        moved = np.flatnonzero(history.persons == person) if alone else np.array([slot])
        views = {person: before, target: gallery.views(target)}
        self.notes.add(Undo(views, tuple((one, person) for one in history.numbers[moved].tolist())))
        history.persons[moved] = target
        self.assign(slot, target, decision)
        if alone:
            return PersonMerged(time, target, person, decision.evidence)
        return PersonSplit(time, person, target, self.intake.name(slot), decision.evidence)

    def assign(self, slot: int, person: int, decision: Decision) -> None:
        """Write down whose a track is; of what is more than a guess, the gallery keeps a view."""
        history = self.site.history
        history.persons[slot] = person
        history.margins[slot], history.confidences[slot] = decision.margin, decision.confidence
        if history.settled[slot] or not decision.person:
            history.settled[slot] = True
            self.site.keep_view(slot)

    def decide(self, slots: list[int], time: float) -> list[Event]:
        """Who tracks of one view are that are due: together with what stood where they did, else with each other."""
        history, site = self.site.history, self.site
        events: list[Event] = []
        partners = {slot: companions(slot, site) for slot in slots}
        for slot in [slot for slot in slots if partners[slot] and history.margins[slot] < PINNED]:
            history.settled[slot] = True
            events += self.revisit(slot, time)
            site.keep_view(slot)
            slots.remove(slot)
        for decision in resolve(slots, site) if slots else []:
            events += self.confirm(decision, time)
        return events

    def confirm(self, decision: Decision, time: float) -> list[Event]:
        """Who a track is that is due, whatever was guessed before."""
        history, slot = self.site.history, decision.slot
        person = int(history.persons[slot])
        history.settled[slot] = True
        if person <= 0:
            return [self.settle(decision, time)]
        if history.margins[slot] < PINNED and decision.person != person:
            return [self.move(decision, time)]
        if history.margins[slot] < PINNED:
            history.margins[slot], history.confidences[slot] = decision.margin, decision.confidence
        self.site.keep_view(slot)
        return []

    def revisit(self, slot: int, time: float) -> list[Event]:
        """Weigh a track again, together with those that stood where it did."""
        person, group = self._group(slot)
        return self._decide_again(person, group, weigh(group, self.site), time)

    def revisit_all(self, slots: Sequence[int], time: float) -> list[Event]:
        """Visit tracks again, one after the other; until something changes hands they are weighed together."""
        events: list[Event] = []
        left = [slot for slot in slots if self.is_open(slot)]
        while left:
            self.site.coincidences.tell(self.site.history.numbers[left].tolist())
            groups = [self._group(slot) for slot in left]
            told = weigh_all([group for _, group in groups], self.site)
            for (person, group), weighed in zip(groups, told, strict=True):
                left = left[1:]
                if changed := self._decide_again(person, group, weighed, time):
                    events += changed
                    break
            left = [slot for slot in left if self.is_open(slot)]
        return events

    def _group(self, slot: int) -> tuple[int, list[int]]:
        """Whose a track is, or else the one that stood closest; and all that are decided on with it, earliest first."""
        history = self.site.history
        others = companions(slot, self.site) if history.settled[slot] else []
        person = int(history.persons[slot])
        if person <= 0:
            person = int(history.persons[others[0]])
        return person, sorted([slot, *others], key=lambda one: (history.starts[one], history.numbers[one]))

    def _decide_again(self, person: int, group: Sequence[int], weighed: Weighed, time: float) -> list[Event]:
        """Decide on tracks that are one person, who was `person`, and carry it out."""
        history, gallery = self.site.history, self.site.gallery
        decision = reconsidered(group, person, weighed, self.site)
        alone = not gallery.left(person, set(history.numbers[list(group)].tolist()))
        target = decision.person or (person if alone else 0)
        return self.hand_over(group, replace(decision, person=target), time)

    def hand_over(self, slots: Sequence[int], decision: Decision, time: float) -> list[Event]:
        """Tracks that were weighed as one are the person of the decision, or all the same new one."""
        history, target = self.site.history, decision.person
        events: list[Event] = []
        for slot in slots:
            person = int(history.persons[slot])
            mine = replace(decision, slot=slot, person=target)
            if person <= 0:
                events.append(self.settle(mine, time))
            elif person != target:
                events.append(self.move(mine, time))
            else:
                history.margins[slot], history.confidences[slot] = decision.margin, decision.confidence
            target = target or int(history.persons[slot])
        return events


def joined(merge: Merge, site: Site, notes: Notes, time: float) -> PersonMerged:
    """Make one person of two."""
    history, gallery = site.history, site.gallery
    before = {person: gallery.views(person) for person in (merge.person, merge.absorbed)}
    theirs = history.numbers[history.persons == merge.absorbed].tolist()
    notes.add(Undo(before, tuple((number, merge.absorbed) for number in theirs)))
    gallery.put(merge.absorbed, ())
    gallery.put(merge.person, before[merge.person] + before[merge.absorbed])
    history.persons[history.persons == merge.absorbed] = merge.person
    return PersonMerged(time, merge.person, merge.absorbed, merge.evidence)
