"""What positions say: near is for, far is against, too far is impossible, and what is not known says nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.identity.history import History, Tracklet
from unbroken.identity.whereabouts.places import PlaceSettings, impossible, near_in_time, place_odds

SETTINGS = PlaceSettings()


def history_of(*tracks):
    """Tracks (start, end, x) that stand still on a line; x in metres, or None without calibration."""
    history = History(16)
    for number, (start, end, x) in enumerate(tracks):
        places = np.full((2, 2), np.nan) if x is None else np.tile([float(x), 0.0], (2, 1))
        nothing = np.zeros(0, dtype=np.float32)
        history.append(Tracklet(f"cam{number}", 1, start, end, nothing, places), camera=number)
    return history


def odds(before, after):
    return float(place_odds(np.array([0]), 1, history_of(before, after), SETTINGS)[0])


@given(st.floats(0.1, 30), st.floats(0, 50), st.floats(0, 50))
def test_who_is_nearer_is_rather_meant(gap, one, other):
    near, far = sorted((one, other))
    assert odds((0, 1, 0), (1 + gap, 2 + gap, near)) >= odds((0, 1, 0), (1 + gap, 2 + gap, far))


def test_a_place_says_less_the_longer_ago_it_was():
    said = [odds((0, 1, 0), (1 + gap, 2 + gap, 0)) for gap in (0.5, 2, 4, 1000)]
    assert said == sorted(said, reverse=True)
    assert said[0] > 2
    assert said[-1] == 0


@pytest.mark.parametrize(("before", "after"), [(None, 3), (3, None), (None, None)])
def test_a_place_that_is_not_known_says_nothing_and_refuses_nobody(before, after):
    history = history_of((0, 1, before), (2, 3, after))
    assert place_odds(np.array([0]), 1, history, SETTINGS)[0] == 0
    assert not impossible(np.array([0]), 1, history, SETTINGS)[0]


@given(st.floats(0, 20), st.floats(0, 200))
def test_nobody_is_faster_than_people_can_be(gap, distance):
    history = history_of((0, 1, 0), (1 + gap, 2 + gap, distance))
    seconds = history.starts[1] - history.ends[0]
    refused = impossible(np.array([0]), 1, history, SETTINGS)[0]
    assert refused == (distance > SETTINGS.slack + SETTINGS.fastest * seconds)


def test_two_who_are_seen_at_one_instant_far_from_each_other_are_two():
    history = history_of((0, 5, 0), (1, 5.1, 10))
    assert impossible(np.array([0]), 1, history, SETTINGS)[0]


@given(st.floats(0, 200), st.floats(0, 30), st.floats(0, 200), st.floats(0, 30))
def test_on_ground_of_a_few_hundred_metres_whatever_is_impossible_is_near_in_time(start, length, other, more):
    history = history_of((start, start + length, 0), (other, other + more, 360))
    if impossible(np.array([0]), 1, history, SETTINGS)[0]:
        assert near_in_time(np.array([0]), 1, history, SETTINGS)[0]
