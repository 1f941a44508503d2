"""The default identity manager: calibrated, delayed, exclusive, aware of time, correctable, bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.core.events import Event, PersonEnrolled, PersonMerged, PersonRecognised, PersonSplit
from unbroken.identity.calibration import CalibrationSettings, learn_likeness
from unbroken.identity.corrections import CorrectionSettings, Merge, find_merge, reconsider
from unbroken.identity.features import Bank, FeatureSettings
from unbroken.identity.gallery import Gallery, GallerySettings, View
from unbroken.identity.history import History, Tracklet
from unbroken.identity.resolver import Decision, Site, resolve
from unbroken.identity.topology import Topology, TopologySettings, gaps


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Settings of the default identity manager.

    Attributes:
        features: of banks and normalisation.
        calibration: of the likelihood ratio.
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
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
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
        self._site = Site(self._gallery, self._history, self._topology, None, hysteresis)
        self._open: dict[tuple[str, int], _Open] = {}
        self._next_fit = 2
        self._revisited = 0

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
        return np.array(numbers, dtype=np.int64), events

    def person_of(self, number: int) -> int:
        """The Global ID of a track at present; -1 once it has left the memory."""
        slot = self._history.slot(number)
        return int(self._history.persons[slot]) if slot >= 0 else -1

    def _append(self, tracklet: Tracklet) -> int:
        camera = self._topology.number(tracklet.camera)
        history, gallery = self._history, self._gallery
        if history.count >= self._next_fit:
            self._fit()
        slot = history.append(tracklet, camera)
        rate = history.rate(camera, tracklet.end, self.settings.topology.rate_window)
        history.log_rates[slot] = np.log(rate)
        history.log_slow[slot] = np.log(self.settings.topology.slow / max(len(gallery), 1))
        self._project(slot)
        return slot

    def _project(self, slot: int) -> None:
        history, likeness = self._history, self._site.likeness
        if likeness is not None and history.vectors.shape[1]:
            row = likeness.project(history.vectors[slot : slot + 1], history.cameras[slot : slot + 1])
            history.rows[slot] = row[0]

    def _decide(self, slots: list[int], time: float) -> list[Event]:
        return [self._settle(decision, time) for decision in resolve(slots, self._site)]

    def _settle(self, decision: Decision, time: float) -> Event:
        history, slot = self._history, decision.slot
        camera, track = self._topology.names[history.cameras[slot]], int(history.local[slot])
        person = decision.person or self._gallery.new_id()
        self._assign(slot, person, decision.margin)
        if decision.person:
            return PersonRecognised(time, camera, track, person, decision.evidence, decision.alternatives)
        return PersonEnrolled(time, camera, track, person, decision.alternatives)

    def _assign(self, slot: int, person: int, margin: float) -> None:
        history = self._history
        history.persons[slot], history.margins[slot] = person, margin
        row = history.rows[slot] if self._site.likeness is not None else np.zeros(0)
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
        if self._site.likeness is None or history.count < self.settings.first_fit:
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
            found = find_merge(person, settings.candidates, self._site) if person > 0 else None
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
            history.persons[slot], history.margins[slot] = person, decision.margin
            gallery.put(person, before)
            return []
        target = decision.person or gallery.new_id()
        self._assign(slot, target, decision.margin)
        if alone:
            return [PersonMerged(time, target, person, decision.evidence)]
        where = (self._topology.names[history.cameras[slot]], int(history.local[slot]))
        return [PersonSplit(time, person, target, (where,), decision.evidence)]

    def _merge(self, merge: Merge, time: float) -> Event:
        history, gallery = self._history, self._gallery
        views = gallery.views(merge.person) + gallery.views(merge.absorbed)
        gallery.put(merge.absorbed, ())
        gallery.put(merge.person, views)
        history.persons[history.persons == merge.absorbed] = merge.person
        return PersonMerged(time, merge.person, merge.absorbed, merge.evidence)

    def _fit(self) -> None:
        history, settings = self._history, self.settings
        grown = int(history.count * settings.fit_growth)
        self._next_fit = max(grown, settings.first_fit) if history.count < settings.fit_until else 2**62
        self._learn_transits()
        if not history.vectors.shape[1]:
            return
        used = history.used
        believed = history.margins[used] > settings.sure
        first = np.zeros(len(used), dtype=np.bool_)
        first[np.unique(history.persons[used], return_index=True)[1]] = True
        groups = np.where((believed | first) & (history.persons[used] > 0), history.persons[used], -1)
        likeness = learn_likeness(
            history.vectors[used], history.cameras[used], groups, settings.calibration, settings.features
        )
        self._site = Site(self._gallery, history, self._topology, likeness, self._site.hysteresis)
        history.rows = np.zeros((history.size, len(likeness.between)))
        history.rows[used] = likeness.project(history.vectors[used], history.cameras[used])
        self._gallery.recalibrate(likeness)

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
