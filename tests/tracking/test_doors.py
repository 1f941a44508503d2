"""Arrays, `supervision.Detections` and `Detections` go in, the same kind comes out."""

import numpy as np
import pytest

import unbroken
from unbroken.core.errors import ConfigError, ContractError


def rows_of(frame):
    return np.array([[10.0 + frame, 10, 50 + frame, 110, 0.9, 0], [300.0 - frame, 20, 340 - frame, 120, 0.8, 0]])


def test_arrays_in_arrays_out():
    tracker = unbroken.Tracker("sort")
    for frame in range(5):
        given = rows_of(frame)[::-1]
        before = given.copy()
        tracks = tracker.update(given)
        assert np.array_equal(given, before)
    assert tracks.shape == (2, 8)
    assert tracks[:, 4].tolist() == [1, 2]
    assert tracks[:, 5].tolist() == [0.9, 0.8]
    assert tracks[:, 7].tolist() == [1, 0]


def test_nobody_is_an_empty_array_of_eight_columns():
    tracker = unbroken.Tracker("bytetrack")
    assert tracker.update(np.zeros((0, 6))).shape == (0, 8)
    assert tracker.update([]).shape == (0, 8)


def test_values_in_values_out():
    tracker = unbroken.Tracker("sort", min_hits=1)
    tracks = tracker.update(unbroken.Detections.from_array(rows_of(0)), time=12.5)
    assert isinstance(tracks, unbroken.Tracks)
    assert tracks.since.tolist() == [12.5, 12.5]


def test_time_goes_on_by_the_frame_rate_where_it_is_not_told():
    tracker = unbroken.Tracker("sort", frame_rate=10)
    tracker.update(rows_of(0))
    tracker.coast()
    tracker.update(rows_of(2))
    assert tracker.update(unbroken.Detections.from_array(rows_of(3))).since.tolist() == [0.0, 0.0]
    with pytest.raises(ContractError, match=r"0\.25 s comes after 0\.3"):
        tracker.update(rows_of(4), time=0.25)
    assert tracker.alive.tolist() == [1, 2]
    tracker.reset()
    assert tracker.alive.tolist() == []


def test_detections_of_supervision_come_back_with_their_ids():
    sv = pytest.importorskip("supervision", reason="the extra `supervision` is not installed")
    tracker = unbroken.Tracker("sort", min_hits=1)
    for frame in range(3):
        rows = rows_of(frame)
        given = sv.Detections(
            xyxy=np.vstack([rows[:, :4], [600, 0, 601, 1]]),
            confidence=np.array([0.9, 0.8, 0.1]),
            class_id=np.array([0, 2, 0]),
            data={"name": np.array(["a", "b", "c"])},
        )
        answer = tracker.update(given)
        assert given.tracker_id is None
    assert isinstance(answer, sv.Detections)
    assert answer.tracker_id.tolist() == [1, 2]
    assert answer.class_id.tolist() == [0, 2]
    assert answer.data["name"].tolist() == ["a", "b"]
    np.testing.assert_array_equal(answer.xyxy, rows[:, :4])
    nobody = tracker.update(sv.Detections.empty())
    assert len(nobody) == 0
    assert nobody.tracker_id.shape == (0,)


def test_a_frame_rate_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="frame_rate is 0; give pictures per second"):
        unbroken.Tracker("sort", frame_rate=0)


def test_malformed_rows_are_refused_and_the_tracker_goes_on():
    tracker = unbroken.Tracker("sort")
    tracker.update(rows_of(0))
    with pytest.raises(ContractError, match="row 0"):
        tracker.update([[0, 0, np.nan, 1, 0.5, 0]])
    assert len(tracker.update(rows_of(1))) == 2


@pytest.mark.parametrize("rows", ["boxes", [[1, 2, "x", 4]], [[1, 2, 3, 4], [1, 2]], {"boxes": 1}])
def test_what_is_no_table_of_numbers_is_one_sentence(rows):
    """NumPy's own error came through the door."""
    with pytest.raises(ContractError, match="detections: are no table of numbers"):
        unbroken.Tracker("sort").update(rows)
