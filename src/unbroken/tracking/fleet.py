"""Trackers of many cameras stepped together: what is the same arithmetic for all is done in one array step.

The tracks of all cameras lie in one table. Prediction, correction, births, deaths and the report are single steps over
it; only matching is done camera by camera. The answers are those of one engine per camera.

A tracker that brings an engine of its own, which knows one camera only, is stepped camera by camera: the default one,
as long as it looks for the camera's motion (`steady`). It gains nothing from being here but the interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from unbroken.association.stages import match
from unbroken.core.arrays import Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError
from unbroken.core.ports import NO_MOTION
from unbroken.core.tracks import Tracks
from unbroken.tracking.engine import Engine, Parameters, Scene


class Fleet:
    """One tracker for each of several cameras that take their pictures at the same times.

    >>> from unbroken.tracking.sort import Sort
    >>> fleet = Fleet(Sort(), cameras=2)
    >>> [tracks.ids.tolist() for tracks in fleet.update([Detections([[0, 0, 9, 9]]), Detections.empty()], 0.0)]
    [[1], []]
    """

    def __init__(self, parameters: Parameters, cameras: int) -> None:
        """Make trackers for so many cameras."""
        own = getattr(parameters, "tracker", None)
        apart = own if own is not None and type(own()) is not Engine else None
        self.cameras = cameras
        self._apart: list[Engine] = [apart() for _ in range(cameras)] if apart is not None else []
        self._engine = Engine(parameters, cameras=cameras)
        self._plan = parameters.plan()

    def reset(self) -> None:
        """Forget everything: as if new."""
        for engine in (self._engine, *self._apart):
            engine.reset()

    @property
    def alive(self) -> list[Ints]:
        """Per camera, the ids of all tracks not given up."""
        if self._apart:
            return [engine.alive for engine in self._apart]
        table = self._engine.table
        return [table.ids[table.cameras == camera] for camera in range(self.cameras)]

    def update(
        self, detections: Sequence[Detections], time: float, warps: Sequence[Floats] | None = None
    ) -> list[Tracks]:
        """Take the detections of one picture of each camera and report the tracks seen in it.

        Args:
            detections: per camera, perhaps none.
            time: of all pictures in seconds.
            warps: per camera, (2, 3) affine from its last picture's pixels to this one's.

        Returns:
            Per camera what `Engine.update` says.

        Raises:
            ContractError: the number of cameras is wrong, or as `Engine.update`.
        """
        if len(detections) != self.cameras:
            raise ContractError(f"detections: are those of {len(detections)} cameras; give {self.cameras}")
        joined = _joined(detections)
        if self._apart:
            each = zip(self._apart, detections, self._each(warps), strict=True)
            return [alone.update(own, time, warp) for alone, own, warp in each]
        engine, plan = self._engine, self._plan
        engine.table.expect(joined.features)
        self._advance(time, warps)
        engine.end_over_gap(time)
        counts = np.array([len(one) for one in detections])
        starts = np.cumsum(counts) - counts
        owners = np.repeat(np.arange(self.cameras), counts)
        whole = Scene(engine.table, plan.model, joined, time)
        scenes = self._scenes(whole, detections, starts)
        joint = np.concatenate([match(plan.stages, scene) for scene in scenes])
        joint += np.where(joint >= 0, starts[engine.table.cameras], 0)
        noise = None if plan.noise is None else np.concatenate([plan.noise(scene) for scene in scenes])
        engine.correct(whole, joint, noise)
        engine.end(time)
        engine.begin(whole, joint, owners)
        self._prune()
        return self._split(engine.report(coasting=False), starts)

    def coast(self, time: float, warps: Sequence[Floats] | None = None) -> list[Tracks]:
        """Predict the tracks of all cameras for pictures in which no detector ran; see `Engine.coast`."""
        if self._apart:
            return [alone.coast(time, warp) for alone, warp in zip(self._apart, self._each(warps), strict=True)]
        self._advance(time, warps)
        return self._split(self._engine.report(coasting=True), np.zeros(self.cameras, dtype=np.int64))

    def _advance(self, time: float, warps: Sequence[Floats] | None) -> None:
        engine, plan = self._engine, self._plan
        engine.advance(time, NO_MOTION)
        if warps is None:
            return
        warps = self._each(warps)
        bounds = self._bounds(engine.table.cameras)
        for camera, warp in enumerate(warps):
            if warp is not NO_MOTION and bounds[camera] < bounds[camera + 1]:
                part = engine.table.part(bounds[camera], bounds[camera + 1])
                plan.warp(part, plan.model, np.asarray(warp, dtype=np.float64))
                engine.table.replace(bounds[camera], part)
        engine.table.boxes = plan.model.decode(engine.table.moments[0])

    def _each(self, warps: Sequence[Floats] | None) -> Sequence[Floats]:
        """A warp for each camera."""
        if warps is not None and len(warps) != self.cameras:
            raise ContractError(f"warps: are those of {len(warps)} cameras; give {self.cameras}")
        return [NO_MOTION] * self.cameras if warps is None else warps

    def _scenes(self, whole: Scene, detections: Sequence[Detections], starts: Ints) -> list[Scene]:
        """The scene of each camera: its rows of the table and of what was computed for all at once."""
        scenes = []
        for own, start, (a, b) in zip(detections, starts, pairwise(self._bounds(whole.table.cameras)), strict=True):
            scene = Scene(whole.table.part(a, b), whole.model, own, whole.time)
            scene.measured = whole.measured[start : start + len(own)]
            scenes.append(scene)
        return scenes

    def _prune(self) -> None:
        plan, table = self._plan, self._engine.table
        if plan.prune is None or not len(table):
            return
        bounds = self._bounds(table.cameras)
        parts = [table.part(a, b) for a, b in pairwise(bounds)]
        table.give_up(np.concatenate([plan.prune(part, plan.model) for part in parts]))

    def _bounds(self, cameras: Ints) -> list[int]:
        """Where the rows of each camera begin, and where the last end."""
        bounds: list[int] = np.searchsorted(cameras, np.arange(self.cameras + 1)).tolist()
        return bounds

    def _split(self, tracks: Tracks, starts: Ints) -> list[Tracks]:
        """The joint answer by camera, with rows counted from the camera's own first detection."""
        table = self._engine.table
        cameras = table.cameras[table.confirmed & (table.rows >= 0)]
        bounds = self._bounds(cameras)
        rows = np.where(tracks.rows < 0, -1, tracks.rows - starts[cameras])
        columns = (tracks.ids, tracks.boxes, tracks.scores, tracks.classes, tracks.state, tracks.since, rows)
        return [Tracks.trusted(*(column[a:b] for column in columns)) for a, b in pairwise(bounds)]


def _joined(detections: Sequence[Detections]) -> Detections:
    """The detections of all cameras, one after another. Who has no features gets rows of zeros: not computed."""
    lengths = {one.features.shape[1] for one in detections}
    dimension = max(lengths)
    if lengths - {0, dimension}:
        raise ContractError(f"features: have {sorted(lengths)} numbers by camera; use one Re-ID net for all of them")
    features = [
        one.features if one.features.shape[1] == dimension else np.zeros((len(one), dimension), dtype=np.float32)
        for one in detections
    ]
    return Detections.trusted(
        np.concatenate([one.boxes for one in detections]),
        np.concatenate([one.scores for one in detections]),
        np.concatenate([one.classes for one in detections]),
        np.concatenate(features),
    )
