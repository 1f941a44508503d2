"""The graph of cameras learns ways and their times, and obeys what is given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import ConfigError
from unbroken.identity.whereabouts.topology import Topology, TopologySettings, gaps

AB = frozenset({"a", "b"})


def site(settings=None, cameras="ab"):
    topology = Topology(settings or TopologySettings())
    for camera in cameras:
        topology.number(camera)
    return topology


def taught(topology, links, odds=None):
    """Links (from, to, seconds), each as sure as can be."""
    came_from, went_to, gap = (np.array(part) for part in zip(*links, strict=True))
    count = len(topology.names)
    odds = np.zeros((count, count)) if odds is None else odds
    topology.learn(came_from, went_to, gap.astype(np.float64), np.ones(len(links)), odds)
    return topology


def intensity(topology, one, other, gap):
    return float(np.exp(topology.log_intensity(np.array([one]), np.array([other]), np.array([float(gap)]))[0]))


def test_the_usual_time_of_a_way_is_likelier_than_others_and_than_the_way_back():
    rng = np.random.default_rng(0)
    topology = taught(site(), [(0, 1, gap) for gap in rng.normal(20, 2, size=200)])
    assert intensity(topology, 0, 1, 20) > 5 * intensity(topology, 0, 1, 40)
    assert intensity(topology, 0, 1, 20) > 1.5 * intensity(topology, 1, 0, 20)


def test_what_leaves_a_camera_is_seen_next_with_the_probability_that_is_given():
    rng = np.random.default_rng(1)
    links = [(0, int(to), gap) for to, gap in zip(rng.integers(0, 3, 300), rng.gamma(4, 5, 300), strict=True)]
    topology = taught(site(cameras="abc"), links)
    seconds = np.sinh(np.arange(-4, 14, 0.001))
    for camera in range(3):
        total = sum(
            np.trapezoid(
                np.exp(topology.log_intensity(np.full(len(seconds), camera), np.full(len(seconds), to), seconds)),
                seconds,
            )
            for to in range(3)
        )
        # Two views that were never shown to overlap take a little away at a gap of nothing.
        assert total == pytest.approx(TopologySettings().leave, abs=0.05)


def test_what_is_given_as_usual_is_expected_before_anybody_has_gone_the_way():
    plain, told = site(), site(TopologySettings(usual={("a", "b"): 30.0}))
    for topology in (plain, told):
        taught(topology, [(0, 0, 5.0)])
    assert intensity(told, 0, 1, 30) > 2 * intensity(plain, 0, 1, 30)


@given(st.floats(0.1, 100), st.floats(-50, 200))
def test_nobody_is_faster_than_what_is_given_as_fastest(fastest, gap):
    topology = taught(site(TopologySettings(fastest={("a", "b"): fastest})), [(0, 1, 1.0)] * 100)
    way = np.array([0]), np.array([1]), np.array([gap])
    assert topology.possible(*way)[0] == (gap < 0 or gap >= fastest)
    assert np.isfinite(topology.log_intensity(*way)[0]) == topology.possible(*way)[0]


@pytest.mark.parametrize(
    ("settings", "odds", "apart"),
    [
        (TopologySettings(), 0.0, False),
        (TopologySettings(), -20.0, True),
        (TopologySettings(overlapping=frozenset({AB})), -20.0, False),
        (TopologySettings(apart=frozenset({AB})), 20.0, True),
    ],
)
def test_views_are_apart_if_it_is_given_or_else_if_looks_say_so(settings, odds, apart):
    topology = taught(site(settings), [(0, 1, 10.0)], np.full((2, 2), odds))
    assert topology.apart(np.array([0]), np.array([1]))[0] == apart
    assert topology.possible(np.array([0]), np.array([1]), np.zeros(1))[0] == (not apart)


def test_calibrated_views_are_apart_until_they_see_people_on_the_same_square_metre():
    topology, here = site(), np.random.default_rng(2).uniform(0, 5, size=(400, 2))
    topology.note_ground(0, here)
    topology.note_ground(1, here + 20)
    assert taught(topology, [(0, 1, 10.0)]).apart(np.array([0]), np.array([1]))[0]
    topology.note_ground(1, here[:200])
    assert not taught(topology, [(0, 1, 10.0)]).apart(np.array([0]), np.array([1]))[0]


def test_a_misplaced_foot_does_not_make_two_views_overlap():
    topology, rng = site(), np.random.default_rng(2)
    here = rng.uniform(0, 9, size=(4000, 2))
    topology.note_ground(0, here)
    topology.note_ground(1, here + 20)
    topology.note_ground(1, np.tile(here[:1], (5, 1)))
    assert taught(topology, [(0, 1, 10.0)]).apart(np.array([0]), np.array([1]))[0]


def test_many_links_of_which_none_is_simultaneous_keep_two_views_apart():
    settings = TopologySettings(apart_after=20)
    assert not taught(site(settings), [(0, 1, 9.0)] * 19).apart(np.array([0]), np.array([1]))[0]
    assert taught(site(settings), [(0, 1, 9.0)] * 20).apart(np.array([0]), np.array([1]))[0]
    assert not taught(site(settings), [(0, 1, 9.0)] * 19 + [(0, 1, 0.0)]).apart(np.array([0]), np.array([1]))[0]


def test_a_pair_that_is_given_as_both_is_one_sentence():
    with pytest.raises(ConfigError, match="cameras a and b are given as overlapping and as apart"):
        TopologySettings(overlapping=frozenset({AB}), apart=frozenset({AB}))


@given(*[st.floats(0, 100)] * 2, *[st.floats(0, 10)] * 2)
def test_a_gap_is_nothing_while_tracks_overlap_and_changes_its_sign_with_their_order(start, other, length, more):
    one, two = (np.array([start]), np.array([start + length])), (np.array([other]), np.array([other + more]))
    there, back = gaps(*one, *two)[0], gaps(*two, *one)[0]
    assert there == -back
    assert (there == 0) == (max(start, other) <= min(start + length, other + more))
