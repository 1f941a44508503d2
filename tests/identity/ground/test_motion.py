"""Motion on the ground against plain filters and densities."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from unbroken.identity.ground.births import clusters
from unbroken.identity.ground.motion import corrected, fit, information_of, inverted, predicted, walk


def spread(generator: np.random.Generator, count: int, size: int) -> np.ndarray:
    roots = generator.normal(size=(count, size, size))
    return roots @ np.swapaxes(roots, 1, 2) + 0.1 * np.eye(size)


@given(first=st.floats(0.01, 5), second=st.floats(0.01, 5))
def test_two_steps_are_one_long_step(first: float, second: float) -> None:
    mean, covariance = np.array([[1.0, 2.0, 0.5, -0.3]]), 0.2 * np.eye(4)[None]
    once = predicted(mean, covariance, walk(first + second, 0.8, 3.0))
    twice = predicted(*predicted(mean, covariance, walk(first, 0.8, 3.0)), walk(second, 0.8, 3.0))
    assert np.allclose(once[0], twice[0])
    assert np.allclose(once[1], twice[1])


def test_over_short_times_people_keep_their_velocity_and_over_long_ones_lose_it() -> None:
    walker, still = np.array([[0.0, 0.0, 1.0, 0.0]]), np.zeros((1, 4, 4))
    soon, _ = predicted(walker, still, walk(0.04, 0.8, 5.0))
    late, doubt = predicted(walker, still, walk(1000.0, 0.8, 5.0))
    assert np.allclose(soon[0], [0.04, 0, 1, 0], atol=0.01)
    assert np.allclose(late[0, 2:], 0, atol=1e-6)
    assert np.allclose(np.diag(doubt[0])[2:], 0.8**2)


def test_points_of_several_cameras_at_once_are_a_kalman_filters_updates_one_by_one() -> None:
    generator = np.random.default_rng(1)
    mean, covariance = generator.normal(size=4), spread(generator, 1, 4)[0]
    points, noise = generator.normal(size=(3, 2)), spread(generator, 3, 2)
    expected, doubt, observe = mean.copy(), covariance.copy(), np.eye(4)[:2]
    for point, around in zip(points, noise, strict=True):
        gain = doubt @ observe.T @ np.linalg.inv(observe @ doubt @ observe.T + around)
        expected, doubt = expected + gain @ (point - observe @ expected), doubt - gain @ observe @ doubt
    weights, weighted = information_of(points, noise)
    got, left = corrected(mean[None], covariance[None], weights.sum(0)[None], weighted.sum(0)[None])
    assert np.allclose(got[0], expected)
    assert np.allclose(left[0], doubt)


def test_a_track_without_points_stays_as_it_was() -> None:
    mean, covariance = np.ones((1, 4)), np.eye(4)[None]
    got, left = corrected(mean, covariance, np.zeros((1, 2, 2)), np.zeros((1, 2)))
    assert np.array_equal(got, mean)
    assert np.array_equal(left, covariance)


def test_the_fit_is_a_gaussian_density() -> None:
    generator = np.random.default_rng(2)
    means, covariances = generator.normal(size=(2, 4)), spread(generator, 2, 4)
    points, noise = generator.normal(size=(3, 2)), spread(generator, 3, 2)
    _, density = fit(means, covariances, points, noise)
    expected = [
        [multivariate_normal(m[:2], c[:2, :2] + r).logpdf(z) for z, r in zip(points, noise, strict=True)]
        for m, c in zip(means, covariances, strict=True)
    ]
    assert np.allclose(density, expected)


def test_small_inverses_are_numpys() -> None:
    matrices = spread(np.random.default_rng(3), 5, 2)
    assert np.allclose(inverted(matrices), np.linalg.inv(matrices))


@given(seed=st.integers(0, 1000), count=st.integers(0, 12))
def test_nobody_is_twice_in_one_view_when_a_track_starts(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    points, cameras = generator.normal(size=(count, 2)), generator.integers(0, 3, count)
    found = clusters(points, 0.5 * spread(generator, count, 2), cameras, 9.2, np.zeros((count, count)))
    assert sorted(row for group in found for row in group.rows) == list(range(count))
    assert all(len(set(cameras[group.rows])) == len(group.rows) for group in found)
