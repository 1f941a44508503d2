"""Compiled twins of NumPy functions. Each says whose twin it is; `tests/geometry/test_compiled.py` holds them equal.

Only `geometry.kernels.compiled` imports this module, for it needs numba. Loops are written out: that is what the
compiler wants. No fast-math, so that sums are those of NumPy to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints

F = TypeVar("F", bound=Callable[..., object])

_TINY = float(np.finfo(np.float64).tiny)
_LEAST = 1e-6


def _compiled(function: F) -> F:
    """Compile at the first call and keep the result on disk, or in memory alone where no folder can be written."""
    try:
        return cast("F", numba.njit(cache=True)(function))
    except RuntimeError:
        return cast("F", numba.njit(function))


@_compiled
def iou(first: Floats, second: Floats) -> Floats:
    """Twin of `geometry.boxes.iou`. The inner loop has no branch and reads in a row, so that it is vectorised."""
    count, others = len(first), len(second)
    overlaps, columns = np.empty((count, others)), np.empty((5, others))
    for j in range(others):
        for c in range(4):
            columns[c, j] = second[j, c]
        columns[4, j] = (second[j, 2] - second[j, 0]) * (second[j, 3] - second[j, 1])
    for i in range(count):
        left, top, right, bottom = first[i, 0], first[i, 1], first[i, 2], first[i, 3]
        area = (right - left) * (bottom - top)
        for j in range(others):
            wide = min(right, columns[2, j]) - max(left, columns[0, j])
            high = min(bottom, columns[3, j]) - max(top, columns[1, j])
            shared = max(wide, 0.0) * max(high, 0.0)
            overlaps[i, j] = shared / max(area + columns[4, j] - shared, _TINY)
    return overlaps


@_compiled
def covered(boxes: Floats) -> Floats:
    """Twin of `tracking.unbroken.covered`."""
    count = len(boxes)
    hidden = np.zeros(count)
    for i in range(count):
        left, top, right, bottom = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        most = 0.0
        for j in range(count):
            if boxes[j, 3] > bottom:
                wide = min(right, boxes[j, 2]) - max(left, boxes[j, 0])
                high = bottom - max(top, boxes[j, 1])
                if wide > 0 and high > 0:
                    most = max(most, wide * high)
        hidden[i] = most / max((right - left) * (bottom - top), 1e-9)
    return hidden


@_compiled
def assign(costs: Floats, limit: float) -> tuple[Ints, Ints]:
    """Twin of `association.assign.assign`: pairs that nobody disputes at once, the rest by `_shortest`."""
    count, others = costs.shape
    choices, partner = np.zeros(count, np.int64), np.full(count, -1)
    suitors, suitor = np.zeros(others, np.int64), np.full(others, -1)
    for i in range(count):
        for j in range(others):
            if limit - costs[i, j] > 0:
                choices[i] += 1
                suitors[j] += 1
                partner[i], suitor[j] = j, i
    rows, columns = np.empty(count, np.int64), np.empty(others, np.int64)
    disputed, wanted = 0, 0
    for i in range(count):
        if choices[i] > 1 or (choices[i] == 1 and suitors[partner[i]] > 1):
            rows[disputed] = i
            disputed += 1
            partner[i] = -1
    for j in range(others):
        if suitors[j] > 1 or (suitors[j] == 1 and choices[suitor[j]] > 1):
            columns[wanted] = j
            wanted += 1
    if disputed:
        _settle(costs, limit, rows[:disputed], columns[:wanted], partner)
    left = (partner >= 0).nonzero()[0]
    return left, partner[left]


@_compiled
def _settle(costs: Floats, limit: float, rows: Ints, columns: Ints, partner: Ints) -> None:
    """The best pairs of some rows and columns, written to `partner`."""
    turned = len(rows) > len(columns)
    losses = np.zeros((len(columns), len(rows)) if turned else (len(rows), len(columns)))
    for a in range(len(rows)):
        for b in range(len(columns)):
            gain = limit - costs[rows[a], columns[b]]
            if gain > 0:
                if turned:
                    losses[b, a] = -gain
                else:
                    losses[a, b] = -gain
    chosen = _shortest(losses)
    for a in range(len(chosen)):
        b = chosen[a]
        if losses[a, b] < 0:
            if turned:
                partner[rows[b]] = columns[a]
            else:
                partner[rows[a]] = columns[b]


@_compiled
def _shortest(costs: Floats) -> Ints:
    """The column of each row in a least-cost assignment of n rows to m >= n columns: shortest augmenting paths.

    Source: Jonker and Volgenant, Computing 38 (1987); the augmentation alone, with potentials, row by row.
    """
    count, others = costs.shape
    of_row, of_column = np.zeros(count), np.zeros(others + 1)
    owner, before = np.full(others + 1, -1), np.zeros(others + 1, np.int64)
    for row in range(count):
        owner[others], current = row, others
        least, done = np.full(others, np.inf), np.zeros(others + 1, np.bool_)
        while owner[current] >= 0:
            done[current] = True
            i, step, following = owner[current], np.inf, -1
            for j in range(others):
                if not done[j]:
                    reduced = costs[i, j] - of_row[i] - of_column[j]
                    if reduced < least[j]:
                        least[j], before[j] = reduced, current
                    if least[j] < step:
                        step, following = least[j], j
            for j in range(others + 1):
                if done[j]:
                    of_row[owner[j]] += step
                    of_column[j] -= step
                elif j < others:
                    least[j] -= step
            current = following
        while current != others:
            owner[current] = owner[before[current]]
            current = before[current]
    chosen = np.empty(count, np.int64)
    for j in range(others):
        if owner[j] >= 0:
            chosen[owner[j]] = j
    return chosen


@_compiled
def predict(moments: Floats, terms: Floats, basis: tuple[int, ...], dt: float, rate: float) -> Floats:
    """Twin of `motion.kalman.predict`. `terms` (2, 2, 4) and `basis` are those of a `MotionModel`."""
    count, frames = moments.shape[1], dt * rate
    place = (frames - 1) * frames * (2 * frames - 1) / 6
    both, speed = rate * frames * (frames - 1) / 2, rate * rate * frames
    moved = np.empty((5, count, 4))
    for n in range(count):
        for c in range(4):
            size = max(moments[0, n, basis[c]], _LEAST)
            square = size * size
            still, fast = terms[0, 0, c] + terms[0, 1, c] * square, terms[1, 0, c] + terms[1, 1, c] * square
            p01, p11 = moments[3, n, c], moments[4, n, c]
            moved[0, n, c] = moments[0, n, c] + dt * moments[1, n, c]
            moved[1, n, c] = moments[1, n, c]
            moved[2, n, c] = moments[2, n, c] + 2 * dt * p01 + dt * dt * p11 + frames * still + place * fast
            moved[3, n, c] = p01 + dt * p11 + both * fast
            moved[4, n, c] = p11 + speed * fast
    return moved


@_compiled
def correct_some(
    moments: Floats, model: tuple[Floats, tuple[int, ...]], measured: Floats, noise: Floats, pairs: tuple[Ints, Ints]
) -> None:
    """Twin of `motion.kalman.correct_some`, in place. The model's `measurement` and `basis`; noise (M,) or none."""
    terms, basis = model
    for k in range(len(pairs[0])):
        n, row = pairs[0][k], pairs[1][k]
        doubt = noise[row] if len(noise) else 1.0
        sizes = moments[0, n, basis[0]], moments[0, n, basis[1]], moments[0, n, basis[2]], moments[0, n, basis[3]]
        for c in range(4):
            size = max(sizes[c], _LEAST)
            p00, p01 = moments[2, n, c], moments[3, n, c]
            spread = p00 + (terms[0, c] + terms[1, c] * (size * size)) * doubt
            gain, drag, off = p00 / spread, p01 / spread, measured[row, c] - moments[0, n, c]
            moments[0, n, c] += gain * off
            moments[1, n, c] += drag * off
            moments[2, n, c] = p00 * (1.0 - gain)
            moments[3, n, c] = p01 * (1.0 - gain)
            moments[4, n, c] -= drag * p01


