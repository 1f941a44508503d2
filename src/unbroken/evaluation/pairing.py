"""Who could be whom: truth and result side by side, frame by frame, as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Bools, Floats, Ints, finite, frozen
from unbroken.core.errors import ContractError

EPSILON = float(np.finfo(np.float64).eps)
"""The slack that TrackEval gives to every threshold."""
_CELLS = 32768


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
        rows: (P,) truth row of each pair, ascending.
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

    def without(self, truth_gone: Bools, result_gone: Bools) -> Pairing:
        """The same without the marked rows ((N,) and (M,), in the order of this pairing); ids are numbered anew."""
        truth_kept, result_kept = ~truth_gone, ~result_gone
        pairs = truth_kept[self.rows] & result_kept[self.columns]
        return Pairing(
            renumbered(self.truth_ids[truth_kept]),
            renumbered(self.result_ids[result_kept]),
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
    shared: Bools = (np.bincount(rows)[rows] > 1) | (np.bincount(columns)[columns] > 1)
    return shared


def assigned(frames: Ints, rows: Ints, columns: Ints, values: Floats) -> Bools:
    """The pairs of each frame's assignment with the greatest sum of values.

    Where the rows of a frame, or its columns, each have one favourite and no two the same, nothing can exceed the sum
    of the favourites: they are the assignment. Only the other frames are given to the solver.

    Args:
        frames: (P,) the frame of each pair, ascending.
        rows: (P,) its row, ascending; a row is in one frame.
        columns: (P,) its column; likewise in one frame.
        values: (P,) above 0.

    Returns:
        (P,) which pairs are taken.
    """
    taken = ~contested(rows, columns)
    left = np.flatnonzero(~taken)
    for side in (rows, columns):
        best = left[_favourites(side[left], values[left])]
        unclear = np.zeros(int(frames.max(initial=0)) + 1, dtype=np.bool_)
        unclear[frames[best[contested(rows[best], columns[best])]]] = True
        taken[best[~unclear[frames[best]]]] = True
        left = left[unclear[frames[left]]]
    row, column = renumbered(rows[left]), renumbered(columns[left])
    bounds = [*np.flatnonzero(np.diff(frames[left], prepend=-1)).tolist(), len(left)]
    for first, last in pairwise(bounds):
        part = slice(first, last)
        taken[left[part]] = solved(row[part], column[part], values[left[part]])
    return taken


def solved(rows: Ints, columns: Ints, values: Floats) -> Bools:
    """As `assigned`, for the pairs of one frame, rows ascending, by the solver: best for numbers without gaps."""
    row, column = rows - rows[0], columns - columns.min()
    matrix = np.zeros((int(row[-1]) + 1, int(column.max()) + 1))
    matrix[row, column] = values
    first, second = linear_sum_assignment(matrix, maximize=True)
    chosen = np.full(len(matrix), -1)
    chosen[first] = second
    taken: Bools = chosen[row] == column
    return taken


def renumbered(numbers: Ints) -> Ints:
    """Small numbers from 0 without the gaps between them, in the same order."""
    dense: Ints = (np.cumsum(np.bincount(numbers) > 0) - 1)[numbers]
    return dense


def _favourites(side: Ints, values: Floats) -> Bools:
    """Which pairs have the greatest value of their row (or column), all of them where several have."""
    greatest = np.zeros(int(side.max(initial=0)) + 1)
    np.maximum.at(greatest, side, values)
    best: Bools = values == greatest[side]
    return best


def _pairs(truth: tuple[Floats, Ints], result: tuple[Floats, Ints], gate: float) -> tuple[Ints, Ints, Floats]:
    """All alike pairs, some frames at a time: their matrices stay in the cache and bound the memory."""
    (places, starts), (others, other_starts) = truth, result
    coordinates = int((places if len(places) else others).shape[1])
    points = coordinates == 2
    first, second = _transposed(places, coordinates), _transposed(others, coordinates)
    heights, widths = np.diff(starts), np.diff(other_starts)
    filled = np.flatnonzero((heights > 0) & (widths > 0))
    step = max(1, _CELLS // max(1, int(heights.max(initial=0) * widths.max(initial=0))))
    found: list[tuple[Ints, Ints, Floats]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for begin in range(0, len(filled), step):
        frames = filled[begin : begin + step]
        rows, columns = _rows_of(frames, starts), _rows_of(frames, other_starts)
        left, right = first[:, rows][..., None], second[:, columns][:, :, None]
        matrices = _closeness(left, right, gate) if points else _shared(left, right)
        cells = np.flatnonzero(matrices > 0)
        frame, row, column = np.unravel_index(cells, matrices.shape)
        found.append((rows[frame, row], columns[frame, column], matrices.ravel()[cells]))
    row, column, value = (np.concatenate(part) for part in zip(*found, strict=True))
    if not points:
        value /= _areas(first)[row] + _areas(second)[column] - value
    alike = value > 0
    return row[alike], column[alike], value[alike]


def _transposed(places: Floats, coordinates: int) -> Floats:
    """Coordinates laid out one after the other, (2 or 4, N + 1); the last place, row -1, is NaN: like nothing."""
    nowhere = np.full(coordinates, np.nan)
    return np.ascontiguousarray(np.vstack([places.reshape(-1, coordinates), nowhere]).T)


def _rows_of(frames: Ints, starts: Ints) -> Ints:
    """(F, most) the rows of each frame, filled up with -1."""
    begins, ends = starts[frames][:, None], starts[frames + 1][:, None]
    rows = begins + np.arange(int((ends - begins).max()))
    return np.where(rows < ends, rows, -1)


def _closeness(first: Floats, second: Floats, gate: float) -> Floats:
    """Similarity of points on the ground."""
    (x, y), (other_x, other_y) = first, second
    similarity: Floats = 1 - np.sqrt((x - other_x) ** 2 + (y - other_y) ** 2) / (2 * gate)
    return similarity


def _shared(first: Floats, second: Floats) -> Floats:
    """The area that boxes share; not above 0 where they share none."""
    left, top, right, bottom = first
    other_left, other_top, other_right, other_bottom = second
    width: Floats = np.minimum(right, other_right)
    width -= np.maximum(left, other_left)
    np.maximum(width, 0, out=width)
    height = np.minimum(bottom, other_bottom)
    height -= np.maximum(top, other_top)
    width *= height
    return width


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
