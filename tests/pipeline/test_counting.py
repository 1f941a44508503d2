"""What is counted: nobody twice in one place, however he was called, and entries less exits are who is there."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from standing import GROUND, seen
from unbroken.core.events import (
    Evidence,
    LineCrossed,
    PersonAppeared,
    PersonEnrolled,
    PersonForgotten,
    PersonLeft,
    PersonMerged,
    PersonSplit,
    TrackStarted,
    ZoneEntered,
    ZoneLeft,
)
from unbroken.pipeline.counting import NOBODY, SITE, Book, Crossing, Stay, line_counts, zone_counts
from unbroken.pipeline.places import Places
from unbroken.pipeline.presence import Presence
from unbroken.pipeline.zones import Waiting, Zone

WHY = Evidence(1, 4.0)


def noted(*events, book=None, epoch=1):
    book = book or Book()
    for event in events:
        book.note(event, epoch)
    return book


def enters(time, person, visit, track=1, zone="till"):
    return ZoneEntered(time, "door", track, person, zone, visit)


def leaves(time, person, visit, track=1, zone="till"):
    return ZoneLeft(time, "door", track, person, zone, 0.0, "left", visit)


def test_a_day_of_a_zone():
    book = noted(
        enters(1.0, 4, 1),
        enters(2.0, 5, 2),
        leaves(4.0, 4, 1),
        enters(6.0, 4, 3),
        leaves(7.0, 5, 2),
        enters(8.0, -1, 4),
    )
    first, second = zone_counts(book.stays(), [0.0, 5.0, 10.0])
    assert (first.entries, first.exits, first.inside, first.most, first.dwell, first.people) == (2, 1, 1, 2, 3.0, 2)
    assert (second.entries, second.exits, second.inside, second.most, second.people) == (2, 1, 2, 2, 2)
    assert (second.dwell, second.unknown) == (5.0, 1)
    [whole] = zone_counts(book.stays(), [0.0, 10.0])
    assert (whole.entries, whole.exits, whole.people, whole.dwell) == (4, 2, 2, 4.0)


def test_two_people_who_turn_out_to_be_one_are_one_person_and_their_overlapping_visits_one():
    book = noted(enters(1.0, 4, 1), enters(2.0, 7, 2, track=2), leaves(3.0, 7, 2), leaves(5.0, 4, 1))
    assert zone_counts(book.stays(), [0.0, 9.0])[0].people == 2
    book.note(PersonMerged(6.0, 4, 7, WHY), 1)
    assert book.stays() == [Stay("till", 4, 1.0, 5.0)]
    book.note(PersonSplit(7.0, 4, 7, (("door", 2),), WHY), 1)
    assert [stay.person for stay in book.stays()] == [4, 7]


def test_a_split_after_the_visit_gives_it_to_the_separated_one():
    book = noted(enters(1.0, 4, 1), leaves(2.0, 4, 1), LineCrossed(2.0, "door", 1, 4, "gate", "in"))
    book.note(PersonSplit(3.0, 4, 8, (("door", 1),), WHY), 1)
    assert book.stays() == [Stay("till", 8, 1.0, 2.0)]
    assert book.crossings() == [Crossing("gate", 8, 2.0, "in")]


def test_who_gets_a_global_id_afterwards_is_known_in_what_he_did_before():
    book = noted(enters(1.0, -1, 1), LineCrossed(1.5, "door", 1, -1, "gate", "out"), PersonEnrolled(2.0, "door", 1, 6))
    assert [stay.person for stay in book.stays()] == [6]
    [count] = line_counts(book.crossings(), [0.0, 9.0])
    assert (count.ins, count.outs, count.people, count.unknown) == (0, 1, 1, 0)


def test_tracks_of_another_start_of_the_site_are_others():
    book = noted(enters(1.0, -1, 1), leaves(2.0, -1, 1))
    noted(PersonEnrolled(9.0, "door", 1, 6), book=book, epoch=2)
    assert [stay.person for stay in book.stays()] == [NOBODY]


def test_a_tracker_that_begins_anew_gives_old_numbers_to_others():
    book = noted(
        enters(1.0, -1, 1), leaves(2.0, -1, 1), TrackStarted(5.0, "door", 1), PersonEnrolled(6.0, "door", 1, 6)
    )
    assert [stay.person for stay in book.stays()] == [NOBODY]


def test_a_site_that_was_killed_has_nobody_left_inside():
    book = noted(enters(1.0, 4, 1), LineCrossed(5.0, "door", 2, 5, "gate", "in"))
    noted(enters(20.0, 4, 1), book=book, epoch=2)
    assert book.stays() == [Stay("till", 4, 1.0, 5.0), Stay("till", 4, 20.0, math.inf)]


def test_forgotten_people_are_counted_as_unknown():
    book = noted(enters(1.0, 4, 1), leaves(2.0, 4, 1), PersonForgotten(3.0, 4, "asked"))
    assert [stay.person for stay in book.stays()] == [NOBODY]


def test_people_in_the_site_are_counted_across_cameras_and_merges():
    book = noted(
        PersonAppeared(1.0, 4, "door", 1),
        PersonAppeared(2.0, 7, "hall", 1),
        PersonLeft(9.0, 7, ("hall",), 2.0, "merged", 4),
        PersonMerged(9.0, 4, 7, WHY),
        PersonLeft(20.0, 4, ("door",), 1.0, "unseen"),
    )
    [count] = zone_counts(book.stays(), [0.0, 30.0])
    assert (count.place, count.people, count.entries, count.dwell) == (SITE, 1, 1, 19.0)


SPOTS = st.sampled_from([(450, 450), (100, 100)])
STEPS = st.lists(
    st.tuples(
        st.floats(0.1, 2.0),
        st.dictionaries(st.integers(1, 4), st.tuples(st.sampled_from([-1, 1, 2, 3]), SPOTS), max_size=4),
        st.none() | st.tuples(st.integers(1, 3), st.integers(1, 3)).filter(lambda one: one[0] != one[1]),
    ),
    min_size=1,
    max_size=30,
)
SQUARE = np.array([[3.0, 3.0], [6.0, 3.0], [6.0, 6.0], [3.0, 6.0]])


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, width=st.floats(0.5, 9.0))
def test_sums_agree_with_who_is_there_at_any_time_of_any_walk(steps, width):
    places = Places([Zone("floor", "", SQUARE, stay=0.0, lost=2.0)], (), {"door": GROUND}, Waiting(1.0, 0.5))
    presence, book, time = Presence(), Book(), 0.0
    for gap, tracks, merge in steps:
        time += gap
        rows = [(track, person, *spot) for track, (person, spot) in tracks.items()]
        events = [PersonMerged(time, *merge, WHY)] if merge else []
        said = [seen(time, "door", rows)]
        for event in [*events, *presence.observe(said, events), *places.observe(said, events)]:
            book.note(event, 1)
    edges = [row * width for row in range(int((time + 1) / width) + 2)]
    stays = book.stays()
    inside = {"": 0, "floor": 0}
    for count in zone_counts(stays, edges):
        inside[count.place] += count.entries - count.exits
        assert count.inside == inside[count.place]
        assert count.most >= count.inside
        assert count.people + count.unknown <= count.entries + count.inside + count.exits
    for moment in np.arange(0, time, 0.37):
        here = [(stay.place, stay.person) for stay in stays if stay.start <= moment < stay.end and stay.person > 0]
        assert len(here) == len(set(here)), "somebody is twice in one place"
    people = {stay.person for stay in stays if stay.place == "floor"} - {NOBODY}
    assert people <= {1, 2, 3}
