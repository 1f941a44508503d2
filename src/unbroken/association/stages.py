"""A matching stage: which tracks, which detections, which cost, which limit. Trackers are lists of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from unbroken.association.assign import assign
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.geometry.kernels import compiled


class Scene(Protocol):
    """What is matched: anything that can count its tracks and detections."""

    @property
    def track_count(self) -> int:
        """N."""

    @property
    def detection_count(self) -> int:
        """M."""


S = TypeVar("S", bound=Scene, contravariant=True)


class Cost(Protocol[S]):
    """A cost (n, m) for some tracks (n,) and some detections (m,) of a scene, both given by row."""

    def __call__(self, scene: S, tracks: Ints, detections: Ints) -> Floats:
        """Low is good; infinity forbids."""


@dataclass(frozen=True, slots=True)
class Stage(Generic[S]):
    """One round of matching among those whom earlier stages left free.

    Attributes:
        tracks: who takes part, (N,) of the scene.
        detections: which detections take part, (M,) of the scene.
        cost: of each pair.
        limit: a pair must cost less.
        turns: where given, tracks of a lower value choose first, one value after another: a cascade. (N,) of the scene.
    """

    tracks: Callable[[S], Bools]
    detections: Callable[[S], Bools]
    cost: Cost[S]
    limit: float
    turns: Callable[[S], Floats] | None = None


def match(stages: Sequence[Stage[S]], scene: S) -> Ints:
    """Run the stages in order. Returns the detection of each track, (N,), -1 where it has none."""
    rows = np.full(scene.track_count, -1)
    free = np.ones(scene.detection_count, dtype=np.bool_)
    taken, waiting = 0, len(free)
    for stage in stages:
        if taken == waiting:
            break
        able = stage.tracks(scene)
        tracks = (able & (rows < 0) if taken else able).nonzero()[0]
        if not tracks.size:
            continue
        for group in _turns(stage, scene, tracks) if stage.turns else (tracks,):
            able = stage.detections(scene)
            detections = (able & free if taken else able).nonzero()[0]
            if detections.size:
                costs = stage.cost(scene, group, detections)
                taken += claim(costs, stage.limit, (group, detections), rows, free)
    return rows


def claim(costs: Floats, limit: float, takers: tuple[Ints, Ints], rows: Ints, free: Bools) -> int:
    """Assign some detections to some tracks and note it.

    Args:
        costs: (n, m) of the takers.
        limit: a pair must cost less.
        takers: tracks (n,) and detections (m,), by row of the scene.
        rows: (N,) the detection of each track; written.
        free: (M,) detections that nobody has; written.

    Returns:
        How many detections were taken.
    """
    if (fast := compiled()) is not None:
        return fast.claim(costs, limit, takers, rows, free)
    left, right = assign(costs, limit)
    taken = takers[1].take(right)
    rows[takers[0].take(left)] = taken
    free[taken] = False
    return taken.size


def _turns(stage: Stage[S], scene: S, able: Ints) -> list[Ints]:
    """The able tracks, in groups that choose one after another."""
    if stage.turns is None:
        return [able]
    values = stage.turns(scene)[able]
    return [able[values == value] for value in np.unique(values)]
