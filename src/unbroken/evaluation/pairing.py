"""Who could be whom: truth and result side by side, frame by frame, as flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Bools, Floats, Ints, finite, frozen
from unbroken.core.errors import ContractError

EPSILON = float(np.finfo(np.float64).eps)
"""The slack that TrackEval gives to every threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class Trajectories:
    """Where everybody is, one row per person and frame. All arrays are read-only.

    Attributes:
        frames: (N,) int64, any numbers; equal numbers are one frame.
        ids: (N,) int64, whose row it is; once per frame.
        places: (N, 4) boxes x1, y1, x2, y2 in pixels, or (N, 2) points on the ground in metres.
    """

    frames: Ints
    ids: Ints
    places: Floats

    def __post_init__(self) -> None:
        """Check once; trusted afterwards."""
        count = len(self.frames)
        object.__setattr__(self, "frames", frozen(self.frames, np.int64, (count,), "frames"))
        object.__setattr__(self, "ids", frozen(self.ids, np.int64, (count,), "ids"))
        object.__setattr__(self, "places", frozen(self.places, np.float64, (count, -1), "places"))
        if count and self.places.shape[1] not in (2, 4):
            raise ContractError(f"places: have {self.places.shape[1]} columns; give boxes (N, 4) or points (N, 2)")
        if count:
            finite(self.places, "places")
        _check_unique(self.frames, self.ids)

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """All pairs of a truth row and a result row of the same frame that are alike at all.

    Rows are sorted by frame; frame t of T holds the rows `truth_starts[t]:truth_starts[t + 1]`, and so on.

    Attributes:
        truth_ids: (N,) numbers of the true people from 0.
        result_ids: (M,) numbers of the result's ids from 0.
        truth_starts: (T + 1,) where the truth rows of each frame begin.
        result_starts: (T + 1,) where the result rows of each frame begin.
        truth_order: (N,) the row of the given truth that each row was.
        result_order: (M,) the row of the given result that each row was.
        rows: (P,) truth row of each pair, ascending in frames.
        columns: (P,) result row of each pair.
        similarity: (P,) in 0..1, above 0.
        starts: (T + 1,) where the pairs of each frame begin.
    """

    truth_ids: Ints
    result_ids: Ints
    truth_starts: Ints
    result_starts: Ints
    truth_order: Ints
    result_order: Ints
    rows: Ints
    columns: Ints
    similarity: Floats
    starts: Ints

    @property
    def shape(self) -> tuple[int, int]:
        """How many true people and how many ids of the result there are."""
        return _count(self.truth_ids), _count(self.result_ids)

    @property
    def frames(self) -> Ints:
        """(P,) the frame of each pair."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def matrices(self, values: Floats) -> Iterator[tuple[int, Floats]]:
        """Walk the frames that hold a pair.

        Args:
            values: (P,) one number per pair.

        Yields:
            The number of the frame and its (truth rows, result rows) matrix of `values`, 0 where there is no pair.
        """
        heights, widths = np.diff(self.truth_starts), np.diff(self.result_starts)
        frame_of_pair = self.frames
        rows = self.rows - self.truth_starts[frame_of_pair]
        columns = self.columns - self.result_starts[frame_of_pair]
        starts = self.starts.tolist()
        for frame in np.flatnonzero(np.diff(self.starts)).tolist():
            pairs = slice(starts[frame], starts[frame + 1])
            matrix = np.zeros((heights[frame], widths[frame]))
            matrix[rows[pairs], columns[pairs]] = values[pairs]
            yield frame, matrix

    def without(self, truth_gone: Bools, result_gone: Bools) -> Pairing:
        """The same without the marked rows ((N,) and (M,), in the order of this pairing); ids are numbered anew."""
        truth_kept, result_kept = ~truth_gone, ~result_gone
        pairs = truth_kept[self.rows] & result_kept[self.columns]
        return Pairing(
            _numbered(self.truth_ids[truth_kept]),
            _numbered(self.result_ids[result_kept]),
            _starts_after(self.truth_starts, truth_kept),
            _starts_after(self.result_starts, result_kept),
            self.truth_order[truth_kept],
            self.result_order[result_kept],
            (np.cumsum(truth_kept) - 1)[self.rows[pairs]],
            (np.cumsum(result_kept) - 1)[self.columns[pairs]],
            self.similarity[pairs],
            _starts_after(self.starts, pairs),
        )


def pair(truth: Trajectories, result: Trajectories, gate: float = 1.0) -> Pairing:
    """Compare every truth row with every result row of its frame.

    Boxes are compared by intersection over union. Points by distance, as TrackEval does for MOT15-3D:
    `max(0, 1 - distance / (2 * gate))`, so that a similarity of 0.5 is a distance of `gate` metres.

    Args:
        truth: what is the case.
        result: what a tracker says.
        gate: metres, for points.

    Raises:
        ContractError: one holds boxes and the other points.
    """
    if len(truth) and len(result) and truth.places.shape[1] != result.places.shape[1]:
        raise ContractError("truth and result: one holds boxes and the other points; give both in one form")
    frames = np.unique(np.concatenate([truth.frames, result.frames]))
    truth_order, truth_starts = _by_frame(truth.frames, frames)
    result_order, result_starts = _by_frame(result.frames, frames)
    rows, columns, values = _pairs(
        (truth.places[truth_order], truth_starts), (result.places[result_order], result_starts), gate
    )
    frame_of_row = np.repeat(np.arange(len(frames)), np.diff(truth_starts))
    return Pairing(
        _numbered(truth.ids[truth_order]),
        _numbered(result.ids[result_order]),
        truth_starts,
        result_starts,
        truth_order,
        result_order,
        rows,
        columns,
        values,
        np.searchsorted(frame_of_row[rows], np.arange(len(frames) + 1)),
    )


def contested(rows: Ints, columns: Ints) -> Bools:
    """Which pairs share their row or their column with another one, (P,): only these need an assignment."""
    if not len(rows):
        return np.zeros(0, dtype=np.bool_)
    shared: Bools = (np.bincount(rows)[rows] > 1) | (np.bincount(columns)[columns] > 1)
    return shared


def assigned(rows: Ints, columns: Ints, values: Floats) -> Bools:
    """The pairs, all of one frame, of the assignment with the greatest sum of values, (P,); values are above 0."""
    row, column = rows - rows.min(), columns - columns.min()
    matrix = np.zeros((int(row.max()) + 1, int(column.max()) + 1))
    matrix[row, column] = values
    first, second = linear_sum_assignment(matrix, maximize=True)
    chosen = np.full(len(matrix), -1)
    chosen[first] = second
    taken: Bools = chosen[row] == column
    return taken


def _pairs(truth: tuple[Floats, Ints], result: tuple[Floats, Ints], gate: float) -> tuple[Ints, Ints, Floats]:
    """All alike pairs, frame by frame: one frame's matrix at a time stays in the cache and bounds the memory."""
    (places, starts), (others, other_starts) = truth, result
    alike = _Distances(places, others, gate) if _points(places, others) else _Overlaps(places, others)
    found: list[tuple[Ints, Ints, Floats]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    begins, other_begins = starts.tolist(), other_starts.tolist()
    filled = np.flatnonzero((np.diff(starts) > 0) & (np.diff(other_starts) > 0))
    for frame in filled.tolist():
        first, second = begins[frame], other_begins[frame]
        matrix = alike.matrix(slice(first, begins[frame + 1]), slice(second, other_begins[frame + 1]))
        rows, columns = matrix.nonzero()
        found.append((rows + first, columns + second, matrix[rows, columns]))
    return (
        np.concatenate([part[0] for part in found]),
        np.concatenate([part[1] for part in found]),
        np.concatenate([part[2] for part in found]),
    )


def _points(places: Floats, others: Floats) -> bool:
    return int((places if len(places) else others).shape[1]) == 2


class _Distances:
    """Similarity of points on the ground."""

    def __init__(self, first: Floats, second: Floats, gate: float) -> None:
        self._first, self._second, self._reach = first, second, 2 * gate

    def matrix(self, rows: slice, columns: slice) -> Floats:
        """The similarity of each row with each column."""
        distance: Floats = np.linalg.norm(self._first[rows][:, None] - self._second[columns][None], axis=2)
        return np.maximum(0, 1 - distance / self._reach)


class _Overlaps:
    """Similarity of boxes, from coordinates laid out one after the other."""

    def __init__(self, first: Floats, second: Floats) -> None:
        self._first = np.ascontiguousarray(first.reshape(-1, 4).T)[:, :, None]
        self._second = np.ascontiguousarray(second.reshape(-1, 4).T)[:, None, :]
        self._area, self._other = _areas(self._first), _areas(self._second)

    def matrix(self, rows: slice, columns: slice) -> Floats:
        """Intersection over union of each row with each column."""
        left, top, right, bottom = self._first[:, rows]
        other_left, other_top, other_right, other_bottom = self._second[:, :, columns]
        width = np.minimum(right, other_right)
        width -= np.maximum(left, other_left)
        height = np.minimum(bottom, other_bottom)
        height -= np.maximum(top, other_top)
        shared: Floats = np.maximum(width, 0, out=width)
        shared *= np.maximum(height, 0, out=height)
        shared /= self._area[rows] + self._other[:, columns] - shared
        return shared


def _areas(sides: Floats) -> Floats:
    """Width times height; boxes without area are infinitely large, so that they overlap nothing."""
    area = (sides[2] - sides[0]) * (sides[3] - sides[1])
    return np.where(area > EPSILON, area, np.inf)


def _by_frame(frames: Ints, known: Ints) -> tuple[Ints, Ints]:
    order = np.argsort(frames, kind="stable")
    starts = np.searchsorted(frames[order], known)
    return order, np.append(starts, len(frames))


def _starts_after(starts: Ints, kept: Bools) -> Ints:
    return np.concatenate([[0], np.cumsum(kept)])[starts]


def _numbered(ids: Ints) -> Ints:
    numbers: Ints = np.unique(ids, return_inverse=True)[1].reshape(-1)
    return numbers


def _count(ids: Ints) -> int:
    return int(ids.max()) + 1 if len(ids) else 0


def _check_unique(frames: Ints, ids: Ints) -> None:
    order = np.lexsort((ids, frames))
    twice = (np.diff(frames[order]) == 0) & (np.diff(ids[order]) == 0)
    if twice.any():
        row = order[int(np.argmax(twice))]
        raise ContractError(f"ids: {ids[row]} is twice in frame {frames[row]}; give each id once per frame")
