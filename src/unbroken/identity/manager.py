"""The default identity manager: calibrated, delayed, exclusive, aware of time, correctable, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.core.errors import ConfigError, ContractError
from unbroken.core.events import (
    Event,
    Evidence,
    PersonEnrolled,
    PersonForgotten,
    PersonMerged,
    PersonRecognised,
    PersonSplit,
)
from unbroken.core.sightings import Identities, IdentityState, Sightings
from unbroken.identity.bootstrap import Bootstrap, BootstrapSettings, Pairs
from unbroken.identity.calibration import CalibrationSettings, Likeness, learn_likeness
from unbroken.identity.corrections import CorrectionSettings, Merge, Undo, find_merge, reconsider
from unbroken.identity.features import Bank, FeatureSettings
from unbroken.identity.gallery import Gallery, GallerySettings, View
from unbroken.identity.history import History, Tracklet
from unbroken.identity.places import PlaceSettings, impossible
from unbroken.identity.resolver import Decision, Site, resolve
from unbroken.identity.topology import Topology, TopologySettings, gaps


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Settings of the default identity manager.

    Attributes:
        features: of banks and normalisation.
        bootstrap: of the first minute.
        calibration: of the likelihood ratio.
        places: of the term of place.
        topology: of time and cameras.
        gallery: of what is remembered.
        corrections: of second thoughts.
        false_merge_rate: a Global ID is confirmed when the probability that it is wrong is below this.
        enough: sum of the quality of the views after which a track is due.
        patience: seconds after which a track is due with whatever has been seen of it.
        memory: tracks that the calibration learns from.
        first_fit: tracks after which the calibration is fitted for the first time in earnest.
        fit_growth: it is fitted again when the number of tracks has grown by this factor.
        fit_until: tracks after which it is frozen: from there nothing drifts.
        sure: nats by which a track must have been decided for the calibration to believe it.
        track_timeout: seconds after which a track that was neither seen nor ended counts as ended.
    """

    features: FeatureSettings = field(default_factory=FeatureSettings)
    bootstrap: BootstrapSettings = field(default_factory=BootstrapSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    places: PlaceSettings = field(default_factory=PlaceSettings)
    topology: TopologySettings = field(default_factory=TopologySettings)
    gallery: GallerySettings = field(default_factory=GallerySettings)
    corrections: CorrectionSettings = field(default_factory=CorrectionSettings)
    false_merge_rate: float = 0.01
    enough: float = 3.0
    patience: float = 2.0
    memory: int = 4096
    first_fit: int = 40
    fit_growth: float = 1.25
    fit_until: int = 20_000
    sure: float = 3.0
    track_timeout: float = 60.0


@dataclass(slots=True)
class _Open:
    """A track that its camera has not given up."""

    start: float
    end: float
    bank: Bank
    places: Floats
    boxes: Floats
    number: int = -1
    learnt: float = 0.0


class CalibratedManager:
    """Gives everybody one Global ID over all cameras. One thread owns it; same input, same output, to the bit."""

    def __init__(self, settings: ManagerSettings | None = None) -> None:
        self.settings = settings or ManagerSettings()
        self._history = History(self.settings.memory)
        self._topology = Topology(self.settings.topology)
        self._gallery = Gallery(self.settings.gallery)
        hysteresis = self.settings.corrections.hysteresis
        self._site = Site(self._gallery, self._history, self._topology, None, hysteresis, self.settings.places)
        self._pairs = Pairs(self.settings.bootstrap)
        self._open: dict[tuple[str, int], _Open] = {}
        self._undo: deque[Undo] = deque(maxlen=self.settings.corrections.remembered)
        self._next_fit = 0
        self._width = -1
        self._revisited = 0
        self._renewed: list[int] = []

    def take(self, arrivals: Sequence[Tracklet]) -> tuple[Ints, list[Event]]:
        """Decide on finished tracks as they arrive, for people who already track.

        Returns:
            The number of each track, with which `person_of` answers later, and what happened.
        """
        numbers: list[int] = []
        events: list[Event] = []
        for tracklet in arrivals:
            slot = self._append(tracklet)
            numbers.append(int(self._history.numbers[slot]))
            events += self._decide([slot], tracklet.end)
            events += self._second_thoughts(tracklet.end)
            events += self._forget(tracklet.end)
        return np.array(numbers, dtype=np.int64), events

    def person_of(self, number: int) -> int:
        """The Global ID of a track at present; -1 once it has left the memory."""
        slot = self._history.slot(number)
        return int(self._history.persons[slot]) if slot >= 0 else -1

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, in their order, and what happened.

        Raises:
            ContractError: features of another dimension than before.
        """
        events: list[Event] = []
        for view in sightings:
            self._end(view)
            self._take_in(view)
        for view in sightings:
            events += self._decide_due(view)
        events += self._look_again(sightings)
        events += self._keep_exclusive(sightings)
        if sightings:
            events += self._forget(max(view.time for view in sightings))
        return [self._answer(view) for view in sightings], events

    def _look_again(self, sightings: Sequence[Sightings]) -> list[Event]:
        """In the first minute, weigh each track again whenever it has been seen twice as well as before.

        The first decisions rest on a few views; once a model is learnt, `_second_thoughts` takes this over.
        """
        renewed, self._renewed = self._renewed, []
        events: list[Event] = []
        if isinstance(self._site.likeness, Likeness) or not sightings:
            return events
        time = max(view.time for view in sightings)
        for number in renewed:
            slot = self._history.slot(number)
            if slot >= 0 and self._history.persons[slot] > 0:
                events += self._revisit(slot, time)
        return events

    def _forget(self, time: float) -> list[Event]:
        """Keep the gallery within its bounds; nobody who is in a view is forgotten."""
        slots = [slot for track in self._open.values() if (slot := self._history.slot(track.number)) >= 0]
        seen = {int(self._history.persons[slot]) for slot in slots}
        gone = self._gallery.evict(time, seen)
        self._history.persons[np.isin(self._history.persons, gone)] = -1
        return [PersonForgotten(time, person, "retention") for person in gone]

    def _end(self, view: Sightings) -> None:
        ended = [(view.camera, number) for number in view.ended.tolist()]
        deadline = view.time - self.settings.track_timeout
        ended += [key for key, track in self._open.items() if key[0] == view.camera and track.end < deadline]
        for key in ended:
            track = self._open.pop(key, None)
            if track is not None and track.number >= 0 and track.bank.weight > track.learnt:
                self._renew(key, track)

    def _take_in(self, view: Sightings) -> None:
        width = view.features.shape[1]
        if len(view) and self._width < 0:
            self._width = width
        if len(view) and width != self._width:
            raise ContractError(
                f"features: have {width} numbers, those before {self._width}; "
                "one manager takes the features of one Re-ID net"
            )
        self._topology.note_ground(self._topology.number(view.camera), view.ground)
        fresh = np.any(view.features != 0, axis=1)
        if fresh.sum() > 1 and self._history.count < self.settings.first_fit:
            alike = view.features[fresh] @ view.features[fresh].T
            self._pairs.add_strangers(alike[np.triu_indices(len(alike), 1)].astype(np.float64))
        for row, number in enumerate(view.tracks.tolist()):
            self._extend((view.camera, number), view, row, bool(fresh[row]))

    def _extend(self, key: tuple[str, int], view: Sightings, row: int, fresh: bool) -> None:  # noqa: FBT001
        track = self._open.get(key)
        if track is None:
            places, boxes = np.tile(view.ground[row], (2, 1)), np.tile(view.boxes[row], (2, 1))
            track = _Open(view.time, view.time, Bank(self.settings.features), places, boxes)
            self._open[key] = track
        if view.time >= track.end:
            track.end, track.boxes[1], track.places[1] = view.time, view.boxes[row], view.ground[row]
        track.start = min(track.start, view.time)
        if fresh:
            if len(track.bank) and self._history.count < self.settings.first_fit:
                self._pairs.add_same(float(track.bank.vector @ view.features[row]))
            track.bank.add(view.features[row], float(view.quality[row]))
        slot = self._history.slot(track.number) if track.number >= 0 else -1
        if slot >= 0:
            self._history.ends[slot] = track.end
            self._history.boxes[slot], self._history.places[slot] = track.boxes, track.places
            if track.bank.weight > 2 * track.learnt:
                self._renew(key, track)

    def _tracklet(self, key: tuple[str, int], track: _Open) -> Tracklet:
        feature = track.bank.vector if len(track.bank) else np.zeros(self._width, dtype=np.float32)
        return Tracklet(*key, track.start, track.end, feature, track.places, track.boxes)

    def _renew(self, key: tuple[str, int], track: _Open) -> None:
        """A track has been seen better: what the gallery keeps of it is taken anew."""
        slot = self._history.slot(track.number)
        if slot < 0 or not len(track.bank):
            return
        track.learnt = track.bank.weight
        self._renewed.append(track.number)
        self._history.renew(slot, self._tracklet(key, track))
        self._project(slot)
        self._keep_view(slot)

    def _decide_due(self, view: Sightings) -> list[Event]:
        slots: list[int] = []
        for number in view.tracks.tolist():
            track = self._open[view.camera, number]
            if track.number >= 0 and self._history.slot(track.number) >= 0:
                continue
            waited = view.time - track.start >= self.settings.patience
            if track.bank.weight < self.settings.enough and not waited:
                continue
            slot = self._append(self._tracklet((view.camera, number), track))
            track.number, track.learnt = int(self._history.numbers[slot]), track.bank.weight
            slots.append(slot)
        events = self._decide(slots, view.time) if slots else []
        for _ in slots:
            events += self._second_thoughts(view.time)
        return events

    def _keep_exclusive(self, sightings: Sequence[Sightings]) -> list[Event]:
        """Nobody is in two places at once: of two such tracks of one person, the less certain becomes somebody else."""
        history = self._history
        found = {
            slot: view.time
            for view in sightings
            for number in view.tracks.tolist()
            if (slot := self._slot_of(view.camera, number)) >= 0
        }
        places: dict[int, list[int]] = {}
        events: list[Event] = []
        for slot in sorted(found, key=lambda slot: (-history.margins[slot], history.numbers[slot])):
            others = np.array(places.get(int(history.persons[slot]), []), dtype=np.int64)
            if len(others) and self._excluded(slot, others):
                events += self._revisit(slot, found[slot])
            places.setdefault(int(history.persons[slot]), []).append(slot)
        return events

    def _excluded(self, slot: int, others: Ints) -> bool:
        history = self._history
        apart = self._topology.apart(int(history.cameras[slot]))[history.cameras[others]]
        return bool(np.any(apart | impossible(others, slot, history, self.settings.places)))

    def _slot_of(self, camera: str, number: int) -> int:
        track = self._open[camera, number]
        return self._history.slot(track.number) if track.number >= 0 else -1

    def _answer(self, view: Sightings) -> Identities:
        history, count = self._history, len(view)
        slots = np.array([self._slot_of(view.camera, number) for number in view.tracks.tolist()], dtype=np.int64)
        decided = slots >= 0
        persons, state = np.full(count, -1, dtype=np.int64), np.full(count, IdentityState.PENDING, dtype=np.int64)
        confidence = np.zeros(count)
        persons[decided] = history.persons[slots[decided]]
        confidence[decided] = history.confidences[slots[decided]]
        sure = confidence >= 1 - self.settings.false_merge_rate
        state[decided] = np.where(sure[decided], IdentityState.CONFIRMED, IdentityState.PROBABLE)
        return Identities(view.camera, view.time, view.tracks, persons, state, confidence)

    def merge(self, person: int, absorbed: int, time: float) -> list[Event]:
        """Say that two Global IDs are one person; `undo` takes it back.

        Raises:
            ConfigError: one of them is not known, or they are the same.
        """
        for known in (person, absorbed):
            if not self._gallery.views(known):
                raise ConfigError(f"person {known} is not in the gallery; give Global IDs that are known")
        if person == absorbed:
            raise ConfigError(f"person {person} cannot be merged with itself; give two Global IDs")
        return [self._merge(Merge(person, absorbed, Evidence(person, 0.0)), time)]

    def undo(self, time: float) -> list[Event]:
        """Take the latest correction back that is still remembered; what was seen since stays where it is.

        Raises:
            ConfigError: there is none.
        """
        if not self._undo:
            raise ConfigError("there is no correction to undo; only the latest ones are remembered")
        correction, history, gallery = self._undo.pop(), self._history, self._gallery
        back: dict[tuple[int, int], list[tuple[str, int]]] = {}
        for number, person in correction.tracks:
            slot = history.slot(number)
            if slot >= 0 and history.persons[slot] != person:
                where = (self._topology.names[history.cameras[slot]], int(history.local[slot]))
                back.setdefault((int(history.persons[slot]), person), []).append(where)
                history.persons[slot] = person
        older = {view.number for views in correction.views.values() for view in views}
        newer = {
            person: [view for view in gallery.views(person) if view.number not in older] for person in correction.views
        }
        for person, views in correction.views.items():
            gallery.put(person, (*(self._projected(view) for view in views), *newer[person]))
        return [
            PersonSplit(time, now, before, tuple(tracks), Evidence(before, 0.0))
            for (now, before), tracks in back.items()
        ]

    def _projected(self, view: View) -> View:
        likeness = self._site.likeness
        if likeness is None or not len(view.vector):
            return view
        return replace(view, row=likeness.project(view.vector[None], np.array([view.camera]))[0])

    def _append(self, tracklet: Tracklet) -> int:
        camera = self._topology.number(tracklet.camera)
        history, gallery = self._history, self._gallery
        slot = history.append(tracklet, camera)
        if history.count >= self._next_fit:
            self._fit()
        rate = history.rate(camera, tracklet.end, self.settings.topology.rate_window)
        history.log_rates[slot] = np.log(rate)
        history.log_slow[slot] = np.log(self.settings.topology.slow / max(len(gallery), 1))
        self._project(slot)
        return slot

    def _project(self, slot: int) -> None:
        history, likeness = self._history, self._site.likeness
        if likeness is not None and history.rows.shape[1] and history.vectors.shape[1]:
            row = likeness.project(history.vectors[slot : slot + 1], history.cameras[slot : slot + 1])
            history.rows[slot] = row[0]

    def _decide(self, slots: list[int], time: float) -> list[Event]:
        return [self._settle(decision, time) for decision in resolve(slots, self._site)]

    def _settle(self, decision: Decision, time: float) -> Event:
        history, slot = self._history, decision.slot
        camera, track = self._topology.names[history.cameras[slot]], int(history.local[slot])
        person = decision.person or self._gallery.new_id()
        self._assign(slot, person, decision)
        if decision.person:
            return PersonRecognised(time, camera, track, person, decision.evidence, decision.alternatives)
        return PersonEnrolled(time, camera, track, person, decision.alternatives)

    def _assign(self, slot: int, person: int, decision: Decision) -> None:
        history = self._history
        history.persons[slot] = person
        history.margins[slot], history.confidences[slot] = decision.margin, decision.confidence
        self._keep_view(slot)

    def _keep_view(self, slot: int) -> None:
        history = self._history
        person = int(history.persons[slot])
        row = history.rows[slot]
        view = View(
            int(history.numbers[slot]),
            int(history.cameras[slot]),
            float(history.starts[slot]),
            float(history.ends[slot]),
            history.vectors[slot].copy(),
            row.copy(),
        )
        self._gallery.add(person, view)

    def _second_thoughts(self, time: float) -> list[Event]:
        history, settings = self._history, self.settings.corrections
        span = min(settings.window, history.count)
        events: list[Event] = []
        if not isinstance(self._site.likeness, Likeness):
            return events
        for _ in range(min(settings.revisits, span)):
            self._revisited += 1
            if self._revisited % 256 == 0:
                self._learn_transits()
            slot = history.slot(history.count - 1 - self._revisited % span)
            if slot >= 0 and history.persons[slot] > 0:
                events += self._revisit(slot, time)
        slot = history.slot(history.count - 1 - self._revisited % span)
        for person in {int(history.persons[slot]), int(history.persons[(history.count - 1) % history.size])}:
            found = find_merge(person, settings, self._site) if person > 0 else None
            if found is not None:
                events.append(self._merge(found, time))
        return events

    def _revisit(self, slot: int, time: float) -> list[Event]:
        history, gallery = self._history, self._gallery
        person, number = int(history.persons[slot]), int(history.numbers[slot])
        before = gallery.views(person)
        gallery.drop(person, number)
        alone = not gallery.views(person)
        history.persons[slot] = -1
        decision = reconsider(slot, person, alone, self._site)
        stays = decision.person == person or (alone and not decision.person)
        if stays:
            history.persons[slot] = person
            history.margins[slot], history.confidences[slot] = decision.margin, decision.confidence
            gallery.put(person, before)
            return []
        target = decision.person or gallery.new_id()
        self._undo.append(Undo({person: before, target: gallery.views(target)}, ((number, person),)))
        self._assign(slot, target, decision)
        if alone:
            return [PersonMerged(time, target, person, decision.evidence)]
        where = (self._topology.names[history.cameras[slot]], int(history.local[slot]))
        return [PersonSplit(time, person, target, (where,), decision.evidence)]

    def _merge(self, merge: Merge, time: float) -> Event:
        history, gallery = self._history, self._gallery
        before = {person: gallery.views(person) for person in (merge.person, merge.absorbed)}
        theirs = history.numbers[history.persons == merge.absorbed].tolist()
        self._undo.append(Undo(before, tuple((number, merge.absorbed) for number in theirs)))
        views = before[merge.person] + before[merge.absorbed]
        gallery.put(merge.absorbed, ())
        gallery.put(merge.person, views)
        history.persons[history.persons == merge.absorbed] = merge.person
        return PersonMerged(time, merge.person, merge.absorbed, merge.evidence)

    def _fit(self) -> None:
        history, settings = self._history, self.settings
        grown = max(int(history.count * settings.fit_growth), history.count + 2)
        self._next_fit = grown if history.count < settings.fit_until else 2**62
        self._learn_transits()
        width = history.vectors.shape[1]
        if not width:
            return
        if history.count < settings.first_fit:
            self._calibrate(Bootstrap.from_pairs(self._pairs, width, settings.bootstrap), width)
            return
        used = history.used
        believed = history.margins[used] > settings.sure
        first = np.zeros(len(used), dtype=np.bool_)
        first[np.unique(history.persons[used], return_index=True)[1]] = True
        groups = np.where((believed | first) & (history.persons[used] > 0), history.persons[used], -1)
        likeness = learn_likeness(
            history.vectors[used], history.cameras[used], groups, settings.calibration, settings.features
        )
        self._calibrate(likeness, len(likeness.between))

    def _calibrate(self, likeness: Likeness | Bootstrap, dimension: int) -> None:
        history = self._history
        used = history.used
        self._site = replace(self._site, likeness=likeness)
        history.rows = np.zeros((history.size, dimension))
        history.rows[used] = likeness.project(history.vectors[used], history.cameras[used])
        self._gallery.recalibrate(likeness, dimension)

    def _learn_transits(self) -> None:
        history = self._history
        used = history.used
        used = used[history.persons[used] > 0]
        order = used[np.lexsort((history.numbers[used], history.middles(used), history.persons[used]))]
        before, after = order[:-1], order[1:]
        same = history.persons[before] == history.persons[after]
        before, after = before[same], after[same]
        gap = gaps(history.starts[before], history.ends[before], history.starts[after], history.ends[after])
        self._topology.learn(history.cameras[before], history.cameras[after], gap, np.ones(len(before)))
