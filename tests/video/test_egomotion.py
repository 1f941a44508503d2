"""Camera motion from pictures is the motion that the pictures were made with."""

import cv2
import numpy as np
import pytest

from unbroken.core.frames import Frame
from unbroken.core.ports import NO_MOTION
from unbroken.video.egomotion import CameraMotion, EgomotionSettings, MotionFromFile

NOBODY = np.zeros((0, 4))
SIZE = (640, 400)


def world(seed=5):
    """A large textured picture to look at."""
    random = np.random.default_rng(seed)
    fine = random.integers(0, 255, (300, 400, 3)).astype(np.float32)
    return cv2.resize(cv2.GaussianBlur(fine, (5, 5), 0), (1600, 1200), interpolation=cv2.INTER_CUBIC).clip(0, 255)


def looked_at(place, pose, size=SIZE, seed=0):
    """What a camera sees whose pixels are `pose` (2, 3) of the place's."""
    picture = cv2.warpAffine(place, pose, size, flags=cv2.INTER_LINEAR)
    picture = picture + np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def pose(turn, zoom, x, y):
    return np.array([[zoom * np.cos(turn), -zoom * np.sin(turn), x], [zoom * np.sin(turn), zoom * np.cos(turn), y]])


def between(first, second):
    """The affine from the pixels of the first pose to those of the second."""
    full = [np.vstack([p, [0, 0, 1]]) for p in (first, second)]
    return (full[1] @ np.linalg.inv(full[0]))[:2]


def shift_error(warp, truth, size=SIZE):
    points = np.array([[0, 0], [size[0], 0], [0, size[1]], size], dtype=float)
    moved = [points @ w[:, :2].T + w[:, 2] for w in (warp, truth)]
    return np.abs(moved[0] - moved[1]).max()


POSES = [pose(0, 1, -300, -200), pose(0.01, 1.0, -296, -207), pose(0.03, 1.02, -310, -215), pose(0.0, 1.0, -320, -200)]


@pytest.mark.parametrize("method", ["flow", "ecc"])
def test_known_motions_are_recovered(method):
    estimator = CameraMotion(EgomotionSettings(method=method))
    place = world()
    warps = [
        estimator.estimate(Frame("cam", n, n / 10, looked_at(place, p, seed=n)), NOBODY) for n, p in enumerate(POSES)
    ]
    assert warps[0] is NO_MOTION
    for warp, first, second in zip(warps[1:], POSES, POSES[1:], strict=False):
        assert shift_error(warp, between(first, second)) < 0.7


def test_great_pictures_are_scaled_down_and_the_warp_is_in_their_own_pixels():
    estimator = CameraMotion()
    place, size = world(), (1201, 903)
    first, second = pose(0, 1, -100, -100), pose(0.01, 1, -112, -95)
    estimator.estimate(Frame("cam", 0, 0.0, looked_at(place, first, size)), NOBODY)
    warp = estimator.estimate(Frame("cam", 1, 0.1, looked_at(place, second, size, seed=1)), NOBODY)
    assert shift_error(warp, between(first, second), size) < 1.2


def test_a_camera_that_stands_still_gives_exactly_no_motion():
    estimator = CameraMotion()
    place = world()
    for number in range(60):
        picture = looked_at(place, POSES[0], seed=number)
        assert estimator.estimate(Frame("cam", number, number / 10, picture), NOBODY) is NO_MOTION


def test_a_camera_that_starts_to_move_after_a_long_rest_is_noticed_at_once():
    estimator = CameraMotion()
    place = world()
    for number in range(50):
        estimator.estimate(Frame("cam", number, number / 10, looked_at(place, POSES[0], seed=number)), NOBODY)
    warp = estimator.estimate(Frame("cam", 50, 5.0, looked_at(place, POSES[1], seed=50)), NOBODY)
    assert shift_error(warp, between(POSES[0], POSES[1])) < 0.7


@pytest.mark.parametrize("known", [True, False])
def test_people_who_walk_the_other_way_do_not_disturb(known):
    estimator = CameraMotion()
    place, crowd = world(), world(seed=8)
    for number, p in enumerate(POSES[:2]):
        picture = looked_at(place, p, seed=number)
        boxes = np.array(
            [[60.0 + 9 * number, 100, 220 + 9 * number, 380], [400.0 + 9 * number, 50, 520 + 9 * number, 330]]
        )
        for left, top, right, bottom in boxes.astype(int):
            picture[top:bottom, left:right] = crowd[: bottom - top, 200 : 200 + right - left]
        warp = estimator.estimate(Frame("cam", number, number / 10, picture), boxes if known else NOBODY)
    assert shift_error(warp, between(*POSES[:2])) < 0.7


@pytest.mark.parametrize("method", ["flow", "ecc"])
def test_a_blank_wall_and_a_cut_to_another_place_count_as_no_motion(method):
    estimator = CameraMotion(EgomotionSettings(method=method))
    wall = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    for number in range(2):
        assert estimator.estimate(Frame("cam", number, number / 10, wall), NOBODY).tolist() == NO_MOTION.tolist()
    if method == "flow":
        estimator.estimate(Frame("cam", 2, 0.2, looked_at(world(), POSES[0])), NOBODY)
        other = Frame("cam", 3, 0.3, looked_at(world(seed=77), POSES[0]))
        assert estimator.estimate(other, NOBODY).tolist() == NO_MOTION.tolist()


def test_cameras_sizes_and_times_do_not_mix():
    estimator = CameraMotion()
    place = world()
    first = looked_at(place, POSES[0])
    estimator.estimate(Frame("a", 0, 0.0, first), NOBODY)
    assert estimator.estimate(Frame("b", 0, 0.0, looked_at(place, POSES[1])), NOBODY) is NO_MOTION
    assert estimator.estimate(Frame("a", 1, 0.1, looked_at(place, POSES[1], (320, 200))), NOBODY) is NO_MOTION
    assert estimator.estimate(Frame("a", 2, -9.0, looked_at(place, POSES[2], (320, 200))), NOBODY) is NO_MOTION
    assert estimator.estimate(Frame("a", 3, 0.4, np.zeros((0, 0, 3), np.uint8)), NOBODY) is NO_MOTION


def test_a_file_gives_the_warp_of_its_frame_counted_from_one():
    warp = np.array([[1.0, 0, 3], [0, 1, -2]])
    estimator = MotionFromFile({2: warp})
    picture = np.zeros((0, 0, 3), np.uint8)
    assert estimator.estimate(Frame("cam", 1, 0.1, picture), NOBODY).tolist() == warp.tolist()
    assert estimator.estimate(Frame("cam", 2, 0.2, picture), NOBODY) is NO_MOTION
