"""`unbroken bench handoff`: the same person in the next camera, from times alone.

Boxes and the tracks of each camera are given; nobody has seen a feature. A hand-off is a pair of consecutive rows of
one person in two cameras.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from unbroken.app.identify import identify
from unbroken.app.tables import TrackTable
from unbroken.bench.outcome import Options, Outcome
from unbroken.bench.parts import handoff_parts
from unbroken.core.arrays import Floats, Ints
from unbroken.core.errors import ConfigError
from unbroken.datasets.motchallenge import Rows, write_rows
from unbroken.datasets.multiview import read_table
from unbroken.geometry.boxes import iou, xyxy_from_xywh
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings
from unbroken.identity.whereabouts.topology import TopologySettings

_RATE = 20.0
_GAP = 50
"""Frames without a box after which a camera's track has ended."""


@dataclass(frozen=True, slots=True, eq=False)
class _Boxes:
    """Rows of all cameras: (N,) cameras, frames, persons and (N, 4) xyxy boxes."""

    cameras: Ints
    frames: Ints
    persons: Ints
    boxes: Floats


def run(options: Options) -> Outcome:
    """Score the default manager without features against another system's answer and the next to arrive.

    `--output` keeps `camC.txt` of the default manager at the end, with the true boxes.
    """
    names, truth = _read(options.data / "gt")
    tracks = _tracks(truth)
    table = TrackTable(
        np.array(names)[truth.cameras],
        tracks,
        truth.frames / _RATE,
        np.zeros((len(tracks), 0), dtype=np.float32),
        truth.boxes,
    )
    apart = frozenset(frozenset(pair) for pair in combinations(names, 2))
    settings = ManagerSettings(topology=TopologySettings(apart=apart))
    named = identify(table, CalibratedManager(settings))
    answers = {"default manager, at arrival": named.arrival, "default manager, at the end": named.final}
    for part, other in {} if options.quick else handoff_parts(settings).items():
        answers[f"without {part}"] = identify(table, CalibratedManager(other)).final
    answers["the next to arrive is the last to leave"] = _next_to_arrive(table, truth)
    if (options.data / "pred").is_dir():
        shipped = _read(options.data / "pred", names)[1]
        answers["the shipped result of another system"] = _by_track(tracks, _transferred(truth, shipped))
    if options.output:
        _keep(options.output, names, truth, named.final)
    note = (
        f"{len(np.unique(truth.persons))} people, {len(np.unique(tracks))} tracks. The shipped system has seen "
        "appearance and made its own boxes; a true box that it missed counts as nobody's."
    )
    columns = ("answer", "precision", "recall", "F1", "MCTA")
    rows = tuple((name, *_scores(truth, answer)) for name, answer in answers.items())
    return Outcome("handoff", columns, rows, {"rate": _RATE, "gap": _GAP}, options.seed, (note,))


def _keep(folder: Path, names: Sequence[str], truth: _Boxes, named: Ints) -> None:
    """The boxes of each camera with the Global IDs that they were given."""
    for camera, name in enumerate(names):
        mine = np.flatnonzero((truth.cameras == camera) & (named > 0))
        ones, unknown = np.ones(len(mine)), np.full((len(mine), 3), -1.0)
        write_rows(folder / f"{name}.txt", Rows(truth.frames[mine], named[mine], truth.boxes[mine], ones, unknown))


def _scores(truth: _Boxes, named: Ints) -> tuple[float, float, float, float]:
    """Precision, recall and F1 of hand-offs, and MCTA (Cao et al. 2014): detection x within x across cameras."""
    kept = named > 0
    _, across = _links(truth, truth.persons)
    right = int((named[across[0]] == named[across[1]])[kept[across].all(axis=0)].sum())
    rows = np.flatnonzero(kept)
    _, claimed = _links(_picked(truth, rows), named[rows])
    correct = int((truth.persons[rows][claimed[0]] == truth.persons[rows][claimed[1]]).sum())
    precision, recall = correct / max(claimed.shape[1], 1), right / max(across.shape[1], 1)
    both = _picked(truth, rows)
    within, between = _links(both, both.persons)
    answer = named[rows]
    switched = [
        float((answer[pairs[0]] != answer[pairs[1]]).mean()) if pairs.size else 0.0 for pairs in (within, between)
    ]
    found = len(rows) / max(len(named), 1)
    detection = 2 * found / (1 + found)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return precision, recall, f1, detection * (1 - switched[0]) * (1 - switched[1])


