"""What everybody does at once is the camera's doing, and nothing else is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.motion.steady import Steadiness, common_shift


def crowd(rng, count=12):
    heights = rng.uniform(60, 200, count)
    return np.column_stack([rng.uniform(0, 1900, count), rng.uniform(0, 1000, count), heights / 2.5, heights])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-20, 20), st.floats(-20, 20))
def test_a_common_shift_is_found_in_whatever_order_people_come(seed, across, down):
    rng = np.random.default_rng(seed)
    expected = crowd(rng)
    found = expected + np.array([across, down, 0, 0])
    shift = common_shift(expected, found[rng.permutation(len(found))], Steadiness())
    np.testing.assert_allclose(shift, [across, down], atol=0.05 + 1e-6)


def test_people_who_walk_each_their_way_do_not_move_the_camera():
    rng = np.random.default_rng(3)
    expected = crowd(rng, 40)
    found = expected.copy()
    found[:, :2] += rng.normal(0, 0.03, (40, 2)) * expected[:, 3:]
    assert np.abs(common_shift(expected, found, Steadiness())).max() < 1.0


def test_one_who_runs_does_not_drag_the_others():
    rng = np.random.default_rng(4)
    expected = crowd(rng)
    found = expected + np.array([5.0, -3, 0, 0])
    found[0, 0] += 0.4 * found[0, 3]
    assert common_shift(expected, found, Steadiness()) == pytest.approx([5, -3], abs=0.3)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_people_say_nothing(count):
    expected = crowd(np.random.default_rng(5), count)
    assert not common_shift(expected, expected + 5, Steadiness()).any()
