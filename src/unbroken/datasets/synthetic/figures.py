"""The body of a walking person as 24 joints with radii: boxes, visibility and painting all come from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unbroken.core.arrays import Floats
from unbroken.datasets.synthetic.people import Person

JOINTS = (
    "head", "neck", "chest", "pelvis", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_hand",
    "right_hand", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_toe",
    "right_toe", "left_thigh", "right_thigh", "left_calf", "right_calf", "back", "low_back",
)  # fmt: skip
"""The order of the joints in every array; the last two are where a backpack hangs."""
JOINT = {name: number for number, name in enumerate(JOINTS)}

_RADII = np.repeat(
    (0.066, 0.035, 0.085, 0.08, 0.045, 0.03, 0.026, 0.055, 0.04, 0.028, 0.022, 0.048, 0.034, 0.081),
    (1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2),
)
WEIGHTS = np.repeat(
    (0.10, 0.03, 0.19, 0.17, 0.04, 0.03, 0.02, 0.04, 0.03, 0.02, 0.02, 0.03, 0.025, 0.0),
    (1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2),
)
"""(24,) how much of the silhouette each joint stands for; sums to 1."""
WEIGHTS /= WEIGHTS.sum()
WEIGHTS.flags.writeable = False


def joints_of(positions: Floats, pose: Floats, sizes: Floats) -> Floats:
    """The joints of R people.

    Args:
        positions: (R, 2) metres on the floor.
        pose: (R, 3) heading (radians), phase of the gait (radians), swing 0..1.
        sizes: (R, 3) of `sizes_of`.

    Returns:
        (R, 24, 3) metres, in the order of `JOINTS`. The lower ankle stands on the floor.
    """
    heading, phase, swing = pose.T
    height, build, _ = sizes.T
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
    """(R, 24) metres: how far the body reaches around each joint, for the (R, 3) of `sizes_of`."""
    height, build, bag = sizes.T
    girth = np.repeat(build[:, None], len(JOINTS), axis=1)
    girth[:, :2] = 1.0
    girth[:, -2:] *= bag[:, None]
    radii: Floats = _RADII * height[:, None] * girth
    return radii


def sizes_of(people: Sequence[Person]) -> Floats:
    """(P, 3) height in metres, build, and 1 for a backpack."""
    return np.array([(person.height, person.build, float(person.bag is not None)) for person in people])


def _limbs(phase: Floats, swing: Floats, build: Floats) -> tuple[Floats, Floats, Floats]:
    """Ahead, aside and up of each joint as shares of the height (R, 18), for a pelvis at 0.52."""
    count = len(phase)
    ahead, aside, up = (np.zeros((count, len(JOINTS))) for _ in range(3))
    up[:, [0, 1, 2, 3]] = [0.925, 0.845, 0.735, 0.55]
    ahead[:, [0, 1, 2]] = np.array([0.03, 0.015, 0.01]) * (0.4 + 0.6 * swing[:, None])
    ahead[:, [22, 23]], up[:, [22, 23]] = [-0.08, -0.075], [0.735, 0.57]
    for side, sign, offset in ((0, 1.0, 0.0), (1, -1.0, np.pi)):
        _leg((ahead, aside, up), side, (sign * build, phase + offset, swing))
        _arm((ahead, aside, up), side, (sign * build, phase + offset + np.pi, swing))
    for axis in (ahead, aside, up):
        axis[:, 18:20] = (axis[:, 10:12] + axis[:, 12:14]) / 2
        axis[:, 20:22] = (axis[:, 12:14] + axis[:, 14:16]) / 2
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