@_compiled
def xysr_from_xyxy(boxes: Floats) -> Floats:
    """Twin of `motion.models.xysr_from_xyxy`."""
    positions = np.empty((len(boxes), 4))
    for n in range(len(boxes)):
        wide, high = max(boxes[n, 2] - boxes[n, 0], _LEAST), max(boxes[n, 3] - boxes[n, 1], _LEAST)
        positions[n, 0], positions[n, 1] = (boxes[n, 0] + boxes[n, 2]) * 0.5, (boxes[n, 1] + boxes[n, 3]) * 0.5
        positions[n, 2], positions[n, 3] = wide * high, wide / high
    return positions


@_compiled
def xyxy_from_xysr(positions: Floats) -> Floats:
    """Twin of `motion.models.xyxy_from_xysr`."""
    sides = np.empty((len(positions), 2))
    for n in range(len(positions)):
        area, aspect = max(positions[n, 2], _LEAST), max(positions[n, 3], _LEAST)
        sides[n, 0] = np.sqrt(area * aspect)
        sides[n, 1] = area / sides[n, 0]
    return _around(positions, sides)


@_compiled
def xyah_from_xyxy(boxes: Floats) -> Floats:
    """Twin of `geometry.boxes.xyah_from_xyxy`."""
    positions = cxcywh_from_xyxy(boxes)
    for n in range(len(boxes)):
        positions[n, 2] /= max(positions[n, 3], 1e-9)
    return positions


