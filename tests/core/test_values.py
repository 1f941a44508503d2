"""The values that move between rooms check themselves once, when they are made."""

import subprocess
import sys

import numpy as np
import pytest

from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError
from unbroken.core.frames import Frame
from unbroken.core.tracks import Tracks


def test_detections_fill_what_was_left_out():
    detections = Detections([[0, 0, 10, 20]])
    assert detections.scores.tolist() == [1.0]
    assert detections.classes.tolist() == [0]
    assert detections.features.shape == (1, 0)


def test_no_detection_is_an_empty_value_not_none():
    assert len(Detections.empty()) == 0
    assert Detections.from_array([]).as_array().shape == (0, 6)
    assert Tracks.empty().as_array().shape == (0, 8)


def test_arrays_are_read_only_and_the_callers_array_stays_writable():
    mine = np.array([[0.0, 0.0, 10.0, 20.0]])
    detections = Detections(mine)
    with pytest.raises(ValueError, match="read-only"):
        detections.boxes[0, 0] = 5
    mine[0, 0] = 1


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([[0, 0, np.nan, 5, 1, 0]], "row 0"),
        ([[0, 0, 5, 5, 1, 0], [9, 0, 5, 5, 1, 0]], "row 1 .* reversed"),
        ([[0, 0, 5]], "give \\(N, 6\\)"),
    ],
)
def test_bad_boxes_end_in_one_sentence_that_names_the_row(rows, sentence):
    with pytest.raises(ContractError, match=sentence):
        Detections.from_array(rows)


def test_features_that_are_not_unit_rows_are_refused_and_rows_of_zeros_are_not_computed():
    with pytest.raises(ContractError, match="unit length"):
        Detections([[0, 0, 1, 1]], features=[[3.0, 4.0]])
    assert Detections([[0, 0, 1, 1]], features=[[0.0, 0.0]]).features.shape == (1, 2)


def test_selecting_rows_keeps_everything_aligned():
    detections = Detections.from_array([[0, 0, 1, 1, 0.3, 0], [2, 2, 3, 3, 0.8, 7]])
    assert detections.select(detections.scores > 0.5).as_array().tolist() == [[2, 2, 3, 3, 0.8, 7]]


def test_a_frame_without_time_or_with_a_grey_picture_is_refused():
    with pytest.raises(ContractError, match="give seconds"):
        Frame("cam", 3, float("nan"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ContractError, match="BGR"):
        Frame("cam", 3, 0.1, np.zeros((4, 4), np.uint8))


def test_importing_the_package_loads_neither_cv2_nor_a_runtime():
    code = "import sys, unbroken; print(sorted({'cv2', 'onnxruntime', 'av', 'scipy'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
