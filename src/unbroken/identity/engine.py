"""One writer: numbered reports of cameras and commands of people in, Global IDs and events out.

`Engine.apply` is a pure function of what was applied before: no clock, no chance, no thread. The same batches in the
same order give the same verdicts to the bit, so a journal of batches is a backup, and a recording is a test.

Cameras send again what they are not sure has arrived, late, in another order, and begin anew with other track ids. So
each report has an epoch and a number:

- A report that was applied before changes nothing and gets the answer that it got then. The last `remembered` answers
  of a camera are kept; of an older report nobody can say whether it was applied, so it changes nothing and everybody
  in it is undecided.
- A report that comes late is applied all the same. Tracks in it that have ended since are left out: undecided.
- The first report of a new epoch ends all tracks of the camera that are still open. A report of an older epoch that
  comes after it changes nothing.

Track ids begin anew with each epoch, so to the manager a track is `(epoch - 1) * 2**32 + id`: ids of two epochs are
never the same. Events name the tracks of the present epoch by their ids; a split lists older ones in `earlier`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.core.batches import Batch, Command, Report, Split, Swap, Verdict
from unbroken.core.errors import ContractError
from unbroken.core.events import Event, PersonEnrolled, PersonRecognised, PersonSplit
from unbroken.core.ports import IdentityManager
from unbroken.core.sightings import Identities, Sightings
from unbroken.identity.recall import Remembered, recall_into

_EPOCH = 2**32
_EPOCHS = 2**30


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How much is remembered of what was applied.

    Attributes:
        remembered: answers per camera that are kept for reports that come twice.
        ended: tracks per camera that are known to have ended, for reports that come late.
        absent: seconds after which a track that its camera neither shows nor ends is no longer counted as open here;
            the manager gives it up by itself earlier.
    """

    remembered: int = 256
    ended: int = 1024
    absent: float = 600.0


@dataclass(slots=True)
class _Camera:
    """What was applied of one camera. Keys of `open` and `ended` are the camera's own track ids, in this epoch."""

    epoch: int
    answers: dict[tuple[int, int], Identities] = field(default_factory=dict)
    open: dict[int, float] = field(default_factory=dict)
    ended: dict[int, None] = field(default_factory=dict)
    oldest: int = -1
    """The highest number of this epoch whose answer is no longer kept."""


