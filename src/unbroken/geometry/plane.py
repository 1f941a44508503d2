"""The ground plane: where in metres a person stands, and how sure that is.

A view is a lens (camera matrix and distortion) and a homography from the undistorted picture to the ground. A plain
homography is the special case of a lens that changes nothing. The lens model is that of Brown (1966) with three
radial and two tangential coefficients, in OpenCV's order; the propagation of covariance is Hartley and Zisserman,
Multiple View Geometry, section 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from unbroken.core.arrays import Floats, finite, frozen
from unbroken.core.errors import ContractError
from unbroken.geometry.boxes import foot_points

PERSON_HEIGHT = 1.7
"""Metres: what people are taken to measure where feet are hidden or units are unknown."""

_NEWTON_STEPS = 20
_SAME_RAY = 1e-14
"""Rays that differ by less, in units of the focal length, are one: a step further changes only the last digit."""
_SECANT_STEPS = 8


def _identity() -> Floats:
    return np.eye(3)


def _no_distortion() -> Floats:
    return np.zeros(5)


@dataclass(frozen=True, slots=True, eq=False)
class GroundView:
    """How one camera sees the ground. All arrays are read-only.

    Attributes:
        ground_from_ray: (3, 3), from (x, y, 1) behind the lens to the ground in metres; the third coordinate is
            positive below the horizon.
        camera_matrix: (3, 3), pixels; the unit matrix where only a homography of the picture is known.
        distortion: (5,) k1, k2, p1, p2, k3 of the lens.
        size: width and height of the picture in pixels; (0, 0) where it is not known.
    """

    ground_from_ray: Floats
    camera_matrix: Floats = field(default_factory=_identity)
    distortion: Floats = field(default_factory=_no_distortion)
    size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Check once; trusted afterwards."""
        for name, shape in (("ground_from_ray", (3, 3)), ("camera_matrix", (3, 3)), ("distortion", (5,))):
            array = frozen(getattr(self, name), np.float64, shape, name)
            finite(array, name)
            object.__setattr__(self, name, array)
        scale = float(np.linalg.norm(self.ground_from_ray))
        if scale == 0 or abs(np.linalg.det(self.ground_from_ray / scale)) < 1e-15:
            raise ContractError(
                f"homography: {self.ground_from_ray.tolist()} has no inverse; calibrate the camera anew"
            )
        if abs(np.linalg.det(self.camera_matrix)) < 1e-12:
            raise ContractError(f"camera matrix: {self.camera_matrix.tolist()} has no inverse; give focal lengths > 0")

    @classmethod
    def from_homography(cls, ground_from_image: ArrayLike, size: tuple[int, int] = (0, 0)) -> GroundView:
        """A view that is known by its homography from pixels to the ground alone.

        A homography does not say which side of the horizon is the ground: it is the side of the middle of the picture's
        lower edge or, without a size, the side that lies further down.
        """
        matrix = np.array(frozen(ground_from_image, np.float64, (3, 3), "homography"), dtype=np.float64)
        reference = np.array([size[0] / 2, size[1], 1.0]) if size[1] else np.array([0.0, 1.0, 0.0])
        return cls(matrix if matrix[2] @ reference >= 0 else -matrix, size=size)

    @classmethod
    def from_pose(
        cls,
        camera_matrix: ArrayLike,
        distortion: ArrayLike,
        camera_from_world: ArrayLike,
        size: tuple[int, int] = (0, 0),
    ) -> GroundView:
        """A fully calibrated view; the ground is the plane z = 0 of the world.

        Args:
            camera_matrix: (3, 3), pixels.
            distortion: k1, k2, p1, p2, k3; fewer are filled with 0.
            camera_from_world: (3, 4) or (4, 4): rotation and translation in metres.
            size: of the picture, pixels.

        Raises:
            ContractError: another shape, a camera that lies in the ground, or a lens of more than five coefficients.
        """
        pose = np.asarray(camera_from_world, dtype=np.float64)
        if pose.shape not in ((3, 4), (4, 4)):
            raise ContractError(f"pose: has shape {pose.shape}; give (3, 4): rotation and translation in metres")
        ray_from_ground = pose[:3][:, [0, 1, 3]]
        if abs(np.linalg.det(ray_from_ground)) < 1e-12:
            raise ContractError("pose: the camera lies in the ground plane; check that the world's z axis points up")
        coefficients = np.zeros(5)
        given = np.asarray(distortion, dtype=np.float64).reshape(-1)
        if len(given) > 5 and given[5:].any():
            raise ContractError(
                f"distortion: has {len(given)} coefficients; the lens model here has five: k1 k2 p1 p2 k3"
            )
        coefficients[: min(len(given), 5)] = given[:5]
        return cls(
            _inverse(ray_from_ground),
            np.asarray(camera_matrix, dtype=np.float64),
            coefficients,
            (size[0], size[1]),
        )

    def scaled(self, factor: float) -> GroundView:
        """The same view with the ground measured in other units: every ground coordinate times `factor`."""
        matrix = np.asarray(np.diag([factor, factor, 1.0]) @ self.ground_from_ray, dtype=np.float64)
        return GroundView(matrix, self.camera_matrix, self.distortion, self.size)


