"""One engine for all trackers: predict, run the stages, correct, end, begin, report.

How to build a tracker on it: write a frozen dataclass of parameters with a method `plan() -> Plan`, in a file of its
own, and add its name to `tracking.registry`. A plan names

* the motion model (`motion.models`) and the memory that the tracker needs of each track (`table.Memory`),
* the stages (`association.stages.Stage`): which tracks, which detections, which cost, which limit. The functions get
  the `Scene` of the picture: the table after prediction, the detections, predicted boxes, the matrix of overlaps,
* the lifecycle: when tracks begin, are believed and end, in seconds,
* up to three hooks: `warp` moves what the tracker remembers in pixels when the camera has moved, `rematched` sees
  tracks that were found again after a gap, before the filter is corrected, `prune` says which tracks are duplicates.

Plans hold plain functions, bound methods and frozen values, so an engine can be pickled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Protocol

import numpy as np

from unbroken.association.stages import Stage, match
from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError
from unbroken.core.ports import NO_MOTION
from unbroken.core.tracks import Tracks, TrackState
from unbroken.geometry.boxes import iou, warped
from unbroken.geometry.kernels import compiled
from unbroken.motion import kalman
from unbroken.motion.models import NOMINAL_RATE, MotionModel
from unbroken.tracking.table import Memory, TrackTable

_SLACK = 1e-6
"""Seconds by which a time may be off: time stamps are rounded."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """When tracks begin, are believed, and end.

    Attributes:
        birth_score: a detection that no track takes begins one if its score is at least this.
        hits: detections that a track needs, one after another, to be believed. Tracks that begin in the first picture
            are believed at once.
        max_age: seconds that a believed track lives without a detection.
        tentative_age: seconds that a track not yet believed lives without one; 0 ends it with the first miss.
        longest_gap: seconds without any picture after which everybody is given up; at least `max_age`.
    """

    birth_score: float
    hits: int
    max_age: float
    tentative_age: float = 0.0
    longest_gap: float = 2.0


class Scene:
    """What the functions of a plan see of one picture. Rows of `table` are tracks, rows of `detections` detections.

    Attributes:
        table: the tracks, predicted to this picture; `table.rows` are still those of the last update.
        model: the motion model.
        detections: those of this picture.
        time: of this picture, seconds.
    """

    __slots__ = ("_measured", "_overlaps", "detections", "model", "table", "time")

    def __init__(self, table: TrackTable, model: MotionModel, detections: Detections, time: float) -> None:
        self.table, self.model, self.detections, self.time = table, model, detections, time
        self._measured: Floats | None = None
        self._overlaps: Floats | None = None

    @property
    def track_count(self) -> int:
        """N."""
        return len(self.table.ids)

    @property
    def detection_count(self) -> int:
        """M."""
        return len(self.detections.boxes)

    @property
    def boxes(self) -> Floats:
        """(N, 4) predicted boxes xyxy."""
        return self.table.boxes

    @property
    def measured(self) -> Floats:
        """(M, 4) coordinates of the detections in the motion model."""
        if self._measured is None:
            self._measured = self.model.encode(self.detections.boxes)
        return self._measured

    @measured.setter
    def measured(self, coordinates: Floats) -> None:
        """Take what was computed before."""
        self._measured = coordinates

    @property
    def overlaps(self) -> Floats:
        """(N, M) IoU of predicted boxes with detections."""
        if self._overlaps is None:
            self._overlaps = iou(self.boxes, self.detections.boxes)
        return self._overlaps

    def overlaps_of(self, tracks: Ints, detections: Ints) -> Floats:
        """(n, m) of `overlaps`, without a copy where everybody is meant."""
        if len(tracks) == self.track_count and len(detections) == self.detection_count:
            return self.overlaps
        return self.overlaps.take(tracks, axis=0).take(detections, axis=1)


Warp = Callable[[TrackTable, MotionModel, Floats], None]
Rematched = Callable[[Scene, Ints, Ints], None]
Prune = Callable[[TrackTable, MotionModel], Bools]
Noise = Callable[[Scene], Floats]


def warp_table(table: TrackTable, model: MotionModel, warp: Floats) -> None:
    """Move all that a table remembers in pixels through a (2, 3) affine: the default hook."""
    table.moments = kalman.warped(model, table.moments, warp)
    table.observed = warped(table.observed, warp)
    if table.memory.saved:
        table.saved = kalman.warped(model, table.saved, warp)
    if table.memory.history:
        table.history = warped(table.history.reshape(-1, 4), warp).reshape(table.history.shape)


@dataclass(frozen=True, slots=True)
class Plan:
    """A tracker, as the engine runs it.

    Attributes:
        model: the motion model.
        stages: rounds of matching, in order.
        lifecycle: births and deaths.
        memory: what is kept of each track.
        idle: coordinates whose velocity stops while a track is not seen.
        observed: report the detection itself rather than the filtered box.
        noise: (M,) how many times its usual variance the box of each detection has; once where left out.
        warp, rematched, prune: the hooks; see this module.
    """

    model: MotionModel
    stages: tuple[Stage[Scene], ...]
    lifecycle: Lifecycle
    memory: Memory = field(default_factory=Memory)
    idle: tuple[int, ...] = ()
    observed: bool = False
    noise: Noise | None = None
    warp: Warp = warp_table
    rematched: Rematched | None = None
    prune: Prune | None = None


def unclaimed(scores: Floats, least: float, rows: Ints) -> Ints:
    """Detections of at least a score (M,) that no track has taken, by the detection of each track (N,), -1 for none."""
    if (fast := compiled()) is not None:
        return fast.unclaimed(scores, least, rows)
    able = scores >= least
    able[rows[rows >= 0]] = False
    return able.nonzero()[0]


class Parameters(Protocol):
    """The frozen dataclass of a tracker."""

    def plan(self) -> Plan:
        """What the engine shall run."""


class Engine:
    """A tracker: parameters, and the table of its tracks. Implements the port `core.ports.Tracker`.

    Rows of the answer are tracks in the order of their ids. `update` reports believed tracks that have a detection in
    this picture, as SORT and its successors do; `coast` those that had one when the detector last ran.
    """

    def __init__(self, parameters: Parameters, *, cameras: int = 1) -> None:
        self.parameters = parameters
        self._plan = parameters.plan()
        self._cameras = cameras
        self.reset()

    def __repr__(self) -> str:
        return f"Engine({self.parameters!r})"

    def reset(self) -> None:
        """Forget everything: as if new."""
        self.table = TrackTable(self._plan.memory, cameras=self._cameras)
        self._time: float | None = None
        self._updated: float | None = None

    @property
    def alive(self) -> Ints:
        """(N,) ids of all tracks not given up, believed or not, seen or not."""
        ids = self.table.ids.copy()
        ids.flags.writeable = False
        return ids

    def update(self, detections: Detections, time: float, warp: Floats = NO_MOTION) -> Tracks:
        """Take the detections of a picture and report the tracks seen in it.

        Args:
            detections: of this picture, perhaps none.
            time: of this picture in seconds, not before the last one.
            warp: (2, 3) affine from the last picture's pixels to this one's.

        Returns:
            Believed tracks that have a detection here; `rows` say which.

        Raises:
            ContractError: time runs backwards or is not a number, or the features have changed their length.
        """
        plan = self._plan
        self.table.expect(detections.features)
        self.advance(time, warp, detections)
        self.end_over_gap(time)
        scene = Scene(self.table, plan.model, detections, time)
        rows = match(plan.stages, scene)
        self.correct(scene, rows, None if plan.noise is None else plan.noise(scene))
        self.end(time)
        self.begin(scene, rows)
        if plan.prune is not None and len(self.table):
            self.table.give_up(plan.prune(self.table, plan.model))
        return self.report(coasting=False)

    def coast(self, time: float, warp: Floats = NO_MOTION) -> Tracks:
        """Predict the tracks for a picture in which the detector did not run: nobody is born, missed or ended.

        Returns:
            Believed tracks that were seen when the detector last ran, at their predicted boxes, with `rows` -1.

        Raises:
            ContractError: time runs backwards or is not a number.
        """
        self.advance(time, warp)
        return self.report(coasting=True)

    def advance(self, time: float, warp: Floats, detections: Detections | None = None) -> None:
        """Predict everybody to a time, and take the camera's motion out. Detections: of that time, if there are any.

        Raises:
            ContractError: time runs backwards or is not a number, or the warp is no (2, 3) affine of finite numbers.
        """
        last = time if self._time is None else self._time
        if not isfinite(time) or time < last:
            raise ContractError(
                f"time: {time} s comes after {last} s; give pictures in the order of time, or call reset()"
            )
        if warp is not NO_MOTION:
            warp = np.asarray(warp, dtype=np.float64)
            if warp.shape != (2, 3) or not np.isfinite(warp).all():
                raise ContractError(f"warp: is {warp.tolist()}; give a (2, 3) affine of finite numbers")
        self._time = time
        if not len(self.table):
            return
        table, plan = self.table, self._plan
        if plan.idle:
            unseen = (table.rows < 0).nonzero()[0]
            for coordinate in plan.idle:
                table.moments[kalman.VELOCITY, unseen, coordinate] = 0.0
        table.moments = kalman.predict(plan.model, table.moments, time - last)
        moved = self.motion(warp, time - last, detections)
        if moved is not NO_MOTION:
            plan.warp(table, plan.model, moved)
        table.boxes = plan.model.decode(table.moments[kalman.POSITION])

    def motion(self, warp: Floats, passed: float, detections: Detections | None) -> Floats:
        """The camera's motion, (2, 3), once the table is predicted: the warp that is given, unless an engine sees more.

        Args:
            warp: as given, or `NO_MOTION` itself.
            passed: seconds since the last picture.
            detections: of this picture; None where no detector ran.
        """
        return warp

    def end_over_gap(self, time: float) -> None:
        """Before a late update, give up those who would have ended meanwhile.

        Who was seen in the last update may wait for `longest_gap`, so that low frame rates are tracked as well.
        """
        if self._updated is None or time - self._updated <= 1 / NOMINAL_RATE + _SLACK:
            return
        cycle, table = self._plan.lifecycle, self.table
        patience = np.where(table.rows < 0, cycle.max_age + 1 / NOMINAL_RATE, max(cycle.longest_gap, cycle.max_age))
        table.give_up(time - table.seen > patience + _SLACK)

    def correct(self, scene: Scene, rows: Ints, noise: Floats | None) -> None:
        """Give each matched track its detection, whose box has so many times (M,) its usual variance."""
        table, plan = self.table, self._plan
        tracks = (rows >= 0).nonzero()[0]
        taken = rows[tracks]
        if plan.rematched is not None and tracks.size:
            late = table.rows[tracks] < 0
            if np.count_nonzero(late):
                plan.rematched(scene, tracks[late], taken[late])
        table.rows = rows
        if tracks.size:
            kalman.correct_some(plan.model, table.moments, (tracks, taken), scene.measured, noise)
            if plan.observed:
                table.boxes[tracks] = scene.detections.boxes.take(taken, axis=0)
            else:
                table.boxes = plan.model.decode(table.moments[kalman.POSITION])
            table.observe(tracks, scene.detections, taken, scene.time)
            table.confirmed |= table.hits >= plan.lifecycle.hits

    def end(self, time: float) -> None:
        """Give up those not seen for too long."""
        table, cycle = self.table, self._plan.lifecycle
        if (fast := compiled()) is not None:
            ages = (cycle.max_age + _SLACK, cycle.tentative_age + _SLACK)
            table.give_up(fast.overdue((table.rows, table.confirmed, table.seen), ages, time))
            return
        unseen = table.rows < 0
        if np.count_nonzero(unseen):
            patience = np.where(table.confirmed, cycle.max_age, cycle.tentative_age)
            table.give_up(unseen & (time - table.seen > patience + _SLACK))

    def begin(self, scene: Scene, rows: Ints, cameras: Ints | None = None) -> None:
        """Begin tracks from detections that nobody took, in an order that does not depend on that of the rows.

        Args:
            scene: the picture, or the pictures of several cameras as one.
            rows: the detection of each track, -1 for none.
            cameras: (M,) the camera of each detection, where there are several.
        """
        first, self._updated = self._updated is None, scene.time
        detections, plan = scene.detections, self._plan
        born = unclaimed(detections.scores, plan.lifecycle.birth_score, rows)
        if not born.size:
            return
        owners = np.zeros(len(detections), dtype=np.int64) if cameras is None else cameras
        born = born[np.lexsort((*detections.boxes[born].T, -detections.scores[born], owners[born]))]
        moments = kalman.begin(plan.model, scene.measured[born])
        self.table.append(moments, owners[born], detections, born, scene.time)
        self.table.confirmed |= (self.table.hits >= plan.lifecycle.hits) | first

    def report(self, *, coasting: bool) -> Tracks:
        """The believed tracks that were seen in the last update."""
        table = self.table
        chosen = (table.confirmed & (table.rows >= 0)).nonzero()[0]
        state = TrackState.COASTING if coasting else TrackState.CONFIRMED
        return Tracks.trusted(
            table.ids.take(chosen),
            table.boxes.take(chosen, axis=0),
            table.scores.take(chosen),
            table.classes.take(chosen),
            np.full(len(chosen), int(state)),
            table.born.take(chosen),
            np.full(len(chosen), -1) if coasting else table.rows.take(chosen),
        )
