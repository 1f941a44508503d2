"""The default identity manager: calibrated, delayed, exclusive, aware of time, correctable, bounded."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

import numpy as np

from unbroken.core import batches
from unbroken.core.arrays import Ints
from unbroken.core.batches import Command
from unbroken.core.events import Event, Evidence, PersonForgotten
from unbroken.core.sightings import Identities, IdentityState, Sightings
from unbroken.identity.changes import Changes
from unbroken.identity.exclusivity import Exclusivity
from unbroken.identity.gallery import Gallery
from unbroken.identity.hindsight import look_back
from unbroken.identity.history import History, Tracklet
from unbroken.identity.intake import Intake
from unbroken.identity.learning import Learner
from unbroken.identity.looks.calibration import Likeness
from unbroken.identity.manual import known_person, merged, split, swapped, undone
from unbroken.identity.merges import Merge
from unbroken.identity.notes import Notes
from unbroken.identity.recall import Remembered
from unbroken.identity.resolver import Decision, exclusive_groups, resolve
from unbroken.identity.second_thoughts import SecondThoughts
from unbroken.identity.settings import ManagerSettings
from unbroken.identity.site import PINNED, Site
from unbroken.identity.whereabouts.coincidences import Coincidences
from unbroken.identity.whereabouts.handoffs import HandOff, HandOffs, blind
from unbroken.identity.whereabouts.topology import Topology


class CalibratedManager:
    """Gives everybody one Global ID over all cameras. One thread owns it; same input, same output, to the bit.

    Its parts share one `Site`: `Intake` gathers what cameras see, `Learner` fits models to it, `resolver` decides,
    `Changes` carries out, `SecondThoughts` and `Exclusivity` ask for more changes.
    """

    def __init__(self, settings: ManagerSettings | None = None) -> None:
        self.settings = settings = settings or ManagerSettings()
        self._site = Site(
            Gallery(settings.gallery),
            History(settings.memory),
            Topology(settings.topology),
            Coincidences(settings.coincidences),
        )
        self._notes = Notes(settings.corrections.remembered)
        self._learner = Learner(settings, self._site)
        self._intake = Intake(settings, self._site, self._learner)
        self._changes = Changes(self._site, self._intake, self._notes)
        self._second_thoughts = SecondThoughts(settings.corrections, self._changes, self._learner)
        self._exclusivity = Exclusivity(self._site, self._intake, self._changes)
        self._hand_offs = HandOffs(settings.transits)
        self._set_dials()

    @property
    def people(self) -> int:
        """How many are known."""
        return len(self._site.gallery)

    @property
    def open_tracks(self) -> int:
        """How many tracks their cameras have not given up."""
        return len(self._intake.open)

    def take(self, arrivals: Sequence[Tracklet]) -> tuple[Ints, list[Event]]:
        """Decide on finished tracks as they arrive, for people who already track.

        Returns:
            The number of each track, with which `person_of` answers later, and what happened.
        """
        numbers: list[int] = []
        events: list[Event] = []
        for tracklet in arrivals:
            slot = self._intake.append(tracklet)
            numbers.append(int(self._site.history.numbers[slot]))
            events += self._decide([slot], tracklet.end)
            events += self._second_thoughts.think(tracklet.end)
            events += self._retire(tracklet.end)
        events += self._learner.doubted()
        return np.array(numbers, dtype=np.int64), events

    def finish(self) -> list[Event]:
        """No more comes: everything remembered is decided anew with what was learnt; returns what changed hands."""
        return look_back(self.settings, self._learner, self._changes)

    def recall(self, known: Remembered) -> None:
        """Begin with people who are known: their tracks are not weighed again, but learnt from.

        Only the best view of a track is known here, not the views within it, so until enough tracks have come for a
        fit in earnest, tracks of one person in one camera say how alike he is to himself.
        """
        for tracklet, person in zip(known.tracks, known.persons.tolist(), strict=True):
            slot = self._intake.enter(tracklet)
            self._changes.assign(slot, person, Decision(slot, person, PINNED, 1.0, Evidence(person, 0.0), ()))
        self._site.gallery.begin_after(known.highest)
        for one, other in known.apart:
            self._notes.keep_apart(one, other)
        if not known.tracks:
            return
        self._intake.expect(self._site.history.vectors.shape[1])
        if self._learner.is_new_here:
            self._learner.compare_the_few()
        self._learner.fit()

    def person_of(self, number: int) -> int:
        """The Global ID of a track at present; -1 once it has left the memory."""
        slot = self._site.history.slot(number)
        return int(self._site.history.persons[slot]) if slot >= 0 else -1

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, in their order, and what happened.

        Raises:
            ContractError: features of another dimension than before.
        """
        events: list[Event] = []
        for view in sightings:
            self._intake.take_in(view)
        waiting = [self._intake.waiting(view) for view in sightings]
        self._note_coincidences(sightings)
        for group in exclusive_groups([due for due, _ in waiting], self._site):
            events += self._decide_due(group)
        for group in exclusive_groups([early for _, early in waiting], self._site):
            events += self._guess(group)
        events += self._second_thoughts.look_again(sightings, self._intake.renewed())
        events += self._exclusivity.keep(sightings)
        if sightings:
            events += self._retire(max(view.time for view in sightings))
        events += self._learner.doubted()
        return [self._answer(view) for view in sightings], events

    def correct(self, command: Command, time: float) -> list[Event]:
        """Carry out what somebody asks for by hand: it is not weighed again, and `Undo` takes it back.

        Somebody who is forgotten while he is in view is somebody new from there on.

        Raises:
            ContractError: a person or a track is not known, or the command contradicts what is seen; nothing changes.
        """
        site, notes = self._site, self._notes
        if isinstance(command, batches.Merge):
            wanted = Merge(command.person, command.absorbed, Evidence(command.person, 0.0))
            return merged(wanted, site, notes, self._exclusivity.clash, time)
        if isinstance(command, batches.Split):
            return split(command.person, command.tracks, site, notes, time)
        if isinstance(command, batches.Swap):
            return swapped(command.first, command.second, site, notes, time)
        if isinstance(command, batches.Undo):
            return undone(command.person, site, notes, time)
        known_person(command.person, site)
        self._erase({command.person})
        return [PersonForgotten(time, command.person, command.reason)]

    def adopt(self, settings: ManagerSettings) -> None:
        """Take other settings from here on; what is known stays, as far as they leave room for it."""
        if settings == self.settings:
            return
        self.settings = self._learner.settings = self._intake.settings = settings
        self._second_thoughts.settings = settings.corrections
        self._hand_offs.settings = settings.transits
        self._notes.resize(settings.corrections.remembered)
        site = self._site
        site.history = site.history.resized(settings.memory)
        site.topology = site.topology.with_settings(settings.topology)
        site.coincidences.settings = settings.coincidences
        site.gallery.adopt(settings.gallery)
        if isinstance(site.likeness, Likeness):
            site.likeness = replace(site.likeness, settings=settings.calibration)
        self._set_dials()

    def _set_dials(self) -> None:
        site, settings = self._site, self.settings
        site.hysteresis, site.caution = settings.corrections.hysteresis, settings.caution
        site.places = settings.places

    def _note_coincidences(self, sightings: Sequence[Sightings]) -> None:
        """Who stands where, of all tracks that calibrated cameras have in view now."""
        if not sightings:
            return
        coincidences = self._site.coincidences
        standing = self._intake.standing(sightings, coincidences.settings.instant)
        if standing is not None:
            coincidences.note(standing, max(view.time for view in sightings))
            coincidences.prune(self._site.history.count)

    def _decide_due(self, slots: list[int]) -> list[Event]:
        """Decide on tracks that are due, and think a little about others."""
        time = float(self._site.history.ends[slots].max())
        events = self._decide(slots, time)
        for _ in slots:
            events += self._second_thoughts.think(time)
        return events

    def _decide(self, slots: list[int], time: float) -> list[Event]:
        history = self._site.history
        unseen = blind(history, np.array(slots, dtype=np.int64))
        seen = [slot for slot, hidden in zip(slots, unseen.tolist(), strict=True) if not hidden]
        events = self._changes.decide(seen, time)
        history.settled[slots] = True
        return events + self._hand_over(time) if unseen.any() else events

    def _guess(self, slots: list[int]) -> list[Event]:
        """Tracks that are not due have the Global ID of somebody who is likely enough; nothing rests on that."""
        history, events = self._site.history, []
        time = float(history.ends[slots].max())
        free = [slot for slot in slots if history.margins[slot] < PINNED]
        for decision in resolve(free, self._site) if free and self.people else []:
            slot, person = decision.slot, int(history.persons[decision.slot])
            if not decision.person or decision.confidence < self.settings.guess:
                continue
            if person <= 0:
                events.append(self._changes.settle(decision, time))
            elif person != decision.person:
                events.append(self._changes.move(decision, time))
            else:
                history.confidences[slot], history.margins[slot] = decision.confidence, decision.margin
        return events

    def _hand_over(self, time: float) -> list[Event]:
        """Tracks without looks: who follows whom is decided anew for all of the window."""
        history = self._site.history
        followed = self._hand_offs.followed(history, self._site.topology, self._intake.numbers)
        slots = self._hand_offs.window(history)
        events: list[Event] = []
        held: set[int] = set()
        for slot in slots[np.lexsort((history.numbers[slots], history.starts[slots]))].tolist():
            link, person = followed.get(slot), int(history.persons[slot])
            target = 0 if person in held else max(person, 0)
            if link is not None:
                target = int(history.persons[link.before])
            if person <= 0:
                events.append(self._changes.settle(_handed(slot, target, link), time))
            elif target != person and self._changes.is_open(slot):
                events.append(self._changes.move(_handed(slot, target, link), time))
            held.add(int(history.persons[slot]))
        return events

    def _retire(self, time: float) -> list[Event]:
        """Keep the gallery within its bounds; nobody who is in a view is forgotten."""
        seen = {int(self._site.history.persons[slot]) for slot in self._intake.slots}
        gone = self._site.gallery.overdue(time, seen)
        if gone:
            self._erase(set(gone))
        return [PersonForgotten(time, person, "retention") for person in gone]

    def _erase(self, persons: Set[int]) -> None:
        """Leave nothing of people: views, history, open tracks, and the corrections that hold their vectors."""
        history, gallery = self._site.history, self._site.gallery
        slots = np.flatnonzero(np.isin(history.persons, list(persons)) & (history.numbers >= 0))
        theirs = set(history.numbers[slots].tolist())
        theirs |= {view.number for person in persons for view in gallery.views(person)}
        self._intake.drop(theirs)
        history.erase(slots)
        self._site.coincidences.forget(theirs)
        for person in persons:
            gallery.put(person, ())
        self._notes.forget(persons, theirs)

    def _answer(self, view: Sightings) -> Identities:
        history, count = self._site.history, len(view)
        slots = np.array([self._intake.slot(view.camera, number) for number in view.tracks.tolist()], dtype=np.int64)
        decided = (slots >= 0) & (history.persons[slots] > 0)
        persons, state = np.full(count, -1, dtype=np.int64), np.full(count, IdentityState.PENDING, dtype=np.int64)
        confidence = np.zeros(count)
        persons[decided] = history.persons[slots[decided]]
        confidence[decided] = history.confidences[slots[decided]]
        sure = (confidence >= 1 - self.settings.false_merge_rate) & history.settled[slots]
        state[decided] = np.where(sure[decided], IdentityState.CONFIRMED, IdentityState.PROBABLE)
        return Identities(view.camera, view.time, view.tracks, persons, state, confidence)


def _handed(slot: int, person: int, link: HandOff | None) -> Decision:
    """The decision for a track that follows another one, or nobody."""
    if link is None:
        return Decision(slot, person, 0.0, 0.0, Evidence(person, 0.0), ())
    evidence = Evidence(person, link.log_odds, time=link.log_odds)
    return Decision(slot, person, link.log_odds, link.share, evidence, ())
