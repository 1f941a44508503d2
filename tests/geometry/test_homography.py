"""Homographies from points."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import ContractError
from unbroken.geometry.homography import homography, mapped, mirrored, robust_homography

TRUE = np.array([[0.02, 0.003, -4.0], [0.001, -0.06, 40.0], [0.0002, 0.004, 1.0]])


def pixels(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform([50, 300], [1200, 700], (count, 2))


@given(seed=st.integers(0, 500))
def test_exact_points_give_the_exact_homography(seed: int) -> None:
    points = pixels(6, seed)
    found = homography(points, mapped(TRUE, points))
    assert np.allclose(mapped(found, points), mapped(TRUE, points), atol=1e-6)


def test_noisy_points_give_opencvs_homography() -> None:
    points = pixels(40)
    ground = mapped(TRUE, points) + np.random.default_rng(1).normal(0, 0.01, (40, 2))
    expected = cv2.findHomography(points, ground)[0]
    grid = pixels(20, 5)
    assert np.allclose(mapped(homography(points, ground), grid), mapped(expected, grid), atol=0.02)


@pytest.mark.parametrize("count", [8, 40])
def test_wrong_points_are_named_and_do_no_harm(count: int) -> None:
    points = pixels(count)
    ground = mapped(TRUE, points)
    ground[2] += [3.0, -1.0]
    ground[5] += [-2.0, 2.0]
    fitted = robust_homography(points, ground, 0.3, np.random.default_rng(0))
    assert np.flatnonzero(~fitted.used).tolist() == [2, 5]
    assert fitted.errors[fitted.used].max() < 1e-6


def test_too_few_points_are_one_sentence() -> None:
    with pytest.raises(ContractError, match="3 pairs are too few"):
        robust_homography(pixels(3), pixels(3), 0.5, np.random.default_rng(0))


@pytest.mark.parametrize(("line", "where"), [(0, "picture"), (1, "ground")])
def test_points_on_a_line_are_one_sentence(line: int, where: str) -> None:
    sides = [pixels(6), mapped(TRUE, pixels(6))]
    sides[line] = np.column_stack([np.arange(6.0), 2 * np.arange(6.0) + 1])
    with pytest.raises(ContractError, match=f"one line of the {where}"):
        robust_homography(sides[0], sides[1], 0.5, np.random.default_rng(0))


def test_two_swapped_points_of_four_are_one_sentence() -> None:
    corners = np.array([[100.0, 400.0], [900.0, 400.0], [1100.0, 700.0], [50.0, 700.0]])
    ground = np.array([[0.0, 8.0], [6.0, 8.0], [0.0, 0.0], [6.0, 0.0]])
    with pytest.raises(ContractError, match="swapped"):
        robust_homography(corners, ground, 0.5, np.random.default_rng(0))


def test_a_mirrored_ground_is_noticed() -> None:
    points = pixels(6)
    ground = mapped(TRUE, points)
    assert not mirrored(homography(points, ground), points[0])
    assert mirrored(homography(points, ground * [-1, 1]), points[0])
