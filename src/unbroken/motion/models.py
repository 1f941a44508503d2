"""Motion models: what a filter's four coordinates are, and how noisy each is.

Papers give noise per frame. Here every such figure holds at a nominal frame rate (30 frames/s) and the filter
(`motion.kalman`) works in seconds, so any frame rate and any gap is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.geometry.boxes import cxcywh_from_xyxy, xyah_from_xyxy, xyxy_from_cxcywh, xyxy_from_xyah
from unbroken.geometry.kernels import compiled

NOMINAL_RATE = 30.0
"""Frames per second at which the papers' noise per frame holds."""

_HEIGHT, _SIDES = (3, 3, 3, 3), (2, 3, 2, 3)
"""Bases: all noise relative to the height; horizontal noise to the width and vertical noise to the height."""

_LEAST = 1e-6
"""Pixels: no predicted side is shorter, so that no division is by zero."""


@dataclass(frozen=True, slots=True, eq=False)
class MotionModel:
    """Four coordinates that move at constant velocity, each with noise of its own.

    Variances have two terms: one fixed, one times the square of the box's own scale, so that a person near the camera
    may move more. Arrays of terms are (..., 2, 4): fixed and relative, by coordinate.

    Attributes:
        encode: coordinates (N, 4) from boxes xyxy (N, 4) in pixels.
        decode: boxes xyxy from coordinates.
        basis: the coordinate, in pixels, that the noise of each coordinate is relative to.
        initial: (2, 2, 4), variance at birth of position, and of velocity in units per frame.
        process: (2, 2, 4), variance that a frame adds to position, and to velocity in units per frame.
        measurement: (2, 4), variance of a measured position.
        lengths: how coordinates 2 and 3 grow when the picture is scaled: the powers of the scale.
        absolute: no noise is relative to the box.
        frame_rate: frames per second at which "a frame" above holds.
    """

    encode: Callable[[Floats], Floats]
    decode: Callable[[Floats], Floats]
    basis: tuple[int, int, int, int]
    initial: Floats
    process: Floats
    measurement: Floats
    lengths: tuple[int, int]
    absolute: bool = False
    frame_rate: float = NOMINAL_RATE

    def variances(self, terms: Floats, positions: Floats) -> Floats:
        """Variances from terms, for coordinates (N, 4). (..., 2, 4) -> (..., N or 1, 4)."""
        fixed = terms[..., 0, None, :]
        if self.absolute:
            return fixed
        sizes = np.maximum(positions[:, self.basis], _LEAST)
        noise: Floats = fixed + terms[..., 1, None, :] * (sizes * sizes)
        return noise


def xysr_from_xyxy(boxes: Floats) -> Floats:
    """Centre, area and aspect (width / height) from corners: the state of SORT. (N, 4) -> (N, 4)."""
    if (fast := compiled()) is not None:
        return fast.xysr_from_xyxy(boxes)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], _LEAST)
    positions = np.empty((len(boxes), 4))
    np.add(boxes[:, :2], boxes[:, 2:], out=positions[:, :2])
    positions[:, :2] *= 0.5
    np.multiply(sides[:, 0], sides[:, 1], out=positions[:, 2])
    np.divide(sides[:, 0], sides[:, 1], out=positions[:, 3])
    return positions


def xyxy_from_xysr(positions: Floats) -> Floats:
    """Corners from centre, area and aspect. A state whose area has become negative is a point. (N, 4) -> (N, 4)."""
    if (fast := compiled()) is not None:
        return fast.xyxy_from_xysr(positions)
    shape = np.maximum(positions[:, 2:], _LEAST)
    half = np.empty((len(positions), 2))
    np.sqrt(shape[:, 0] * shape[:, 1], out=half[:, 0])
    np.divide(shape[:, 0], half[:, 0], out=half[:, 1])
    half *= 0.5
    corners = np.empty((len(positions), 4))
    np.subtract(positions[:, :2], half, out=corners[:, :2])
    np.add(positions[:, :2], half, out=corners[:, 2:])
    return corners


def _terms(fixed: tuple[float, ...], relative: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)) -> Floats:
    """Terms of a variance from standard deviations: (2, 4)."""
    terms: Floats = np.square(np.array([fixed, relative]))
    return terms


def sort_model() -> MotionModel:
    """SORT's filter (arXiv 1602.00763, section 3.2): centre, area, aspect; the aspect has no velocity.

    The paper gives no noise; the values are those in common use: unit measurement noise for the centre, ten times the
    variance for area and aspect, velocities unknown at birth. All of them are pixels, not relative to the box.
    """
    ten, thousand = 10**0.5, 1e4**0.5
    return MotionModel(
        encode=xysr_from_xyxy,
        decode=xyxy_from_xysr,
        basis=_HEIGHT,
        initial=np.stack([_terms((ten, ten, ten, ten)), _terms((thousand, thousand, thousand, 0.0))]),
        process=np.stack([_terms((1.0, 1.0, 1.0, 1.0)), _terms((0.1, 0.1, 0.01, 0.0))]),
        measurement=_terms((1.0, 1.0, ten, ten)),
        lengths=(2, 0),
        absolute=True,
    )


def xyah_model(*, position: float = 1 / 20, velocity: float = 1 / 160) -> MotionModel:
    """DeepSORT's filter (arXiv 1703.07402, section 2.1), also ByteTrack's: centre, aspect, height.

    Args:
        position: standard deviation of a position, in box heights per frame; twice as much at birth.
        velocity: standard deviation that a frame adds to a velocity, in box heights per frame; ten times at birth.
    """
    p, v = position, velocity
    return MotionModel(
        encode=xyah_from_xyxy,
        decode=xyxy_from_xyah,
        basis=_HEIGHT,
        initial=np.stack(
            [
                _terms((0.0, 0.0, 1e-2, 0.0), (2 * p, 2 * p, 0.0, 2 * p)),
                _terms((0.0, 0.0, 1e-5, 0.0), (10 * v, 10 * v, 0.0, 10 * v)),
            ]
        ),
        process=np.stack(
            [_terms((0.0, 0.0, 1e-2, 0.0), (p, p, 0.0, p)), _terms((0.0, 0.0, 1e-5, 0.0), (v, v, 0.0, v))]
        ),
        measurement=_terms((0.0, 0.0, 1e-1, 0.0), (p, p, 0.0, p)),
        lengths=(0, 1),
    )


def xywh_model(*, position: float = 1 / 20, velocity: float = 1 / 160, size: float = 1.0) -> MotionModel:
    """BoT-SORT's filter (arXiv 2206.14651, section 3.1, equations 3 and 4): centre, width, height.

    Horizontal noise is relative to the width, vertical noise to the height.

    Args:
        position: standard deviation of a position, in box sides per frame; twice as much at birth.
        velocity: standard deviation that a frame adds to a velocity, in box sides per frame; ten times at birth.
        size: how many times noisier a measured size is than a measured place.
    """
    none = (0.0, 0.0, 0.0, 0.0)
    return MotionModel(
        encode=cxcywh_from_xyxy,
        decode=xyxy_from_cxcywh,
        basis=_SIDES,
        initial=np.stack([_terms(none, (2 * position,) * 4), _terms(none, (10 * velocity,) * 4)]),
        process=np.stack([_terms(none, (position,) * 4), _terms(none, (velocity,) * 4)]),
        measurement=_terms(none, (position, position, size * position, size * position)),
        lengths=(1, 1),
    )
