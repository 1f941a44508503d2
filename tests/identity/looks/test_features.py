"""A track's bank keeps diverse views and weighs good ones; normalisation takes cameras out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.views import unit
from unbroken.identity.looks.features import Bank, FeatureSettings, learn_normaliser

angles = st.lists(st.tuples(st.floats(0, 360), st.floats(0, 1)), min_size=1, max_size=30)


def bank_of(views, limit=4):
    bank = Bank(FeatureSettings(views=limit))
    for angle, quality in views:
        bank.add(unit(angle)[0], quality)
    return bank


@given(angles, st.integers(1, 6))
def test_a_bank_is_bounded_and_its_vector_is_of_unit_length(views, limit):
    bank = bank_of(views, limit)
    assert len(bank) == min(len(views), limit)
    assert bank.weight == pytest.approx(sum(max(quality, 1e-3) for _, quality in views))
    assert np.linalg.norm(bank.vector) == pytest.approx(1, abs=1e-5) or np.linalg.norm(bank.vector) < 1e-5


def test_somebody_who_stands_long_in_one_pose_is_not_that_pose_alone():
    bank = bank_of([(0, 0.9)] * 50 + [(80, 0.9)] + [(0, 0.9)] * 50)
    assert bank.vector @ unit(80)[0] > 0.3


def test_of_two_views_that_are_alike_the_better_one_stays():
    bank = bank_of([(0, 0.1), (120, 0.5), (240, 0.5), (1, 0.9)], limit=3)
    assert bank.vector @ unit(1)[0] > bank.vector @ unit(240)[0]


def test_a_view_of_no_quality_is_better_than_none():
    assert bank_of([(30, 0.0)]).vector @ unit(30)[0] == pytest.approx(1)


def test_a_colour_cast_that_all_tracks_of_a_camera_share_is_taken_out():
    rng = np.random.default_rng(0)
    rows, cameras = rng.normal(size=(600, 16)), np.arange(600) % 3
    cast = rng.normal(size=(3, 16)) * 3
    vectors = rows + cast[cameras]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    normalised = learn_normaliser(vectors, cameras, FeatureSettings()).apply(vectors, cameras)
    means = np.stack([normalised[cameras == camera].mean(axis=0) for camera in range(3)])
    assert np.abs(means).max() < 0.5
    assert np.linalg.norm(normalised, axis=1) == pytest.approx(4.0)


def test_one_track_of_a_camera_does_not_become_its_mean():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(101, 16)).astype(np.float32)
    cameras = np.append(np.zeros(100, dtype=np.int64), 1)
    normaliser = learn_normaliser(vectors, cameras, FeatureSettings())
    alone, site = np.linalg.norm(normaliser.means[1] - vectors[100]), np.linalg.norm(normaliser.centre - vectors[100])
    assert alone > 0.8 * site
