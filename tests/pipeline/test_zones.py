"""Zones count people, not tracks: steady at the border, through occlusion, late Global IDs and merges."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standing import GROUND, seen, told
from unbroken.core.events import Evidence, PersonForgotten, PersonMerged, PersonSplit, ZoneEntered, ZoneLeft
from unbroken.pipeline.places import Places
from unbroken.pipeline.zones import Waiting, Zone

SQUARE = np.array([[300.0, 300.0], [600.0, 300.0], [600.0, 600.0], [300.0, 600.0]])
TILL = Zone("till", "door", SQUARE, stay=0.5, margin=0.15, lost=3.0)
FLOOR = Zone("floor", "", SQUARE / 100, stay=0.0, margin=0.15, lost=3.0)
WAITING = Waiting(patience=2.0, grace=1.0)
IN, OUT = (450, 450), (100, 100)
WHY = Evidence(1, 4.0)


def places(*zones, views=None):
    return Places(zones, (), views or {}, WAITING)


def walk(spots, person=4, track=1, camera="door", start=0.0, step=0.1):
    return [seen(start + step * row, camera, [(track, person, *spot)]) for row, spot in enumerate(spots)]


def test_a_visit_is_told_with_the_first_and_the_last_moment_inside():
    zones = places(TILL)
    events = told(zones, walk([OUT] * 5 + [IN] * 20 + [OUT] * 10))
    assert events == [
        ZoneEntered(pytest.approx(0.5), "door", 1, 4, "till", 1),
        ZoneLeft(pytest.approx(2.4), "door", 1, 4, "till", pytest.approx(1.9), "left", 1),
    ]


def test_who_is_inside_for_too_short_has_not_entered_and_a_short_step_out_is_no_leaving():
    assert told(places(TILL), walk([OUT] * 5 + [IN] * 4 + [OUT] * 20)) == []
    events = told(places(TILL), walk([IN] * 10 + [OUT] * 4 + [IN] * 10))
    assert [type(event) for event in events] == [ZoneEntered]


def test_jitter_at_the_border_makes_one_visit():
    rng = np.random.default_rng(0)
    border = [(float(300 + x), 450.0) for x in rng.normal(0, 4, 200)]
    zones = places(Zone("till", "door", SQUARE, stay=0.0, margin=0.2))
    events = told(zones, walk([OUT, *border, OUT]))
    assert [type(event) for event in events] == [ZoneEntered, ZoneLeft]


def test_another_camera_and_an_unbelieved_place_do_not_matter_to_a_zone_in_a_picture():
    zones = places(TILL)
    assert told(zones, walk([IN] * 20, camera="hall")) == []
    horizon = places(FLOOR, views={"door": GROUND})
    assert told(horizon, walk([IN] * 3) + walk([IN] * 3, camera="uncalibrated", track=9, start=1.0)) == [
        ZoneEntered(0.0, "door", 1, 4, "floor", 1)
    ]


def test_an_occlusion_inside_is_no_leaving_and_a_long_one_is():
    zones = places(TILL)
    gone = [seen(2.0 + row / 10, "door", [(1, 4, *IN, "coasting")]) for row in range(25)]
    events = told(zones, walk([IN] * 20) + gone + walk([IN] * 5, start=4.5))
    assert [type(event) for event in events] == [ZoneEntered]
    empty = [seen(5.0 + row / 10, "door", []) for row in range(40)]
    assert told(zones, empty) == [ZoneLeft(pytest.approx(4.9), "door", 1, 4, "till", pytest.approx(4.9), "unseen", 1)]


def test_a_new_track_of_the_same_person_goes_on_with_the_visit():
    zones = places(TILL)
    again = walk([IN] * 5, person=-1, track=2, start=1.5) + walk([IN] * 20, person=4, track=2, start=2.0)
    events = told(zones, walk([IN] * 10) + again + walk([OUT] * 10, track=2, start=4.0))
    assert [(type(event), event.person, event.track) for event in events] == [(ZoneEntered, 4, 1), (ZoneLeft, 4, 1)]


def test_who_is_lost_inside_and_seen_outside_has_left():
    zones = places(TILL)
    events = told(zones, walk([IN] * 10) + walk([OUT] * 5, track=2, start=2.2))
    assert [(type(event).__name__, getattr(event, "reason", "")) for event in events] == [
        ("ZoneEntered", ""),
        ("ZoneLeft", "left"),
    ]


def test_a_global_id_that_comes_late_is_told_once_with_the_true_time():
    events = told(places(TILL), walk([IN] * 12, person=-1) + walk([IN] * 5, person=4, start=1.2))
    assert events == [ZoneEntered(0.0, "door", 1, 4, "till", 1)]


def test_who_stays_undecided_is_told_as_a_track_and_leaves_as_who_he_is():
    zones = places(TILL)
    events = told(zones, walk([IN] * 25, person=-1) + walk([IN] * 5, person=4, start=2.5))
    events += told(zones, walk([OUT] * 10, person=4, start=3.0))
    assert [(type(event), event.person, event.visit) for event in events] == [(ZoneEntered, -1, 1), (ZoneLeft, 4, 1)]


def test_an_undecided_track_that_walks_through_counts_and_one_that_breaks_off_does_not():
    through = told(places(TILL), walk([IN] * 10, person=-1) + walk([OUT] * 10, person=-1, start=1.0))
    assert [(type(event), event.person) for event in through] == [(ZoneEntered, -1), (ZoneLeft, -1)]
    empty = [seen(1.0 + row / 10, "door", []) for row in range(40)]
    assert told(places(TILL), walk([IN] * 10, person=-1) + empty) == []


def test_two_cameras_see_one_person_on_the_ground_once():
    zones = places(FLOOR, views={"door": GROUND, "hall": GROUND})
    events = []
    for row in range(30):
        door = seen(row / 10, "door", [(1, 4, *(IN if row < 15 else OUT))])
        hall = seen(row / 10 + 0.02, "hall", [(9, 4, *(IN if row < 20 else OUT))])
        events += zones.observe([hall, door], ())
    assert [type(event) for event in events] == [ZoneEntered, ZoneLeft]
    assert events[1].time == pytest.approx(1.92)


def test_a_merge_of_two_people_inside_ends_one_visit():
    zones = places(TILL)
    both = [seen(row / 10, "door", [(1, 4, *IN), (2, 7, 400, 400)]) for row in range(10)]
    assert len(told(zones, both)) == 2
    one = seen(1.0, "door", [(1, 4, *IN), (2, 4, 400, 400)])
    events = zones.observe([one], [PersonMerged(1.0, 4, 7, WHY)])
    assert [(type(event), event.person, event.visit, event.reason) for event in events] == [(ZoneLeft, 4, 2, "merged")]
    assert zones.occupants == {"till": frozenset({4})}


def test_a_merge_while_nobody_is_seen_renames_who_is_inside():
    zones = places(TILL)
    told(zones, walk([IN] * 10, person=7))
    assert zones.observe([seen(1.0, "door", [])], [PersonMerged(1.0, 4, 7, WHY)]) == []
    assert zones.occupants == {"till": frozenset({4})}


def test_a_split_gives_the_separated_one_a_visit_of_his_own():
    zones = places(TILL)
    both = [seen(row / 10, "door", [(1, 4, *IN), (2, 4, 400, 400)]) for row in range(10)]
    assert len(told(zones, both)) == 1
    parted = seen(1.0, "door", [(1, 4, *IN), (2, 8, 400, 400)])
    events = zones.observe([parted], [PersonSplit(1.0, 4, 8, (("door", 2),), WHY)])
    assert [(type(event), event.person, event.visit) for event in events] == [(ZoneEntered, 8, 2)]


def test_a_forgotten_person_leaves_without_a_name():
    zones = places(TILL)
    told(zones, walk([IN] * 10))
    events = zones.observe([seen(1.0, "door", [])], [PersonForgotten(1.0, 4, "asked")])
    assert [(type(event), event.person, event.reason) for event in events] == [(ZoneLeft, -1, "forgotten")]


def test_other_zones_end_visits_and_a_zone_that_stays_knows_who_is_there():
    zones = places(TILL)
    told(zones, walk([IN] * 10))
    same = Zone("till", "door", SQUARE.copy(), stay=0.5, margin=0.15, lost=3.0)
    assert zones.change([same], ()) == []
    assert zones.occupants == {"till": frozenset({4})}
    assert [event.reason for event in zones.change([], ())] == ["stopped"]
    assert zones.close() == []


SPOTS = st.sampled_from([IN, OUT, (305, 450), (296, 450), (400, 400)])
PERSONS = st.sampled_from([-1, -1, 1, 2, 3])
STEPS = st.lists(
    st.tuples(
        st.floats(0.05, 1.5),
        st.dictionaries(
            st.sampled_from(["a", "b"]),
            st.dictionaries(st.integers(1, 3), st.tuples(PERSONS, SPOTS, st.booleans()), max_size=3),
            max_size=2,
        ),
        st.one_of(
            st.none(),
            st.tuples(st.just("merge"), st.integers(1, 3), st.integers(1, 3)).filter(lambda one: one[1] != one[2]),
            st.tuples(st.just("forget"), st.integers(1, 3), st.just(0)),
        ),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, order=st.randoms(use_true_random=False), zone=st.sampled_from([FLOOR, TILL]))
def test_entries_less_exits_are_who_is_inside_and_nobody_is_there_twice(steps, order, zone):
    zone = Zone(zone.name, "a" if zone.camera else "", zone.polygon, zone.stay, zone.margin, zone.lost)
    views = {"a": GROUND, "b": GROUND}
    zones, shuffled = places(zone, views=views), places(zone, views=views)
    time, open_visits, inside = 0.0, {}, Counter()
    for gap, pictures, what in steps:
        time += gap
        results = []
        for camera, tracks in pictures.items():
            rows = [
                (number, person, *spot, *(["coasting"] if coasting else []))
                for number, (person, spot, coasting) in tracks.items()
            ]
            results.append(seen(time, camera, rows))
        events = []
        if what and what[0] == "merge":
            events = [PersonMerged(time, what[1], what[2], WHY)]
        elif what:
            events = [PersonForgotten(time, what[1], "asked")]
        said = zones.observe(results, events)
        order.shuffle(results)
        assert shuffled.observe(results, events) == said
        for event in said:
            if isinstance(event, ZoneEntered):
                assert event.visit not in open_visits
                open_visits[event.visit] = event
                inside[zone.name] += 1
            else:
                entered = open_visits.pop(event.visit)
                inside[zone.name] -= 1
                assert (entered.camera, entered.track) == (event.camera, event.track)
                assert event.dwell == event.time - entered.time >= 0
            assert event.time <= time
        occupants = zones.occupants[zone.name]
        assert inside[zone.name] == len(occupants) == len(open_visits)
    for event in zones.close():
        open_visits.pop(event.visit)
    assert not open_visits
