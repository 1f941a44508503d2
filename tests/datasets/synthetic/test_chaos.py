"""Chaos loses, delays, repeats and misdates reports as it says, and invents none."""

from collections import Counter

import numpy as np
import pytest

from unbroken.datasets.synthetic import ObservationSettings, WorldSettings, make_world, observe
from unbroken.datasets.synthetic.chaos import ChaosSettings, disturbed

CALM = ChaosSettings(outages=0, late=0.0, repeated=0.0, skew=0.0)


@pytest.fixture(scope="module")
def stream():
    world = make_world(WorldSettings(people=5, seconds=60.0, rate=2.0), np.random.default_rng(0))
    return observe(world, ObservationSettings(), np.random.default_rng(1))


def reports(steps):
    return [(number, o.sightings.camera, o.frame) for number, step in enumerate(steps) for o in step]


def test_without_chaos_everything_arrives_as_it_was_sent(stream):
    assert reports(disturbed(stream, CALM, np.random.default_rng(0))) == reports(stream)


def test_lost_cameras_are_silent_for_the_stated_time(stream):
    chaos = ChaosSettings(outages=1, outage=10.0, late=0.0, repeated=0.0, skew=0.0)
    arrived = Counter(camera for _, camera, _ in reports(disturbed(stream, chaos, np.random.default_rng(2))))
    assert all(120 - 20 <= count < 120 for count in arrived.values())


def test_late_reports_come_later_but_at_most_by_the_stated_time(stream):
    chaos = ChaosSettings(outages=0, late=0.5, delay=2.0, repeated=0.0, skew=0.0)
    arrived = reports(disturbed(stream, chaos, np.random.default_rng(2)))
    assert sorted((camera, frame) for _, camera, frame in arrived) == sorted((c, f) for _, c, f in reports(stream))
    newest, behind = {}, []
    for _, camera, frame in arrived:
        newest[camera] = max(newest.get(camera, 0), frame)
        behind.append(newest[camera] - frame)
    assert 2 <= max(behind) <= 4
    assert 0.2 < np.mean(np.array(behind) > 0) < 0.6


def test_repeated_reports_are_the_same_report(stream):
    chaos = ChaosSettings(outages=0, late=0.0, repeated=0.3, skew=0.0)
    counts = Counter(
        (camera, frame) for _, camera, frame in reports(disturbed(stream, chaos, np.random.default_rng(2)))
    )
    assert set(counts.values()) == {1, 2}
    assert np.mean([count == 2 for count in counts.values()]) == pytest.approx(0.3, abs=0.1)


def test_a_clock_is_wrong_by_the_same_time_always(stream):
    chaos = ChaosSettings(outages=0, late=0.0, repeated=0.0, skew=1.0)
    errors = {}
    for step in disturbed(stream, chaos, np.random.default_rng(2)):
        for o in step:
            errors.setdefault(o.sightings.camera, set()).add(round(o.sightings.time - o.frame / 2, 6))
    assert all(len(times) == 1 for times in errors.values())
    assert all(abs(next(iter(times))) <= 1 for times in errors.values())
    assert len(set.union(*errors.values())) == 3


def test_no_camera_reports_twice_in_one_step(stream):
    chaos = ChaosSettings(late=0.3, repeated=0.3)
    for step in disturbed(stream, chaos, np.random.default_rng(2)):
        cameras = [o.sightings.camera for o in step]
        assert len(set(cameras)) == len(cameras)
