"""Costs agree with their definitions, written out for one pair at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.association import costs
from unbroken.geometry.boxes import iou

seeds = st.integers(0, 2**32 - 1)


def boxes_of(rng, count):
    corner = rng.uniform(0, 100, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(5, 80, (count, 2))], axis=1)


def units(rng, count, dimension=5):
    rows = rng.normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(seeds)
def test_height_overlap_looks_at_heights_alone(seed):
    rng = np.random.default_rng(seed)
    first, second = boxes_of(rng, 3), boxes_of(rng, 3)
    level = [boxes * [0, 1, 0, 1] + [0, 0, 7, 0] for boxes in (first, second)]
    np.testing.assert_allclose(costs.height_iou(first, second), iou(*level))


def test_score_fusion_weighs_each_detection():
    assert costs.fused(np.array([[0.5, 0.5]]), np.array([1.0, 0.4])).tolist() == [[0.5, 0.2]]


def test_a_feature_that_was_not_computed_is_no_evidence():
    known, unknown = np.array([[1, 0]], dtype=np.float32), np.zeros((1, 2), dtype=np.float32)
    both = np.concatenate([known, unknown])
    distances = costs.cosine_distances(both, both)
    assert distances[0, 0] == pytest.approx(0)
    assert np.isnan(distances[[0, 1, 1], [1, 0, 1]]).all()
    assert np.isnan(costs.cosine_distances(np.zeros((2, 0), np.float32), np.zeros((3, 0), np.float32))).all()


@given(seeds)
def test_the_nearest_of_a_bank_is_the_least_of_all_its_features(seed):
    rng = np.random.default_rng(seed)
    banks = units(rng, 6).reshape(2, 3, 5)
    banks[1, 2] = 0
    features = units(rng, 4)
    features[3] = 0
    nearest = costs.nearest_distances(banks, features)
    for track in range(2):
        for row in range(3):
            kept = [feature for feature in banks[track] if feature.any()]
            assert nearest[track, row] == pytest.approx(min(1 - float(f @ features[row]) for f in kept), abs=1e-6)
    assert np.isnan(nearest[:, 3]).all()


def test_a_bank_with_nothing_in_it_has_no_nearest():
    assert np.isnan(costs.nearest_distances(np.zeros((2, 3, 5), np.float32), np.eye(5, dtype=np.float32))).all()
    assert costs.nearest_distances(np.zeros((2, 3, 0), np.float32), np.zeros((4, 0), np.float32)).shape == (2, 4)


@given(seeds)
def test_mahalanobis_equals_the_matrix_form(seed):
    rng = np.random.default_rng(seed)
    positions, measured, variances = rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.uniform(0.1, 2, (3, 4))
    distances = costs.mahalanobis(positions, variances, measured)
    for i in range(3):
        for j in range(5):
            offset = measured[j] - positions[i]
            assert distances[i, j] == pytest.approx(offset @ np.linalg.inv(np.diag(variances[i])) @ offset)


@given(seeds)
def test_going_on_straight_is_consistent_and_turning_back_is_not(seed):
    rng = np.random.default_rng(seed)
    angle, turn = rng.uniform(0, 2 * math.pi), rng.uniform(-math.pi, math.pi)
    heading = np.array([[math.cos(angle), math.sin(angle)]])
    target = 9 * np.array([[math.cos(angle + turn), math.sin(angle + turn)]])
    value = costs.direction_consistency(heading, np.zeros((1, 2)), target)
    assert value[0] == pytest.approx(0.5 - abs(turn) / math.pi, abs=1e-6)
    assert costs.direction_consistency(np.zeros((1, 2)), np.zeros((1, 2)), target)[0] == 0


def test_directions_of_all_pairs_are_the_directions_of_each():
    rng = np.random.default_rng(0)
    headings, origins, targets = rng.normal(size=(3, 2)), rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    whole = costs.direction_consistency(headings[:, None], origins[:, None], targets)
    for i in range(3):
        for j in range(4):
            assert whole[i, j] == costs.direction_consistency(headings[i], origins[i], targets[j])


def test_forbidden_pairs_cost_infinity():
    assert costs.forbid(np.zeros((1, 2)), np.array([[True, False]])).tolist() == [[np.inf, 0.0]]
