"""Thresholds from footage without labels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unbroken.identity.looks.thresholds import operating_point

distances = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 2))


@given(distances, distances, st.floats(0, 0.5))
def test_strangers_pass_at_no_more_than_the_wanted_rate(own, strangers, rate):
    point = operating_point(own, strangers, rate)
    assert point.false_merges <= rate + 1 / len(strangers)
    assert point.different >= point.same
    counted = np.mean([(s > o) + 0.5 * (s == o) for o in own for s in strangers])
    np.testing.assert_allclose(point.area, counted)


def test_a_net_that_separates_misses_nobody_and_warns_of_nothing():
    rng = np.random.default_rng(0)
    point = operating_point(rng.uniform(0, 0.3, 500), rng.uniform(0.5, 1, 500), 0.01)
    assert point.missed == 0
    assert 0.5 <= point.same < 0.52
    assert point.warnings == ()


def test_a_net_that_does_not_separate_is_told_so():
    rng = np.random.default_rng(0)
    point = operating_point(rng.uniform(0, 1, 500), rng.uniform(0.1, 1, 500), 0.01)
    assert "does not separate" in point.warnings[0]


def test_too_few_pairs_are_told_and_none_at_all_is_no_crash():
    point = operating_point(np.array([0.1]), np.zeros(0), 0.01)
    assert np.isnan(point.same)
    assert len(point.warnings) == 2
