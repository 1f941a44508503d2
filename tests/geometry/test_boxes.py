"""Boxes: conversions return, and overlap agrees with counting pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unbroken.geometry import boxes as geometry

corners = hnp.arrays(np.float64, st.tuples(st.integers(0, 6), st.just(4)), elements=st.floats(-1e4, 1e4)).map(
    lambda a: np.concatenate([np.minimum(a[:, :2], a[:, 2:]), np.maximum(a[:, :2], a[:, 2:]) + 1.0], axis=1)
)


@given(corners)
def test_every_form_returns_to_corners(boxes):
    for there, back in [
        (geometry.xywh_from_xyxy, geometry.xyxy_from_xywh),
        (geometry.cxcywh_from_xyxy, geometry.xyxy_from_cxcywh),
        (geometry.xyah_from_xyxy, geometry.xyxy_from_xyah),
    ]:
        np.testing.assert_allclose(back(there(boxes)), boxes, atol=1e-6)


@given(corners, corners)
def test_overlap_is_symmetric_bounded_and_one_with_itself(first, second):
    overlap = geometry.iou(first, second)
    assert overlap.shape == (len(first), len(second))
    assert ((overlap >= 0) & (overlap <= 1 + 1e-12)).all()
    np.testing.assert_allclose(overlap, geometry.iou(second, first).T)
    np.testing.assert_allclose(np.diag(geometry.iou(first, first)), 1)


def test_overlap_agrees_with_counting_pixels():
    rng = np.random.default_rng(0)
    start = rng.integers(0, 20, (12, 2))
    boxes = np.concatenate([start, start + rng.integers(1, 15, (12, 2))], axis=1)
    masks = np.zeros((12, 40, 40), dtype=bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    counted = [[(a & b).sum() / (a | b).sum() for b in masks] for a in masks]
    np.testing.assert_allclose(geometry.iou(boxes.astype(float), boxes.astype(float)), counted)


def test_boxes_without_area_overlap_nothing_and_raise_nothing():
    point = np.array([[5.0, 5.0, 5.0, 5.0]])
    assert geometry.iou(point, point).tolist() == [[0.0]]


def test_a_shift_of_the_camera_shifts_the_boxes():
    warp = np.array([[1.0, 0.0, 3.0], [0.0, 1.0, -2.0]])
    assert geometry.warped(np.array([[0.0, 0.0, 4.0, 8.0]]), warp).tolist() == [[3.0, -2.0, 7.0, 6.0]]
