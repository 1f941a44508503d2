"""Assignment is the best there is: brute force over every set of pairs agrees."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unbroken.association.assign import assign

matrices = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    elements=st.one_of(st.floats(0, 1), st.just(np.inf), st.sampled_from([0.0, 0.5, 1.0])),
)


def best_gain(costs, limit):
    """The greatest sum of (limit - cost) over all sets of pairs in which nobody is twice."""
    tracks, detections = costs.shape
    best = 0.0
    for count in range(1, min(tracks, detections) + 1):
        for rows in itertools.combinations(range(tracks), count):
            for columns in itertools.permutations(range(detections), count):
                chosen = costs[rows, columns]
                if (chosen < limit).all():
                    best = max(best, float((limit - chosen).sum()))
    return best


@given(matrices, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_no_set_of_pairs_is_better(costs, limit):
    rows, columns = assign(costs, limit)
    chosen = costs[rows, columns]
    assert (chosen < limit).all()
    assert len(set(rows.tolist())) == len(rows) == len(set(columns.tolist()))
    assert float((limit - chosen).sum()) == pytest.approx(best_gain(costs, limit))
    assert rows.tolist() == sorted(rows.tolist())


def test_a_pair_above_the_limit_is_not_forced_upon_the_others():
    """Hungarian first and gating afterwards would choose 0.6 + 0.1 and then lose the 0.6."""
    rows, columns = assign(np.array([[0.4, 0.6], [0.1, 0.9]]), 0.5)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(1, 0)]


def test_a_large_matrix_with_crowds_equals_the_unreduced_optimum():
    from scipy.optimize import linear_sum_assignment

    costs = np.random.default_rng(1).uniform(0, 1, (60, 50))
    rows, columns = assign(costs, 0.2)
    whole = np.minimum(costs, 0.2)
    expected = (0.2 - whole[linear_sum_assignment(whole)]).sum()
    assert (0.2 - costs[rows, columns]).sum() == pytest.approx(expected)
