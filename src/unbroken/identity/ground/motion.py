"""How people move on the ground, and what a foot point says about where they are. Arrays over tracks, no loops."""

from __future__ import annotations

import math

import numpy as np

from unbroken.core.arrays import Floats

UNLIKELY = -1e9
"""The log-likelihood ratio of a pair outside the gate."""


def walk(seconds: float, speed: float, memory: float) -> tuple[Floats, Floats]:
    """Transition and process noise of people who walk: an integrated Ornstein-Uhlenbeck process.

    For short times it is the constant-velocity model with white acceleration; over longer ones the velocity fades and
    the doubt grows as that of a random walk, so one model serves at 2 and at 30 frames/s and for people out of sight.
    The closed form is that of the Singer model's velocity analogue (Li and Jilkov, Survey of maneuvering target
    tracking I, 2003).

    Args:
        seconds: since the last step.
        speed: standard deviation of each component of the velocity, m/s.
        memory: time constant in which a velocity is forgotten, s.

    Returns:
        (4, 4) transition and (4, 4) noise of x, y, vx, vy.
    """
    kept = math.exp(-seconds / memory)
    reach = memory * (1 - kept)
    variance = speed * speed
    place = variance * memory * (2 * seconds - memory * (3 - 4 * kept + kept * kept))
    block = variance * np.array([[0.0, memory * (1 - kept) ** 2], [memory * (1 - kept) ** 2, 1 - kept * kept]])
    block[0, 0] = max(place, 0.0)
    transition = np.array([[1.0, reach], [0.0, kept]])
    return _both_axes(transition), _both_axes(block)


def _both_axes(block: Floats) -> Floats:
    """(2, 2) of place and velocity on one axis -> (4, 4) of x, y, vx, vy."""
    return np.asarray(np.kron(block, np.eye(2)), dtype=np.float64)


def predicted(means: Floats, covariances: Floats, step: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Tracks after a step of `walk`. (T, 4), (T, 4, 4)."""
    transition, noise = step
    return means @ transition.T, transition @ covariances @ transition.T + noise


def information_of(points: Floats, covariances: Floats) -> tuple[Floats, Floats]:
    """The information form of foot points: R^-1 and R^-1 z. (N, 2), (N, 2, 2) -> (N, 2, 2), (N, 2)."""
    weights = inverted(covariances)
    return weights, np.einsum("nij,nj->ni", weights, points)


def corrected(means: Floats, covariances: Floats, weights: Floats, weighted: Floats) -> tuple[Floats, Floats]:
    """Tracks after foot points: the Kalman update with all points of an instant at once.

    With G = sum of R^-1 and g = sum of R^-1 z over the points of a track, the Kalman update with all of them at once is
    K = P H^T (I + G P_xx)^-1; a track without points (G = 0) stays as it was.

    Args:
        means: (T, 4).
        covariances: (T, 4, 4).
        weights: (T, 2, 2) sum of R^-1.
        weighted: (T, 2) sum of R^-1 z.

    Returns:
        (T, 4) and (T, 4, 4).
    """
    place = covariances[:, :2, :2]
    damping = inverted(np.eye(2) + weights @ place)
    gain = covariances[:, :, :2] @ damping
    residual = weighted - np.einsum("tij,tj->ti", weights, means[:, :2])
    moved = means + np.einsum("tij,tj->ti", gain, residual)
    shrunk = covariances - gain @ weights @ covariances[:, :2, :]
    return moved, (shrunk + np.swapaxes(shrunk, 1, 2)) / 2


def fit(means: Floats, covariances: Floats, points: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """How well each track explains each foot point.

    Args:
        means: (T, 4) tracks.
        covariances: (T, 4, 4).
        points: (N, 2).
        noise: (N, 2, 2).

    Returns:
        Squared Mahalanobis distances (T, N), and log densities (T, N) of the points under the tracks, per square
        metre. NaN where a point is NaN.
    """
    offsets = points[None] - means[:, None, :2]
    spread = covariances[:, None, :2, :2] + noise[None]
    determinant = spread[..., 0, 0] * spread[..., 1, 1] - spread[..., 0, 1] ** 2
    x, y = offsets[..., 0], offsets[..., 1]
    squares = spread[..., 1, 1] * x * x - 2 * spread[..., 0, 1] * x * y + spread[..., 0, 0] * y * y
    distances = squares / determinant
    return distances, -0.5 * distances - 0.5 * np.log(determinant) - math.log(2 * math.pi)


def inverted(matrices: Floats) -> Floats:
    """The inverses of (N, 2, 2)."""
    result = np.empty_like(matrices)
    determinant = matrices[..., 0, 0] * matrices[..., 1, 1] - matrices[..., 0, 1] * matrices[..., 1, 0]
    result[..., 0, 0], result[..., 1, 1] = matrices[..., 1, 1], matrices[..., 0, 0]
    result[..., 0, 1], result[..., 1, 0] = -matrices[..., 0, 1], -matrices[..., 1, 0]
    return result / determinant[..., None, None]
