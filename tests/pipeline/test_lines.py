"""Lines: one event for each crossing of each person, whatever the tracker and the border do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standing import GROUND, seen, told
from unbroken.core.events import Evidence, LineCrossed, PersonMerged
from unbroken.pipeline.lines import Line
from unbroken.pipeline.places import Places
from unbroken.pipeline.zones import Waiting

ENTRANCE = Line("entrance", "door", np.array([[200.0, 500.0], [800.0, 500.0]]), margin=0.1, lost=5.0)
ON_THE_MAP = Line("map", "", np.array([[2.0, 5.0], [8.0, 5.0]]), margin=0.1, lost=5.0)
WAITING = Waiting(patience=2.0, grace=1.0)


def places(line=ENTRANCE, views=None):
    return Places((), (line,), views or {}, WAITING)


def walk(heights, x=500, person=4, track=1, camera="door", start=0.0):
    return [seen(start + row / 10, camera, [(track, person, x, y)]) for row, y in enumerate(heights)]


def crossed(events):
    return [(event.person, event.direction) for event in events]


def test_in_is_from_left_to_right_for_who_looks_along_the_line():
    lines = places()
    assert told(lines, walk([400, 450, 480, 520, 560])) == [
        LineCrossed(pytest.approx(0.3), "door", 1, 4, "entrance", "in")
    ]
    assert crossed(told(lines, walk([560, 520, 480, 440], start=3.0))) == [(4, "out")]


def test_on_the_ground_y_goes_up_as_on_a_map():
    lines = places(ON_THE_MAP, {"door": GROUND})
    assert crossed(told(lines, walk([400, 450, 480, 520, 560]))) == [(4, "out")]


def test_jitter_on_the_line_is_no_crossing_and_walking_round_its_end_is_none():
    rng = np.random.default_rng(0)
    jitter = [500 + float(y) for y in rng.normal(0, 2.5, 100)]
    assert crossed(told(places(), walk([400, *jitter, 600]))) == [(4, "in")]
    assert told(places(), walk([400, *jitter, 400])) == []
    round_the_end = [seen(row / 10, "door", [(1, 4, 900, y)]) for row, y in enumerate([400, 480, 520, 600])]
    assert told(places(), round_the_end) == []


def test_a_late_global_id_is_waited_for_and_told_with_the_true_time():
    events = told(places(), walk([400, 480, 520, 560, 600], person=-1) + walk([600], person=4, start=1.0))
    assert events == [LineCrossed(pytest.approx(0.2), "door", 1, 4, "entrance", "in")]


def test_an_undecided_crossing_is_told_as_that_of_a_track():
    lines = places()
    events = told(lines, walk([400, 480, 520], person=-1))
    assert events == []
    assert crossed(told(lines, [seen(3.0, "door", [])])) == [(-1, "in")]


def test_who_is_lost_before_the_line_and_found_behind_it_has_crossed():
    lines = places()
    assert crossed(told(lines, walk([400, 450]) + walk([560, 600], track=2, start=2.0))) == [(4, "in")]
    assert crossed(told(places(), walk([400, 450]) + walk([560, 600], track=2, start=9.0))) == []


def test_two_cameras_that_see_one_crossing_count_it_once():
    lines = places(ON_THE_MAP, {"door": GROUND, "hall": GROUND})
    events = []
    for row, y in enumerate([400, 450, 480, 520, 560, 600]):
        late = [400, 400, 450, 480, 520, 560][row]
        pictures = [seen(row / 10, "door", [(1, 4, 500, y)]), seen(row / 10, "hall", [(7, 4, 500, late)])]
        events += lines.observe(pictures, ())
    assert crossed(events) == [(4, "out")]


def test_a_merge_hands_over_where_somebody_stood():
    lines = places()
    told(lines, walk([400, 450], person=7))
    merged = [PersonMerged(0.5, 4, 7, Evidence(4, 1.0))]
    assert lines.observe([seen(0.5, "door", [])], merged) == []
    assert crossed(told(lines, walk([560], track=2, start=1.0))) == [(4, "in")]


@settings(max_examples=100, deadline=None)
@given(
    heights=st.lists(st.sampled_from([400, 470, 499, 501, 530, 600]), min_size=2, max_size=40),
    decided=st.integers(0, 10),
)
def test_ins_less_outs_are_the_side_where_somebody_is(heights, decided):
    lines, events = places(Line("l", "door", ENTRANCE.ends, margin=0.1, again=0.0)), []
    for row, y in enumerate(heights):
        events += lines.observe([seen(row / 10, "door", [(1, 4 if row >= decided else -1, 500, y)])], ())
    events += lines.close()
    firm = [y > 500 for y in heights if abs(y - 500) > 10]
    balance = sum(1 if event.direction == "in" else -1 for event in events)
    assert balance == (int(firm[-1]) - int(firm[0]) if firm else 0)
    assert [event.time for event in events] == sorted(event.time for event in events)
