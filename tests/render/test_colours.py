"""Each person has a colour that stays, and that neighbours don't share, whatever eyes look at it."""

import numpy as np

from unbroken.render.colours import COUNT, UNDECIDED, bgr, css, ink, palette, perceived


def test_a_colour_stays_and_undecided_people_are_grey():
    assert bgr(3) == bgr(3) == bgr(3 + COUNT)
    assert bgr(-1) == UNDECIDED
    assert css(1) == "#{2:02x}{1:02x}{0:02x}".format(*bgr(1))


def test_the_first_eight_people_are_told_apart_by_normal_protan_deutan_and_tritan_eyes():
    seen = perceived(palette()[:8])
    distances = np.linalg.norm(seen[:, :, None] - seen[:, None], axis=-1)
    distances[:, np.arange(8), np.arange(8)] = np.inf
    assert distances.min() > 0.1


def test_no_two_of_all_colours_are_alike_and_neighbours_are_far_apart():
    seen = perceived(palette())
    distances = np.linalg.norm(seen[:, :, None] - seen[:, None], axis=-1).min(axis=0) + np.eye(COUNT)
    assert distances.min() > 0.04
    assert min(distances[row, (row + 1) % COUNT] for row in range(COUNT)) > 0.09


def test_perceived_lightness_agrees_with_known_values():
    white, red = perceived(np.array([[255.0, 255, 255], [255, 0, 0]]))[0]
    np.testing.assert_allclose(white, [1, 0, 0], atol=1e-3)
    np.testing.assert_allclose(red, [0.62796, 0.22486, 0.12585], atol=1e-3)


def test_ink_is_readable_on_every_colour():
    def luminance(colour):
        linear = (np.array(colour[::-1]) / 255) ** 2.2
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for person in range(1, COUNT + 1):
        light, dark = sorted([luminance(bgr(person)), luminance(ink(bgr(person)))], reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 2.8
