"""DeepSORT: SORT with a deep association metric (Wojke et al., arXiv 1703.07402)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from unbroken.association.costs import CHI_SQUARE_95, forbid, mahalanobis, nearest_distances
from unbroken.association.stages import Stage
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.core.errors import ConfigError
from unbroken.motion import kalman
from unbroken.motion.models import xyah_model
from unbroken.tracking.choices import confirmed, everybody, overlap_cost, tentative
from unbroken.tracking.engine import Lifecycle, Plan, Scene
from unbroken.tracking.settings import check, ranged
from unbroken.tracking.table import Memory


@dataclass(frozen=True, slots=True)
class DeepSort:
    """Parameters of DeepSORT: a gate of motion, the nearest of past looks, and those seen last choose first.

    Attributes:
        cost: `cascade` is the paper: appearance under a Mahalanobis gate in a matching cascade, IoU for the rest.
            `sum` is the textbook: iou_weight * (1 - IoU) + appearance_weight * cosine distance, under the same gate.
        max_age: seconds that a track lives without a detection (the paper's A_max is 30 frames).
        n_init: detections, one after another, before a track is reported; tracks of the first picture are at once.
        min_score: detections of a lower score are ignored (the paper takes those from 0.3).
        max_cosine_distance: limit of appearance in the cascade.
        max_iou_distance: limit of 1 - IoU for the rest.
        nn_budget: features kept of each track.
        iou_weight: lambda 1 of the sum.
        appearance_weight: lambda 2 of the sum.
        max_cost: limit of the sum.
    """

    cost: Literal["cascade", "sum"] = "cascade"
    max_age: float = ranged(1.0, 0.0, 60.0)
    n_init: int = ranged(3, 1, 30)
    min_score: float = ranged(0.5, 0.0, 1.0)
    max_cosine_distance: float = ranged(0.2, 0.0, 2.0)
    max_iou_distance: float = ranged(0.7, 0.0, 1.0)
    nn_budget: int = ranged(100, 1, 1000)
    iou_weight: float = ranged(0.5, 0.0, 1.0)
    appearance_weight: float = ranged(0.5, 0.0, 1.0)
    max_cost: float = ranged(0.7, 0.0, 2.0)

    def __post_init__(self) -> None:
        """Check the ranges and the choice."""
        check(self)
        if self.cost not in ("cascade", "sum"):
            raise ConfigError(f"DeepSort: cost is {self.cost!r}; choose cascade or sum")

    def plan(self) -> Plan:
        """The stages of either form."""
        cascade = (
            Stage(confirmed, self.good, self.appearance_cost, self.max_cosine_distance, turns=unseen_for),
            Stage(self.rest, self.good, overlap_cost, self.max_iou_distance),
        )
        whole = (Stage(everybody, self.good, self.sum_cost, self.max_cost),)
        return Plan(
            model=xyah_model(),
            stages=cascade if self.cost == "cascade" else whole,
            lifecycle=Lifecycle(self.min_score, self.n_init, self.max_age),
            memory=Memory(bank=self.nn_budget),
        )

    def good(self, scene: Scene) -> Bools:
        """Detections that count."""
        return scene.detections.scores >= self.min_score

    def rest(self, scene: Scene) -> Bools:
        """Who may be matched by overlap: new tracks, those seen in the last picture, those whose looks are unknown."""
        table = scene.table
        known: Bools = table.stored > 0
        return tentative(scene) | (table.rows >= 0) | ~known

    def appearance_cost(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """Cosine distance to the nearest feature kept (equation 4), infinite outside the gate (equations 1, 2, 6)."""
        looks = self._looks(scene, tracks, detections)
        return forbid(looks, np.isnan(looks) | self._far(scene, tracks, detections))

    def sum_cost(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        """The weighted sum; where a feature is missing, place has the weight of both."""
        place = overlap_cost(scene, tracks, detections)
        looks = self._looks(scene, tracks, detections)
        looks = np.where(np.isnan(looks), place, looks)
        return forbid(self.iou_weight * place + self.appearance_weight * looks, self._far(scene, tracks, detections))

    def _looks(self, scene: Scene, tracks: Ints, detections: Ints) -> Floats:
        table = scene.table
        used = min(int(table.stored.max(initial=0)), self.nn_budget)
        return nearest_distances(table.bank[tracks, :used], scene.detections.features[detections])

    def _far(self, scene: Scene, tracks: Ints, detections: Ints) -> Bools:
        moments = scene.table.moments[:, tracks]
        spread = kalman.innovation_variances(scene.model, moments)
        distances = mahalanobis(moments[kalman.POSITION], spread, scene.measured[detections])
        far: Bools = distances > CHI_SQUARE_95[4]
        return far


def unseen_for(scene: Scene) -> Floats:
    """Seconds since each track was seen, (N,): the turns of the matching cascade."""
    return scene.time - scene.table.seen
