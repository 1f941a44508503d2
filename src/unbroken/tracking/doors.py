"""The public door to one tracker: arrays, `supervision.Detections` or `Detections` in, the same kind out."""

from __future__ import annotations

from typing import Protocol, TypeVar, cast, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unbroken.core.arrays import Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.errors import ConfigError
from unbroken.core.ports import NO_MOTION
from unbroken.core.tracks import Tracks
from unbroken.tracking.registry import DEFAULT, by_name


class Foreign(Protocol):
    """What this door uses of `supervision.Detections`; the package itself is never imported."""

    xyxy: NDArray[np.floating]
    confidence: NDArray[np.floating] | None
    class_id: NDArray[np.integer] | None
    tracker_id: NDArray[np.integer] | None

    def __getitem__(self, rows: Ints) -> object:
        """The given rows."""


F = TypeVar("F", bound=Foreign)


class Tracker:
    """Follows people in one camera.

    >>> tracker = Tracker("sort", min_hits=1)
    >>> tracker.update([[10, 10, 50, 110, 0.9, 0]]).tolist()
    [[10.0, 10.0, 50.0, 110.0, 1.0, 0.9, 0.0, 0.0]]
    """

    def __init__(self, name: str = DEFAULT, *, frame_rate: float = 30.0, **settings: object) -> None:
        """Make a tracker.

        Args:
            name: which one: `unbroken.tracking.names()` lists them.
            frame_rate: pictures per second, where `update` is not told the time.
            settings: of that tracker, by name; the others keep their defaults.

        Raises:
            ConfigError: tracker or setting is not known, or a value does not fit.
        """
        if not 0 < frame_rate < float("inf"):
            raise ConfigError(f"Tracker: frame_rate is {frame_rate!r}; give pictures per second, above 0")
        self.tracker = by_name(name, **settings)
        self._period = 1.0 / frame_rate
        self._time: float | None = None

    @overload
    def update(self, detections: Detections, time: float | None = None, warp: Floats = NO_MOTION) -> Tracks: ...

    @overload
    def update(self, detections: F, time: float | None = None, warp: Floats = NO_MOTION) -> F: ...

    @overload
    def update(self, detections: ArrayLike, time: float | None = None, warp: Floats = NO_MOTION) -> Floats: ...

    def update(
        self, detections: Detections | Foreign | ArrayLike, time: float | None = None, warp: Floats = NO_MOTION
    ) -> Tracks | Foreign | Floats:
        """Take the detections of a picture, perhaps none, and answer with the tracks seen in it.

        Args:
            detections: `Detections`; or (N, 4..6) rows of x1, y1, x2, y2[, score[, class]]; or
                `supervision.Detections`.
            time: seconds; one period of the frame rate after the last picture where left out.
            warp: (2, 3) affine from the last picture's pixels to this one's, where the camera moves.

        Returns:
            `Tracks`; or (M, 8) rows of x1, y1, x2, y2, id, score, class, row of the detection; or the detections that
            belong to a track, with `tracker_id`. Nothing given is changed.

        Raises:
            ContractError: the detections are malformed or time runs backwards.
        """
        now = self._next(time)
        if isinstance(detections, Detections):
            return self._step(detections, now, warp)
        if hasattr(detections, "xyxy"):
            foreign = cast("Foreign", detections)
            return _labelled(foreign, self._step(_read(foreign), now, warp))
        return self._step(Detections.from_array(detections), now, warp).as_array()

    def coast(self, time: float | None = None, warp: Floats = NO_MOTION) -> Tracks:
        """Predict the tracks for a picture in which the detector did not run."""
        now = self._next(time)
        tracks = self.tracker.coast(now, warp)
        self._time = now
        return tracks

    @property
    def alive(self) -> Ints:
        """The ids of all tracks not given up, seen or not."""
        return self.tracker.alive

    def reset(self) -> None:
        """Forget everything: as if new."""
        self.tracker.reset()
        self._time = None

    def _step(self, detections: Detections, now: float, warp: Floats) -> Tracks:
        tracks = self.tracker.update(detections, now, warp)
        self._time = now
        return tracks

    def _next(self, time: float | None) -> float:
        if time is not None:
            return time
        return 0.0 if self._time is None else self._time + self._period


def _read(foreign: Foreign) -> Detections:
    """The values of `supervision.Detections`, where anything but the boxes may be missing."""
    count = len(foreign.xyxy)
    scores = np.ones(count) if foreign.confidence is None else np.asarray(foreign.confidence, dtype=np.float64)
    kinds = np.zeros(count) if foreign.class_id is None else foreign.class_id
    return Detections(np.asarray(foreign.xyxy, dtype=np.float64), scores, np.asarray(kinds, dtype=np.int64))


def _labelled(foreign: Foreign, tracks: Tracks) -> Foreign:
    """The rows that belong to a track, a copy with ids; boxes stay those of the detector."""
    chosen = cast("Foreign", foreign[tracks.rows])
    chosen.tracker_id = tracks.ids.copy()
    return chosen
