"""Somebody is taken out of a recording: his tracks go from every batch, step and picture, everybody else's stay."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from unbroken.core.arrays import Bools, Ints
from unbroken.core.batches import Batch, Command, Forget, Report, Split, Swap
from unbroken.core.errors import StoreError
from unbroken.core.events import Event
from unbroken.core.names import file_stem
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities
from unbroken.core.wire import BATCH, batch_of_bytes, bytes_of_batch
from unbroken.pipeline.recorder import ABOUT, LENGTH, PICTURES, about, bytes_of_step, messages, step_of_bytes

FORGOTTEN = "forgotten"
"""What `recording.json` lists them under: the numbers that a replay gives to nobody, so that others keep theirs."""


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who is to be taken out.

    Attributes:
        persons: the Global ID and those that were merged into it.
        tracks: camera, epoch and number of each track.
    """

    persons: frozenset[int]
    tracks: frozenset[tuple[str, int, int]]


@dataclass(slots=True)
class _Pass:
    """What one walk through a recording knows: the epoch of each camera, and who has left by now.

    A track that goes on after its person was forgotten is somebody new, who stays: from the command on, which stays
    too, nothing of a leaver is there.
    """

    leavers: list[Leaver]
    epochs: dict[str, int] = field(default_factory=dict)
    stems: dict[str, str] = field(default_factory=dict)
    pictures: list[tuple[str, int]] = field(default_factory=list)

    def batch(self, batch: Batch) -> Batch:
        """The batch without those who leave."""
        over = {one.person for one in batch.commands if isinstance(one, Forget)}
        commands = tuple(one for one in batch.commands if isinstance(one, Forget) or not self._names(one))
        self.leavers = [one for one in self.leavers if not one.persons & over]
        self.epochs.update({report.sightings.camera: report.epoch for report in batch.reports})
        return replace(batch, commands=commands, reports=tuple(self._report(report) for report in batch.reports))

    def results(self, results: Sequence[FrameResult]) -> tuple[FrameResult, ...]:
        """The results without their tracks; the pictures in which they are seen are noted."""
        return tuple(self._result(result) for result in results)

    def told(self, events: Sequence[Event | None]) -> list[Event | None]:
        """The events without those of their tracks."""
        return [event for event in events if not self._is_about(event)]

    def _names(self, command: Command) -> bool:
        persons = {getattr(command, name, -1) for name in ("person", "absorbed")}
        tracks = _tracks_of(command)
        return any(
            persons & one.persons or {(camera, number) for camera, _, number in one.tracks} & tracks
            for one in self.leavers
        )

    def _gone(self, camera: str, epoch: int, tracks: Ints) -> Bools:
        left = {track for one in self.leavers for name, era, track in one.tracks if (name, era) == (camera, epoch)}
        return np.isin(tracks, sorted(left))

    def _report(self, report: Report) -> Report:
        view = report.sightings
        gone, ended = (self._gone(view.camera, report.epoch, tracks) for tracks in (view.tracks, view.ended))
        if not gone.any() and not ended.any():
            return report
        names = ("tracks", "boxes", "ground", "covariance", "features", "quality")
        kept = {name: getattr(view, name)[~gone] for name in names}
        return replace(report, sightings=replace(view, ended=view.ended[~ended], **kept))

    def _result(self, result: FrameResult) -> FrameResult:
        if result.camera not in self.stems:
            self.stems[result.camera] = file_stem(result.camera, taken=self.stems.values())
        gone = self._gone(result.camera, self.epochs.get(result.camera, 1), result.tracks.ids)
        if not gone.any():
            return result
        self.pictures.append((self.stems[result.camera], result.index))
        tracks = result.tracks.select(~gone)
        return replace(result, tracks=tracks, identities=Identities.undecided(result.camera, result.time, tracks.ids))

    def _is_about(self, event: Event | None) -> bool:
        camera, track = getattr(event, "camera", None), getattr(event, "track", None)
        if not isinstance(camera, str) or not isinstance(track, int):
            return False
        return bool(self._gone(camera, self.epochs.get(camera, 1), np.array([track]))[0])