def ground_from_image(view: GroundView, points: Floats) -> Floats:
    """Where on the ground points of the picture lie. (N, 2) pixels -> (N, 2) metres; NaN at and above the horizon."""
    return _to_ground(view, points)[0]


def image_from_ground(view: GroundView, points: Floats) -> Floats:
    """Where in the picture points of the ground are seen. (N, 2) metres -> (N, 2) pixels; NaN behind the camera."""
    rays, weight = _transformed(_inverse(view.ground_from_ray), points)
    bent, _ = _distorted(np.where(weight[:, None] > 0, rays, np.nan), view.distortion)
    pixels, _ = _transformed(view.camera_matrix, bent)
    return pixels


def ground_jacobian(view: GroundView, points: Floats) -> Floats:
    """Metres on the ground per pixel, at points of the picture. (N, 2) -> (N, 2, 2); NaN at and above the horizon."""
    return _to_ground(view, points)[1]


def covariance_on_ground(view: GroundView, points: Floats, deviations: Floats) -> Floats:
    """J diag(sx^2, sy^2) J^T: the covariance of ground points from that of their pixels.

    Args:
        view: of the camera.
        points: (N, 2) pixels.
        deviations: (N, 2) standard deviations in x and y, pixels.

    Returns:
        (N, 2, 2) square metres; NaN at and above the horizon.
    """
    jacobian = ground_jacobian(view, points)
    covariances: Floats = np.einsum("nij,nj,nkj->nik", jacobian, deviations**2, jacobian)
    return covariances


@dataclass(frozen=True, slots=True)
class FootNoise:
    """How far the lower edge of a box may lie from where the person stands.

    Attributes:
        across: standard deviation to the side, box heights.
        along: standard deviation up and down, box heights.
        pixels: smallest standard deviation in either direction.
        hidden: standard deviation up and down where the picture's edge cuts the feet off, box heights.
        ground: standard deviation on the ground in either direction, metres: calibration, posture, an uneven floor.
        edge: a box whose lower edge is nearer than this to the picture's is cut off, in parts of the picture's height.
    """

    across: float = 0.05
    along: float = 0.05
    pixels: float = 1.0
    hidden: float = 0.15
    ground: float = 0.12
    edge: float = 0.008


def locate(view: GroundView, boxes: Floats, noise: FootNoise) -> tuple[Floats, Floats]:
    """Where the people in the boxes stand.

    Where the picture's lower edge cuts a box, its feet are put where a person of `PERSON_HEIGHT` with that head would
    have them, and are believed less.

    Returns:
        (N, 2) metres and (N, 2, 2) square metres; NaN where the foot is at or above the horizon.
    """
    feet = foot_points(boxes)
    heights = boxes[:, 3] - boxes[:, 1]
    cut = np.zeros(len(boxes), dtype=bool)
    if view.size[1]:
        cut = boxes[:, 3] >= view.size[1] * (1 - noise.edge)
        lowered = feet.copy()
        lowered[cut] = feet_below(view, np.column_stack([feet[cut, 0], boxes[cut, 1]]))
        feet = np.where((lowered[:, 1] > feet[:, 1])[:, None], lowered, feet)
        heights = np.maximum(heights, feet[:, 1] - boxes[:, 1])
    shares = np.column_stack([np.full(len(boxes), noise.across), np.where(cut, noise.hidden, noise.along)])
    points, jacobian = _to_ground(view, feet)
    deviations = np.maximum(shares * heights[:, None], noise.pixels)
    covariances: Floats = np.einsum("nij,nj,nkj->nik", jacobian, deviations**2, jacobian)
    return points, covariances + noise.ground**2 * np.eye(2)


def pixels_per_metre(view: GroundView, points: Floats) -> Floats:
    """How many pixels a metre across the view takes at ground points seen at `points`. (N, 2) -> (N,).

    A small step to the side in the picture is a step across the view on the ground, whatever the tilt of the camera;
    for a camera that looks far ahead rather than down, a metre of height takes as many pixels. NaN above the horizon.
    """
    density: Floats = 1 / np.linalg.norm(ground_jacobian(view, points)[:, :, 0], axis=1)
    return density


def feet_below(view: GroundView, heads: Floats, height: float = PERSON_HEIGHT) -> Floats:
    """Where people with heads at `heads` stand, if they measure `height` metres. (N, 2) -> (N, 2) pixels.

    Found by the secant method: the height in pixels is close to linear in the row of the feet. NaN where no place fits:
    the head is above the horizon of a camera that is higher than people, or so close to it that any distance would do.
    """
    before = heads[:, 1] + 0.5 * max(view.size[1], 100)
    after = before + 0.2 * max(view.size[1], 100)

    def excess(rows: Floats) -> Floats:
        wanted = height * pixels_per_metre(view, np.column_stack([heads[:, 0], rows]))
        missing: Floats = rows - heads[:, 1] - wanted
        return missing

    old = excess(before)
    with np.errstate(all="ignore"):
        for _ in range(_SECANT_STEPS):
            new = excess(after)
            done = ~(np.abs(new) >= 1e-9)
            if done.all():
                break
            step = new * (after - before) / np.where(new == old, np.nan, new - old)
            before, after, old = after, np.where(done, after, after - step), new
        good = (np.abs(excess(after)) < 0.5) & (after > heads[:, 1])
    return np.column_stack([heads[:, 0], np.where(good, after, np.nan)])


