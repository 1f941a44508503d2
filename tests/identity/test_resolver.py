"""Decisions: the best assignment of all tracks of a view, by the looks, times and places that the event tells."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.sites import site_of
from unbroken.identity.resolver import exclusive_groups, resolve
from unbroken.identity.site import REFUSED
from unbroken.identity.weighing import weigh
from unbroken.identity.whereabouts.topology import TopologySettings

angles = st.lists(st.integers(0, 180), min_size=1, max_size=4)


@given(angles, angles)
def test_tracks_of_a_view_are_assigned_with_the_greatest_sum_of_scores(known, seen):
    site, slots = site_of([("a", angle) for angle in known], [("b", angle) for angle in seen])
    decisions = resolve(slots, site)
    weighed = [weigh([slot], site) for slot in slots]
    ids = site.gallery.ids.tolist()

    def total(chosen):
        return sum(
            each.newcomer if person == 0 else each.scores[ids.index(person)]
            for each, person in zip(weighed, chosen, strict=True)
        )

    nobody_twice = list(permutations([*ids, *[0] * len(slots)], len(slots)))
    assert total([decision.person for decision in decisions]) == pytest.approx(max(map(total, nobody_twice)))


@given(angles, st.integers(0, 180))
def test_the_prior_odds_of_who_can_be_meant_sum_to_the_share_of_people_known(known, seen):
    site, (slot,) = site_of([("a", angle) for angle in known], [("b", seen)])
    weighed = weigh([slot], site)
    assert np.exp(weighed.time).sum() + site.newcomer == pytest.approx(1)


@given(angles, st.integers(0, 180))
def test_the_parts_of_the_evidence_sum_to_the_score_and_the_confidence_is_a_share(known, seen):
    site, (slot,) = site_of([("a", angle) for angle in known], [("b", seen)])
    (decision,) = resolve([slot], site)
    for evidence in (decision.evidence, *decision.alternatives):
        if evidence.person:
            assert evidence.score == pytest.approx(evidence.appearance + evidence.time + evidence.place)
    assert 0 < decision.confidence <= 1
    assert decision.margin >= 0


def test_who_is_in_a_view_that_shares_no_ground_is_not_meant_however_alike():
    apart = TopologySettings(apart=frozenset({frozenset({"a", "b"})}))
    site, (slot,) = site_of([("a", 10), ("c", 60)], [("b", 10)], apart)
    site.history.extend(0, float(site.history.starts[0]), 9.5)
    weighed = weigh([slot], site)
    assert weighed.scores[0] == REFUSED
    assert weighed.scores[1] > REFUSED


def test_tracks_of_views_that_share_no_ground_are_assigned_together():
    apart = TopologySettings(apart=frozenset({frozenset({"b", "c"})}))
    site, slots = site_of([("a", 10)], [("b", 12), ("c", 8), ("d", 9), ("b", 50)], apart)
    parts = [[slots[0], slots[3]], [slots[1]], [], [slots[2]]]
    together, alone = exclusive_groups(parts, site)
    assert together == [slots[0], slots[3], slots[1]]
    assert alone == [slots[2]]
    decided = {decision.slot: decision.person for decision in resolve(together, site)}
    assert [person for person in decided.values() if person] == [1]


def test_tracks_that_share_no_instant_are_not_taken_for_different_people():
    site, (before, after) = site_of([], [("b", 12), ("b", 12)])
    site.history.starts[after], site.history.ends[after] = 30, 31
    assert exclusive_groups([[before], [after]], site) == [[before], [after]]


def test_caution_is_what_somebody_new_is_favoured_by():
    site, (slot,) = site_of([("a", 10)], [("b", 14)])
    assert resolve([slot], site)[0].person == 1
    site.caution = 30.0
    decision = resolve([slot], site)[0]
    assert decision.person == 0
    assert [other.person for other in decision.alternatives] == [1]
