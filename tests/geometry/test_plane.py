"""The ground plane against OpenCV, finite differences and itself."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import ContractError
from unbroken.geometry.plane import (
    PERSON_HEIGHT,
    FootNoise,
    GroundView,
    covariance_on_ground,
    feet_below,
    ground_from_image,
    ground_jacobian,
    image_from_ground,
    locate,
    metres_per_unit,
)

CAMERA = np.array([[1000.0, 0, 650], [0, 1010, 360], [0, 0, 1]])
LENS = np.array([-0.39, 0.19, 0.0011, -0.0019, -0.06])


def pose(tilt: float = 0.4, height: float = 3.0, turn: float = 0.3) -> np.ndarray:
    """A camera `height` metres above the ground that looks along y, tilted down."""
    level = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    down = cv2.Rodrigues(np.array([tilt, 0, 0]))[0]
    round_ = cv2.Rodrigues(np.array([0, 0, turn]))[0]
    rotation = down @ level @ round_
    return np.column_stack([rotation, -rotation @ np.array([0.0, 0, height])])


def view(lens: np.ndarray = LENS, **more: float) -> GroundView:
    return GroundView.from_pose(CAMERA, lens, pose(**more), (1288, 728))


def ground_points() -> np.ndarray:
    across, ahead = np.meshgrid(np.linspace(-3, 3, 7), np.linspace(6, 15, 7))
    return np.column_stack([across.ravel(), ahead.ravel()])


@pytest.mark.parametrize("lens", [LENS, np.zeros(5)])
def test_ground_to_image_is_opencvs_projection(lens: np.ndarray) -> None:
    points = ground_points()
    camera = pose()
    expected = cv2.projectPoints(
        np.column_stack([points, np.zeros(len(points))]), cv2.Rodrigues(camera[:, :3])[0], camera[:, 3], CAMERA, lens
    )[0][:, 0]
    assert np.allclose(image_from_ground(view(lens), points), expected, atol=1e-8)


def test_image_to_ground_is_opencvs_undistortion_and_a_homography() -> None:
    pixels = np.array([[300.0, 500.0], [640.0, 700.0], [900.0, 450.0]])
    camera = pose()
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-12)
    rays = cv2.undistortPoints(pixels[:, None], CAMERA, LENS, criteria=criteria)[:, 0]
    matrix = np.linalg.inv(camera[:, [0, 1, 3]])
    expected = cv2.perspectiveTransform(rays[:, None], matrix)[:, 0]
    assert np.allclose(ground_from_image(view(), pixels), expected, atol=1e-7)


def test_there_and_back_again() -> None:
    points = ground_points()
    assert np.allclose(ground_from_image(view(), image_from_ground(view(), points)), points, atol=1e-8)


@given(u=st.floats(300, 1000), v=st.floats(320, 720))
def test_the_jacobian_is_the_slope_of_the_map(u: float, v: float) -> None:
    camera, step = view(), 1e-4
    at = np.array([[u, v]])
    moved = [
        (ground_from_image(camera, at + d) - ground_from_image(camera, at - d))[0] / (2 * step)
        for d in (np.array([step, 0.0]), np.array([0.0, step]))
    ]
    assert np.allclose(ground_jacobian(camera, at)[0], np.column_stack(moved), rtol=1e-5, atol=1e-7)


def test_the_covariance_is_that_of_sampled_pixels() -> None:
    camera, at = view(), np.array([[600.0, 600.0]])
    noise = np.random.default_rng(0).normal(size=(200_000, 2)) * [3.0, 2.0]
    sampled = np.cov(ground_from_image(camera, at + noise).T)
    stated = covariance_on_ground(camera, at, np.array([[3.0, 2.0]]))[0]
    assert np.allclose(stated, sampled, rtol=0.05, atol=1e-5)


def test_nothing_stands_at_or_above_the_horizon() -> None:
    camera = view(np.zeros(5), tilt=0.0)
    above, at, below = [600.0, 100.0], [600.0, 360.0], [600.0, 700.0]
    ground = ground_from_image(camera, np.array([above, at, below]))
    assert np.isfinite(ground).all(axis=1).tolist() == [False, False, True]


def test_nothing_behind_the_camera_is_seen() -> None:
    assert np.isnan(image_from_ground(view(), np.array([[0.0, -50.0]]))).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_homography_of_either_sign_means_the_same_view(sign: float) -> None:
    full = view(np.zeros(5))
    matrix = full.ground_from_ray @ np.linalg.inv(CAMERA)
    plain = GroundView.from_homography(sign * matrix, (1288, 728))
    pixels = np.array([[300.0, 500.0], [640.0, 10.0]])
    assert np.allclose(ground_from_image(plain, pixels), ground_from_image(full, pixels), equal_nan=True)


def test_units_are_found_from_the_height_of_people() -> None:
    camera, people = walking_people()
    assert metres_per_unit([camera.scaled(40.0)], [people]) == pytest.approx(1 / 40, rel=0.05)


def test_units_without_anybody_are_refused_in_one_sentence() -> None:
    with pytest.raises(ContractError, match="below the horizon"):
        metres_per_unit([view()], [np.zeros((0, 4))])


def test_feet_cut_off_by_the_edge_are_found_from_the_head() -> None:
    camera, people = walking_people()
    heads = np.column_stack([(people[:, 0] + people[:, 2]) / 2, people[:, 1]])
    found = feet_below(camera, heads)
    assert np.allclose(found[:, 1], people[:, 3], atol=0.06 * (people[:, 3] - people[:, 1]).max())


def test_a_head_above_the_horizon_of_a_high_camera_stands_nowhere() -> None:
    assert np.isnan(feet_below(view(np.zeros(5), tilt=0.1), np.array([[640.0, 100.0]]))[0, 1])


def test_a_box_cut_off_by_the_edge_is_believed_less_and_not_placed_at_the_edge() -> None:
    camera = view(np.zeros(5), tilt=0.1)
    assert feet_below(camera, np.array([[640.0, 500.0]]))[0, 1] > 728
    whole, cut = np.array([[600.0, 500.0, 680.0, 715.0]]), np.array([[600.0, 500.0, 680.0, 728.0]])
    place, doubt = locate(camera, cut, FootNoise())
    at_edge = ground_from_image(camera, np.array([[640.0, 728.0]]))
    assert np.linalg.norm(place) < np.linalg.norm(at_edge)
    assert np.linalg.det(doubt[0]) > np.linalg.det(locate(camera, whole, FootNoise())[1][0])


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [(np.zeros((3, 3)), "no inverse"), (np.full((3, 3), np.nan), "NaN"), (np.eye(2), "shape")],
)
def test_a_broken_homography_is_refused_in_one_sentence(matrix: np.ndarray, sentence: str) -> None:
    with pytest.raises(ContractError, match=sentence):
        GroundView.from_homography(matrix)


def test_a_camera_in_the_ground_is_refused() -> None:
    with pytest.raises(ContractError, match="lies in the ground"):
        GroundView.from_pose(CAMERA, LENS, pose(height=0.0))


def walking_people() -> tuple[GroundView, np.ndarray]:
    """A level camera and the boxes of upright people of `PERSON_HEIGHT`."""
    camera = pose(tilt=0.05, turn=0.0)
    spots = ground_points()
    upright = [np.column_stack([spots, np.full(len(spots), z)]) for z in (0.0, PERSON_HEIGHT)]
    rotation, shift = cv2.Rodrigues(camera[:, :3])[0], camera[:, 3]
    feet, heads = (cv2.projectPoints(at, rotation, shift, CAMERA, np.zeros(5))[0][:, 0] for at in upright)
    boxes = np.column_stack([feet[:, 0] - 20, heads[:, 1], feet[:, 0] + 20, feet[:, 1]])
    return GroundView.from_pose(CAMERA, np.zeros(5), camera, (1288, 2000)), boxes
