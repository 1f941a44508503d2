"""The default identity manager: calibrated, delayed, exclusive, aware of time, correctable, bounded."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from math import log, log1p

import numpy as np

from unbroken.core import batches
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.core.batches import Command
from unbroken.core.errors import ConfigError, ContractError
from unbroken.core.events import (
    AppearanceDoubted,
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
from unbroken.identity.calibration import CalibrationSettings, Likeness, judged, learn_likeness
from unbroken.identity.coincidences import Coincidences, CoincidenceSettings, Standing
from unbroken.identity.corrections import CorrectionSettings, Merge, Undo, find_merge, reconsider
from unbroken.identity.distances import with_distances
from unbroken.identity.doubts import doubts
from unbroken.identity.features import Bank, FeatureSettings
from unbroken.identity.gallery import Gallery, GallerySettings, View
from unbroken.identity.handoffs import HandOff, HandOffs, blind
from unbroken.identity.history import History, Tracklet
from unbroken.identity.manual import Notes, joined, known_person, merged, split, swapped, undone
from unbroken.identity.overlaps import OverlapSettings, overlap_odds
from unbroken.identity.places import PlaceSettings, impossible
from unbroken.identity.recall import Remembered
from unbroken.identity.resolver import PINNED, Decision, Site, companions, resolve
from unbroken.identity.topology import Topology, TopologySettings, gaps
from unbroken.identity.transits import TransitSettings

_USUAL_CAUTION = log(99)
"""The odds against a false merge for which the other defaults were chosen: 1 %."""


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Settings of the default identity manager.

    Attributes:
        features: of banks and normalisation.
        bootstrap: of the first minute.
        calibration: of the likelihood ratio.
        places: of the term of place.
        coincidences: of pairs of tracks that calibrated cameras see at once.
        topology: of time and cameras.
        overlaps: of which views overlap, as looks say.
        transits: of hand-offs without looks.
        gallery: of what is remembered.
        corrections: of second thoughts.
        false_merge_rate: a Global ID is confirmed when the probability that it is wrong is below this; and the odds of
            it, against those of 1 %, are what somebody new is favoured by: half the rate, twice the odds.
        guess: posterior probability of somebody known from which on a track has his Global ID before it is due; 1 has
            every track wait.
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
    coincidences: CoincidenceSettings = field(default_factory=CoincidenceSettings)
    topology: TopologySettings = field(default_factory=TopologySettings)
    overlaps: OverlapSettings = field(default_factory=OverlapSettings)
    transits: TransitSettings = field(default_factory=TransitSettings)
    gallery: GallerySettings = field(default_factory=GallerySettings)
    corrections: CorrectionSettings = field(default_factory=CorrectionSettings)
    false_merge_rate: float = 0.01
    guess: float = 0.6
    enough: float = 3.0
    patience: float = 2.0
    memory: int = 4096
    first_fit: int = 40
    fit_growth: float = 1.25
    fit_until: int = 20_000
    sure: float = 3.0
    track_timeout: float = 60.0

    def __post_init__(self) -> None:
        """Check once.

        Raises:
            ConfigError: `false_merge_rate` is no probability between 0 and 1.
        """
        if not 0 < self.false_merge_rate < 1:
            raise ConfigError(f"false_merge_rate is {self.false_merge_rate}; give a share above 0 and below 1")

    @property
    def caution(self) -> float:
        """Nats by which somebody new is favoured, for the sake of `false_merge_rate`."""
        return log1p(-self.false_merge_rate) - log(self.false_merge_rate) - _USUAL_CAUTION


@dataclass(slots=True)
class _Open:
    """A track that its camera has not given up."""

    start: float
    end: float
    bank: Bank
    places: Floats
    boxes: Floats
    covariance: Floats
    number: int = -1
    learnt: float = 0.0


class CalibratedManager:
    """Gives everybody one Global ID over all cameras. One thread owns it; same input, same output, to the bit."""

    def __init__(self, settings: ManagerSettings | None = None) -> None:
        self.settings = settings or ManagerSettings()
        self._history = History(self.settings.memory)
        self._topology = Topology(self.settings.topology)
        self._gallery = Gallery(self.settings.gallery)
        self._coincidences = Coincidences(self.settings.coincidences)
        self._site = self._site_with(None)
        self._pairs = Pairs(self.settings.bootstrap)
        self._hand_offs = HandOffs(self.settings.transits)
        self._open: dict[tuple[str, int], _Open] = {}
        self._notes = Notes(self.settings.corrections.remembered)
        self._next_fit = 0
        self._width = -1
        self._revisited = 0
        self._strained: dict[tuple[int, int], float] = {}
        self._renewed: list[int] = []
        self._latest: dict[str, float] = {}
        self._doubts: list[AppearanceDoubted] = []
        self._said = 0

    @property
    def people(self) -> int:
        """How many are known."""
        return len(self._gallery)

    @property
    def open_tracks(self) -> int:
        """How many tracks their cameras have not given up."""
        return len(self._open)

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
        events += self._doubted()
        return np.array(numbers, dtype=np.int64), events

    def recall(self, known: Remembered) -> None:
        """Begin with people who are known: their tracks are not weighed again, but learnt from.

        Only the best view of a track is known here, not the views within it, so until enough tracks have come for a
        fit in earnest, tracks of one person in one camera say how alike he is to himself.
        """
        for tracklet, person in zip(known.tracks, known.persons.tolist(), strict=True):
            slot = self._enter(tracklet)
            self._assign(slot, person, Decision(slot, person, PINNED, 1.0, Evidence(person, 0.0), ()))
        self._gallery.begin_after(known.highest)
        for one, other in known.apart:
            self._notes.keep_apart(one, other)
        if not known.tracks:
            return
        self._width = self._history.vectors.shape[1]
        if self._history.count < self.settings.first_fit:
            self._compare_the_few()
        self._fit()

    def _compare_the_few(self) -> None:
        """What the first tracks say of people seen together, and of one person seen twice, in one camera."""
        history = self._history
        seen = history.with_looks
        for place, slot in enumerate(seen.tolist()):
            others = seen[:place][history.cameras[seen[:place]] == history.cameras[slot]]
            alike = (history.vectors[others] @ history.vectors[slot]).astype(np.float64)
            same = history.persons[others] == history.persons[slot]
            self._pairs.add_strangers(alike[~same & history.together(slot, others)])
            for cosine in alike[same].tolist():
                self._pairs.add_same(cosine)

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
        waiting = [self._waiting(view) for view in sightings]
        self._note_coincidences(sightings)
        for view, (due, early) in zip(sightings, waiting, strict=True):
            events += self._decide_due(due, early, view.time)
        events += self._look_again(sightings)
        events += self._keep_exclusive(sightings)
        if sightings:
            events += self._forget(max(view.time for view in sightings))
        events += self._doubted()
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
            if self._is_open_to_change(slot):
                events += self._revisit(slot, time)
        return events

    def _is_open_to_change(self, slot: int) -> bool:
        """Whether a slot holds a track with a Global ID that nobody has decided by hand."""
        history = self._history
        return slot >= 0 and bool(history.persons[slot] > 0 and history.margins[slot] < PINNED)

    def _forget(self, time: float) -> list[Event]:
        """Keep the gallery within its bounds; nobody who is in a view is forgotten."""
        slots = [slot for track in self._open.values() if (slot := self._history.slot(track.number)) >= 0]
        seen = {int(self._history.persons[slot]) for slot in slots}
        gone = self._gallery.overdue(time, seen)
        if gone:
            self._erase(set(gone))
        return [PersonForgotten(time, person, "retention") for person in gone]

    def _erase(self, persons: Set[int]) -> None:
        """Leave nothing of people: views, history, open tracks, and the corrections that hold their vectors."""
        history = self._history
        slots = np.flatnonzero(np.isin(history.persons, list(persons)) & (history.numbers >= 0))
        theirs = set(history.numbers[slots].tolist())
        theirs |= {view.number for person in persons for view in self._gallery.views(person)}
        self._open = {key: track for key, track in self._open.items() if track.number not in theirs}
        history.erase(slots)
        self._coincidences.forget(theirs)
        for person in persons:
            self._gallery.put(person, ())
        self._notes.forget(persons, theirs)

    def _end(self, view: Sightings) -> None:
        ended = [(view.camera, number) for number in view.ended.tolist()]
        deadline = view.time - self.settings.track_timeout
        ended += [key for key, track in self._open.items() if key[0] == view.camera and track.end < deadline]
        for key in ended:
            track = self._open.pop(key, None)
            slot = -1 if track is None else self._history.slot(track.number)
            if track is None or slot < 0:
                continue
            if not self._history.settled[slot]:
                # A guess about a track that was never due stands, and nothing rests on it.
                self._history.margins[slot] = PINNED
            elif track.bank.weight > track.learnt:
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
        fresh = (view.features != 0).any(axis=1)
        if fresh.sum() > 1 and self._history.count < self.settings.first_fit:
            alike = view.features[fresh] @ view.features[fresh].T
            self._pairs.add_strangers(alike[np.triu_indices(len(alike), 1)].astype(np.float64))
        for row, number in enumerate(view.tracks.tolist()):
            self._extend((view.camera, number), view, row, bool(fresh[row]))

    def _extend(self, key: tuple[str, int], view: Sightings, row: int, fresh: bool) -> None:  # noqa: FBT001
        track = self._open.get(key)
        if track is None:
            places, boxes = np.tile(view.ground[row], (2, 1)), np.tile(view.boxes[row], (2, 1))
            bank = Bank(self.settings.features)
            track = _Open(view.time, view.time, bank, places, boxes, view.covariance[row].copy())
            self._open[key] = track
        if view.time >= track.end:
            track.covariance[:] = view.covariance[row]
            track.end, track.boxes[1], track.places[1] = view.time, view.boxes[row], view.ground[row]
        track.start = min(track.start, view.time)
        if fresh:
            if len(track.bank) and self._history.count < self.settings.first_fit:
                self._pairs.add_same(float(track.bank.vector @ view.features[row]))
            track.bank.add(view.features[row], float(view.quality[row]))
        slot = self._history.slot(track.number) if track.number >= 0 else -1
        if slot >= 0:
            self._history.starts[slot], self._history.ends[slot] = track.start, track.end
            self._history.boxes[slot], self._history.places[slot] = track.boxes, track.places
            if track.bank.weight > 2 * track.learnt and self._history.settled[slot]:
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

    def _waiting(self, view: Sightings) -> tuple[list[int], list[int]]:
        """The slots of tracks that are due, and of others of which there is a new view."""
        due: list[int] = []
        early: list[int] = []
        # What comes late may be of tracks that have ended: they are no longer guessed at.
        late = view.time < self._latest.get(view.camera, view.time)
        self._latest[view.camera] = max(view.time, self._latest.get(view.camera, view.time))
        for number in view.tracks.tolist():
            key = view.camera, number
            track = self._open[key]
            slot = self._history.slot(track.number) if track.number >= 0 else -1
            if slot >= 0 and self._history.settled[slot]:
                continue
            ready = track.bank.weight >= self.settings.enough or view.time - track.start >= self.settings.patience
            fresh = len(track.bank) > 0 and track.bank.weight > track.learnt
            if ready or (fresh and not late and self.settings.guess < 1):
                slot = self._taken_anew(key, track)
                (due if ready else early).append(slot)
        return due, early

    def _note_coincidences(self, sightings: Sequence[Sightings]) -> None:
        """Who stands where, of all tracks that calibrated cameras have in view now."""
        if not sightings:
            return
        time = max(view.time for view in sightings)
        deadline = time - self.settings.coincidences.instant
        fresh = {view.camera for view in sightings}
        standing = [
            (track, self._topology.number(camera), camera in fresh)
            for (camera, _), track in self._open.items()
            if track.number >= 0 and deadline <= track.end <= time and np.isfinite(track.places[1, 0])
        ]
        if len(standing) < 2:
            return
        tracks, cameras, seen = zip(*standing, strict=True)
        self._coincidences.note(
            Standing(
                np.array([track.number for track in tracks]),
                np.array(cameras),
                np.stack([track.places[1] for track in tracks]),
                np.nan_to_num(np.stack([track.covariance for track in tracks])),
                np.array(seen),
            ),
            time,
        )
        self._coincidences.prune(self._history.count)

    def _decide_due(self, due: list[int], early: list[int], time: float) -> list[Event]:
        """Decide on tracks that are due; of the others, guess who they are."""
        events = self._decide(due, time) if due else []
        for _ in due:
            events += self._second_thoughts(time)
        return events + self._guess(early, time)

    def _taken_anew(self, key: tuple[str, int], track: _Open) -> int:
        """The slot of a track that is not settled, with what has been seen of it so far."""
        slot = self._history.slot(track.number) if track.number >= 0 else -1
        if slot < 0:
            slot = self._append(self._tracklet(key, track))
            self._history.settled[slot] = False
            track.number = int(self._history.numbers[slot])
        else:
            self._history.renew(slot, self._tracklet(key, track))
            self._project(slot)
        track.learnt = track.bank.weight
        return slot

    def _guess(self, slots: list[int], time: float) -> list[Event]:
        """Tracks that are not due have the Global ID of somebody who is likely enough; nothing rests on that."""
        history, events = self._history, []
        free = [slot for slot in slots if history.margins[slot] < PINNED]
        for decision in resolve(free, self._site) if free and len(self._gallery) else []:
            slot, person = decision.slot, int(history.persons[decision.slot])
            if not decision.person or decision.confidence < self.settings.guess:
                continue
            if person <= 0:
                events.append(self._settle(decision, time))
            elif person != decision.person:
                events.append(self._move(decision, time))
            else:
                history.confidences[slot], history.margins[slot] = decision.confidence, decision.margin
        return events

    def _keep_exclusive(self, sightings: Sequence[Sightings]) -> list[Event]:
        """Nobody is in two places at once: of two such tracks of one person, the less certain becomes somebody else."""
        history = self._history
        found = {
            slot: view.time
            for view in sightings
            for number in view.tracks.tolist()
            if (slot := self._slot_of(view.camera, number)) >= 0 and history.persons[slot] > 0
        }
        seen = set(found)
        for track in self._open.values():
            slot = history.slot(track.number) if track.number >= 0 else -1
            if slot >= 0 and not history.settled[slot] and history.persons[slot] > 0:
                found.setdefault(slot, track.end)
        slots = np.array(list(found), dtype=np.int64)
        slots = slots[np.lexsort((history.numbers[slots], -history.margins[slots], ~history.settled[slots]))]
        first, then = np.triu(history.persons[slots][:, None] == history.persons[slots], 1).nonzero()
        if not self._excluded(slots[then], slots[first]).any():
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
                events += self._revisit(slot, found[slot])
            places.setdefault(int(history.persons[slot]), []).append(slot)
        self._strained = strained
        return events

    def _is_out_of_place(self, slot: int, others: Ints, time: float, strained: dict[tuple[int, int], float]) -> bool:
        """Whether a track cannot be whom the others are. A foot that is hidden for a moment is no reason.

        Only what is too far away by less than the error of a place again has to last; `strained` says since when.
        """
        clash, settings = self._excluded(slot, others), self.settings.places
        generous = replace(settings, slack=2 * settings.slack)
        for other in others[clash].tolist():
            pair = int(self._history.numbers[slot]), int(self._history.numbers[other])
            since = strained[pair] = self._strained.get(pair, time)
            lone = np.array([other])
            if time - since >= settings.patience or self._excluded(slot, lone, generous).any():
                return True
        return False

    def _excluded(self, slot: Ints | int, others: Ints, places: PlaceSettings | None = None) -> Bools:
        """Which of `others` cannot be at the same time where a track, or each of several, is."""
        history = self._history
        apart = self._topology.apart(history.cameras[slot], history.cameras[others])
        found: Bools = apart | impossible(others, slot, history, places or self.settings.places)
        return found

    def _slot_of(self, camera: str, number: int) -> int:
        track = self._open[camera, number]
        return self._history.slot(track.number) if track.number >= 0 else -1

    def _answer(self, view: Sightings) -> Identities:
        history, count = self._history, len(view)
        slots = np.array([self._slot_of(view.camera, number) for number in view.tracks.tolist()], dtype=np.int64)
        decided = (slots >= 0) & (history.persons[slots] > 0)
        persons, state = np.full(count, -1, dtype=np.int64), np.full(count, IdentityState.PENDING, dtype=np.int64)
        confidence = np.zeros(count)
        persons[decided] = history.persons[slots[decided]]
        confidence[decided] = history.confidences[slots[decided]]
        sure = (confidence >= 1 - self.settings.false_merge_rate) & history.settled[slots]
        state[decided] = np.where(sure[decided], IdentityState.CONFIRMED, IdentityState.PROBABLE)
        return Identities(view.camera, view.time, view.tracks, persons, state, confidence)

    def correct(self, command: Command, time: float) -> list[Event]:
        """Carry out what somebody asks for by hand: it is not weighed again, and `Undo` takes it back.

        Somebody who is forgotten while he is in view is somebody new from there on.

        Raises:
            ContractError: a person or a track is not known, or the command contradicts what is seen; nothing changes.
        """
        site, notes = self._site, self._notes
        if isinstance(command, batches.Merge):
            wanted = Merge(command.person, command.absorbed, Evidence(command.person, 0.0))
            return merged(wanted, site, notes, self._in_view_at_once, time)
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
        self.settings = settings
        self._history = self._history.resized(settings.memory)
        self._topology = self._topology.with_settings(settings.topology)
        self._hand_offs.settings = settings.transits
        self._coincidences.settings = settings.coincidences
        self._gallery.adopt(settings.gallery)
        self._notes.resize(settings.corrections.remembered)
        likeness = self._site.likeness
        if isinstance(likeness, Likeness):
            likeness = replace(likeness, settings=settings.calibration)
        self._site = self._site_with(likeness)

    def _site_with(self, likeness: Likeness | Bootstrap | None) -> Site:
        """What decisions are made from, under the settings of now."""
        settings = self.settings
        hysteresis, caution = settings.corrections.hysteresis, settings.caution
        known = self._gallery, self._history, self._topology, likeness
        return Site(*known, hysteresis, settings.places, caution, self._coincidences)

    def _in_view_at_once(self, mine: Ints, theirs: Ints) -> bool:
        """Whether two people have tracks that are open now and cannot be one person's."""
        living = np.array([self._history.slot(track.number) for track in self._open.values()], dtype=np.int64)
        mine, theirs = np.intersect1d(mine, living), np.intersect1d(theirs, living)
        together = [theirs[self._history.together(slot, theirs)] for slot in mine.tolist()]
        return any(
            bool(self._excluded(slot, others).any()) for slot, others in zip(mine.tolist(), together, strict=True)
        )

    def _append(self, tracklet: Tracklet) -> int:
        slot = self._enter(tracklet)
        if self._history.count >= self._next_fit:
            self._fit()
        self._project(slot)
        return slot

    def _enter(self, tracklet: Tracklet) -> int:
        """A track goes into the history; returns its slot."""
        camera = self._topology.number(tracklet.camera)
        history, gallery = self._history, self._gallery
        slot = history.append(tracklet, camera)
        rate = history.rate(camera, tracklet.end, self.settings.topology.rate_window)
        history.log_rates[slot] = np.log(rate)
        history.log_slow[slot] = np.log(self.settings.topology.slow / max(len(gallery), 1))
        return slot

    def _project(self, slot: int) -> None:
        history, likeness = self._history, self._site.likeness
        if likeness is not None and history.rows.shape[1] and history.vectors.shape[1]:
            row = likeness.project(history.vectors[slot : slot + 1], history.cameras[slot : slot + 1])
            history.rows[slot] = row[0]

    def _decide(self, slots: list[int], time: float) -> list[Event]:
        unseen = blind(self._history, np.array(slots, dtype=np.int64))
        seen = [slot for slot, hidden in zip(slots, unseen.tolist(), strict=True) if not hidden]
        events: list[Event] = []
        partners = {slot: companions(slot, self._site) for slot in seen}
        for slot in [slot for slot in seen if partners[slot] and self._history.margins[slot] < PINNED]:
            self._history.settled[slot] = True
            events += self._reweigh(slot, companions(slot, self._site), time)
            self._keep_view(slot)
            seen.remove(slot)
        for decision in resolve(seen, self._site) if seen else []:
            events += self._decided(decision, time)
        self._history.settled[slots] = True
        return events + self._hand_over(time) if unseen.any() else events

    def _decided(self, decision: Decision, time: float) -> list[Event]:
        """Who a track is that is due, whatever was guessed before."""
        history, slot = self._history, decision.slot
        person = int(history.persons[slot])
        history.settled[slot] = True
        if person <= 0:
            return [self._settle(decision, time)]
        if history.margins[slot] < PINNED and decision.person != person:
            return [self._move(decision, time)]
        if history.margins[slot] < PINNED:
            history.margins[slot], history.confidences[slot] = decision.margin, decision.confidence
        self._keep_view(slot)
        return []

    def _hand_over(self, time: float) -> list[Event]:
        """Tracks without looks: who follows whom is decided anew for all of the window."""
        history = self._history
        still_open = {track.number for track in self._open.values()}
        followed = self._hand_offs.followed(history, self._topology, still_open)
        slots = self._hand_offs.window(history)
        events: list[Event] = []
        held: set[int] = set()
        for slot in slots[np.lexsort((history.numbers[slots], history.starts[slots]))].tolist():
            link, person = followed.get(slot), int(history.persons[slot])
            target = 0 if person in held else max(person, 0)
            if link is not None:
                target = int(history.persons[link.before])
            if person <= 0:
                events.append(self._settle(_handed(slot, target, link), time))
            elif target != person and self._is_open_to_change(slot):
                events.append(self._move(_handed(slot, target, link), time))
            held.add(int(history.persons[slot]))
        return events

    def _settle(self, decision: Decision, time: float) -> Event:
        history, slot = self._history, decision.slot
        decision = with_distances(decision, history, self._gallery)
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
        if history.settled[slot] or not decision.person:
            history.settled[slot] = True
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
            if self._is_open_to_change(slot):
                events += self._revisit(slot, time)
        slot = history.slot(history.count - 1 - self._revisited % span)
        for person in {int(history.persons[slot]), int(history.persons[(history.count - 1) % history.size])}:
            found = find_merge(person, settings, self._site) if person > 0 else None
            if found is not None and not self._notes.apart(found.person, found.absorbed):
                events.append(joined(found, self._site, self._notes, time))
        return events

    def _revisit(self, slot: int, time: float) -> list[Event]:
        """Weigh a track again, together with those that stood where it did."""
        return self._reweigh(slot, companions(slot, self._site) if self._history.settled[slot] else [], time)

    def _reweigh(self, slot: int, others: list[int], time: float) -> list[Event]:
        history, gallery = self._history, self._gallery
        person = int(history.persons[slot])
        if person <= 0:
            person = int(history.persons[others[0]])
        slots = sorted([slot, *others], key=lambda one: (history.starts[one], history.numbers[one]))
        before = history.persons[slots].copy()
        pairs = list(zip(slots, before.tolist(), strict=True))
        lifted = [gallery.lift(whose, int(history.numbers[one])) for one, whose in pairs if whose > 0]
        alone = not gallery.views(person)
        history.persons[slots] = -1
        decision = reconsider(slots, person, alone, self._site)
        history.persons[slots] = before
        for views in reversed(lifted):
            gallery.lay_back(views)
        target = decision.person or (person if alone else 0)
        events: list[Event] = []
        for one, whose in pairs:
            mine = replace(decision, slot=one, person=target)
            if whose <= 0:
                events.append(self._settle(mine, time))
            elif int(history.persons[one]) != target:
                events.append(self._move(mine, time))
            else:
                history.margins[one], history.confidences[one] = decision.margin, decision.confidence
            target = target or int(history.persons[one])
        return events

    def _move(self, decision: Decision, time: float) -> Event:
        """A track becomes a view of another person, who may be new."""
        history, gallery, slot = self._history, self._gallery, decision.slot
        decision = with_distances(decision, history, gallery)
        person = int(history.persons[slot])
        before = gallery.views(person)
        gallery.drop(person, int(history.numbers[slot]))
        alone = not gallery.views(person)
        target = decision.person or gallery.new_id()
        # Of somebody whose views are all gone, the history may hold more tracks than the gallery did.
        moved = np.flatnonzero(history.persons == person) if alone else np.array([slot])
        views = {person: before, target: gallery.views(target)}
        self._notes.add(Undo(views, tuple((one, person) for one in history.numbers[moved].tolist())))
        history.persons[moved] = target
        self._assign(slot, target, decision)
        if alone:
            return PersonMerged(time, target, person, decision.evidence)
        return PersonSplit(time, person, target, self._named(slot), decision.evidence)

    def _named(self, slot: int) -> tuple[tuple[str, int], ...]:
        """The name of a track, unless its camera shows another by that name since: ids come back after a time-out."""
        history = self._history
        key = self._topology.names[history.cameras[slot]], int(history.local[slot])
        holder = self._open.get(key)
        return () if holder is not None and holder.number != history.numbers[slot] else (key,)

    def _fit(self) -> None:
        history, settings = self._history, self.settings
        grown = max(int(history.count * settings.fit_growth), history.count + 2)
        self._next_fit = grown if history.count < settings.fit_until else 2**62
        self._learn_transits()
        width = history.vectors.shape[1]
        if not width:
            return
        used = history.used
        used = used[history.settled[used]]
        if history.count < settings.first_fit or len(used) < min(settings.first_fit, history.size):
            self._calibrate(Bootstrap.from_pairs(self._pairs, width, settings.bootstrap), width)
            return
        believed = history.margins[used] > settings.sure
        first = np.zeros(len(used), dtype=np.bool_)
        first[np.unique(history.persons[used], return_index=True)[1]] = True
        groups = np.where((believed | first) & (history.persons[used] > 0), history.persons[used], -1)
        likeness = learn_likeness(
            history.vectors[used], history.cameras[used], groups, settings.calibration, settings.features
        )
        likeness = judged(likeness, history)
        self._calibrate(likeness, len(likeness.between))
        known = {doubt.what for doubt in self._doubts}
        found = doubts(likeness, self._pairs, history.count, float(history.ends[used].max()))
        self._doubts += {doubt.what: doubt for doubt in found if doubt.what not in known}.values()

    def _doubted(self) -> list[Event]:
        """What is wrong with looks here and was not told yet."""
        unsaid = self._doubts[self._said :]
        self._said = len(self._doubts)
        return [*unsaid]

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
        used = used[(history.persons[used] > 0) & history.settled[used]]
        order = used[np.lexsort((history.numbers[used], history.middles(used), history.persons[used]))]
        before, after = order[:-1], order[1:]
        same = history.persons[before] == history.persons[after]
        before, after = before[same], after[same]
        gap = gaps(history.starts[before], history.ends[before], history.starts[after], history.ends[after])
        sure = np.minimum(history.confidences[before], history.confidences[after])
        odds = overlap_odds(history, len(self._topology.names), self.settings.overlaps)
        self._topology.learn(history.cameras[before], history.cameras[after], gap, sure, odds)


def _handed(slot: int, person: int, link: HandOff | None) -> Decision:
    """The decision for a track that follows another one, or nobody."""
    if link is None:
        return Decision(slot, person, 0.0, 0.0, Evidence(person, 0.0), ())
    evidence = Evidence(person, link.log_odds, time=link.log_odds)
    return Decision(slot, person, link.log_odds, link.share, evidence, ())
