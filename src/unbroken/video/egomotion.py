"""How the camera itself has moved, from picture to picture: the `warp` that trackers take.

Corners of the background are followed by sparse optical flow (Shi and Tomasi 1994; Bouguet 2000) and a similarity is
fitted to them by RANSAC (Fischler and Bolles 1981); or the whole picture is aligned by its enhanced correlation
coefficient (ECC, Evangelidis and Psarakis 2008), which is slower and needs no corners. People are left out.
A camera that stands still costs next to nothing: it is only glanced at, and looked at again now and then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Floats, Image
from unbroken.core.frames import Frame
from unbroken.core.ports import NO_MOTION


@dataclass(frozen=True, slots=True)
class EgomotionSettings:
    """How camera motion is estimated.

    Attributes:
        method: "flow" follows corners, "ecc" aligns whole pictures.
        working_pixels: greater pictures are scaled down to this many pixels.
        corners: how many are followed at most.
        least_corners: with fewer that agree, the camera is taken to stand still.
        agreement: the part of the followed corners that must agree.
        error: pixels of the working picture by which a corner may miss the common motion.
        stillness: pixels of the working picture: less motion than this, at the picture's corners, is none.
        patience: seconds without motion after which a camera is only glanced at.
        recheck: seconds between looks at a camera that stands still.
        glance: a change of grey levels, as a multiple of the usual one, that wakes the estimator at once.
        greatest_turn: radians between two pictures; more is taken for a mistake.
        greatest_zoom: factor between two pictures; more is taken for a mistake.
    """

    method: Literal["flow", "ecc"] = "flow"
    working_pixels: int = 172_800
    corners: int = 250
    least_corners: int = 12
    agreement: float = 0.4
    error: float = 1.0
    stillness: float = 0.2
    patience: float = 3.0
    recheck: float = 2.0
    glance: float = 2.0
    greatest_turn: float = 0.35
    greatest_zoom: float = 1.3


class CameraMotion:
    """Estimates camera motion from pictures. Satisfies the port `MotionEstimator`; knows each camera by its name."""

    def __init__(self, settings: EgomotionSettings | None = None) -> None:
        """Know no camera yet."""
        self._settings = settings or EgomotionSettings()
        self._cameras: dict[str, _Past] = {}

    def estimate(self, frame: Frame, boxes: Floats) -> Floats:
        """The (2, 3) affine from the last picture's pixels to this one's.

        `NO_MOTION` for the first picture, for one of another size, where too little can be followed and for a camera
        that stands still.

        Args:
            frame: the picture; those of one camera in the order of time.
            boxes: (N, 4) people in it, who don't count.
        """
        if min(frame.size) < 16:
            return NO_MOTION
        now = _View.of(frame, boxes, self._settings.working_pixels)
        past = self._cameras.get(frame.camera)
        if past is None or past.view.grey.shape != now.grey.shape or frame.time < past.view.time:
            self._cameras[frame.camera] = _Past(now, moved=frame.time, looked=frame.time)
            return NO_MOTION
        before, past.view = past.view, now
        if self._may_rest(past, before, now):
            return NO_MOTION
        past.looked = now.time
        change = now.change_since(before)
        warp = self._warp(before, now)
        if _greatest_shift(warp, now.grey.shape) < self._settings.stillness:
            past.usual_change = change
            return NO_MOTION
        past.moved = now.time
        return _unscaled(warp, now.scale)

    def _may_rest(self, past: _Past, before: _View, now: _View) -> bool:
        """Whether the camera has long stood still and does not seem to move now."""
        settings = self._settings
        if now.time - past.moved < settings.patience or now.time - past.looked >= settings.recheck:
            return False
        return now.change_since(before) < settings.glance * past.usual_change + 1

    def _warp(self, before: _View, now: _View) -> Floats:
        warp = _aligned(before, now) if self._settings.method == "ecc" else _followed(before, now, self._settings)
        zoom, turn = math.hypot(warp[0, 0], warp[1, 0]), math.atan2(warp[1, 0], warp[0, 0])
        likely = 1 / self._settings.greatest_zoom < zoom < self._settings.greatest_zoom
        return warp if likely and abs(turn) < self._settings.greatest_turn else NO_MOTION


class MotionFromFile:
    """Camera motion that was estimated before. Satisfies the port `MotionEstimator`.

    Args:
        warps: per frame, counted from 1 as in a `gmc.txt`, the (2, 3) affine from the frame before to it.
    """

    def __init__(self, warps: Mapping[int, Floats]) -> None:
        self._warps = dict(warps)

    def estimate(self, frame: Frame, boxes: Floats) -> Floats:
        """The warp of this frame; `NO_MOTION` where the file has none."""
        return self._warps.get(frame.index + 1, NO_MOTION)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A picture made ready: grey, scaled down, people known.

    Attributes:
        time: seconds.
        grey: (h, w).
        background: (h, w), 255 where nobody is.
        scale: working pixels per pixel, across and down.
    """

    time: float
    grey: Image
    background: Image
    scale: tuple[float, float]

    @classmethod
    def of(cls, frame: Frame, boxes: Floats, working_pixels: int) -> _View:
        width, height = frame.size
        factor = min(math.sqrt(working_pixels / (width * height)), 1.0)
        size = (max(round(width * factor), 8), max(round(height * factor), 8))
        small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        scale = (size[0] / width, size[1] / height)
        background = np.full(grey.shape, 255, np.uint8)
        for left, top, right, bottom in np.maximum(boxes * [*scale, *scale] + [-2, -2, 3, 3], 0).astype(int):
            background[top:bottom, left:right] = 0
        return cls(frame.time, grey, background, scale)

    def change_since(self, before: _View) -> float:
        """Grey levels by which the most changed fifth of a thinned-out background differs at least."""
        change = cv2.absdiff(self.grey[::6, ::6], before.grey[::6, ::6])
        clear = cv2.bitwise_and(self.background[::6, ::6], before.background[::6, ::6]) > 0
        return float(np.quantile(change[clear], 0.8)) if clear.any() else 0.0


