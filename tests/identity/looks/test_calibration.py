"""The likelihood ratio of looks is the one of its own model, and says no more than it is worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from unbroken.identity.gallery import Gallery, GallerySettings, View
from unbroken.identity.looks.calibration import CalibrationSettings, Likeness, learn_likeness
from unbroken.identity.looks.densities import Densities
from unbroken.identity.looks.features import FeatureSettings, Normaliser

_BETWEEN = np.array([9.0, 2.0, 0.3])
_PLAIN = Densities(strangers=-4.5, same=4.5, spread=3.0, share=0.5, pairs=0, together=0)
"""One nat of the model is one nat."""


def model() -> Likeness:
    """B = diag(_BETWEEN), W = I, and rows that are taken as they are."""
    nothing = Normaliser(np.zeros(3), {}, np.eye(3))
    return Likeness(nothing, np.eye(3), _BETWEEN, CalibrationSettings(ceiling=50.0), _PLAIN)


def log_joint(rows):
    """The log density of tracks of one person, from the definition: x = y + e, y ~ N(0, B), e ~ N(0, I)."""
    count = len(rows)
    covariance = np.kron(np.ones((count, count)), np.diag(_BETWEEN)) + np.eye(3 * count)
    return multivariate_normal.logpdf(rows.ravel(), cov=covariance)


def gallery_of(people) -> Gallery:
    """The model's gallery; each person a list of rows."""
    gallery = Gallery(GallerySettings(views=8))
    gallery.recalibrate(model(), 3)
    number = 0
    for person, rows in enumerate(people, 1):
        kept = []
        for row in rows:
            kept.append(View(number, 0, float(number), number + 1.0, row.astype(np.float32), row))
            number += 1
        gallery.put(person, tuple(kept))
    return gallery


drawn = st.integers(0, 2**32 - 1)


@given(drawn, st.integers(1, 4), st.integers(1, 3))
def test_a_comparison_is_the_ratio_of_the_joint_densities(seed, known, tracks):
    rng = np.random.default_rng(seed)
    people = [rng.normal(size=(count, 3)) * 2 for count in (known, 1)]
    mine = rng.normal(size=(tracks, 3)) * 2
    found = gallery_of(people).together(mine)
    expected = [log_joint(np.vstack([rows, mine])) - log_joint(rows) - log_joint(mine) for rows in people]
    assert found == pytest.approx(expected, abs=1e-8)


@given(drawn, st.integers(1, 4), st.integers(1, 4))
def test_two_people_are_one_by_the_ratio_of_the_joint_densities(seed, mine, theirs):
    rng = np.random.default_rng(seed)
    people = [rng.normal(size=(count, 3)) * 2 for count in (mine, theirs)]
    found = gallery_of(people).joint(1)[1]
    assert found == pytest.approx(log_joint(np.vstack(people)) - sum(map(log_joint, people)), abs=1e-8)


@given(drawn)
def test_two_tracks_are_compared_as_a_track_with_a_person_of_one(seed):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(2, 1, 3)) * 2
    assert model().between_tracks(one, other)[0] == pytest.approx(gallery_of([one]).together(other)[0], abs=1e-8)


@given(st.lists(st.floats(-500, 500), min_size=2, max_size=20))
def test_worth_rises_with_the_ratio_and_stays_under_the_ceiling(ratios):
    worth = model().calibrated(np.sort(ratios))
    assert (np.diff(worth) >= 0).all()
    assert worth.max() <= 50.0


def test_a_camera_with_a_colour_cast_costs_no_recognition():
    rng = np.random.default_rng(0)
    people, dimension = 80, 32
    looks, cast = rng.normal(size=(people, dimension)), rng.normal(size=(4, dimension)) * 2
    cameras, persons = np.tile(np.arange(4), people), np.repeat(np.arange(people), 4)
    rows = looks[persons] + cast[cameras] + 0.6 * rng.normal(size=(len(persons), dimension))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    known = persons < people // 2
    groups = np.where(known, persons, -1)
    likeness = learn_likeness(vectors, cameras, groups, CalibrationSettings(), FeatureSettings())

    def nearest(scores):
        """How many of the others' tracks in camera 0 have their own track in camera 1 as the most alike."""
        return float((scores.argmax(axis=1) == np.arange(len(scores))).mean())

    there = {camera: np.flatnonzero((cameras == camera) & ~known) for camera in (0, 1)}
    projected = likeness.project(vectors, cameras)
    one, other = np.meshgrid(there[0], there[1], indexing="ij")
    ratios = likeness.between_tracks(projected[one.ravel()], projected[other.ravel()]).reshape(one.shape)
    assert nearest(ratios) > 0.9
    assert nearest(ratios) > nearest(vectors[there[0]] @ vectors[there[1]].T) + 0.2


def looks(rng, count, dimension):
    rows = rng.normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def ratios_of_pairs(likeness, vectors, cameras):
    rows = likeness.project(vectors, cameras)
    return likeness.between_tracks(rows[::2], rows[1::2])


def test_a_model_of_few_tracks_does_not_hang_on_how_sums_are_rounded():
    rng = np.random.default_rng(3)
    vectors, cameras = looks(rng, 60, 300), np.arange(60) % 3
    groups = np.where(np.arange(60) < 20, np.arange(60) // 2, -1)
    others, seen_by = looks(rng, 40, 300), np.arange(40) % 3
    found = []
    for order in (np.arange(60), rng.permutation(60)):
        rows = vectors[order], cameras[order], groups[order]
        likeness = learn_likeness(*rows, CalibrationSettings(), FeatureSettings())
        found.append(ratios_of_pairs(likeness, others, seen_by))
    assert np.abs(found[0]).max() > 1e-3
    assert found[0] == pytest.approx(found[1], abs=1e-8)


def test_tracks_that_look_all_alike_teach_nothing():
    vectors, cameras = np.repeat(looks(np.random.default_rng(4), 1, 300), 50, axis=0), np.zeros(50, dtype=np.int64)
    likeness = learn_likeness(vectors, cameras, np.full(50, -1), CalibrationSettings(), FeatureSettings())
    others = looks(np.random.default_rng(5), 10, 300)
    assert not ratios_of_pairs(likeness, others, np.zeros(10, dtype=np.int64)).any()
