"""A Kalman filter for many boxes at once, in closed form.

With constant velocity and diagonal noise the four coordinates of a box never mix, so the filter of eight states is
exactly four filters of two states (position, velocity), and each step is plain arithmetic on arrays: no matrix is
inverted. The state of N boxes is one array of *moments* (5, N, 4): position, velocity (per second), and the variances
`p00` (position), `p01` (both), `p11` (velocity) of each coordinate.

Papers state noise per frame. `predict` adds the noise of dt * frame_rate frames, as the same polynomials in that number
which that many single steps give; so a step over a gap equals the steps through it, exactly, and a fraction of a frame
is defined as well.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.geometry.kernels import compiled
from unbroken.motion.models import MotionModel

POSITION, VELOCITY, P00, P01, P11 = range(5)
"""The first index of an array of moments."""

_ONCE = np.zeros(0)
"""No noise given, for compiled code."""


def begin(model: MotionModel, positions: Floats) -> Floats:
    """Moments of boxes seen for the first time, at rest. Coordinates (N, 4) -> (5, N, 4)."""
    moments = np.zeros((5, *positions.shape))
    moments[POSITION] = positions
    moments[P00], moments[P11] = model.variances(model.initial, positions)
    moments[P11] *= model.frame_rate**2
    return moments


def predict(model: MotionModel, moments: Floats, dt: float) -> Floats:
    """Moments after dt seconds without a measurement. (5, N, 4) -> (5, N, 4)."""
    if (fast := compiled()) is not None:
        return fast.predict(moments, model.process, model.basis, float(dt), model.frame_rate)
    transition, growth = _step(float(dt), model.frame_rate)
    noise = model.variances(model.process, moments[POSITION])
    moved = (transition @ moments.reshape(5, -1)).reshape(moments.shape)
    moved += (growth @ noise.reshape(2, -1)).reshape(5, -1, 4)
    return moved


def correct(model: MotionModel, moments: Floats, measured: Floats, noise: Floats | None = None) -> Floats:
    """Moments after each box was measured. (5, N, 4), coordinates (N, 4) -> (5, N, 4).

    Args:
        model: whose noise holds.
        moments: as predicted.
        measured: coordinates, (N, 4).
        noise: (N,) how many times the usual variance each measurement has; once where left out.
    """
    if compiled() is not None:
        corrected, everybody = moments.copy(), np.arange(len(measured))
        correct_some(model, corrected, (everybody, everybody), measured, noise)
        return corrected
    spread = moments[P00:P11]
    if noise is None:
        gains = spread / innovation_variances(model, moments)
    else:
        measurement = model.variances(model.measurement, moments[POSITION])
        gains = spread / (moments[P00] + measurement * noise[:, None])
    corrected = np.empty_like(moments)
    np.multiply(gains, measured - moments[POSITION], out=corrected[:P00])
    corrected[:P00] += moments[:P00]
    np.multiply(spread, 1.0 - gains[0], out=corrected[P00:P11])
    np.subtract(moments[P11], gains[1] * moments[P01], out=corrected[P11])
    return corrected


def correct_some(
    model: MotionModel, moments: Floats, pairs: tuple[Ints, Ints], measured: Floats, noise: Floats | None = None
) -> None:
    """Correct, in place, the boxes that were measured.

    Args:
        model: whose noise holds.
        moments: as predicted, (5, N, 4); changed.
        pairs: rows of `moments` (n,), each once, and the row of `measured` that belongs to each.
        measured: coordinates, (M, 4).
        noise: (M,) how many times the usual variance each measurement has; once where left out.
    """
    rows, taken = pairs
    if (fast := compiled()) is not None:
        terms = (model.measurement, model.basis)
        fast.correct_some(moments, terms, measured, _ONCE if noise is None else noise, pairs)
        return
    doubt = None if noise is None else noise.take(taken)
    moments[:, rows] = correct(model, moments.take(rows, axis=1), measured.take(taken, axis=0), doubt)


def innovation_variances(model: MotionModel, moments: Floats) -> Floats:
    """The variance of a measured minus a predicted position: what a gate is scaled by. (5, N, 4) -> (N, 4)."""
    spread: Floats = moments[P00] + model.variances(model.measurement, moments[POSITION])
    return spread


def warped(model: MotionModel, moments: Floats, warp: Floats) -> Floats:
    """Moments in the pixels of a camera that has moved. (5, N, 4), (2, 3) affine -> (5, N, 4).

    Centres go through the affine; sizes grow by the square root of its determinant. Of the covariance that a rotation
    would put between x and y the marginal variances are kept (exact for a shift and a change of scale).
    Source: BoT-SORT (arXiv 2206.14651), equations 5 to 8, where the linear part is applied to width and height as if
    they were a point, which lets a rolling camera exchange them; on purpose not here.
    """
    linear = warp[:, :2]
    (a, b), (c, d) = linear.tolist()
    if (a, b, c, d) == (1.0, 0.0, 0.0, 1.0):
        moved = moments.copy()
        moved[POSITION, :, :2] += warp[:, 2]
        return moved
    stretch = abs(a * d - b * c) ** 0.5
    powers = stretch ** np.array(model.lengths)
    moved = np.empty_like(moments)
    moved[:P00, :, :2] = moments[:P00, :, :2] @ linear.T
    moved[P00:, :, :2] = moments[P00:, :, :2] @ np.square(linear).T
    moved[POSITION, :, :2] += warp[:, 2]
    moved[:P00, :, 2:] = moments[:P00, :, 2:] * powers
    moved[P00:, :, 2:] = moments[P00:, :, 2:] * np.square(powers)
    return moved


@lru_cache(maxsize=256)
def _step(dt: float, frame_rate: float) -> tuple[Floats, Floats]:
    """The step over dt seconds: (5, 5) on moments, (5, 2) on the process noise of a frame (position, velocity).

    With n frames, the noise of velocity comes to n for p11, 1 + 2 + ... + (n-1) for p01 and 1 + 4 + ... + (n-1)^2
    for p00.
    """
    frames = dt * frame_rate
    transition = np.eye(5)
    transition[POSITION, VELOCITY] = dt
    transition[P00, P01], transition[P00, P11] = 2 * dt, dt * dt
    transition[P01, P11] = dt
    growth = np.zeros((5, 2))
    growth[P00] = frames, (frames - 1) * frames * (2 * frames - 1) / 6
    growth[P01, 1] = frame_rate * frames * (frames - 1) / 2
    growth[P11, 1] = frame_rate**2 * frames
    return transition, growth
