"""The built-in detector: people who walk before a camera that stands still."""

import numpy as np
import pytest

from needs import data
from unbroken.core.frames import Frame
from unbroken.detection.motion_detector import MotionDetector
from unbroken.detection.selection import DetectorSettings
from unbroken.evaluation.detection import detection_scores

SIZE = (240, 320)


def scene(seed=3):
    """A textured place that nobody is in."""
    random = np.random.default_rng(seed)
    coarse = random.integers(110, 150, (SIZE[0] // 8, SIZE[1] // 8, 3))
    return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1).astype(np.uint8)


def with_people(place, people, seed=0):
    """The place with upright bodies (x, foot, height, colour) and the noise of a camera."""
    picture = place.astype(np.float64)
    for x, foot, height, colour in people:
        half = round(0.17 * height)
        top = round(foot - height)
        neck = top + round(0.15 * height)
        picture[max(top, 0) : neck, int(x - half / 2) : int(x + half / 2)] = (120, 150, 200)
        picture[max(neck, 0) : round(foot), int(x - half) : int(x + half)] = colour
    picture += np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def height_at(foot):
    return 0.3 * foot + 10


def walkers(step):
    """Three people on lines of their own, as (x, foot, height, colour)."""
    lines = [(120.0, 2.1, (30, 30, 40)), (165.0, -1.7, (40, 30, 160)), (215.0, 2.9, (150, 60, 20))]
    return [
        (20 + (speed * step + 90 * n) % 280, foot, height_at(foot), colour)
        for n, (foot, speed, colour) in enumerate(lines)
    ]


def boxes_of(people):
    return np.array([[x - 0.17 * h, foot - h, x + 0.17 * h, foot] for x, foot, h, _ in people]).reshape(-1, 4)


def film(detector, steps, place=None, camera="cam", people=walkers):
    place = scene() if place is None else place
    answers = []
    for step in steps:
        picture = with_people(place, people(step), seed=step)
        answers.append(detector.detect([Frame(camera, step, step / 10, picture)])[0])
    return answers


def score(answers, steps, people=walkers):
    return detection_scores(
        [boxes_of(people(step)) for step in steps], [a.boxes for a in answers], [a.scores for a in answers]
    )


def test_people_who_walk_are_found_once_the_place_is_known():
    answers = film(MotionDetector(), range(200))
    assert score(answers[100:], range(100, 200)).average_precision > 0.9


def test_region_height_and_score_of_the_site_hold_for_the_built_in_detector_too():
    everybody = film(MotionDetector(), range(60))[-20:]
    found = np.concatenate([answer.boxes for answer in everybody])
    middle, tall = np.median(found[:, [0, 2]]), np.median(found[:, 3] - found[:, 1])
    left = ((-1.0, -1.0), (middle, -1.0), (middle, 1e4), (-1.0, 1e4))
    wanted = DetectorSettings(score=0.5, region=left, least_height=tall)
    chosen = film(MotionDetector(wanted=wanted), range(60))[-20:]
    assert 0 < sum(map(len, chosen)) < len(found)
    for answer in chosen:
        assert ((answer.boxes[:, 0] + answer.boxes[:, 2]) / 2 <= middle).all()
        assert (answer.boxes[:, 3] - answer.boxes[:, 1] >= tall).all()
        assert (answer.scores >= 0.5).all()


def test_an_empty_place_has_nobody_in_it():
    answers = film(MotionDetector(), range(80), people=lambda step: [])
    assert sum(len(answer) for answer in answers) == 0


def test_who_stands_still_for_half_a_minute_is_still_seen():
    def stops(step):
        return [(40 + min(step, 100) * 1.2, 190.0, height_at(190.0), (30, 30, 40))]

    steps = range(0, 420, 2)
    answers = film(MotionDetector(), steps, people=stops)
    assert score(answers[-40:], [*steps][-40:], stops).recall > 0.9


def test_who_stood_there_from_the_start_leaves_no_ghost_behind():
    def leaves(step):
        return [(160 if step < 90 else 160 + 3 * (step - 90), 190.0, height_at(190.0), (30, 30, 40))]

    answers = film(MotionDetector(), range(220), people=leaves)
    assert sum(len(answer) for answer in answers[180:]) == 0


def test_a_sudden_change_of_light_makes_nobody_appear():
    detector = MotionDetector()
    film(detector, range(100))
    darker = (scene() * 0.45).astype(np.uint8)
    answers = film(detector, range(100, 160), place=darker, people=lambda step: [])
    assert sum((answer.scores > 0.3).sum() for answer in answers[5:]) == 0


def test_cameras_do_not_know_each_other():
    alone, both = MotionDetector(), MotionDetector()
    other = scene(seed=9)
    expected, interleaved = [], []
    for step in range(60):
        frame = Frame("a", step, step / 10, with_people(scene(), walkers(step), step))
        expected.append(alone.detect([frame])[0])
        second = Frame("b", step, step / 10, with_people(other, walkers(step + 31), step))
        interleaved.append(both.detect([second, frame])[1])
    for one, two in zip(expected, interleaved, strict=True):
        assert one.boxes.tolist() == two.boxes.tolist()


def test_pictures_of_changing_size_times_that_jump_and_no_pixels_end_in_no_error():
    detector = MotionDetector()
    random = np.random.default_rng(1)
    for index, (shape, time) in enumerate(
        [((48, 64), 0.0), ((90, 30), 5.0), ((90, 30), 1.0), ((9, 9), 1e9), ((0, 0), 2.0), ((2, 900), 3.0)] * 3
    ):
        picture = random.integers(0, 255, (*shape, 3)).astype(np.uint8)
        found = detector.detect([Frame("cam", index, time, picture)])[0]
        assert (found.boxes[:, [0, 1]] >= 0).all()
        assert (found.boxes[:, [2, 3]] <= [shape[1], shape[0]]).all()


@pytest.mark.parametrize("every", [1, 3])
def test_scores_are_between_zero_and_one_at_any_rate(every):
    for answer in film(MotionDetector(), range(0, 240, every)):
        assert ((answer.scores >= 0) & (answer.scores <= 1)).all()


def test_real_people_are_found_better_than_by_plain_subtraction():
    from unbroken.datasets.motchallenge import read_rows
    from unbroken.video.files import VideoFile

    folder = data("data/video")
    rows = read_rows(folder / "vtest_gt.txt")
    detector = MotionDetector()
    answers, truth = [], []
    for number, frame in enumerate(VideoFile(folder / "vtest_pets09_s2l1_480x360.mp4", "vtest")):
        if number == 400:
            break
        answer = detector.detect([frame])[0]
        if number % 5 == 0:
            answers.append(answer)
            truth.append(rows.boxes[rows.frames == number + 1])
    scores = detection_scores(truth, [a.boxes for a in answers], [a.scores for a in answers])
    assert scores.average_precision > 0.7