def metres_per_unit(views: list[GroundView], boxes: list[Floats]) -> float:
    """How long the unit of the ground is, from the height of the people seen: many calibrations come in unknown units.

    Args:
        views: of the cameras, on one ground.
        boxes: (N, 4) of people, per camera.

    Returns:
        Metres; multiply the ground by it. The median over all people, each taken to measure `PERSON_HEIGHT`.

    Raises:
        ContractError: nobody stands below the horizon.
    """
    ratios = []
    for view, people in zip(views, boxes, strict=True):
        whole = people[:, 3] < view.size[1] * 0.99 if view.size[1] else np.ones(len(people), dtype=bool)
        pixels = pixels_per_metre(view, foot_points(people[whole]))
        ratios.append(PERSON_HEIGHT * pixels / np.maximum(people[whole, 3] - people[whole, 1], 1e-9))
    joined = np.concatenate(ratios) if ratios else np.zeros(0)
    joined = joined[np.isfinite(joined)]
    if not len(joined):
        raise ContractError("ground units: no box has its feet below the horizon; check the homographies")
    return float(np.median(joined))


def _to_ground(view: GroundView, points: Floats) -> tuple[Floats, Floats]:
    """Ground points (N, 2) and their Jacobian (N, 2, 2) by pixels."""
    bent, _ = _transformed(_inverse(view.camera_matrix), points)
    rays, by_bent = _undistorted(bent, view.distortion)
    ground, weight = _transformed(view.ground_from_ray, rays)
    ground = np.where(weight[:, None] > 1e-12, ground, np.nan)
    matrix = view.ground_from_ray
    by_ray = (matrix[None, :2, :2] - ground[:, :, None] * matrix[None, 2:, :2]) / weight[:, None, None]
    return ground, by_ray @ by_bent @ _inverse(view.camera_matrix)[:2, :2]


def _transformed(matrix: Floats, points: Floats) -> tuple[Floats, Floats]:
    """(N, 2) through a (3, 3) homography, and the third coordinate (N,)."""
    lifted = points @ matrix[:, :2].T + matrix[:, 2]
    weight = np.where(lifted[:, 2] == 0, np.finfo(np.float64).tiny, lifted[:, 2])
    return lifted[:, :2] / weight[:, None], weight


def _distorted(rays: Floats, lens: Floats) -> tuple[Floats, Floats]:
    """What the lens makes of rays (N, 2), and the Jacobian (N, 2, 2) of that."""
    k1, k2, p1, p2, k3 = lens
    x, y = rays[:, 0], rays[:, 1]
    square = x * x + y * y
    radial = 1 + square * (k1 + square * (k2 + square * k3))
    slope = 2 * (k1 + square * (2 * k2 + 3 * square * k3))
    bent = np.column_stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x),
            y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y,
        ]
    )
    mixed = x * y * slope + 2 * p1 * x + 2 * p2 * y
    jacobian = np.empty((len(rays), 2, 2))
    jacobian[:, 0, 0] = radial + x * x * slope + 2 * p1 * y + 6 * p2 * x
    jacobian[:, 0, 1] = jacobian[:, 1, 0] = mixed
    jacobian[:, 1, 1] = radial + y * y * slope + 6 * p1 * y + 2 * p2 * x
    return bent, jacobian


def _undistorted(bent: Floats, lens: Floats) -> tuple[Floats, Floats]:
    """The rays (N, 2) that the lens bends to `bent`, and the Jacobian (N, 2, 2) by `bent`; NaN where there is none.

    Newton's method instead of OpenCV's fixed-point iteration: it converges also near the edge of wide lenses.
    """
    if not lens.any():
        return bent, np.broadcast_to(np.eye(2), (len(bent), 2, 2))
    rays = bent.copy()
    with np.errstate(all="ignore"):
        value, jacobian = _distorted(rays, lens)
        for _ in range(_NEWTON_STEPS):
            rays = rays - np.einsum("nij,nj->ni", _inverted(jacobian), value - bent)
            value, jacobian = _distorted(rays, lens)
            if not (np.abs(value - bent) > _SAME_RAY).any():
                break
        good = (np.abs(value - bent) < 1e-9).all(axis=1) & (np.linalg.det(jacobian) > 0)
        return np.where(good[:, None], rays, np.nan), _inverted(np.where(good[:, None, None], jacobian, np.nan))


def _inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _inverted(matrices: Floats) -> Floats:
    """The inverses of (N, 2, 2)."""
    (a, b), (c, d) = np.moveaxis(matrices, 0, -1)
    determinant = a * d - b * c
    rows = np.array([[d, -b], [-c, a]]) / determinant
    return np.moveaxis(rows, -1, 0)
