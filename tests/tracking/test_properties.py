"""What holds for every tracker on every stream."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.core.detections import Detections
from unbroken.testing.check_tracker import random_stream
from unbroken.tracking import by_name
from unbroken.tracking.registry import TRACKERS

NAMES = sorted(TRACKERS)
RELATIVE_TO_THE_BOX = ["botsort", "bytetrack", "deepsort"]
"""The filters of SORT and OC-SORT have noise in pixels: their picture can be shifted, not scaled."""

seeds = st.integers(0, 2**32 - 1)


def stream_of(seed, **options):
    return random_stream(np.random.default_rng(seed), **options)


def moved(stream, *, scale=1.0, shift=0.0):
    return [(t, Detections(d.boxes * scale + shift, d.scores, d.classes, d.features)) for t, d in stream]


def answers(name, stream):
    tracker = by_name(name)
    return [tracker.update(detections, time) for time, detections in stream]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(seed=seeds)
def test_no_id_is_twice_in_a_picture_and_none_is_used_again(name, seed):
    tracker, before, ended = by_name(name), set(), set()
    for time, detections in stream_of(seed, length=40):
        tracks = tracker.update(detections, time)
        alive = set(tracker.alive.tolist())
        ended |= before - alive
        before = alive
        assert len(set(tracks.ids.tolist())) == len(tracks)
        assert not ended & alive


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=4, deadline=None)
@given(seed=seeds)
def test_shifting_the_picture_changes_nothing_but_the_boxes(name, seed):
    stream = stream_of(seed, length=40)
    for here, there in zip(answers(name, stream), answers(name, moved(stream, shift=512.0)), strict=True):
        assert here.ids.tolist() == there.ids.tolist()
        np.testing.assert_allclose(here.boxes + 512.0, there.boxes, atol=1e-6)


@pytest.mark.parametrize("name", RELATIVE_TO_THE_BOX)
@settings(max_examples=4, deadline=None)
@given(seed=seeds)
def test_scaling_the_picture_changes_nothing_but_the_boxes(name, seed):
    stream = stream_of(seed, length=40)
    for here, there in zip(answers(name, stream), answers(name, moved(stream, scale=0.25)), strict=True):
        assert here.ids.tolist() == there.ids.tolist()
        np.testing.assert_allclose(here.boxes * 0.25, there.boxes, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_pictures_without_detections_never_raise(name):
    tracker = by_name(name)
    for number, (time, detections) in enumerate(stream_of(5)):
        tracks = tracker.update(detections if number % 4 else Detections.empty(), time)
        assert number % 4 or len(tracks) == 0


def nasty_stream(seed, length=12):
    """Boxes without area, of absurd size, far outside; identical ones; scores of 0; times that stand still or leap."""
    rng = np.random.default_rng(seed)
    time = 0.0
    for _ in range(length):
        count = int(rng.integers(0, 6))
        corner = rng.choice([0.0, 1.0, 1e-3, 1e5, -1e5, 37.5], (count, 2)) + rng.choice([0.0, 1.0], (count, 1))
        sides = rng.choice([0.0, 1e-6, 1.0, 50.0, 1e5], (count, 2))
        features = np.eye(3, dtype=np.float32)[rng.integers(0, 3, count)] * rng.integers(0, 2, (count, 1))
        scores = rng.choice([0.0, 0.3, 0.65, 0.8, 1.0], count)
        yield time, Detections(np.concatenate([corner, corner + sides], axis=1), scores, features=features)
        time += float(rng.choice([0.0, 1e-4, 0.033, 0.5, 1.9, 100.0]))


def no_nan(name, seed):
    tracker = by_name(name)
    warp = np.array([[1.0, 0.01, 3.0], [-0.01, 1.0, -2.0]])
    for number, (time, detections) in enumerate(nasty_stream(seed)):
        tracks = tracker.update(detections, time, warp) if number % 3 else tracker.update(detections, time)
        assert np.isfinite(tracks.as_array()).all()
        assert np.isfinite(tracker.coast(time).as_array()).all()


@pytest.mark.parametrize("name", NAMES)
def test_random_streams_make_no_nan(name):
    for seed in range(40):
        no_nan(name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_ten_thousand_random_streams_make_no_nan(name):
    for seed in range(10_000):
        no_nan(name, seed)