@_compiled
def xyxy_from_xyah(positions: Floats) -> Floats:
    """Twin of `geometry.boxes.xyxy_from_xyah`."""
    sides = np.empty((len(positions), 2))
    for n in range(len(positions)):
        sides[n, 0], sides[n, 1] = positions[n, 2] * positions[n, 3], positions[n, 3]
    return _around(positions, sides)


@_compiled
def cxcywh_from_xyxy(boxes: Floats) -> Floats:
    """Twin of `geometry.boxes.cxcywh_from_xyxy`."""
    positions = np.empty((len(boxes), 4))
    for n in range(len(boxes)):
        positions[n, 0], positions[n, 1] = (boxes[n, 0] + boxes[n, 2]) * 0.5, (boxes[n, 1] + boxes[n, 3]) * 0.5
        positions[n, 2], positions[n, 3] = boxes[n, 2] - boxes[n, 0], boxes[n, 3] - boxes[n, 1]
    return positions


@_compiled
def xyxy_from_cxcywh(positions: Floats) -> Floats:
    """Twin of `geometry.boxes.xyxy_from_cxcywh`."""
    return _around(positions, positions[:, 2:])


@_compiled
def _around(centres: Floats, sides: Floats) -> Floats:
    """Corners from centres and sides."""
    corners = np.empty((len(centres), 4))
    for n in range(len(centres)):
        for axis in range(2):
            half = sides[n, axis] * 0.5
            corners[n, axis], corners[n, axis + 2] = centres[n, axis] - half, centres[n, axis] + half
    return corners


@_compiled
def overlap_costs(overlaps: Floats, tracks: Ints, detections: Ints) -> Floats:
    """Twin of `tracking.choices.overlap_cost`, from the overlaps of everybody."""
    costs = np.empty((len(tracks), len(detections)))
    for a in range(len(tracks)):
        for b in range(len(detections)):
            costs[a, b] = 1.0 - overlaps[tracks[a], detections[b]]
    return costs


@_compiled
def fused_costs(overlaps: Floats, scores: Floats, tracks: Ints, detections: Ints) -> Floats:
    """Twin of `tracking.choices.fused_overlap_cost`, from the overlaps of everybody."""
    costs = np.empty((len(tracks), len(detections)))
    for a in range(len(tracks)):
        for b in range(len(detections)):
            costs[a, b] = 1.0 - overlaps[tracks[a], detections[b]] * scores[detections[b]]
    return costs


