"""The tracks that cameras have in view: their views are gathered until there is something to decide."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.core.errors import ContractError
from unbroken.core.sightings import Sightings
from unbroken.identity.history import Tracklet
from unbroken.identity.learning import Learner
from unbroken.identity.looks.features import Bank
from unbroken.identity.settings import ManagerSettings
from unbroken.identity.site import LAPSED, Site
from unbroken.identity.whereabouts.coincidences import Standing

Key = tuple[str, int]
"""A camera's name, and its own id of a track."""


@dataclass(slots=True)
class OpenTrack:
    """A track that its camera has not given up.

    Attributes:
        start: seconds, first seen.
        end: seconds, last seen.
        bank: of views.
        places: (2, 2) metres, where it was first and last seen; NaN without calibration.
        boxes: (2, 4) pixels, first and last.
        covariance: (2, 2) square metres, of the last place.
        number: in the history; -1 while it is not there.
        learnt: the weight of the bank when the history last took its views.
    """

    start: float
    end: float
    bank: Bank
    places: Floats
    boxes: Floats
    covariance: Floats
    number: int = -1
    learnt: float = 0.0


class Intake:
    """Takes in sightings: open tracks, and their rows in the history and views in the gallery."""

    def __init__(self, settings: ManagerSettings, site: Site, learner: Learner) -> None:
        self.settings = settings
        self.open: dict[Key, OpenTrack] = {}
        self._site = site
        self._learner = learner
        self._width = -1
        self._latest: dict[str, float] = {}
        self._renewed: list[int] = []

    def take_in(self, view: Sightings) -> None:
        """What one camera sees, and which of its tracks are over.

        Raises:
            ContractError: features of another dimension than before.
        """
        self._end(view)
        width = view.features.shape[1]
        if len(view):
            self.expect(width)
        topology = self._site.topology
        topology.note_ground(topology.number(view.camera), view.ground)
        fresh = (view.features != 0).any(axis=1)
        self._learner.see_strangers(view.features[fresh])
        for row, number in enumerate(view.tracks.tolist()):
            track = self._extended((view.camera, number), view, row)
            if fresh[row]:
                self._gather(track, view, row)
            self._note_progress((view.camera, number), track)

    def expect(self, width: int) -> None:
        """Features have this dimension.

        Raises:
            ContractError: they had another one before.
        """
        if self._width < 0:
            self._width = width
        if width != self._width:
            raise ContractError(
                f"features: have {width} numbers, those before {self._width}; "
                "one manager takes the features of one Re-ID net"
            )

    def waiting(self, view: Sightings) -> tuple[list[int], list[int]]:
        """The slots of tracks that are due, and of others of which there is a new view."""
        due: list[int] = []
        early: list[int] = []
        # What comes late may be of tracks that have ended: they are no longer guessed at.
        late = view.time < self._latest.get(view.camera, view.time)
        self._latest[view.camera] = max(view.time, self._latest.get(view.camera, view.time))
        for number in view.tracks.tolist():
            key = view.camera, number
            track = self.open[key]
            slot = self._site.history.slot(track.number)
            if slot >= 0 and self._site.history.settled[slot]:
                continue
            ready = track.bank.weight >= self.settings.enough or view.time - track.start >= self.settings.patience
            fresh = len(track.bank) > 0 and track.bank.weight > track.learnt
            if ready or (fresh and not late and self.settings.guess < 1):
                slot = self._taken_anew(key, track)
                (due if ready else early).append(slot)
        return due, early

    def append(self, tracklet: Tracklet) -> int:
        """A track goes into the history and is compared with others from here on; returns its slot."""
        slot = self.enter(tracklet)
        self._learner.fit_when_due()
        self._site.project(slot)
        return slot

    def enter(self, tracklet: Tracklet) -> int:
        """A track goes into the history; returns its slot."""
        history, topology = self._site.history, self._site.topology
        camera = topology.number(tracklet.camera)
        slot = history.append(tracklet, camera)
        rate = history.rate(camera, tracklet.end, topology.settings.rate_window)
        history.log_rates[slot] = np.log(rate)
        history.log_slow[slot] = np.log(topology.settings.slow / max(len(self._site.gallery), 1))
        return slot

    def slot(self, camera: str, number: int) -> int:
        """The slot of an open track; -1 while it has none."""
        return self._site.history.slot(self.open[camera, number].number)

    @property
    def slots(self) -> list[int]:
        """Of all open tracks that have one."""
        return [slot for track in self.open.values() if (slot := self._site.history.slot(track.number)) >= 0]

    @property
    def numbers(self) -> set[int]:
        """Of all open tracks, in the history; -1 among them where one has none."""
        return {track.number for track in self.open.values()}

    def name(self, slot: int) -> tuple[Key, ...]:
        """The name of a track, unless its camera shows another by that name since: ids come back after a time-out."""
        history = self._site.history
        key = self._site.topology.names[history.cameras[slot]], int(history.local[slot])
        holder = self.open.get(key)
        return () if holder is not None and holder.number != history.numbers[slot] else (key,)

    def renewed(self) -> list[int]:
        """The numbers of decided tracks that were seen much better since the last call."""
        renewed, self._renewed = self._renewed, []
        return renewed

    def drop(self, numbers: Set[int]) -> None:
        """Forget open tracks, by their numbers in the history."""
        self.open = {key: track for key, track in self.open.items() if track.number not in numbers}

    def standing(self, sightings: Sequence[Sightings], instant: float) -> Standing | None:
        """Where everybody is whom calibrated cameras saw within `instant` seconds; `None` for fewer than two."""
        time = max(view.time for view in sightings)
        fresh = {view.camera for view in sightings}
        topology = self._site.topology
        standing = [
            (track, topology.number(camera), camera in fresh)
            for (camera, _), track in self.open.items()
            if track.number >= 0 and time - instant <= track.end <= time and np.isfinite(track.places[1, 0])
        ]
        if len(standing) < 2:
            return None
        tracks, cameras, seen = zip(*standing, strict=True)
        return Standing(
            np.array([track.number for track in tracks]),
            np.array(cameras),
            np.stack([track.places[1] for track in tracks]),
            np.nan_to_num(np.stack([track.covariance for track in tracks])),
            np.array(seen),
        )

    def _end(self, view: Sightings) -> None:
        history = self._site.history
        ended = [(view.camera, number) for number in view.ended.tolist()]
        deadline = view.time - self.settings.track_timeout
        ended += [key for key, track in self.open.items() if key[0] == view.camera and track.end < deadline]
        for key in ended:
            track = self.open.pop(key, None)
            slot = -1 if track is None else history.slot(track.number)
            if track is None or slot < 0:
                continue
            if not history.settled[slot]:
                # A guess about a track that was never due stands, and nothing rests on it.
                history.margins[slot] = max(history.margins[slot], LAPSED)
            elif track.bank.weight > track.learnt:
                self._renew(key, track)

    def _extended(self, key: Key, view: Sightings, row: int) -> OpenTrack:
        """The track that a row of a view belongs to, with the time and the place of that row."""
        track = self.open.get(key)
        if track is None:
            places, boxes = np.tile(view.ground[row], (2, 1)), np.tile(view.boxes[row], (2, 1))
            bank = Bank(self.settings.features)
            track = OpenTrack(view.time, view.time, bank, places, boxes, view.covariance[row].copy())
            self.open[key] = track
        if view.time >= track.end:
            track.covariance[:] = view.covariance[row]
            track.end, track.boxes[1], track.places[1] = view.time, view.boxes[row], view.ground[row]
        track.start = min(track.start, view.time)
        return track

    def _gather(self, track: OpenTrack, view: Sightings, row: int) -> None:
        """A new view of somebody."""
        if len(track.bank) and self._learner.is_new_here:
            self._learner.see_same(float(track.bank.vector @ view.features[row]))
        track.bank.add(view.features[row], float(view.quality[row]))

    def _note_progress(self, key: Key, track: OpenTrack) -> None:
        """The history goes along with a track that it holds."""
        history = self._site.history
        slot = history.slot(track.number)
        if slot < 0:
            return
        history.extend(slot, track.start, track.end)
        history.boxes[slot], history.places[slot] = track.boxes, track.places
        if track.bank.weight > 2 * track.learnt and history.settled[slot]:
            self._renew(key, track)

    def _tracklet(self, key: Key, track: OpenTrack) -> Tracklet:
        feature = track.bank.vector if len(track.bank) else np.zeros(self._width, dtype=np.float32)
        return Tracklet(*key, track.start, track.end, feature, track.places, track.boxes)

    def _taken_anew(self, key: Key, track: OpenTrack) -> int:
        """The slot of a track that is not settled, with what has been seen of it so far."""
        history = self._site.history
        slot = history.slot(track.number)
        if slot < 0:
            slot = self.append(self._tracklet(key, track))
            history.settled[slot] = False
            track.number = int(history.numbers[slot])
        else:
            history.renew(slot, self._tracklet(key, track))
            self._site.project(slot)
        track.learnt = track.bank.weight
        return slot

    def _renew(self, key: Key, track: OpenTrack) -> None:
        """A track has been seen better: what the gallery keeps of it is taken anew."""
        slot = self._site.history.slot(track.number)
        if slot < 0 or not len(track.bank):
            return
        track.learnt = track.bank.weight
        self._renewed.append(track.number)
        self._site.history.renew(slot, self._tracklet(key, track))
        self._site.project(slot)
        self._site.keep_view(slot)
