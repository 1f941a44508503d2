"""Recorded sequences for benchmarks and tuning: boxes, warps and truth, read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unbroken.app.recorded import Boxes, folders_with_boxes, follow, read_boxes
from unbroken.core.arrays import Floats
from unbroken.core.errors import SourceError
from unbroken.core.ports import Tracker
from unbroken.datasets.answers import Case, sequence_case
from unbroken.datasets.motchallenge import Rows
from unbroken.evaluation.report import Scores, combined, score


@dataclass(frozen=True, slots=True, eq=False)
class Recorded(Boxes):
    """One sequence with its truth.

    Attributes:
        case: the truth.
    """

    case: Case


def read_all(root: Path) -> list[Recorded]:
    """Every sequence of a tree that has `det/det.txt` and `gt/gt.txt`.

    Raises:
        SourceError: there is none.
        StoreError: a line cannot be read.
    """
    found = [path for path in folders_with_boxes(root) if (path / "gt/gt.txt").exists()]
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
    boxes = read_boxes(folder)
    return Recorded(boxes.name, boxes.frame_rate, boxes.frames, boxes.boxes, boxes.warps, sequence_case(folder))