@_compiled
def unclaimed(scores: Floats, least: float, rows: Ints) -> Ints:
    """Twin of `tracking.engine.unclaimed`."""
    able = scores >= least
    for n in range(len(rows)):
        if rows[n] >= 0:
            able[rows[n]] = False
    return able.nonzero()[0]


@_compiled
def common_shift(
    predicted: Floats, measured: Floats, limits: tuple[int, float, float, float], rounds: int
) -> tuple[float, float]:
    """Twin of `motion.steady.common_shift`; limits are the fields of its `Steadiness`, in their order."""
    fewest, reach = limits[:2]
    right = down = 0.0
    believed = False
    before = np.zeros(0, np.int64)
    for _ in range(rounds):
        partner = _nearest_of_each_other(predicted, measured, right, down, reach)
        rows = (partner >= 0).nonzero()[0]
        if len(rows) < fewest:
            return right, down
        if len(before) and (before == partner).all():
            break
        before = partner
        steps, heights = np.empty((2, len(rows))), np.empty(len(rows))
        for k in range(len(rows)):
            steps[0, k] = measured[partner[rows[k]], 0] - predicted[rows[k], 0]
            steps[1, k] = measured[partner[rows[k]], 1] - predicted[rows[k], 1]
            heights[k] = max(predicted[rows[k], 3], 1.0)
        centre = np.median(steps[0]), np.median(steps[1])
        agreed, right, down = _agreed(steps, heights, centre, limits)
        believed = agreed
        if not agreed:
            right, down = centre
    return (right, down) if believed else (0.0, 0.0)


@_compiled
def _nearest_of_each_other(predicted: Floats, measured: Floats, right: float, down: float, reach: float) -> Ints:
    """The measured box of each predicted one, of which each is the other's nearest after a shift; -1 for none."""
    count, others = len(predicted), len(measured)
    logs = np.empty(others)
    for j in range(others):
        logs[j] = np.log(max(measured[j, 3], 1.0))
    nearest, way = np.full(count, -1), np.full(count, np.inf)
    suitor, shortest = np.full(others, -1), np.full(others, np.inf)
    for i in range(count):
        height = max(predicted[i, 3], 1.0)
        log, square = np.log(height), height * height
        for j in range(others):
            growth = log - logs[j]
            x, y = measured[j, 0] - predicted[i, 0] - right, measured[j, 1] - predicted[i, 1] - down
            far = (x * x + y * y) / square + 4 * growth * growth
            if far < way[i]:
                way[i], nearest[i] = far, j
            if far < shortest[j]:
                shortest[j], suitor[j] = far, i
    for i in range(count):
        if suitor[nearest[i]] != i or way[i] >= reach * reach:
            nearest[i] = -1
    return nearest


@_compiled
def _agreed(
    steps: Floats, heights: Floats, centre: tuple[float, float], limits: tuple[int, float, float, float]
) -> tuple[bool, float, float]:
    """Whether half of the pairs agree, and on which shift: twin of `motion.steady._agreed`."""
    fewest, _, agreement, stillness = limits
    count, whole, right, down = 0, 0.0, 0.0, 0.0
    near = np.zeros(len(heights), np.bool_)
    for k in range(len(heights)):
        near[k] = np.hypot(steps[0, k] - centre[0], steps[1, k] - centre[1]) < agreement * heights[k]
        if near[k]:
            weight = heights[k] ** -2.0
            count, whole = count + 1, whole + weight
            right, down = right + weight * steps[0, k], down + weight * steps[1, k]
    if count < max(fewest, len(heights) / 2):
        return False, 0.0, 0.0
    right, down, spread = right / whole, down / whole, 0.0
    for k in range(len(heights)):
        if near[k]:
            spread += heights[k] ** -2.0 * ((steps[0, k] - right) ** 2 + (steps[1, k] - down) ** 2)
    spread = spread / whole / (count - 1)
    power = right * right + down * down
    trust = power / (power + stillness * spread + 1e-9)
    return True, right * trust, down * trust


