"""The height of people is learnt from the people, and mistakes among them do not turn it."""

import numpy as np
import pytest

from unbroken.detection.perspective import PerspectiveLearner, fitted


def walkers(count, slope, offset, seed=0):
    random = np.random.default_rng(seed)
    feet = random.uniform(100, 350, count)
    heights = (slope * feet + offset) * random.normal(1, 0.05, count)
    return np.column_stack([feet, heights, heights * random.normal(0.36, 0.04, count)])


@pytest.mark.parametrize(("slope", "offset"), [(0.23, 10.0), (0.5, -30.0), (0.0, 60.0)])
def test_the_line_is_found_among_parts_of_people_and_groups(slope, offset):
    samples = walkers(200, slope, offset)
    samples[::6, 1:] *= 0.4
    samples[3::10, 1] *= 1.6
    found = fitted(samples, doubt=5.0)
    feet = np.array([120.0, 220.0, 330.0])
    np.testing.assert_allclose(found.heights(feet), slope * feet + offset, rtol=0.1)
    assert found.aspect == pytest.approx(0.36, abs=0.04)


def test_people_in_one_row_say_nothing_of_the_slope():
    found = fitted(np.array([[200 + n % 2, 60 + n % 3, 22.0] for n in range(40)]), doubt=15.0)
    assert found.heights(np.array([100.0, 300.0])) == pytest.approx([61, 61], abs=3)


def test_who_stands_for_an_hour_does_not_outweigh_all_who_passed():
    learner = PerspectiveLearner(360)
    for foot, height, width in walkers(120, 0.3, 0.0):
        learner.add(foot, height, width)
    for _ in range(5000):
        learner.add(300.0, 40.0, 15.0)
    known = learner.known
    assert known is not None
    assert known.height(150.0) == pytest.approx(45, rel=0.15)
    assert known.height(250.0) == pytest.approx(75, rel=0.15)


def test_nothing_is_known_before_enough_people_were_seen():
    learner = PerspectiveLearner(360)
    learner.add(200.0, 60.0, 20.0)
    assert learner.known is None
