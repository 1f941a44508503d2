"""Recorded sequences for benchmarks and tuning: boxes, warps and truth, read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.errors import SourceError
from unbroken.core.ports import NO_MOTION, Tracker
from unbroken.datasets.answers import Case, sequence_case
from unbroken.datasets.motchallenge import Rows, read_info, read_rows, read_warps, sequences
from unbroken.evaluation.report import Scores, combined, score

LEAST_SCORE = 0.1
"""Boxes of a lower confidence are left out, as the published rows leave them out."""


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """One sequence.

    Attributes:
        name: of its folder.
        frame_rate: frames per second.
        frames: (T,) numbers as in the files.
        boxes: T detections.
        warps: T affines from the frame before; none where the sequence has no `gmc.txt`.
        case: the truth.
    """

    name: str
    frame_rate: float
    frames: Ints
    boxes: tuple[Detections, ...]
    warps: tuple[Floats, ...]
    case: Case


def read_all(root: Path) -> list[Recorded]:
    """Every sequence of a tree that has `det/det.txt` and `gt/gt.txt`.

    Raises:
        SourceError: there is none.
        StoreError: a line cannot be read.
    """
    found = [path for path in sequences(root) if (path / "det" / "det.txt").exists() and (path / "gt/gt.txt").exists()]
    if not found:
        raise SourceError(f"{root}: holds no sequence with det/det.txt and gt/gt.txt; give a MOTChallenge tree")
    return [_read(folder) for folder in found]


def every(step: int, sequence: Recorded) -> Recorded:
    """The sequence at a lower frame rate: every `step`-th frame, with the camera's motion in between."""
    warps: list[Floats] = []
    for start in range(0, len(sequence.warps), step):
        whole = np.eye(3)
        for warp in sequence.warps[max(start - step + 1, 0) : start + 1]:
            whole = np.vstack([warp, [0.0, 0.0, 1.0]]) @ whole
        warps.append(whole[:2])
    frames = sequence.frames[::step]
    return replace(
        sequence,
        frames=frames,
        boxes=sequence.boxes[::step],
        warps=tuple(warps),
        case=sequence.case.only(frames),
    )


def follow(sequence: Recorded, tracker: Tracker, *, motion: bool = False) -> Rows:
    """Run a tracker over a sequence.

    Args:
        sequence: boxes and warps.
        tracker: a new one.
        motion: give it the warps.

    Returns:
        The reported boxes with their track ids.
    """
    parts = []
    warps = sequence.warps if motion and sequence.warps else (NO_MOTION,) * len(sequence.frames)
    for frame, boxes, warp in zip(sequence.frames.tolist(), sequence.boxes, warps, strict=True):
        tracks = tracker.update(boxes, (frame - 1) / sequence.frame_rate, warp)
        parts.append((np.full(len(tracks), frame), tracks.ids, tracks.boxes, tracks.scores))
    frames, ids, found, scores = (np.concatenate([part[n] for part in parts]) for n in range(4))
    return Rows(frames, ids, found, scores, np.zeros((len(ids), 0)))


def judge(
    recorded: Sequence[Recorded], make: Callable[[], Tracker], *, motion: bool = False
) -> tuple[Scores, list[Rows]]:
    """Run a fresh tracker over each sequence and score all answers as one."""
    answers = [follow(sequence, make(), motion=motion) for sequence in recorded]
    return scored(recorded, answers), answers


def scored(recorded: Sequence[Recorded], answers: Sequence[Rows]) -> Scores:
    """The scores of one answer per sequence, combined."""
    pairs = zip(recorded, answers, strict=True)
    return combined([score(sequence.case.answered(rows).pairing()) for sequence, rows in pairs])


def _read(folder: Path) -> Recorded:
    info, rows = read_info(folder), read_rows(folder / "det" / "det.txt")
    rows = rows.select(np.flatnonzero(rows.scores >= LEAST_SCORE))
    by_frame, none = rows.by_frame(), np.zeros(0, dtype=np.int64)
    length = info.length or int(rows.frames.max(initial=0))
    frames = np.arange(1, length + 1)
    boxes = [by_frame.get(frame, none) for frame in frames.tolist()]
    warps: tuple[Floats, ...] = ()
    if (folder / "gmc.txt").exists():
        known = read_warps(folder / "gmc.txt")
        warps = tuple(known.get(frame, NO_MOTION) for frame in frames.tolist())
    people = tuple(Detections(rows.boxes[number], rows.scores[number].clip(0, 1)) for number in boxes)
    return Recorded(folder.name, info.frame_rate, frames, people, warps, sequence_case(folder))