@dataclass(slots=True)
class _Past:
    """What is remembered of a camera.

    Attributes:
        view: the last picture.
        moved: when it last moved, in seconds.
        looked: when it was last looked at, in seconds.
        usual_change: grey levels between two pictures when it stands still.
    """

    view: _View
    moved: float
    looked: float
    usual_change: float = 0.0


def _followed(before: _View, now: _View, settings: EgomotionSettings) -> Floats:
    """The similarity that most corners of the background follow, in working pixels."""
    height, width = before.grey.shape
    apart = max(math.sqrt(height * width / settings.corners) / 2, 3.0)
    corners = cv2.goodFeaturesToTrack(before.grey, settings.corners, 0.01, apart, mask=before.background)
    if corners is None or len(corners) < settings.least_corners:
        return NO_MOTION
    there, found, _ = cv2.calcOpticalFlowPyrLK(before.grey, now.grey, corners, None, winSize=(15, 15), maxLevel=4)
    start, end = corners.reshape(-1, 2), there.reshape(-1, 2)
    good = (found.ravel() > 0) & _on_background(end, now.background)
    if good.sum() < settings.least_corners:
        return NO_MOTION
    warp, agree = cv2.estimateAffinePartial2D(
        start[good], end[good], method=cv2.RANSAC, ransacReprojThreshold=settings.error
    )
    if warp is None or agree.sum() < max(settings.least_corners, settings.agreement * good.sum()):
        return NO_MOTION
    return np.asarray(warp, dtype=np.float64)


def _aligned(before: _View, now: _View) -> Floats:
    """The affine that aligns the pictures best, in working pixels."""
    warp = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-4)
    mask = cv2.bitwise_and(before.background, now.background)
    try:
        _, warp = cv2.findTransformECC(before.grey, now.grey, warp, cv2.MOTION_AFFINE, stop, mask, 5)
    except cv2.error:  # it does not converge: there is nothing to align, or nothing in common
        return NO_MOTION
    return np.asarray(warp, dtype=np.float64)


def _on_background(points: NDArray[np.float32], background: Image) -> NDArray[np.bool_]:
    """Which points (N, 2) lie in the picture and not on people."""
    height, width = background.shape
    columns, rows = np.round(points).astype(int).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    clear: NDArray[np.bool_] = background[rows.clip(0, height - 1), columns.clip(0, width - 1)] > 0
    here: NDArray[np.bool_] = inside & clear
    return here


def _greatest_shift(warp: Floats, shape: tuple[int, ...]) -> float:
    """How far the warp moves the corners of a picture (height, width) at most; pixels."""
    height, width = shape
    corners = np.array([[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]])
    return float(np.abs(corners @ warp[:, :2].T + warp[:, 2] - corners).max())


def _unscaled(warp: Floats, scale: tuple[float, float]) -> Floats:
    """The warp in the pixels of the full picture."""
    across, down = scale
    ratio = np.array([[1.0, down / across, 1 / across], [across / down, 1.0, 1 / down]])
    full: Floats = warp * ratio
    return full
