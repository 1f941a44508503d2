"""Pictures with answers drawn in: the frame stays as it was, and what is drawn lies where it should."""

import numpy as np
import pytest

from scene import answer, picture, walk
from unbroken.core.errors import ConfigError
from unbroken.core.frames import Frame
from unbroken.core.tracks import TrackState
from unbroken.render.colours import UNDECIDED, bgr
from unbroken.render.draw import DrawSettings, Painter, blur_heads, clock, draw_trail

BOX = [200.0, 150.0, 280.0, 400.0]


def grey(size=(640, 480), time=0.0):
    return Frame("door", 0, time, np.full((size[1], size[0], 3), 90, np.uint8))


def near(image, colour, tolerance=30):
    """Where a picture has a colour."""
    return (np.abs(image.astype(int) - np.array(colour)).max(axis=2) <= tolerance).nonzero()


def painted(boxes, persons, frame=None, settings=None, **more):
    frame = frame or grey()
    result = answer(frame, np.array(boxes), list(range(1, len(boxes) + 1)), persons, **more)
    return Painter(settings or DrawSettings(caption=False)).paint(frame, result)


@pytest.mark.parametrize("size", [(480, 360), (1920, 1080), (321, 241)])
def test_a_box_in_the_persons_colour_lies_around_the_person_at_every_size(size):
    scale = np.array([*size, *size]) / np.array([640, 480, 640, 480])
    box = np.array(BOX) * scale
    rows, columns = near(painted([box], [1], grey(size)), bgr(1))
    assert abs(columns.min() - box[0]) < 6
    assert abs(columns.max() - box[2]) < 6
    assert abs(rows.max() - box[3]) < 6


def test_the_frame_itself_is_not_drawn_on():
    frame = grey()
    before = frame.image.copy()
    painted([BOX], [1], frame, DrawSettings(blur_heads=True))
    np.testing.assert_array_equal(frame.image, before)


def test_undecided_people_are_grey_without_a_label_and_tentative_ones_are_not_drawn():
    image = painted([BOX], [-1])
    assert len(near(image, UNDECIDED)[0]) > 100
    assert near(image, UNDECIDED)[0].min() > BOX[1] - 5
    nothing = painted([BOX], [-1], state=np.array([TrackState.TENTATIVE]))
    np.testing.assert_array_equal(nothing, grey().image)


def test_a_predicted_box_is_dashed_and_can_be_left_out():
    solid = len(near(painted([BOX], [1]), bgr(1))[0])
    coasting = np.array([TrackState.COASTING])
    dashed = len(near(painted([BOX], [1], state=coasting), bgr(1))[0])
    assert 0.1 * solid < dashed < 0.7 * solid
    without = painted([BOX], [1], settings=DrawSettings(caption=False, coasting=False), state=coasting)
    np.testing.assert_array_equal(without, grey().image)


def test_boxes_do_not_flicker_where_the_detector_skips_pictures():
    painter = Painter(DrawSettings(caption=False, trail=0))
    states = [TrackState.CONFIRMED, *[TrackState.COASTING] * 9]
    drawn = []
    for step, state in enumerate(states):
        frame = grey(time=step / 10)
        drawn.append(painter.paint(frame, answer(frame, [BOX], [1], [1], state=np.array([state]))))
    np.testing.assert_array_equal(drawn[0], drawn[4])
    assert len(near(drawn[9], bgr(1))[0]) < len(near(drawn[4], bgr(1))[0])


def test_boxes_partly_or_wholly_outside_of_the_picture_are_no_error():
    painted([[-50, -80, 20, 30], [630, 470, 900, 900], [-900, -900, -800, -800], [5, 5, 5, 5]], [1, 2, 3, 4])


def test_a_label_stays_inside_of_the_picture():
    image = painted([[600.0, 2.0, 639.0, 300.0]], [12345])
    assert len(near(image[:20], bgr(12345))[0]) > 100


def test_a_trail_follows_the_feet_fades_and_ends_with_its_track():
    painter = Painter(DrawSettings(caption=False, trail=1.0))
    images = [painter.paint(frame, result) for frame, result in walk("door", 20)]
    old, new = images[-1][400, 240].astype(int), images[-1][400, 420].astype(int)
    assert np.abs(new - bgr(1)).max() < np.abs(old - bgr(1)).max()
    frame = grey(time=2.1)
    np.testing.assert_array_equal(painter.paint(frame, answer(frame, np.zeros((0, 4)), [], [])), frame.image)


def test_a_trail_of_one_point_or_outside_of_the_picture_draws_nothing():
    image = picture()
    before = image.copy()
    draw_trail(image, [(0.0, (5, 5))], bgr(1), 1.0)
    draw_trail(image, [(0.0, (900, 900)), (0.5, (990, 900))], bgr(1), 1.0)
    np.testing.assert_array_equal(image, before)


def test_heads_are_blurred_and_bodies_are_not():
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    before = image.copy()
    blur_heads(image, np.array([BOX, [-10, -20, 3, 2], [700, 500, 800, 600]]))
    head = (slice(150, 205), slice(200, 280))
    body = (slice(210, 400), slice(200, 280))
    assert image[head].astype(float).std() < 0.35 * before[head].astype(float).std()
    np.testing.assert_array_equal(image[body], before[body])


def test_the_caption_names_camera_and_time_also_in_letters_that_opencv_4_lacks():
    frame = Frame("Küche 入口", 0, 3.0, np.full((360, 480, 3), 90, np.uint8))
    image = Painter().paint(frame, answer(frame, [], [], []))
    assert image[:20].max() > 200
    np.testing.assert_array_equal(image[40:], frame.image[40:])


@pytest.mark.parametrize(
    ("time", "words"),
    [(0, "0:00.0"), (63.25, "1:03.2"), (59.97, "1:00.0"), (3723.4, "1:02:03.4"), (-1.5, "-0:01.5")],
)
def test_times_of_files_count_from_their_start(time, words):
    assert clock(time) == words


def test_times_of_live_cameras_are_dates():
    assert clock(1_777_636_800.0) == "2026-05-01 12:00:00 UTC"


def test_a_trail_that_is_no_time_is_refused():
    with pytest.raises(ConfigError, match="trail"):
        DrawSettings(trail=float("nan"))
