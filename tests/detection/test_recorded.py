"""Recorded detections come back frame by frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import ConfigError, ContractError
from unbroken.core.frames import Frame
from unbroken.detection.recorded import RecordedDetector
from unbroken.detection.selection import DetectorSettings

NO_PICTURE = np.zeros((0, 0, 3), dtype=np.uint8)


def frame(index, camera="a"):
    return Frame(camera, index, index / 10, NO_PICTURE)


@given(st.integers(0, 2**31), st.integers(0, 60))
def test_each_row_comes_back_in_its_frame_once(seed, count):
    rng = np.random.default_rng(seed)
    rows = np.column_stack(
        [rng.integers(1, 9, count), np.full(count, -1), rng.uniform(0, 50, (count, 2)), rng.uniform(1, 50, (count, 2)),
         rng.uniform(0.1, 1, count)]
    )  # fmt: skip
    found = RecordedDetector({"a": rows}).detect([frame(index) for index in range(10)])
    assert sum(len(part) for part in found) == count
    for index, part in enumerate(found):
        mine = rows[rows[:, 0] == index + 1]
        np.testing.assert_allclose(part.boxes[:, :2], mine[:, 2:4])
        np.testing.assert_allclose(part.boxes[:, 2:] - part.boxes[:, :2], mine[:, 4:6])
        np.testing.assert_allclose(part.scores, mine[:, 6])


def test_cameras_do_not_see_each_others_people():
    rows = np.array([[1, -1, 0, 0, 5, 5, 0.9]])
    found = RecordedDetector({"a": rows, "b": np.zeros((0, 7))}).detect([frame(0), frame(0, "b"), frame(1)])
    assert [len(part) for part in found] == [1, 0, 0]


def test_the_settings_of_a_detector_apply():
    rows = np.array([[1, -1, 0, 0, 5, 5, 0.9], [1, -1, 0, 0, 5, 50, 0.2], [1, -1, 0, 0, 5, 50, 0.9]])
    settings = DetectorSettings(score=0.3, least_height=10)
    (found,) = RecordedDetector({"a": rows}, settings).detect([frame(0)])
    assert found.boxes.tolist() == [[0, 0, 5, 50]]


def test_a_camera_without_a_recording_is_named():
    with pytest.raises(ConfigError, match=r"camera c: no detections were recorded.*a"):
        RecordedDetector({"a": np.zeros((0, 7))}).detect([frame(0, "c")])


def test_rows_of_another_form_are_named():
    with pytest.raises(ContractError, match=r"of a have shape \(2, 5\)"):
        RecordedDetector({"a": np.zeros((2, 5))})
