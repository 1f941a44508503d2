"""Of a detector's candidates those are kept that were asked for."""

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unbroken.core.errors import ConfigError
from unbroken.detection.selection import Candidates, DetectorSettings, kept, plausible, suppressed
from unbroken.geometry.boxes import iou
from unbroken.geometry.regions import inside


def candidates(boxes, scores=None, classes=None):
    boxes = np.asarray(boxes, dtype=np.float64)
    count = len(boxes)
    return Candidates(
        boxes,
        np.linspace(0.9, 0.5, count) if scores is None else np.asarray(scores, dtype=np.float64),
        np.zeros(count, dtype=np.int64) if classes is None else np.asarray(classes),
    )


@given(st.integers(0, 2**31), st.floats(0.1, 0.9))
def test_suppression_equals_opencvs(seed, limit):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 60, (25, 2)).astype(np.float64)
    extents = rng.integers(5, 40, (25, 2)).astype(np.float64)
    boxes = np.concatenate([corners, corners + extents], axis=1)
    assume((np.abs(iou(boxes, boxes) - limit) > 1e-5).all())
    scores = rng.permutation(np.linspace(0.2, 0.9, 25))
    order = np.argsort(-scores)
    mine = suppressed(candidates(boxes[order], scores[order]), limit)
    rows = np.concatenate([corners, extents], axis=1)
    theirs = cv2.dnn.NMSBoxes(rows.tolist(), scores.tolist(), 0.1, limit)
    np.testing.assert_array_equal(np.sort(mine.scores), np.sort(scores[np.asarray(theirs).ravel()]))


def test_boxes_of_different_classes_do_not_suppress_each_other():
    same = [[0, 0, 10, 10]] * 3
    assert len(suppressed(candidates(same, classes=[0, 1, 0]), 0.5).scores) == 2


def test_only_wanted_classes_and_enough_score_remain_best_first():
    found = candidates([[0, 0, 10, 10]] * 4, [0.2, 0.9, 0.05, 0.5], [0, 2, 0, 0])
    best = plausible(found, DetectorSettings(score=0.1))
    assert best.scores.tolist() == [0.5, 0.2]
    assert plausible(found, DetectorSettings(classes=(2,))).scores.tolist() == [0.9]


def test_boxes_that_are_broken_or_have_no_size_never_leave():
    broken = [[0, 0, np.nan, 10], [0, 0, np.inf, 10], [5, 5, 5, 9], [9, 9, 1, 1], [1, 1, 2, 3]]
    assert plausible(candidates(broken), DetectorSettings()).boxes.tolist() == [[1, 1, 2, 3]]


def test_rows_filled_up_with_score_nought_never_leave():
    assert len(plausible(candidates([[0, 0, 1, 1]], [0.0]), DetectorSettings(score=0.0)).scores) == 0


def test_boxes_are_cut_at_the_edges_and_those_outside_go():
    found = kept(candidates([[-5, -5, 20, 20], [200, 10, 300, 50], [90, 90, 150, 150]]), (100, 100), DetectorSettings())
    assert found.boxes.tolist() == [[0, 0, 20, 20], [90, 90, 100, 100]]


def test_small_people_go():
    boxes = [[0, 0, 10, 30], [0, 0, 10, 29], [0, 0, 4, 40]]
    found = kept(candidates(boxes), (100, 100), DetectorSettings(least_height=30, least_width=5))
    assert found.boxes.tolist() == [boxes[0]]


def test_only_people_who_stand_in_the_region_remain():
    region = ((0.0, 0.0), (50.0, 0.0), (50.0, 50.0), (0.0, 50.0))
    boxes = [[10, 10, 20, 40], [40, 10, 80, 40], [10, 10, 20, 60]]
    assert kept(candidates(boxes), (100, 100), DetectorSettings(region=region)).boxes.tolist() == [boxes[0]]


@given(st.integers(0, 2**31), st.integers(3, 9))
def test_points_in_a_polygon_equal_opencvs(seed, corners):
    rng = np.random.default_rng(seed)
    polygon = rng.uniform(0, 100, (corners, 2)).astype(np.float32)
    points = rng.uniform(-10, 110, (40, 2))
    theirs = [cv2.pointPolygonTest(polygon.reshape(-1, 1, 2), tuple(point), False) > 0 for point in points]
    assert inside(points, polygon.astype(np.float64)).tolist() == theirs


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"score": 1.5}, "score is 1.5"),
        ({"nms_iou": -0.1}, "nms_iou is -0.1"),
        ({"size": 0}, "size is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"classes": ()}, "classes is empty"),
        ({"region": ((0, 0), (1, 1))}, "region has 2 corners"),
    ],
)
def test_settings_that_make_no_sense_are_named(wrong, words):
    with pytest.raises(ConfigError, match=words):
        DetectorSettings(**wrong)
