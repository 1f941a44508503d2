"""The body of a walking person as 18 joints with radii: boxes, visibility and painting all come from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.datasets.synthetic.people import Person

JOINTS = (
    "head", "neck", "chest", "pelvis", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_hand",
    "right_hand", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_toe",
    "right_toe",
)  # fmt: skip
"""The order of the joints in every array."""
JOINT = {name: number for number, name in enumerate(JOINTS)}

_RADII = np.array(
    (0.066, 0.035, 0.085, 0.08, *(0.045,) * 2, *(0.03,) * 2, *(0.026,) * 2)
    + (0.055,) * 2
    + (0.04,) * 2
    + (0.028,) * 2
    + (0.022,) * 2
)
WEIGHTS = np.array(
    (0.10, 0.03, 0.19, 0.17, *(0.04,) * 2, *(0.03,) * 2, *(0.02,) * 2)
    + (0.055,) * 2
    + (0.05,) * 2
    + (0.04,) * 2
    + (0.02,) * 2
)
"""(18,) how much of the silhouette each joint stands for; sums to 1."""
WEIGHTS /= WEIGHTS.sum()
WEIGHTS.flags.writeable = False


def joints_of(positions: Floats, pose: Floats, sizes: Floats) -> Floats:
    """The joints of R people.

    Args:
        positions: (R, 2) metres on the floor.
        pose: (R, 3) heading (radians), phase of the gait (radians), swing 0..1.
        sizes: (R, 2) height in metres, build.

    Returns:
        (R, 18, 3) metres, in the order of `JOINTS`. The lower ankle stands on the floor.
    """
    heading, phase, swing = pose.T
    height, build = sizes.T
    forward = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    left = np.stack([-forward[:, 1], forward[:, 0]], axis=1)
    ahead, aside, up = _limbs(phase, swing, build)
    lift = 0.03 - up[:, 14:16].min(axis=1)
    up = up + lift[:, None]
    ground = positions[:, None] + height[:, None, None] * (
        ahead[..., None] * forward[:, None] + aside[..., None] * left[:, None]
    )
    return np.concatenate([ground, (height[:, None] * up)[..., None]], axis=2)


def radii_of(sizes: Floats) -> Floats:
    """(R, 18) metres: how far the body reaches around each joint, for (R, 2) heights and builds."""
    girth = np.where(np.arange(len(JOINTS)) < 2, 1.0, 0.0)
    return _RADII * sizes[:, :1] * (girth + (1 - girth) * sizes[:, 1:])


def sizes_of(people: Sequence[Person]) -> Floats:
    """(P, 2) height in metres and build."""
    return np.array([(person.height, person.build) for person in people])


def _limbs(phase: Floats, swing: Floats, build: Floats) -> tuple[Floats, Floats, Floats]:
    """Ahead, aside and up of each joint as shares of the height (R, 18), for a pelvis at 0.52."""
    count = len(phase)
    ahead, aside, up = (np.zeros((count, len(JOINTS))) for _ in range(3))
    up[:, [0, 1, 2, 3]] = [0.925, 0.845, 0.735, 0.55]
    ahead[:, [0, 1, 2]] = np.array([0.03, 0.015, 0.01]) * (0.4 + 0.6 * swing[:, None])
    for side, sign, offset in ((0, 1.0, 0.0), (1, -1.0, np.pi)):
        _leg((ahead, aside, up), side, (sign * build, phase + offset, swing))
        _arm((ahead, aside, up), side, (sign * build, phase + offset + np.pi, swing))
    return ahead, aside, up


def _leg(axes: tuple[Floats, Floats, Floats], side: int, gait: tuple[Floats, Floats, Floats]) -> None:
    """Hip, knee, ankle and toe of one leg: the knee bends while the leg swings forward."""
    (ahead, aside, up), (width, phase, swing) = axes, gait
    hip, knee, ankle, toe = 10 + side, 12 + side, 14 + side, 16 + side
    thigh = 0.46 * swing * np.sin(phase) + 0.02
    shin = thigh - swing * (0.12 + 0.62 * np.maximum(0.0, np.cos(phase)) ** 2)
    aside[:, hip], up[:, hip] = 0.052 * width, 0.51
    ahead[:, knee], up[:, knee] = 0.235 * np.sin(thigh), 0.51 - 0.235 * np.cos(thigh)
    ahead[:, ankle] = ahead[:, knee] + 0.235 * np.sin(shin)
    up[:, ankle] = up[:, knee] - 0.235 * np.cos(shin)
    ahead[:, toe], up[:, toe] = ahead[:, ankle] + 0.085, up[:, ankle] - 0.008 + 0.05 * np.minimum(0, shin)
    aside[:, knee] = aside[:, ankle] = 0.05 * width
    aside[:, toe] = 0.062 * width


def _arm(axes: tuple[Floats, Floats, Floats], side: int, gait: tuple[Floats, Floats, Floats]) -> None:
    """Shoulder, elbow and hand of one arm, which swings against the leg of its side."""
    (ahead, aside, up), (width, phase, swing) = axes, gait
    shoulder, elbow, hand = 4 + side, 6 + side, 8 + side
    upper = 0.42 * swing * np.sin(phase)
    lower = upper + 0.12 + 0.3 * swing
    aside[:, shoulder], up[:, shoulder] = 0.108 * width, 0.805
    ahead[:, elbow], up[:, elbow] = 0.165 * np.sin(upper), 0.805 - 0.165 * np.cos(upper)
    ahead[:, hand] = ahead[:, elbow] + 0.165 * np.sin(lower)
    up[:, hand] = up[:, elbow] - 0.165 * np.cos(lower)
    aside[:, elbow], aside[:, hand] = 0.132 * width, 0.125 * width
