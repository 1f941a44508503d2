"""Boxes of hidden people made whole."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unbroken.identity.ground.boxes import WholeBoxes, whole_boxes


def walk(count: int = 50) -> tuple[np.ndarray, np.ndarray]:
    x = np.arange(count, dtype=float)
    return x / 25, np.column_stack([x, np.full(count, 20.0), x + 40, np.full(count, 120.0)])


def test_hidden_feet_are_put_back() -> None:
    times, boxes = walk()
    hidden = boxes.copy()
    hidden[20:24, 3] = 90.0
    assert np.allclose(whole_boxes(times, hidden, WholeBoxes()), boxes)


def test_boxes_that_are_whole_stay_as_they_are() -> None:
    times, boxes = walk()
    assert np.allclose(whole_boxes(times, boxes, WholeBoxes()), boxes)


@given(seed=st.integers(0, 500), count=st.integers(0, 30))
def test_no_box_gets_lower_or_moves_its_head(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    corners = generator.uniform(0, 100, (count, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(1, 80, (count, 2))], axis=1)
    whole = whole_boxes(np.sort(generator.uniform(0, 5, count)), boxes, WholeBoxes())
    assert np.allclose(whole[:, 1], boxes[:, 1])
    assert (whole[:, 3] >= boxes[:, 3] - 1e-9).all()
    assert (whole[:, 3] - whole[:, 1] <= 1.6 * (boxes[:, 3] - boxes[:, 1]) + 1e-9).all()
    assert np.allclose(whole[:, [0, 2]].mean(axis=1), boxes[:, [0, 2]].mean(axis=1))
