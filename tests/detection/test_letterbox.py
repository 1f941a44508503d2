"""Pictures go into a net's frame and boxes come back out of it to where they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.cards import InputSpec
from unbroken.detection.letterbox import free_size, placed, placement


def to_net(place, boxes):
    return boxes * np.tile(place.scale, 2) + np.tile(place.offset, 2)


SIDES = st.integers(1, 2000)
MODES = st.sampled_from(["none", "top_left", "centre"])


@given(SIDES, SIDES, st.integers(1, 20), st.integers(1, 20), MODES, st.integers(0, 2**31))
def test_boxes_return_to_where_they_were(width, height, columns, rows, mode, seed):
    net = (32 * columns, 32 * rows)
    place = placement((width, height), net, InputSpec(*net, letterbox=mode))
    boxes = np.random.default_rng(seed).uniform(0, 2000, (5, 4))
    np.testing.assert_allclose(place.to_picture(to_net(place, boxes)), boxes, rtol=1e-9, atol=1e-6)


@given(SIDES, SIDES, st.integers(1, 20), st.integers(1, 20), MODES)
def test_the_whole_picture_lies_inside_the_input(width, height, columns, rows, mode):
    net = (32 * columns, 32 * rows)
    place = placement((width, height), net, InputSpec(*net, letterbox=mode))
    corners = to_net(place, np.array([[0.0, 0.0, width, height]]))[0]
    assert (corners[:2] >= 0).all()
    assert (corners[2:] <= np.array(net) + 1e-9).all()


@pytest.mark.parametrize("mode", ["none", "top_left", "centre"])
def test_a_bright_patch_is_found_where_its_box_is_said_to_be(mode):
    image = np.zeros((90, 160, 3), dtype=np.uint8)
    image[30:60, 40:80] = 255
    net = (320, 320)
    place = placement((160, 90), net, InputSpec(*net, letterbox=mode))
    canvas = placed(image, place, net, fill=7)
    ys, xs = np.nonzero(canvas[:, :, 0] > 127)
    found = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], dtype=np.float64)
    np.testing.assert_allclose(place.to_picture(found), [[40, 30, 80, 60]], atol=1)


def test_the_padding_has_the_colour_of_the_card_and_lies_where_it_says():
    image = np.full((50, 100, 3), 200, dtype=np.uint8)
    for mode, rows in (("top_left", slice(50, 100)), ("centre", slice(0, 25))):
        place = placement((100, 50), (100, 100), InputSpec(100, 100, letterbox=mode))
        canvas = placed(image, place, (100, 100), fill=114)
        assert (canvas[rows] == 114).all()
        assert (canvas == 200).sum() == image.size


@given(SIDES, SIDES, st.integers(64, 1280), st.sampled_from([1, 32, 64]))
def test_a_free_input_is_a_multiple_and_keeps_the_aspect_within_half_of_one(width, height, longest, multiple):
    size = free_size((width, height), longest, multiple)
    assert all(length % multiple == 0 and length > 0 for length in size)
    scale = longest / max(width, height)
    assert all(
        abs(length - side * scale) <= multiple / 2 + 1e-6 or length == multiple
        for length, side in zip(size, (width, height), strict=True)
    )
