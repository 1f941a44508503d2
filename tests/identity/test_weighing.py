"""Weighing: groups together as each alone, and a track as if it had never been anybody's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.sites import site_of
from unbroken.identity.site import REFUSED
from unbroken.identity.weighing import weigh, weigh_all

PARTS = ("appearance", "time", "place", "scores")
ANGLES = st.lists(st.integers(0, 180), min_size=2, max_size=5)


@given(ANGLES, ANGLES)
def test_several_groups_are_weighed_as_each_alone(known, seen):
    site, slots = site_of([("a", angle) for angle in known], [("b", angle) for angle in seen])
    groups = [slots[:2], *([slot] for slot in slots), [0], [1, slots[0]]]
    for group, weighed in zip(groups, weigh_all(groups, site), strict=True):
        alone = weigh(group, site)
        for part in PARTS:
            assert getattr(weighed, part) == pytest.approx(getattr(alone, part)), part
        assert weighed.newcomer == alone.newcomer


@given(ANGLES, st.integers(0, 180))
def test_a_track_of_somebody_is_weighed_as_if_it_were_nobodys(known, seen):
    site, (slot,) = site_of([("a", angle) for angle in known], [("b", seen)])
    before = weigh([slot], site)
    site.history.persons[slot] = 1
    site.keep_view(slot)
    after = weigh([slot], site)
    for part in PARTS:
        assert getattr(after, part) == pytest.approx(getattr(before, part), abs=1e-5), part


@given(ANGLES, st.integers(0, 180))
def test_who_is_known_by_these_tracks_alone_is_not_meant(known, seen):
    site, (slot,) = site_of([("a", angle) for angle in known], [("b", seen)])
    before = weigh([slot], site)
    site.history.persons[slot] = site.gallery.new_id()
    site.keep_view(slot)
    after = weigh([slot], site)
    assert after.scores[-1] == REFUSED
    assert after.scores[:-1] == pytest.approx(before.scores)