def _tracks_of(command: Command) -> set[tuple[str, int]]:
    if isinstance(command, Split):
        return set(command.tracks)
    return {command.first, command.second} if isinstance(command, Swap) else set()


def take_out(folder: Path, leavers: Sequence[Leaver]) -> int:
    """Take people out of a recording. Nobody may be writing the files that are there; later ones may be written.

    Each file is written anew beside the old one, is on disk, takes its place, and the old one is overwritten: a kill
    leaves a recording that can be read, and a second call brings it to its end.

    Args:
        folder: of the recording.
        leavers: who they are.

    Returns:
        How many files were changed.

    Raises:
        StoreError: a file is damaged, from another version, or cannot be written.
    """
    known = dict(about(folder))
    walk, changed = _Pass(list(leavers)), 0
    files = sorted(folder.glob("steps-*.bin"))
    for path in files:
        if not walk.leavers:
            break
        old = list(messages(path, last=path == files[-1]))
        new = [_without(message, walk) for message in old]
        if new != old:
            rewrite(path, b"".join(LENGTH.pack(len(message)) + message for message in new))
            changed += 1
    for stem, index in walk.pictures:
        changed += remove(folder / PICTURES / stem / f"{index:08d}.jpg")
    numbers = _never_given(known, leavers)
    if numbers != known.get(FORGOTTEN, []):
        rewrite(folder / ABOUT, json.dumps({**known, FORGOTTEN: numbers}, indent=2).encode())
    return changed


def numbers_forgotten(folder: Path) -> tuple[int, ...]:
    """The Global IDs that a replay of a recording gives to nobody.

    Raises:
        StoreError: `recording.json` is damaged.
    """
    found = about(folder).get(FORGOTTEN, [])
    if not isinstance(found, list) or not all(type(one) is int and one > 0 for one in found):
        raise StoreError(f"{folder / ABOUT}: {FORGOTTEN} is no list of Global IDs; restore it from a copy")
    return tuple(found)


def _never_given(known: Mapping[str, object], leavers: Sequence[Leaver]) -> list[int]:
    """The Global IDs above those that were known when the recording began: a replay would give them to others."""
    highest, before = known.get("highest", 0), known.get(FORGOTTEN, [])
    numbers = {one for leaver in leavers for one in leaver.persons if isinstance(highest, int) and one > highest}
    return sorted(numbers.union(before if isinstance(before, list) else []))


def _without(message: bytes, walk: _Pass) -> bytes:
    if message[4:5] == BATCH:
        batch = batch_of_bytes(message)
        left = walk.batch(batch)
        same = left.commands == batch.commands and all(
            one is other for one, other in zip(left.reports, batch.reports, strict=True)
        )
        return message if same else bytes_of_batch(left)
    step = step_of_bytes(message)
    results, told = walk.results(step.results), walk.told(step.told)
    same = len(told) == len(step.told) and all(a is b for a, b in zip(results, step.results, strict=True))
    return message if same else bytes_of_step(results, told)


def rewrite(path: Path, content: bytes) -> None:
    """Let a file have another content: the old one holds until the new one is on disk, and is overwritten then.

    Raises:
        StoreError: it cannot be written.
    """
    draft = path.with_name(f"{path.name}.part")
    try:
        with path.open("r+b") as old:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as new:
                new.write(content)
                new.flush()
                os.fsync(new.fileno())
            draft.replace(path)
            _sync_folder(path.parent)
            _blank(old.fileno())
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); remove it by hand") from error


def remove(path: Path) -> int:
    """Overwrite and remove a file; how many there were.

    Raises:
        StoreError: it cannot be removed.
    """
    try:
        with path.open("r+b") as file:
            _blank(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise StoreError(f"{path}: cannot be removed ({error.strerror}); remove it by hand") from error
    return 1


def _blank(file: int) -> None:
    size, zeros, place = os.fstat(file).st_size, bytes(1 << 20), 0
    while place < size:
        place += os.pwrite(file, zeros[: size - place], place)
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
