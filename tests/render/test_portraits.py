"""The best views of each person are kept, in bounded room, and of nobody who is forgotten."""

import cv2
import numpy as np

from scene import answer, walk
from unbroken.core.events import PersonForgotten
from unbroken.core.frames import Frame
from unbroken.core.ledger import Ledger
from unbroken.render.portraits import Portraits, PortraitSettings, cut_out, view_qualities


def kept(steps, settings=None):
    portraits, ledger = Portraits(settings), Ledger()
    for frame, result in steps:
        ledger.note(result, ())
        portraits.note(frame, result, ledger)
    return portraits, ledger


def test_each_person_has_at_most_so_many_pictures_per_camera_also_from_before_the_decision():
    steps = [*walk("a", 40, decided=35), *walk("b", 40, decided=3)]
    portraits, ledger = kept(steps, PortraitSettings(per_camera=2, spacing=0.5))
    found = portraits.by_person(ledger)
    assert sorted(found) == [1, 2]
    assert all([one.camera for one in ones].count(camera) == 2 for ones in found.values() for camera in "ab")
    assert min(one.time for one in found[1] if one.camera == "a") < 3.5


def test_pictures_show_the_person():
    portraits, ledger = kept(walk("a", 10, decided=0))
    for person, colour in ((1, (190, 120, 30)), (2, (40, 60, 200))):
        image = cv2.imdecode(np.frombuffer(portraits.by_person(ledger)[person][0].jpeg, np.uint8), cv2.IMREAD_COLOR)
        shirt = image[image.shape[0] * 4 // 10, image.shape[1] // 2].astype(int)
        assert np.abs(shirt - colour).max() < 30


def test_a_view_that_is_hidden_cut_off_or_far_away_is_worse():
    box = [100, 100, 180, 340]
    size = (640, 480)

    def quality(*boxes):
        return view_qualities(np.array(boxes, float), np.full(len(boxes), 0.9), size)[0]

    alone = quality(box)
    assert alone > 0.85
    assert quality(box, [140, 100, 220, 340]) < 0.5 * alone
    assert quality([-40, 100, 40, 340]) < 0.5 * alone
    assert quality([100, 100, 120, 160]) < 0.5 * alone


def test_a_better_view_takes_the_place_of_a_worse_one():
    rng = np.random.default_rng(0)
    frames = [Frame("a", i, i / 10, rng.integers(0, 255, (480, 640, 3)).astype(np.uint8)) for i in range(3)]
    boxes = [[10, 10, 40, 90], [10, 10, 110, 300], [10, 10, 40, 90]]
    steps = [(frame, answer(frame, [box], [1], [1])) for frame, box in zip(frames, boxes, strict=True)]
    portraits, ledger = kept(steps)
    (only,) = portraits.by_person(ledger)[1]
    assert only.time == 0.1


def test_memory_is_bounded_and_the_best_stay():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (480, 640, 3)).astype(np.uint8)
    portraits, ledger = Portraits(PortraitSettings(limit=20, per_camera=1)), Ledger()
    for index in range(100):
        frame = Frame("a", index, float(index), image)
        height = 240 if index == 3 else 80
        result = answer(frame, [[10, 10, 60, 10 + height]], [index + 1], [index % 40 + 1])
        ledger.note(result, ())
        portraits.note(frame, result, ledger)
    found = portraits.by_person(ledger)
    assert sum(map(len, found.values())) <= 20
    assert 4 in found


def test_heads_in_kept_pictures_are_blurred_where_asked():
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    box = np.array([100.0, 100, 180, 340])
    sharp, blurred = cut_out(image, box), cut_out(image, box, blur=True)
    assert blurred[:50].astype(float).std() < 0.35 * sharp[:50].astype(float).std()
    np.testing.assert_array_equal(blurred[60:], sharp[60:])


def test_pictures_of_a_forgotten_person_are_gone():
    portraits, ledger = kept(walk("a", 20, decided=0))
    (_, result), *_ = walk("a", 1)
    ledger.note(result, [PersonForgotten(1.0, 1, "asked")])
    portraits.forget(ledger)
    assert list(portraits.by_person(ledger, keep_undecided=True)) == [2]


def test_frames_without_a_picture_and_boxes_outside_of_it_keep_nothing():
    blind = Frame("a", 0, 0.0, np.zeros((0, 0, 3), np.uint8))
    outside = Frame("a", 1, 1.0, np.zeros((100, 100, 3), np.uint8))
    boxes = [[500, 500, 560, 700]]
    portraits, ledger = kept([(frame, answer(frame, boxes, [1], [1])) for frame in (blind, outside)])
    assert portraits.by_person(ledger) == {}