def _links(rows: _Boxes, ids: Ints) -> tuple[Ints, Ints]:
    """(2, L) consecutive rows of one id, in one camera and across two."""
    order = np.lexsort((rows.cameras, rows.frames, ids))
    before, after = order[:-1], order[1:]
    same = ids[before] == ids[after]
    pairs = np.stack([before[same], after[same]])
    here = rows.cameras[pairs[0]] == rows.cameras[pairs[1]]
    return pairs[:, here], pairs[:, ~here]


def _picked(rows: _Boxes, chosen: Ints) -> _Boxes:
    return _Boxes(rows.cameras[chosen], rows.frames[chosen], rows.persons[chosen], rows.boxes[chosen])


def _tracks(truth: _Boxes) -> Ints:
    order = np.lexsort((truth.frames, truth.cameras, truth.persons))
    keys = np.stack([truth.persons[order], truth.cameras[order]])
    starts = np.any(np.diff(keys, axis=1) != 0, axis=0) | (np.diff(truth.frames[order]) > _GAP)
    tracks = np.zeros(len(order), dtype=np.int64)
    tracks[order] = np.concatenate([[0], np.cumsum(starts)])
    return tracks


def _next_to_arrive(table: TrackTable, truth: _Boxes) -> Ints:
    """Who enters a camera is who left another one last and has not been seen since; else somebody new."""
    named = np.zeros(len(table.tracks), dtype=np.int64)
    waiting: list[tuple[float, int, int]] = []
    known = 0
    for rows in sorted(table.arrivals(), key=lambda rows: (table.times[rows[0]], int(rows[0]))):
        start, camera = float(table.times[rows[0]]), int(truth.cameras[rows[0]])
        gone = [each for each in waiting if each[0] < start and each[1] != camera]
        if gone:
            chosen = max(gone)
            waiting.remove(chosen)
            named[rows] = chosen[2]
        else:
            known += 1
            named[rows] = known
        waiting.append((float(table.times[rows[-1]]), camera, int(named[rows[0]])))
    return named


def _transferred(truth: _Boxes, other: _Boxes) -> Ints:
    """The other system's id for each true box, by the best overlap of at least half; -1 for none."""
    named = np.full(len(truth.frames), -1, dtype=np.int64)
    for camera in np.unique(truth.cameras).tolist():
        theirs = np.flatnonzero(other.cameras == camera)
        theirs = theirs[np.argsort(other.frames[theirs], kind="stable")]
        frames = other.frames[theirs]
        for row in np.flatnonzero(truth.cameras == camera).tolist():
            low, high = np.searchsorted(frames, [truth.frames[row], truth.frames[row] + 1])
            if low < high:
                shared = iou(truth.boxes[row : row + 1], other.boxes[theirs[low:high]])[0]
                if shared.max() >= 0.5:
                    named[row] = other.persons[theirs[low + int(shared.argmax())]] + 1
    return named


def _by_track(tracks: Ints, named: Ints) -> Ints:
    """The id that each given track has most often, so that all answers are about the same tracks."""
    answer = np.full(len(named), -1, dtype=np.int64)
    for track in np.unique(tracks).tolist():
        mine = tracks == track
        ids, counts = np.unique(named[mine & (named > 0)], return_counts=True)
        if len(ids):
            answer[mine] = ids[np.argmax(counts)]
    return answer


def _read(folder: Path, cameras: Sequence[str] = ()) -> tuple[list[str], _Boxes]:
    """The names of the cameras, and the rows of all.

    Args:
        folder: with one file per camera.
        cameras: whose files are read; all that are there by default.
    """
    files = [folder / f"{name}.txt" for name in cameras] or sorted(folder.glob("*.txt"))
    if not files:
        raise ConfigError(f"{folder}: holds no .txt file; give one per camera with frame,id,x,y,w,h")
    parts = [read_table(file, 6) for file in files]
    table = np.concatenate([np.column_stack([np.full(len(rows), place), rows]) for place, rows in enumerate(parts)])
    whole = table[:, :3].astype(np.int64)
    boxes = _Boxes(whole[:, 0], whole[:, 1], whole[:, 2], xyxy_from_xywh(table[:, 3:7]))
    return [file.stem for file in files], boxes