class Engine:
    """Applies batches to an identity manager. One thread owns it.

    Args:
        manager: gives the Global IDs; from here on nobody else talks to it.
        settings: what is remembered.
    """

    def __init__(self, manager: IdentityManager, settings: EngineSettings | None = None) -> None:
        self.manager = manager
        self.settings = settings or EngineSettings()
        self.time = 0.0
        """Seconds: the latest time of all batches."""
        self._cameras: dict[str, _Camera] = {}
        self._width = -1

    @property
    def epochs(self) -> dict[str, int]:
        """The present epoch of each camera that has reported."""
        return {name: camera.epoch for name, camera in self._cameras.items()}

    def recall(self, known: Remembered) -> None:
        """Begin with people who are known. No track is open; every camera goes on in an epoch after those known.

        Raises:
            StoreError: the manager has no way to.
        """
        recall_into(self.manager, known)
        for track in known.tracks:
            camera = self._cameras.setdefault(track.camera, _Camera(1))
            camera.epoch = max(camera.epoch, track.track // _EPOCH + 1)
            self.time = max(self.time, track.end)
            self._width = len(track.feature) or self._width

    def apply(self, batch: Batch) -> Verdict:
        """Take a batch in: first its commands, then its reports that were not applied before.

        A command that cannot be carried out is refused in the verdict and changes nothing.

        Raises:
            ContractError: the batch breaks its contract (a camera twice, features of another width, ids or times that
                are none); nothing of it was applied.
        """
        self._check(batch)
        self.time = max(self.time, batch.time)
        events: list[Event] = []
        refusals: list[str] = []
        for command in batch.commands:
            try:
                events += self.manager.correct(self._inward(command), batch.time)
                refusals.append("")
            except ContractError as refused:
                refusals.append(str(refused))
        known = [self._remembered(report) for report in batch.reports]
        fresh = [report for report, answer in zip(batch.reports, known, strict=True) if answer is None]
        told = [self._taken(report) for report in fresh]
        decided: list[Identities] = []
        if told:
            decided, happened = self.manager.observe(told)
            events += happened
        answers = {
            report.sightings.camera: self._answered(report, answer)
            for report, answer in zip(fresh, decided, strict=True)
        }
        identities = tuple(
            answers[report.sightings.camera] if answer is None else answer
            for report, answer in zip(batch.reports, known, strict=True)
        )
        return Verdict(identities, tuple(self._outward(event) for event in events), tuple(refusals))

    def _check(self, batch: Batch) -> None:
        if not math.isfinite(batch.time):
            raise ContractError(f"the batch's time is {batch.time}; give seconds")
        names = [report.sightings.camera for report in batch.reports]
        for name in names:
            if names.count(name) > 1:
                raise ContractError(f"camera {name} comes twice in one batch; give each camera once")
        width = self._width
        for report in batch.reports:
            _check_report(report)
            if len(report.sightings):
                found = report.sightings.features.shape[1]
                if width not in (-1, found):
                    raise ContractError(
                        f"camera {report.sightings.camera}: features have {found} numbers, those before {width}; "
                        "one engine takes the features of one Re-ID net"
                    )
                width = found
        self._width = width

    def _remembered(self, report: Report) -> Identities | None:
        """The answer to a report that is not to be applied; `None` for one that is."""
        sightings = report.sightings
        camera = self._cameras.get(sightings.camera)
        if camera is None or report.epoch > camera.epoch:
            return None
        answer = camera.answers.get((report.epoch, report.number))
        if answer is None and report.epoch == camera.epoch and report.number > camera.oldest:
            return None
        return answer or Identities.undecided(sightings.camera, sightings.time, sightings.tracks)

    def _taken(self, report: Report) -> Sightings:
        """The sightings as the manager gets them: ids unique over all epochs, no tracks that are over."""
        sightings = report.sightings
        camera = self._cameras.setdefault(sightings.camera, _Camera(report.epoch))
        ended = sightings.ended + _first_id(report.epoch)
        if report.epoch > camera.epoch:
            over = np.array(sorted(camera.open), dtype=np.int64) + _first_id(camera.epoch)
            ended = np.concatenate([over, ended])
            camera.epoch, camera.oldest, camera.open, camera.ended = report.epoch, -1, {}, {}
        living = _living(sightings, camera)
        for number in sightings.ended.tolist():
            camera.open.pop(number, None)
            camera.ended[number] = None
        camera.open.update(dict.fromkeys(sightings.tracks[living].tolist(), sightings.time))
        self._bound(camera, sightings.time)
        if report.epoch == 1 and len(living) == len(sightings):
            return sightings
        return replace(
            sightings,
            tracks=sightings.tracks[living] + _first_id(report.epoch),
            boxes=sightings.boxes[living],
            ground=sightings.ground[living],
            covariance=sightings.covariance[living],
            features=sightings.features[living],
            quality=sightings.quality[living],
            ended=ended,
        )

    def _bound(self, camera: _Camera, time: float) -> None:
        deadline = time - self.settings.absent
        for number in [number for number, seen in camera.open.items() if seen < deadline]:
            del camera.open[number]
        for number in list(camera.ended)[: max(len(camera.ended) - self.settings.ended, 0)]:
            del camera.ended[number]

    def _answered(self, report: Report, decided: Identities) -> Identities:
        """The answer to a fresh report, row by row, which is remembered."""
        sightings, camera = report.sightings, self._cameras[report.sightings.camera]
        rows = np.flatnonzero(np.isin(sightings.tracks + _first_id(report.epoch), decided.tracks))
        persons, state = np.full(len(sightings), -1, dtype=np.int64), np.zeros(len(sightings), dtype=np.int64)
        confidence = np.zeros(len(sightings))
        persons[rows], state[rows], confidence[rows] = decided.persons, decided.state, decided.confidence
        answer = Identities(sightings.camera, sightings.time, sightings.tracks.copy(), persons, state, confidence)
        camera.answers[report.epoch, report.number] = answer
        while len(camera.answers) > self.settings.remembered:
            oldest = min(camera.answers)
            del camera.answers[oldest]
            if oldest[0] == camera.epoch:
                camera.oldest = max(camera.oldest, oldest[1])
        return answer

    def _inward(self, command: Command) -> Command:
        """A command with the manager's ids of tracks."""
        if isinstance(command, Split):
            return replace(command, tracks=tuple(self._inner(key) for key in command.tracks))
        if isinstance(command, Swap):
            return Swap(self._inner(command.first), self._inner(command.second))
        return command

    def _inner(self, key: tuple[str, int]) -> tuple[str, int]:
        camera = self._cameras.get(key[0])
        if camera is None:
            known = ", ".join(sorted(self._cameras)) or "none yet"
            raise ContractError(f"camera {key[0]} is not known; the cameras are {known}")
        return key[0], key[1] + _first_id(camera.epoch)

    def _outward(self, event: Event) -> Event:
        """An event with the cameras' own ids of tracks."""
        if isinstance(event, (PersonEnrolled, PersonRecognised)):
            return replace(event, track=event.track % _EPOCH) if event.track >= _EPOCH else event
        if not isinstance(event, PersonSplit):
            return event
        parts = [(camera, track // _EPOCH + 1, track % _EPOCH) for camera, track in event.tracks]
        now = self.epochs
        return replace(
            event,
            tracks=tuple((camera, track) for camera, epoch, track in parts if epoch == now.get(camera, epoch)),
            earlier=tuple(part for part in parts if part[1] != now.get(part[0], part[1])),
        )


def _living(sightings: Sightings, camera: _Camera) -> Ints:
    """The rows of tracks that are not known to have ended."""
    over: Sequence[int] = [number for number in sightings.tracks.tolist() if number in camera.ended]
    return np.flatnonzero(~np.isin(sightings.tracks, over))


def number_of(epoch: int, track: int) -> int:
    """The number of a camera's track to the manager: no other of all its epochs has it."""
    return _first_id(epoch) + track


def _first_id(epoch: int) -> int:
    return (epoch - 1) * _EPOCH


def _check_report(report: Report) -> None:
    sightings, camera = report.sightings, f"camera {report.sightings.camera}"
    if not 1 <= report.epoch < _EPOCHS:
        raise ContractError(f"{camera}: the epoch is {report.epoch}; count them from 1")
    if report.number < 0:
        raise ContractError(f"{camera}: the report's number is {report.number}; count them from 0")
    if not math.isfinite(sightings.time):
        raise ContractError(f"{camera}: the time is {sightings.time}; give seconds")
    for numbers in (sightings.tracks, sightings.ended):
        wrong = numbers[(numbers < 0) | (numbers >= _EPOCH)]
        if len(wrong):
            raise ContractError(f"{camera}: track id {wrong[0]} cannot be kept apart; give ids from 0 to {_EPOCH - 1}")
    if len(np.unique(sightings.tracks)) < len(sightings):
        raise ContractError(f"{camera}: two tracks have one id; give each id once")
