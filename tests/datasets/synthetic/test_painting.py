"""What is painted is what is true."""

import numpy as np
import pytest

from unbroken.datasets.synthetic import WorldSettings, make_world, truth_of
from unbroken.datasets.synthetic.painting import Painter
from unbroken.geometry.boxes import iou

BARE = {"noise": 0.0, "cast": 0.0, "shadow": 0.0}


def painted(painter: Painter, frame: int) -> np.ndarray:
    """Which pixels people cover: those that differ from the empty hall, through the same electronics."""
    empty = painter._as_seen(painter.scenery.image.copy(), frame)
    difference = np.abs(painter.picture(frame).astype(int) - empty.astype(int)).max(axis=2)
    return difference > 6


def around(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], dtype=float)


@pytest.fixture(scope="module")
def alone():
    settings = WorldSettings(cameras=2, people=1, seconds=40.0, arrivals=1.0, **BARE)
    return make_world(settings, np.random.default_rng(8))


def test_boxes_enclose_the_painted_figure_and_feet_stand_under_it(alone):
    compared = 0
    for camera in alone.cameras:
        painter, truth = Painter(alone, camera.name, np.random.default_rng(0)), truth_of(alone, camera.name)
        for row in range(0, len(truth.frames), 7):
            if truth.visibility[row] < 0.3 or truth.distances[row] < 2:
                continue
            mask = painted(painter, int(truth.frames[row]))
            box = around(mask)
            assert iou(box, truth.visible[row : row + 1])[0, 0] >= 0.7
            if truth.visibility[row] > 0.98:
                foot, _ = camera.project(np.array([*truth.ground[row], 0.0]))
                reach = 0.15 * (box[0, 3] - box[0, 1])
                x0, y0 = np.maximum(foot - reach, 0).astype(int)
                assert mask[y0 : int(foot[1] + reach) + 1, x0 : int(foot[0] + reach) + 1].any()
            compared += 1
    assert compared > 30


def test_visibility_is_the_share_of_the_figure_that_is_painted():
    crowd = make_world(
        WorldSettings(cameras=1, people=10, seconds=16.0, arrivals=4.0, **BARE), np.random.default_rng(2)
    )
    painter, truth = Painter(crowd, "cam1", np.random.default_rng(0)), truth_of(crowd, "cam1")
    stated, counted = [], []
    for frame in range(70, 160, 6):
        pieces = painter.silhouettes(frame)
        for row in range(truth.rows(frame).start, truth.rows(frame).stop):
            whole, shown = pieces[int(truth.persons[row])]
            box = truth.boxes[row]
            inside = (box[:2] >= 0).all() and (box[2:] <= crowd.settings.size).all()
            if inside and whole > 200:
                stated.append(truth.visibility[row])
                counted.append(shown / whole)
    error = np.abs(np.array(stated) - np.array(counted))
    assert len(error) > 40
    assert min(counted) < 0.6
    assert error.mean() < 0.06
    assert np.quantile(error, 0.95) < 0.25


def test_the_same_picture_comes_out_in_any_order():
    world = make_world(WorldSettings(people=4, seconds=8.0, arrivals=1.0), np.random.default_rng(1))
    one, two = (Painter(world, "cam3", np.random.default_rng(9)) for _ in range(2))
    forward = [one.picture(frame) for frame in (20, 50, 70)]
    backward = [two.picture(frame) for frame in (70, 50, 20)]
    for first, second in zip(forward, reversed(backward), strict=True):
        assert first.tobytes() == second.tobytes()


def test_pictures_carry_name_number_and_time():
    world = make_world(WorldSettings(cameras=1, people=1, seconds=2.0, rate=5.0), np.random.default_rng(1))
    frame = Painter(world, "cam1", np.random.default_rng(0)).frame(7)
    assert (frame.camera, frame.index, frame.size) == ("cam1", 7, (640, 360))
    assert frame.time == pytest.approx(1.4)


def test_every_camera_has_a_colour_cast_of_its_own():
    world = make_world(WorldSettings(cameras=2, people=1, seconds=1.0, noise=0.0, cast=0.15), np.random.default_rng(1))
    ratios = []
    for seed, camera in enumerate(world.cameras):
        painter = Painter(world, camera.name, np.random.default_rng(seed))
        ratios.append(painter.picture(0).mean(axis=(0, 1)) / painter.scenery.image.mean(axis=(0, 1)))
    assert np.abs(ratios[0] / ratios[1] - 1).max() > 0.03


def test_noise_has_the_stated_strength():
    world = make_world(WorldSettings(cameras=1, people=1, seconds=1.0, noise=4.0, cast=0.0), np.random.default_rng(1))
    painter = Painter(world, "cam1", np.random.default_rng(0))
    difference = painter.picture(0).astype(float) - painter.picture(9).astype(float)
    assert difference.std() == pytest.approx(4.0 * np.sqrt(2), rel=0.15)
