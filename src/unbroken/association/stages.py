"""A matching stage: which tracks, which detections, which cost, which limit. Trackers are lists of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from unbroken.association.assign import assign
from unbroken.core.arrays import Bools, Floats, Ints


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
    waiting = len(free)
    for stage in stages:
        if not waiting:
            break
        able = (stage.tracks(scene) & (rows < 0)).nonzero()[0]
        if not able.size:
            continue
        for tracks in _turns(stage, scene, able) if stage.turns else (able,):
            detections = (stage.detections(scene) & free).nonzero()[0]
            if detections.size:
                left, right = assign(stage.cost(scene, tracks, detections), stage.limit)
                taken = detections.take(right)
                rows[tracks.take(left)] = taken
                free[taken] = False
                waiting -= taken.size
    return rows


def _turns(stage: Stage[S], scene: S, able: Ints) -> list[Ints]:
    """The able tracks, in groups that choose one after another."""
    if stage.turns is None:
        return [able]
    values = stage.turns(scene)[able]
    return [able[values == value] for value in np.unique(values)]
