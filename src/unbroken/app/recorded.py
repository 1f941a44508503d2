"""Trackers on recorded boxes alone: a MOTChallenge tree in, one file of tracks per sequence out, no picture needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.errors import ConfigError, SourceError, StoreError
from unbroken.core.ports import NO_MOTION, Tracker
from unbroken.datasets.motchallenge import LONGEST, Rows, read_info, read_rows, read_warps, sequences, write_rows
from unbroken.tracking.registry import DEFAULT, by_name, parameters_of

LEAST_SCORE = 0.1
"""Boxes of a lower confidence are left out, where nothing else is said."""

CAMERA_MOTIONS = ("none", "file", "auto")
"""Where the motion of the camera may come from."""


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The recorded boxes of one sequence.

    Attributes:
        name: of its folder.
        frame_rate: frames per second.
        frames: (T,) numbers as in the files: 1 to T, without gaps.
        boxes: T detections.
        warps: T affines from the frame before; none where the sequence has no `gmc.txt`.
    """

    name: str
    frame_rate: float
    frames: Ints
    boxes: tuple[Detections, ...]
    warps: tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class RecordedJob:
    """What `unbroken track --detections` is asked for.

    Attributes:
        root: a MOTChallenge tree, or one sequence of it.
        output: gets `SEQ.txt` for each sequence.
        tracker: a name of `tracking.registry`.
        camera_motion: what the tracker is told of the camera: `none`, nothing; `file`, the `gmc.txt` of each sequence;
            `auto`, nothing, and it has to be one that sees the camera's motion in the boxes.
        least_score: boxes of a lower confidence are left out.
    """

    root: Path
    output: Path
    tracker: str = DEFAULT
    camera_motion: str = "none"
    least_score: float = LEAST_SCORE

    def __post_init__(self) -> None:
        """Check what can be checked without a file.

        Raises:
            ConfigError: a value is out of its bounds, a name is not known, or the tracker cannot do what is asked.
        """
        if self.camera_motion not in CAMERA_MOTIONS:
            raise ConfigError(f"camera motion is {self.camera_motion!r}; choose one of {', '.join(CAMERA_MOTIONS)}")
        if not 0 <= self.least_score <= 1:
            raise ConfigError(f"the least score is {self.least_score}; give a number in 0..1")
        if self.camera_motion == "auto" and not _sees_motion(parameters_of(self.tracker)):
            raise ConfigError(
                f"tracker {self.tracker!r} does not see the camera's motion in boxes; "
                f'choose camera motion "file" or "none", or the tracker {DEFAULT!r}'
            )


def track_recorded(job: RecordedJob) -> tuple[int, Iterator[tuple[str, Rows]]]:
    """Follow everybody through each sequence, with a fresh tracker for each, and write its file when it is done.

    Args:
        job: what is asked for.

    Returns:
        How many sequences there are, and an iterator that does the work: it yields the name and the tracks of each
        sequence once they are written.

    Raises:
        SourceError: there is no sequence, or one has no `gmc.txt` where the motion is to come from it.
        StoreError: a line cannot be read, or a result cannot be written.
        ConfigError: the tracker is not known.
    """
    by_name(job.tracker)
    found = [read_boxes(folder, job.least_score) for folder in folders_with_boxes(job.root)]
    for sequence in found:
        if job.camera_motion == "file" and not sequence.warps:
            raise SourceError(f"{job.root / sequence.name}: has no gmc.txt; choose camera motion none or auto")
    return len(found), (_tracked(sequence, job) for sequence in found)


def folders_with_boxes(root: Path) -> list[Path]:
    """The sequences of a tree that have `det/det.txt`; the folder itself may be one.

    Raises:
        SourceError: there is none.
    """
    found = [path for path in sequences(root) if (path / "det/det.txt").exists()] if root.is_dir() else []
    if not found:
        raise SourceError(f"{root}: holds no sequence with det/det.txt; give a MOTChallenge tree")
    return found


def read_boxes(folder: Path, least_score: float = LEAST_SCORE) -> Boxes:
    """The recorded boxes of a sequence.

    Raises:
        SourceError: a file cannot be opened.
        StoreError: a line cannot be read, or frames do not count from 1.
    """
    info, rows = read_info(folder), read_rows(folder / "det" / "det.txt")
    if len(rows) and rows.frames.min() < 1:
        raise StoreError(f"{folder / 'det/det.txt'}: holds frame {rows.frames.min()}; count frames from 1")
    if len(rows) and rows.frames.max() > LONGEST:
        raise StoreError(f"{folder / 'det/det.txt'}: holds frame {rows.frames.max()}; give {LONGEST} frames at most")
    frames = np.arange(1, max(info.length, int(rows.frames.max(initial=0))) + 1)
    rows = rows.select(np.flatnonzero(rows.scores >= least_score))
    by_frame, none = rows.by_frame(), np.zeros(0, dtype=np.int64)
    numbers = [by_frame.get(frame, none) for frame in frames.tolist()]
    warps: tuple[Floats, ...] = ()
    if (folder / "gmc.txt").exists():
        known = read_warps(folder / "gmc.txt")
        warps = tuple(known.get(frame, NO_MOTION) for frame in frames.tolist())
    boxes = tuple(Detections(rows.boxes[number], rows.scores[number].clip(0, 1)) for number in numbers)
    return Boxes(folder.name, info.frame_rate, frames, boxes, warps)


def follow(sequence: Boxes, tracker: Tracker, *, motion: bool = False) -> Rows:
    """Run a tracker over a sequence.

    Args:
        sequence: boxes and warps.
        tracker: a new one.
        motion: give it the warps.

    Returns:
        The reported boxes with their track ids.
    """
    nobody = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, 4)), np.zeros(0))
    parts: list[tuple[Ints, Ints, Floats, Floats]] = [nobody]
    warps = sequence.warps if motion and sequence.warps else (NO_MOTION,) * len(sequence.frames)
    for frame, boxes, warp in zip(sequence.frames.tolist(), sequence.boxes, warps, strict=True):
        tracks = tracker.update(boxes, (frame - 1) / sequence.frame_rate, warp)
        parts.append((np.full(len(tracks), frame), tracks.ids, tracks.boxes, tracks.scores))
    frames, ids, found, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Rows(frames, ids, found, scores, np.zeros((len(ids), 0)))


def _tracked(sequence: Boxes, job: RecordedJob) -> tuple[str, Rows]:
    rows = follow(sequence, by_name(job.tracker), motion=job.camera_motion == "file")
    path = job.output / f"{sequence.name}.txt"
    write_rows(path, rows)
    return sequence.name, rows


def _sees_motion(parameters: type) -> bool:
    """Whether a tracker has the switch for estimating the camera's motion from boxes."""
    known = dataclasses.fields(parameters) if dataclasses.is_dataclass(parameters) else ()
    return any(field.name == "steady" for field in known)
