"""Who is in the site: new, update and end as integrators count them."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scene import answer
from unbroken.core.events import (
    Evidence,
    PersonAppeared,
    PersonChanged,
    PersonForgotten,
    PersonLeft,
    PersonMerged,
)
from unbroken.core.frames import Frame
from unbroken.core.tracks import TrackState
from unbroken.pipeline.presence import Presence, PresenceSettings

SETTINGS = PresenceSettings(end=10.0, update=1.0, linger=2.0)
WHY = Evidence(1, 4.0)


def seen(time, camera, persons, state=TrackState.CONFIRMED, sure=2):
    frame = Frame(camera, 0, time, np.zeros((0, 0, 3), np.uint8))
    count = len(persons)
    boxes = np.tile([10.0, 20.0, 50.0, 120.0], (count, 1))
    tracks = [person if person > 0 else 90 + row for row, person in enumerate(persons)]
    more = {"state": np.full(count, state), "sure": np.full(count, sure)}
    return answer(frame, boxes, tracks, persons, **more)


def test_a_person_is_new_once_and_ends_when_unseen_for_long():
    presence = Presence(SETTINGS)
    assert presence.observe([seen(0.0, "door", [4])], ()) == [PersonAppeared(0.0, 4, "door", 4)]
    assert presence.observe([seen(9.0, "door", [4])], ()) == []
    assert presence.observe([seen(19.0, "door", [])], ()) == []
    assert presence.people == (4,)
    assert presence.observe([seen(19.1, "door", [])], ()) == [PersonLeft(9.0, 4, ("door",), 0.0, "unseen")]
    assert presence.observe([seen(30.0, "door", [4])], ()) == [PersonAppeared(30.0, 4, "door", 4)]


def test_undecided_and_predicted_people_are_not_in_the_site():
    presence = Presence(SETTINGS)
    assert presence.observe([seen(0.0, "door", [-1])], ()) == []
    assert presence.observe([seen(1.0, "door", [4], TrackState.COASTING)], ()) == []


def test_changes_of_camera_and_state_are_told_at_most_once_a_second_and_the_last_one_always():
    presence = Presence(SETTINGS)
    presence.observe([seen(0.0, "door", [4], sure=1)], ())
    told = []
    for tenth in range(1, 40):
        hall = [seen(tenth / 10, "hall", [4])] if tenth > 2 else [seen(tenth / 10, "door", [4], sure=1)]
        told += presence.observe(hall, ())
    assert told == [
        PersonChanged(1.0, 4, ("door", "hall"), "confirmed", 0.0),
        PersonChanged(2.3, 4, ("hall",), "confirmed", 0.0),
    ]


def test_the_surest_camera_says_how_sure_a_global_id_is():
    presence = Presence(SETTINGS)
    told = []
    for tenth in range(60):
        pictures = [seen(tenth / 10, "door", [4], sure=2), seen(tenth / 10 + 0.03, "hall", [4], sure=1)]
        told += presence.observe(pictures, ())
    assert told[1:] == [PersonChanged(1.03, 4, ("door", "hall"), "confirmed", 0.0)]


def test_a_merge_ends_the_absorbed_one_and_hands_its_time_over():
    presence = Presence(SETTINGS)
    presence.observe([seen(0.0, "door", [7]), seen(1.0, "hall", [4])], ())
    told = presence.observe([seen(2.0, "door", [4])], [PersonMerged(2.0, 4, 7, WHY)])
    assert told == [
        PersonLeft(0.0, 7, ("door",), 0.0, "merged", 4),
        PersonChanged(2.0, 4, ("door", "hall"), "confirmed", 0.0),
    ]


def test_a_merge_into_somebody_who_is_away_brings_him_back():
    presence = Presence(SETTINGS)
    presence.observe([seen(0.0, "door", [7])], ())
    told = presence.observe([seen(1.0, "door", [4])], [PersonMerged(1.0, 4, 7, WHY)])
    assert [type(event) for event in told] == [PersonLeft, PersonAppeared]
    assert presence.people == (4,)


def test_forgetting_and_stopping_end_everybody_they_concern():
    presence = Presence(SETTINGS)
    presence.observe([seen(0.0, "door", [4, 5])], ())
    told = presence.observe([seen(1.0, "door", [5])], [PersonForgotten(1.0, 4, "asked")])
    assert told == [PersonLeft(1.0, 4, (), 1.0, "forgotten")]
    assert presence.close() == [PersonLeft(1.0, 5, ("door",), 0.0, "stopped")]
    assert presence.close() == []


STEPS = st.lists(
    st.tuples(
        st.floats(0.1, 8.0),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sets(st.integers(1, 4)), max_size=3),
        st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)).filter(lambda pair: pair[0] != pair[1]), max_size=1),
    ),
    max_size=25,
)


@given(steps=STEPS, order=st.randoms(use_true_random=False))
def test_who_is_new_less_who_has_ended_is_who_is_there_and_cameras_have_no_order(steps, order):
    presence, shuffled = Presence(SETTINGS), Presence(SETTINGS)
    balance: Counter[int] = Counter()
    time = 0.0
    for gap, views, merges in steps:
        time += gap
        results = [seen(time, camera, sorted(persons)) for camera, persons in views.items()]
        events = [PersonMerged(time, person, absorbed, WHY) for person, absorbed in merges]
        told = presence.observe(results, events)
        order.shuffle(results)
        assert shuffled.observe(results, events) == told
        for event in told:
            balance[event.person] += isinstance(event, PersonAppeared) - isinstance(event, PersonLeft)
            assert balance[event.person] in (0, 1)
        assert sorted(+balance) == list(presence.people)
    for event in presence.close():
        balance[event.person] -= 1
    assert not +balance
