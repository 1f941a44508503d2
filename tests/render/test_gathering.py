"""What a report tells is gathered in bounded room, and names people as they are known at the end."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scene import answer, walk
from unbroken.core.events import CameraStalled, Evidence, PersonForgotten, PersonMerged
from unbroken.core.frames import Frame
from unbroken.render.gathering import Durations, Gathering, GatherSettings, Paths, Series, kind


def gathered(*walks, settings=None, last=()):
    sink = Gathering(settings)
    steps = [step for one in walks for step in one]
    for number, (frame, result) in enumerate(steps):
        sink.write(frame, result, last if number == len(steps) - 1 else ())
    sink.close()
    return sink.gathered()


def test_cameras_visits_pictures_and_costs_are_told():
    told = gathered(walk("a", 20), walk("b", 30, start=5))
    assert [(one.name, one.frames, one.tracks, one.size) for one in told.cameras] == [
        ("a", 20, 2, (640, 480)),
        ("b", 30, 2, (640, 480)),
    ]
    assert [(one.person, one.camera, one.start) for one in told.seen][:2] == [(1, "a", 0.0), (1, "b", 5.0)]
    assert sorted(told.portraits) == [1, 2]
    assert told.work == {"detected": 50}
    assert told.steps["detect"].total == pytest.approx(0.5)
    assert told.steps["track"].median == pytest.approx(0.002, rel=0.03)
    np.testing.assert_allclose(told.latency[:, 1], 12)


def test_a_merge_at_the_end_renames_everything():
    told = gathered(walk("a", 20), last=[PersonMerged(2.0, 1, 2, Evidence(1, 3.0))])
    assert {one.person for one in told.seen} == set(told.portraits) == {1}
    assert told.events == {"person merged": 1}


def test_a_forgotten_person_is_in_no_part_of_the_report():
    floor = GatherSettings(ground=lambda camera, boxes: boxes[:, 2:] / 100)
    told = gathered(walk("a", 20), settings=floor, last=[PersonForgotten(2.0, 1, "asked")])
    assert {one.person for one in told.seen} == set(told.portraits) == set(told.paths) == {2}


def test_pictures_are_not_kept_unless_asked():
    told = gathered(walk("a", 10), settings=GatherSettings(pictures=False))
    assert told.portraits == {}
    assert not told.pictures


def test_what_broke_becomes_a_warning_once():
    stall = CameraStalled(1.0, "a", "no picture for 3 s")
    told = gathered(walk("a", 5), last=[stall, stall])
    assert told.warnings == ("Camera a at 0:01.0: no picture for 3 s",)
    assert kind(stall) == "camera stalled"


def test_cameras_that_see_one_person_at_once_agree_on_one_path():
    def ground(camera, boxes):
        return np.full((len(boxes), 2), 1.0 if camera == "a" else 3.0)

    told = gathered(walk("a", 10), walk("b", 10), settings=GatherSettings(ground=ground, path_step=0.1))
    np.testing.assert_allclose(told.paths[1][:, 1:], 2.0)
    assert np.all(np.diff(told.paths[1][:, 0]) > 0)


def test_paths_are_thinned_out_where_there_are_too_many_points():
    paths = Paths(0.1, 100)
    for index in range(1000):
        frame = Frame("a", index, index / 10, np.zeros((0, 0, 3), np.uint8))
        paths.note(answer(frame, [[0, 0, 1, 1]], [1], [1]), np.array([[float(index), 0.0]]))
        assert sum(map(len, paths._points.values())) <= 100


@given(st.lists(st.floats(2e-6, 100), min_size=1, max_size=300), st.sampled_from([0.1, 0.5, 0.95]))
def test_quantiles_are_right_within_three_percent(values, share):
    durations = Durations()
    for value in values:
        durations.add(value)
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    assert durations.quantile(share) == pytest.approx(exact, rel=0.03)
    assert durations.summary().total == pytest.approx(sum(values))


@given(st.integers(1, 2000), st.sampled_from([2, 10, 300]))
def test_a_curve_of_any_length_keeps_its_mean_and_its_order_in_bounded_room(count, limit):
    series = Series(limit)
    for index in range(count):
        series.add(float(index), float(index % 7))
    points = series.points()
    assert 1 <= len(points) <= limit
    assert np.all(np.diff(points[:, 0]) > 0)
    weights = np.array([row[2] for row in series._rows])
    assert weights.sum() == count
    assert np.average(points[:, 1], weights=weights) == pytest.approx(np.mean([index % 7 for index in range(count)]))


def test_tentative_tracks_are_not_counted():
    frame = Frame("a", 0, 0.0, np.zeros((0, 0, 3), np.uint8))
    sink = Gathering()
    sink.write(frame, replace(answer(frame, [[0, 0, 9, 9]], [1], [-1], state=np.array([0])), size=(0, 0)), ())
    assert sink.gathered().cameras[0].tracks == 0
