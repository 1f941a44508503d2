"""A recording of what entered the identity manager, and of what went on around it: enough to run it again, to the bit.

A recording is a folder. `recording.json` says of which site it is; `steps-NNNNNN.bin` hold, in order, every batch
before it was applied and every step once it was answered: its tracks, and the events that no identity manager made.
Each entry is handed to the system when it is written, so a process that is killed leaves everything but the entry it
was writing; a power cut takes the last `sync` entries at most. `pictures/CAMERA/INDEX.jpg` has each picture, if wanted.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unbroken.core.batches import Batch, Command
from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError, StoreError
from unbroken.core.events import Event, PersonEnrolled, PersonForgotten, PersonMerged, PersonRecognised, PersonSplit
from unbroken.core.frames import Frame
from unbroken.core.names import file_stem
from unbroken.core.ports import IdentityManager
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities, Sightings
from unbroken.core.tracks import Tracks
from unbroken.core.wire import (
    BATCH,
    BROKEN,
    STEP,
    Arrays,
    Head,
    batch_of_bytes,
    bytes_of_batch,
    damaged,
    event_of_plain,
    float_of,
    int_of,
    list_of,
    mapping_of,
    message_of,
    opened,
    plain_of_event,
    str_of,
)
from unbroken.identity.engine import Engine
from unbroken.pipeline.numbering import Numbering

VERSION: Final = 1
"""The version of the layout of the folder."""

DECIDED = (PersonEnrolled, PersonRecognised, PersonMerged, PersonSplit, PersonForgotten)
"""Events that the identity manager makes: they are made again, not recorded."""

LENGTH = struct.Struct("<I")
ABOUT = "recording.json"
PICTURES = "pictures"
STATE = "state.bin"
"""What the engine knew before the first batch; without it, nothing."""


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """How a recording is written.

    Attributes:
        chunk: bytes of a file, after which the next one begins.
        sync: entries after which the system is told to write to the disk.
        quality: of the JPEG pictures, 1 to 100.
    """

    chunk: int = 32_000_000
    sync: int = 256
    quality: int = 80


@dataclass(frozen=True, slots=True, eq=False)
class RecordedStep:
    """A step once it was answered.

    Attributes:
        results: of its pictures, without detections; nobody has a Global ID in them.
        told: what happened, in its order; `None` where the identity manager had made an event.
    """

    results: tuple[FrameResult, ...]
    told: tuple[Event | None, ...]


class Recording:
    """Writes a recording.

    Args:
        folder: is made, for its owner alone; it must not hold a recording yet.
        about: what `recording.json` says.
        settings: how it is written.
        complain: is told once when nothing can be written any more, and then the recording ends; without it that is
            raised. A site that runs for months does not stop for its recording.

    Raises:
        StoreError: the folder cannot be written, or holds a recording.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, object],
        settings: RecorderSettings | None = None,
        complain: Callable[[StoreError], None] | None = None,
    ) -> None:
        self.folder = folder
        self.settings = settings or RecorderSettings()
        self._complain = complain
        self._is_over = False
        self._file = -1
        self._chunk = self._written = self._entries = 0
        if (folder / ABOUT).exists():
            raise StoreError(f"{folder}: holds a recording already; choose another folder for --record")
        try:
            folder.mkdir(0o700, parents=True, exist_ok=True)
            (folder / ABOUT).write_text(json.dumps({"version": VERSION, **about}, indent=2), encoding="utf-8")
        except OSError as error:
            raise _unwritable(folder, error) from error

    def begin_with(self, state: bytes) -> None:
        """The state of the engine before the first batch, where it is not a fresh one."""
        try:
            with os.fdopen(os.open(self.folder / STATE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(state)
        except OSError as error:
            self._end(error)

    def enter(self, batch: Batch) -> None:
        """Write a batch that is about to be applied."""
        self._write(bytes_of_batch(batch))

    def answered(self, results: Sequence[FrameResult], told: Sequence[Event]) -> None:
        """Write a step that was answered."""
        self._write(bytes_of_step(results, told))

    def part(self) -> None:
        """Finish the present file, so that it may be changed; what comes goes into the next one."""
        self.close()

    def close(self) -> None:
        """Finish the last file. May be called twice."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _end(self, error: OSError) -> None:
        told = _unwritable(self.folder, error)
        if self._complain is None:
            raise told from error
        self._is_over = True
        self.close()
        self._complain(told)

    def _write(self, message: bytes) -> None:
        if self._is_over:
            return
        try:
            if self._file < 0 or self._written > self.settings.chunk:
                self._begin_file()
            entry = LENGTH.pack(len(message)) + message
            if os.write(self._file, entry) != len(entry):
                raise OSError(28, "no space left on device")
            self._written += len(entry)
            self._entries += 1
            if self._entries % self.settings.sync == 0:
                os.fsync(self._file)
        except OSError as error:
            self._end(error)

    def _begin_file(self) -> None:
        self.close()
        self._chunk, self._written = self._chunk + 1, 0
        path = self.folder / f"steps-{self._chunk:06d}.bin"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(f"{folder}: the recording cannot be written ({error.strerror}); make room or choose another")


class StepRecorder:
    """Records every step. An `Observer`: it goes before those that make events of their own, for these are made again.

    Args:
        recording: where to.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def observe(self, results: Sequence[FrameResult], events: Sequence[Event]) -> list[Event]:
        """Write the step down; nothing follows from it."""
        if results or events:
            self._recording.answered(results, events)
        return []

    def close(self) -> list[Event]:
        """The site stops; nothing follows from it."""
        self._recording.close()
        return []


class PictureRecorder:
    """Keeps every picture as JPEG. A `Sink`.

    Args:
        recording: in whose folder.
    """

    def __init__(self, recording: Recording) -> None:
        self._folder = recording.folder / PICTURES
        self._quality = recording.settings.quality
        self._stems: dict[str, str] = {}

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Write one picture.

        Raises:
            StoreError: it cannot be written.
        """
        if not frame.image.size:
            return
        if frame.camera not in self._stems:
            self._stems[frame.camera] = file_stem(frame.camera, taken=self._stems.values())
        path = self._folder / self._stems[frame.camera] / f"{frame.index:08d}.jpg"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, self._quality])[1].tobytes())
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def close(self) -> None:
        """Every picture is complete already."""


class Recorded:
    """An identity manager whose input is recorded, for a site without storage. It answers as the one inside does.

    Args:
        manager: decides.
        recording: where to.
    """

    def __init__(self, manager: IdentityManager, recording: Recording) -> None:
        self._engine = Engine(manager)
        self._numbering = Numbering()
        self._recording = recording

    def begin(self, camera: str) -> None:
        """The tracker of a camera begins anew."""
        self._numbering.begin(camera)

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, in their order, and what happened."""
        if not sightings:
            return [], []
        time = max(view.time for view in sightings)
        batch = Batch(time, self._numbering.reports(sightings, time))
        self._recording.enter(batch)
        verdict = self._engine.apply(batch)
        return list(verdict.identities[: len(sightings)]), list(verdict.events)

    def correct(self, command: Command, time: float) -> list[Event]:
        """Carry out what somebody asks for by hand.

        Raises:
            ContractError: it was refused; nothing has changed.
        """
        batch = Batch(time, (), (command,))
        self._recording.enter(batch)
        verdict = self._engine.apply(batch)
        if verdict.refusals[0]:
            raise ContractError(verdict.refusals[0])
        return list(verdict.events)


def about(folder: Path) -> Mapping[str, object]:
    """What `recording.json` says.

    Raises:
        StoreError: there is none, it is damaged or from another version.
    """
    path = folder / ABOUT
    try:
        found = mapping_of(json.loads(path.read_text(encoding="utf-8")))
        version = int_of(found["version"])
    except OSError as error:
        raise StoreError(
            f"{folder}: is no recording ({path.name}: {error.strerror}); give a folder of --record"
        ) from error
    except BROKEN as error:
        raise StoreError(f"{path}: is damaged ({error}); restore it from a copy") from error
    if version != VERSION:
        raise StoreError(
            f"{folder}: the recording is in version {version}, this is {VERSION}; use the version it is from"
        )
    return found


def entries(folder: Path) -> Iterator[Batch | RecordedStep]:
    """What a recording holds, in its order. An entry at the very end that was cut off by a kill is left out.

    Raises:
        StoreError: a file is missing or damaged.
    """
    files = sorted(folder.glob("steps-*.bin"))
    for number, path in enumerate(files):
        if path.name != f"steps-{number + 1:06d}.bin":
            raise StoreError(f"{folder}: steps-{number + 1:06d}.bin is missing; restore it from a copy")
        for message in messages(path, last=path == files[-1]):
            yield batch_of_bytes(message) if message[4:5] == BATCH else step_of_bytes(message)


def messages(path: Path, *, last: bool) -> Iterator[bytes]:
    """The entries of a file as they lie in it; what was cut off at the end of the last file is left out.

    Raises:
        StoreError: it cannot be read, or is cut off and is not the last.
    """
    try:
        with path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            while left >= LENGTH.size:
                (length,) = LENGTH.unpack(file.read(LENGTH.size))
                left -= LENGTH.size + length
                if left >= 0:
                    yield file.read(length)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); check its rights") from error
    if left and not last:
        raise StoreError(f"{path}: ends in the middle of an entry; restore it from a copy")


def bytes_of_step(results: Sequence[FrameResult], told: Sequence[Event | None]) -> bytes:
    """A step that was answered, as a message; events that the identity manager has made leave a gap."""
    arrays: list[NDArray[np.generic]] = []
    frames: list[Head] = []
    for result in results:
        tracks = result.tracks
        arrays += [tracks.ids, tracks.boxes, tracks.scores, tracks.classes, tracks.state, tracks.since, tracks.rows]
        size = {"width": result.size[0], "height": result.size[1]}
        where = {"camera": result.camera, "index": result.index, "time": result.time}
        frames.append({**where, **size, "rows": len(tracks)})
    events = [None if event is None or isinstance(event, DECIDED) else plain_of_event(event) for event in told]
    return message_of(STEP, {"frames": frames, "told": events}, arrays)


def step_of_bytes(message: bytes) -> RecordedStep:
    """The step in a message.

    Raises:
        StoreError: it is no message, is damaged, or is of another version or kind.
    """
    head, arrays = opened(message, STEP)
    try:
        results = tuple(_result(mapping_of(one), arrays) for one in list_of(head["frames"]))
        told = tuple(None if one is None else event_of_plain(one) for one in list_of(head["told"]))
        arrays.finish()
        return RecordedStep(results, told)
    except BROKEN as error:
        raise damaged(STEP, error) from error


def _result(head: Head, arrays: Arrays) -> FrameResult:
    rows = int_of(head["rows"])
    ids, boxes, scores = arrays.ints(rows), arrays.floats(rows, 4), arrays.floats(rows)
    classes, state, since, seen = arrays.ints(rows), arrays.ints(rows), arrays.floats(rows), arrays.ints(rows)
    tracks = Tracks(ids, boxes, scores, classes, state, since, seen)
    camera, time = str_of(head["camera"]), float_of(head["time"])
    size = int_of(head["width"]), int_of(head["height"])
    nobody = Identities.undecided(camera, time, ids)
    return FrameResult(camera, int_of(head["index"]), time, size, Detections.empty(), tracks, nobody, {}, {})
