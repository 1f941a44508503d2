"""The engine's life of a track: births, deaths, gaps, coasting, moving cameras."""

import pickle

import numpy as np
import pytest

from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError
from unbroken.core.tracks import TrackState
from unbroken.tracking.engine import Engine
from unbroken.tracking.sort import Sort


def person(x, y=100.0, score=0.9):
    return [x, y, x + 40.0, y + 100.0, score, 0]


def seen(*people):
    return Detections.from_array(list(people))


def walk(engine, frames, *, rate=30.0, start=0.0, x=100.0, speed=60.0):
    """One person walks; returns the last answer."""
    answer = None
    for frame in range(frames):
        time = start + frame / rate
        answer = engine.update(seen(person(x + speed * time)), time)
    return answer


def test_people_of_the_first_picture_are_reported_at_once_later_ones_after_min_hits():
    engine = Engine(Sort(min_hits=3))
    assert engine.update(seen(person(0)), 0.0).ids.tolist() == [1]
    reports = [engine.update(seen(person(0), person(300)), frame / 30).ids.tolist() for frame in range(1, 5)]
    assert reports == [[1], [1], [1, 2], [1, 2]]


def test_a_track_points_to_its_detection_and_knows_its_beginning():
    engine = Engine(Sort(min_hits=1))
    engine.update(seen(person(0)), 5.0)
    tracks = engine.update(seen(person(300), person(1, score=0.7)), 5.1)
    assert tracks.rows.tolist() == [1, 0]
    assert tracks.scores.tolist() == [0.7, 0.9]
    assert tracks.since.tolist() == [5.0, 5.1]
    assert tracks.state.tolist() == [TrackState.CONFIRMED] * 2
    with pytest.raises(ValueError, match="read-only"):
        tracks.boxes[0, 0] = 3


@pytest.mark.parametrize("rate", [5.0, 14.0, 25.0, 30.0, 60.0])
def test_max_age_is_in_seconds_at_any_frame_rate(rate):
    for unseen, survives in [(0.8, True), (1.3, False)]:
        engine = Engine(Sort(max_age=1.0))
        walk(engine, int(2 * rate), rate=rate)
        last = (int(2 * rate) - 1) / rate
        frames = int(unseen * rate)
        for frame in range(1, frames + 1):
            assert len(engine.update(Detections.empty(), last + frame / rate)) == 0
        time = last + (frames + 1) / rate
        engine.update(seen(person(100 + 60 * time)), time)
        assert (1 in engine.alive) == survives


def test_a_low_frame_rate_is_not_a_row_of_gaps():
    engine = Engine(Sort(max_age=0.2))
    assert walk(engine, 10, rate=2.0, speed=10.0).ids.tolist() == [1]


def test_after_a_long_silence_everybody_is_new():
    engine = Engine(Sort(max_age=1.0, min_hits=1))
    walk(engine, 5, speed=0.0)
    assert engine.update(seen(person(100.0)), 3600.0).ids.tolist() == [2]


def test_coasting_predicts_and_nobody_is_born_missed_or_ended():
    engine = Engine(Sort())
    last = walk(engine, 30)
    tracks = engine.coast(29 / 30 + 0.2)
    assert tracks.ids.tolist() == [1]
    assert tracks.rows.tolist() == [-1]
    assert tracks.state.tolist() == [TrackState.COASTING]
    np.testing.assert_allclose(tracks.boxes[0, 0] - last.boxes[0, 0], 12.0, atol=1.0)
    assert engine.alive.tolist() == [1]
    time = 29 / 30 + 0.4
    assert engine.update(seen(person(100 + 60 * time)), time).ids.tolist() == [1]


def test_detection_every_fifth_frame_keeps_the_ids():
    engine = Engine(Sort())
    for frame in range(100):
        time = frame / 30
        people = seen(person(100 + 60 * time), person(700 - 60 * time, y=160.0))
        tracks = engine.update(people, time) if frame % 5 == 0 else engine.coast(time)
        assert tracks.ids.tolist() == [1, 2]


def test_a_camera_that_turns_does_not_lose_people():
    shift = np.array([[1.0, 0.0, 150.0], [0.0, 1.0, 0.0]])
    told, untold = Engine(Sort(min_hits=1)), Engine(Sort(min_hits=1))
    for engine in (told, untold):
        walk(engine, 10, speed=0.0)
    assert told.update(seen(person(250.0)), 10 / 30, shift).ids.tolist() == [1]
    assert untold.update(seen(person(250.0)), 10 / 30).ids.tolist() == [2]


def test_time_that_runs_backwards_is_refused_with_a_sentence():
    engine = Engine(Sort())
    engine.update(Detections.empty(), 3.5)
    with pytest.raises(ContractError, match=r"time: 3\.2 s comes after 3\.5 s; give pictures in the order of time"):
        engine.update(Detections.empty(), 3.2)
    with pytest.raises(ContractError, match="time: nan"):
        engine.coast(float("nan"))


@pytest.mark.parametrize("warp", [np.eye(3), np.full((2, 3), np.nan), [[1.0, 0.0], [0.0, 1.0]]])
def test_a_warp_that_is_none_is_refused_and_nothing_has_changed(warp):
    engine = Engine(Sort(min_hits=1))
    engine.update(seen(person(0)), 0.0)
    with pytest.raises(ContractError, match=r"warp: is .*; give a \(2, 3\) affine of finite numbers"):
        engine.update(seen(person(0)), 0.1, warp)
    assert engine.update(seen(person(0)), 0.05).ids.tolist() == [1]


def test_ids_belong_to_the_instance():
    first, second = Engine(Sort()), Engine(Sort())
    first.update(seen(person(0), person(200)), 0.0)
    assert second.update(seen(person(0)), 0.0).ids.tolist() == [1]


def test_an_engine_that_was_pickled_goes_on_as_if_nothing_had_happened():
    engine = Engine(Sort())
    walk(engine, 12)
    other = pickle.loads(pickle.dumps(engine))
    for step in range(12, 20):
        people = seen(person(100 + 60 * step / 30), person(500))
        assert np.array_equal(engine.update(people, step / 30).as_array(), other.update(people, step / 30).as_array())


def test_a_detection_without_area_breaks_nothing():
    engine = Engine(Sort(min_hits=1))
    for frame in range(20):
        tracks = engine.update(seen([5, 5, 5, 5, 0.9, 0], [0, 0, 10, 0, 0.9, 0]), frame / 30)
        assert np.isfinite(tracks.as_array()).all()