@_compiled
def observe(
    table: tuple[Ints, Floats, Floats, Ints, Floats, Ints],
    seen: tuple[Floats, Floats, Ints],
    tracks: Ints,
    rows: Ints,
    time: float,
) -> None:
    """Twin of the columns in `tracking.table.TrackTable.observe`: written in place, from detections seen at a time."""
    of_rows, observed, scores, classes, last, hits = table
    for n in range(len(tracks)):
        track, row = tracks[n], rows[n]
        of_rows[track], last[track] = row, time
        for c in range(4):
            observed[track, c] = seen[0][row, c]
        scores[track], classes[track] = seen[1][row], seen[2][row]
        hits[track] += 1


@_compiled
def claim(costs: Floats, limit: float, takers: tuple[Ints, Ints], rows: Ints, free: Bools) -> int:
    """Twin of `association.stages.claim`."""
    tracks, detections = takers
    left, right = assign(costs, limit)
    for k in range(len(left)):
        rows[tracks[left[k]]] = detections[right[k]]
        free[detections[right[k]]] = False
    return len(left)


@_compiled
def momentum_costs(
    pairs: tuple[Floats, Ints, Ints],
    found: tuple[Floats, Floats],
    past: tuple[Floats, Floats, Floats, Floats],
    settings: tuple[float, float, float],
    time: float,
) -> Floats:
    """Twin of `tracking.ocsort.OcSort.momentum_cost`.

    Args:
        pairs: overlaps of everybody (N, M), tracks (n,) and detections (m,).
        found: boxes and scores of the detections.
        past: of each track the history, its times, the last observed box, and when.
        settings: least overlap, inertia, delta_t.
        time: now.
    """
    overlaps, tracks, detections = pairs
    history, times, observed, seen = past
    least, inertia, delta = settings
    costs = np.full((len(tracks), len(detections)), np.inf)
    for a in range(len(tracks)):
        track = tracks[a]
        x, y, headed = 0.0, 0.0, False
        right, down = 0.0, 0.0
        for b in range(len(detections)):
            row = detections[b]
            overlap = overlaps[track, row]
            if overlap < least:
                continue
            if not headed:
                before = history[track, _look_back(times[track], seen[track], delta)]
                origin = history[track, _look_back(times[track], time, delta)]
                x, y = (origin[0] + origin[2]) * 0.5, (origin[1] + origin[3]) * 0.5
                right = (observed[track, 0] + observed[track, 2]) * 0.5 - (before[0] + before[2]) * 0.5
                down = (observed[track, 1] + observed[track, 3]) * 0.5 - (before[1] + before[3]) * 0.5
                length = max(np.hypot(right, down), _LEAST)
                right, down, headed = right / length, down / length, True
            box = found[0][row]
            off, below = (box[0] + box[2]) * 0.5 - x, (box[1] + box[3]) * 0.5 - y
            cosine = (off * right + below * down) / max(np.sqrt(off * off + below * below), _TINY)
            consistency = 0.5 - np.arccos(min(max(cosine, -1.0), 1.0)) / np.pi
            costs[a, b] = 1.0 - overlap - inertia * found[1][row] * consistency
    return costs


@_compiled
def _look_back(times: Floats, moment: float, delta: float) -> int:
    """The place of the oldest observation within delta of a moment, else of the last one before."""
    best, chosen = -np.inf, 0
    for place in range(len(times)):
        worth = moment - times[place]
        if worth <= 0:
            worth = -np.inf
        elif worth > delta + 1e-6:
            worth = -worth
        if worth > best:
            best, chosen = worth, place
    return chosen


@_compiled
def overdue(table: tuple[Ints, Bools, Floats], ages: tuple[float, float], time: float) -> Bools:
    """Twin of `tracking.engine.Engine.end`: who was not seen for longer than its age, believed and not."""
    rows, confirmed, seen = table
    doomed = np.zeros(len(rows), np.bool_)
    for n in range(len(rows)):
        doomed[n] = rows[n] < 0 and time - seen[n] > (ages[0] if confirmed[n] else ages[1])
    return doomed
