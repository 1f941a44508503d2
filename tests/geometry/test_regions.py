"""Zones and lines."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unbroken.geometry.regions import crossings, distances, inside, offsets

ROOM = np.array([[0.0, 0.0], [8.0, 1.0], [6.0, 5.0], [9.0, 9.0], [1.0, 7.0]])


@given(x=st.floats(-2, 11), y=st.floats(-2, 11))
def test_inside_is_opencvs_polygon_test(x: float, y: float) -> None:
    signed = cv2.pointPolygonTest(ROOM.astype(np.float32), (x, y), True)
    if abs(signed) > 1e-3:
        assert inside(np.array([[x, y]]), ROOM)[0] == (signed > 0)


@given(x=st.floats(-2, 11), y=st.floats(-2, 11))
def test_distances_are_opencvs(x: float, y: float) -> None:
    signed = cv2.pointPolygonTest(ROOM.astype(np.float32), (x, y), True)
    assert abs(distances(np.array([[x, y]]), ROOM)[0] - abs(signed)) < 1e-5


def test_offsets_are_negative_to_the_left() -> None:
    line = np.array([[0.0, 0.0], [5.0, 0.0]])
    assert offsets(np.array([[9.0, -2.0], [-1.0, 3.0]]), line).tolist() == [-2.0, 3.0]


def test_an_unknown_place_lies_in_no_zone() -> None:
    assert not inside(np.array([[np.nan, 1.0]]), ROOM)[0]


def test_a_line_is_crossed_in_a_direction_and_only_between_its_ends() -> None:
    line = np.array([[0.0, 0.0], [10.0, 0.0]])
    before = np.array([[5.0, -1.0], [5.0, 1.0], [12.0, -1.0], [5.0, 1.0]])
    after = np.array([[5.0, 1.0], [5.0, -1.0], [12.0, 1.0], [5.0, 2.0]])
    assert crossings(before, after, line).tolist() == [1, -1, 0, 0]


def test_stopping_on_a_line_crosses_it_once() -> None:
    line = np.array([[0.0, 0.0], [10.0, 0.0]])
    path = np.array([[5.0, -1.0], [5.0, 0.0], [5.0, 1.0]])
    assert [int(crossings(path[i : i + 1], path[i + 1 : i + 2], line)[0]) for i in (0, 1)] == [1, 0]
