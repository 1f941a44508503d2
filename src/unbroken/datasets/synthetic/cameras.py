"""Pinhole cameras on the walls of halls, with their exact calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats, frozen
from unbroken.datasets.synthetic.plans import FloorPlan, Rectangle


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera that sees one area.

    Attributes:
        name: `cam1`, `cam2`, ...
        area: the hall it hangs in: walls and doors hide all others.
        position: (3,) metres, z is up from the floor.
        rotation: (3, 3), from world axes to camera axes (x right, y down, z into the picture).
        focal: pixels, the same for both axes.
        size: width and height of its pictures; the principal point is in the middle.
    """

    name: str
    area: int
    position: Floats
    rotation: Floats
    focal: float
    size: tuple[int, int]

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        object.__setattr__(self, "position", frozen(self.position, np.float64, (3,), "position"))
        object.__setattr__(self, "rotation", frozen(self.rotation, np.float64, (3, 3), "rotation"))

    @property
    def intrinsics(self) -> Floats:
        """(3, 3), from camera axes to homogeneous pixels."""
        width, height = self.size
        return np.array([[self.focal, 0, width / 2], [0, self.focal, height / 2], [0, 0, 1.0]])

    @property
    def ground_from_image(self) -> Floats:
        """(3, 3) homography from foot points in pixels to the floor in metres."""
        translation = -self.rotation @ self.position
        image_from_ground = self.intrinsics @ np.column_stack([self.rotation[:, 0], self.rotation[:, 1], translation])
        homography = np.linalg.inv(image_from_ground)
        scaled: Floats = np.asarray(homography / homography[2, 2], dtype=np.float64)
        return scaled

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Pixels (..., 2) and depth (...,) in metres of points (..., 3). Depth is along the axis, at least 0.05 m."""
        local = (points - self.position) @ self.rotation.T
        depth = np.maximum(local[..., 2], 0.05)
        centre = np.array(self.size, dtype=np.float64) / 2
        return self.focal * local[..., :2] / depth[..., None] + centre, local[..., 2]


def hang_cameras(
    plan: FloorPlan, counts: list[int], size: tuple[int, int], rng: np.random.Generator
) -> tuple[Camera, ...]:
    """Cameras in the corners of the halls, looking at the middle: those of one hall overlap, others never.

    Args:
        plan: the floor plan; hall h is area h.
        counts: how many cameras each hall has.
        size: of the pictures.
        rng: draws corners, heights, directions and focal lengths.
    """
    cameras: list[Camera] = []
    for hall, count in enumerate(counts, start=1):
        first = int(rng.integers(4))
        for number in range(count):
            name = f"cam{len(cameras) + 1}"
            cameras.append(_hung(name, hall, plan.areas[hall], ((first + number) % 4, size), rng))
    return tuple(cameras)


def _hung(
    name: str, hall: int, area: Rectangle, place: tuple[int, tuple[int, int]], rng: np.random.Generator
) -> Camera:
    corner, size = place
    inset = 0.15
    x = area.x0 + inset if corner in (0, 3) else area.x1 - inset
    y = area.y0 + inset if corner in (0, 1) else area.y1 - inset
    position = np.array([x, y, rng.uniform(3.7, 4.1)])
    middle = np.array([(area.x0 + area.x1) / 2, (area.y0 + area.y1) / 2, 0.0])
    target = middle + np.array([*rng.uniform(-0.5, 0.5, 2), rng.uniform(0.2, 0.5)])
    focal = size[0] / 2 / math.tan(math.radians(rng.uniform(70.0, 78.0) / 2))
    return Camera(name, hall, position, _looking(position, target), focal, size)


def _looking(position: Floats, target: Floats) -> Floats:
    """The rotation of an upright camera that looks from `position` to `target`."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, np.array([0.0, 0.0, 1.0]))
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])
