"""A view is believed less where it is small, hidden, cut off, doubtful or blurred."""

import cv2
import numpy as np

from unbroken.pipeline.quality import cut_off, occlusion, sharpness, view_quality

SIZE = (640, 480)


def test_a_whole_person_near_by_is_believed_most():
    near, far = [100, 100, 160, 260], [300, 100, 310, 130]
    quality = view_quality(np.array([near, far], dtype=float), np.ones(2), SIZE)
    assert quality[0] == 1
    assert 0 < quality[1] < 0.6


def test_who_stands_behind_is_hidden_and_who_stands_in_front_is_not():
    behind, front = [100, 100, 160, 260], [100, 180, 160, 340]
    assert occlusion(np.array([behind, front], dtype=float)).tolist() == [0.5, 0.0]


def test_a_box_at_the_edge_is_cut_off_but_not_where_there_is_no_picture():
    boxes = np.array([[0, 100, 60, 260], [100, 300, 160, 480]], dtype=float)
    assert cut_off(boxes, SIZE).all()
    assert not cut_off(boxes, (0, 0)).any()


def test_nobody_has_no_quality():
    assert view_quality(np.zeros((0, 4)), np.zeros(0), SIZE).shape == (0,)


def test_blur_costs_sharpness():
    crop = np.random.default_rng(0).integers(0, 255, (128, 64, 3), dtype=np.uint8)
    assert sharpness(crop) > 2 * sharpness(cv2.GaussianBlur(crop, (0, 0), 4))
