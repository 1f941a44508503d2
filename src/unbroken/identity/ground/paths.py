"""The paths of people on the ground, as they are known in the end: merges applied, short gaps filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.identity.ground.tracker import GroundTracker
from unbroken.identity.ground.values import GroundResult


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Where everybody was: R rows in the order of (number, instant).

    Attributes:
        instants: (R,) index of the result, from 0.
        numbers: (R,) of the person.
        points: (R, 2) metres.
    """

    instants: Ints
    numbers: Ints
    points: Floats


def arrival_paths(results: list[GroundResult]) -> Paths:
    """What was said at each instant: people who were seen, under the number they had then."""
    return _stacked(results, [result.sure & (result.unseen == 0) for result in results], [r.numbers for r in results])


def final_paths(results: list[GroundResult], tracker: GroundTracker, gap: float) -> Paths:
    """What is known in the end: probation counts from its first instant, merged tracks have one number.

    Args:
        results: of all instants, in their order.
        tracker: after the last of them.
        gap: seconds out of sight that are filled along a straight line.
    """
    names = _hindsight(results)
    persons = [tracker.person_of(_by(now, result.numbers)) for now, result in zip(names, results, strict=True)]
    seen = [(result.unseen == 0) & (numbers > 0) for result, numbers in zip(results, persons, strict=True)]
    known = _stacked(results, seen, persons)
    order = np.lexsort((known.instants, known.numbers))
    instants, numbers, points = known.instants[order], known.numbers[order], known.points[order]
    first = np.ones(len(instants), dtype=np.bool_)
    first[1:] = (instants[1:] != instants[:-1]) | (numbers[1:] != numbers[:-1])
    times = np.array([result.time for result in results])
    return _filled(Paths(instants[first], numbers[first], points[first]), times, gap)


def _stacked(results: list[GroundResult], kept: list[Bools], numbers: list[Ints]) -> Paths:
    counts = [int(rows.sum()) for rows in kept]
    empty = np.zeros(0, dtype=np.int64)
    return Paths(
        np.repeat(np.arange(len(results)), counts),
        np.concatenate([empty, *(one[rows] for one, rows in zip(numbers, kept, strict=True))]),
        np.concatenate([np.zeros((0, 2)), *(r.points[rows] for r, rows in zip(results, kept, strict=True))]),
    )


def _filled(paths: Paths, times: Floats, gap: float) -> Paths:
    """With a straight line across short gaps of each person."""
    instants, numbers, points = [paths.instants], [paths.numbers], [paths.points]
    same = paths.numbers[1:] == paths.numbers[:-1]
    skips = same & (np.diff(paths.instants) > 1)
    for row in np.flatnonzero(skips).tolist():
        start, end = int(paths.instants[row]), int(paths.instants[row + 1])
        missing = np.arange(start + 1, end)
        hidden = times[end] - times[start] - (times[end] - times[end - 1])
        if hidden <= gap:
            share = ((times[missing] - times[start]) / (times[end] - times[start]))[:, None]
            instants.append(missing)
            numbers.append(np.full(len(missing), paths.numbers[row]))
            points.append((1 - share) * paths.points[row] + share * paths.points[row + 1])
    return Paths(np.concatenate(instants), np.concatenate(numbers), np.concatenate(points))


def final_persons(results: list[GroundResult], tracker: GroundTracker) -> list[tuple[Ints, ...]]:
    """The person of each foot point as it is known in the end, per instant and view; -1 for nobody.

    Where a merge would put a person twice into one view, the foot point that always had the person's number keeps it.

    Args:
        results: of all instants, in their order.
        tracker: after the last of them.
    """
    return [
        tuple(_once(numbers, tracker.person_of(numbers)) for numbers in (_by(now, view) for view in result.tracks))
        for now, result in zip(_hindsight(results), results, strict=True)
    ]


def _hindsight(results: list[GroundResult]) -> list[dict[int, int]]:
    """What numbers of each instant should have been, where people went on under each other's for a while."""
    names: list[dict[int, int]] = [{} for _ in results]
    absorbed: dict[int, int] = {}
    for now, result in enumerate(results):
        absorbed.update(result.merged)
        for first, second, after in result.exchanged:
            then = now - 1
            while then >= 0 and results[then].time > after:
                for number in results[then].numbers.tolist():
                    known = names[then].get(number, number)
                    while known in absorbed:
                        known = absorbed[known]
                    if known in (first, second):
                        names[then][number] = second if known == first else first
                then -= 1
    return names


def _by(names: dict[int, int], numbers: Ints) -> Ints:
    return np.array([names.get(number, number) for number in numbers.tolist()], dtype=np.int64)


def _once(numbers: Ints, persons: Ints) -> Ints:
    order = np.argsort(numbers != persons, kind="stable")
    _, first = np.unique(persons[order], return_index=True)
    kept = np.full(len(persons), -1, dtype=np.int64)
    kept[order[first]] = persons[order[first]]
    return kept
