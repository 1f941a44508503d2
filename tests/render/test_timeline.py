"""Timelines: bars lie where the times say."""

import numpy as np
import pytest

from unbroken.render.colours import bgr
from unbroken.render.spans import Seen
from unbroken.render.timeline import TimelineSettings, draw_person, draw_timeline, time_ticks

SEEN = [Seen(1, "a", 0, 5), Seen(1, "b", 6, 10), Seen(2, "b", 0, 10)]


def bars(image, person):
    """Rows and columns of the long runs of a person's colour, right of the plate with the number."""
    mask = (image == np.array(bgr(person))).all(axis=2)
    mask[:, :40] = False
    rows = [row for row in range(len(mask)) if mask[row].sum() > 60]
    return [(row, int(mask[row].nonzero()[0].min()), int(mask[row].nonzero()[0].max())) for row in rows]


def test_bars_are_as_long_as_the_visits_and_cameras_have_lanes_of_their_own():
    image = draw_timeline(SEEN, ["a", "b"], "all")
    whole = bars(image, 2)[0][2] - bars(image, 2)[0][1]
    lanes = sorted({(right - left) / whole for _, left, right in bars(image, 1)})
    np.testing.assert_allclose(lanes, [0.4, 0.5], atol=0.02)
    assert bars(image, 1)[-1][0] < bars(image, 2)[0][0]


def test_pictures_of_different_people_share_one_axis():
    first, second = (draw_person(SEEN, person, ["a", "b"]) for person in (1, 2))
    assert first.shape == second.shape
    assert bars(first, 1)[-1][2] == bars(second, 2)[-1][2]


def test_many_people_are_cut_off_and_counted_and_nobody_is_no_error():
    many = [Seen(person, "a", person, person + 1) for person in range(1, 200)]
    image = draw_timeline(many, ["a"], settings=TimelineSettings(rows=10, width=800))
    assert image.shape[0] < 500
    assert draw_timeline([], ["a"], "nobody").shape[1] == 1280


@pytest.mark.parametrize(
    ("end", "step"),
    [
        (0.03, 0.005),
        (1.0, 0.2),
        (7.0, 1.0),
        (60.0, 10.0),
        (100.0, 15.0),
        (1e7, 2e6),
        (3600.0, 600.0),
        (86400.0, 21600.0),
    ],
)
def test_ticks_are_round_numbers(end, step):
    ticks = time_ticks(0, end, 7)
    assert ticks[0] == 0
    np.testing.assert_allclose(np.diff(ticks), step)
    assert 3 <= len(ticks) <= 9
