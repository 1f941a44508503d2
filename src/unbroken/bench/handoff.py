"""`unbroken bench handoff`: the same person in the next camera, from times alone.

Boxes and the tracks of each camera are given; nobody has seen a feature. A hand-off is a pair of consecutive rows of
one person in two cameras.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from unbroken.app.identify import identify
from unbroken.app.tables import TrackTable
from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Floats, Ints
from unbroken.core.errors import ConfigError
from unbroken.geometry.boxes import iou, xyxy_from_xywh
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings
from unbroken.identity.topology import TopologySettings

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
    """Score the default manager without features against another system's answer and the next to arrive."""
    truth, shipped = _read(options.data / "gt"), _read(options.data / "pred")
    tracks = _tracks(truth)
    table = TrackTable(
        np.array([f"cam{camera}" for camera in truth.cameras.tolist()]),
        tracks,
        truth.frames / _RATE,
        np.zeros((len(tracks), 0), dtype=np.float32),
        truth.boxes,
    )
    names = sorted(set(table.cameras.tolist()))
    apart = frozenset(frozenset(pair) for pair in combinations(names, 2))
    named = identify(table, CalibratedManager(ManagerSettings(topology=TopologySettings(apart=apart))))
    rows = (
        ("default manager, at arrival", *_scores(truth, named.arrival)),
        ("default manager, at the end", *_scores(truth, named.final)),
        ("the next to arrive is the last to leave", *_scores(truth, _next_to_arrive(table, truth))),
        ("the shipped result of another system", *_scores(truth, _by_track(tracks, _transferred(truth, shipped)))),
    )
    note = (
        f"{len(np.unique(truth.persons))} people, {len(np.unique(tracks))} tracks. The shipped system has seen "
        "appearance and made its own boxes; a true box that it missed counts as nobody's."
    )
    columns = ("answer", "precision", "recall", "F1", "MCTA")
    return Outcome("handoff", columns, rows, {"rate": _RATE, "gap": _GAP}, options.seed, (note,))


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


def _read(folder: Path) -> _Boxes:
    files = sorted(folder.glob("*.txt"))
    if not files:
        raise ConfigError(f"{folder}: holds no .txt file; give one per camera with frame,id,x,y,w,h")
    parts = []
    for number, file in enumerate(files):
        try:
            rows = np.loadtxt(file, delimiter=",", ndmin=2)
        except ValueError as error:
            raise ConfigError(f"{file}: cannot be read ({error}); give rows of frame,id,x,y,w,h") from error
        parts.append(np.column_stack([np.full(len(rows), number), rows[:, :6]]))
    table = np.concatenate(parts)
    whole = table[:, :3].astype(np.int64)
    return _Boxes(whole[:, 0], whole[:, 1], whole[:, 2], xyxy_from_xywh(table[:, 3:7]))
