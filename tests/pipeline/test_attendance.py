"""Who is here: sightings, merges, splits, zones; bounded however many come."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from scene import answer, walk
from unbroken.core.events import (
    Evidence,
    LineCrossed,
    PersonForgotten,
    PersonMerged,
    PersonSplit,
    ZoneEntered,
    ZoneLeft,
)
from unbroken.core.tracks import TrackState
from unbroken.pipeline.attendance import Attendance, AttendanceSettings, Visit

FRAME = next(walk("hall", 1))[0]
BOX = [10.0, 10.0, 40.0, 90.0]


def seen(camera, pairs, state=TrackState.CONFIRMED):
    """A result in which tracks are persons."""
    tracks, persons = zip(*pairs, strict=True)
    frame = replace(FRAME, camera=camera)
    return answer(frame, [BOX] * len(pairs), tracks, persons, state=[state] * len(pairs))


def people(attendance, at):
    return {one.person: one for one in attendance.people(at)}


def test_somebody_is_here_while_seen_and_has_left_a_moment_later():
    attendance = Attendance()
    attendance.see(seen("hall", [(1, 7), (2, -1)]), 100.0)
    assert people(attendance, 101.0)[7].here
    assert not people(attendance, 103.0)[7].here
    assert list(people(attendance, 103.0)) == [7]


def test_a_predicted_box_is_no_sighting():
    attendance = Attendance()
    attendance.see(seen("hall", [(1, 7)], TrackState.COASTING), 100.0)
    assert attendance.people(100.0) == ()


def test_each_camera_counts_those_it_sees():
    attendance = Attendance()
    attendance.see(seen("hall", [(1, 7), (2, 8), (3, -1)]), 100.0)
    attendance.see(seen("door", [(9, 7)]), 101.5)
    assert attendance.in_view(101.5) == {"hall": 2, "door": 1}
    assert attendance.in_view(103.0) == {"door": 1}


def test_visits_of_cameras_are_kept_the_newest_of_them_and_follow_corrections():
    attendance = Attendance(AttendanceSettings(visits=3))
    for at, camera, track in ((100.0, "hall", 1), (103.0, "hall", 1), (104.0, "door", 9)):
        attendance.see(seen(camera, [(track, 7)]), at)
    attendance.see(seen("yard", [(4, 8)]), 105.0)
    attendance.note(PersonMerged(106.0, 7, 8, Evidence(7, 3.0)))
    assert people(attendance, 106.0)[7].visits == (
        Visit("hall", 1, 100.0, 103.0), Visit("door", 9, 104.0, 104.0), Visit("yard", 4, 105.0, 105.0),
    )  # fmt: skip
    attendance.see(seen("attic", [(2, 7)]), 107.0)
    assert [one.camera for one in people(attendance, 107.0)[7].visits] == ["door", "yard", "attic"]
    attendance.note(PersonSplit(108.0, 7, 9, (("door", 9),), Evidence(7, -3.0)))
    assert [one.camera for one in people(attendance, 108.0)[7].visits] == ["yard", "attic"]


def test_the_stay_begins_anew_only_after_a_long_absence():
    attendance = Attendance(AttendanceSettings(stay=60))
    for at in (100.0, 150.0, 300.0):
        attendance.see(seen("hall", [(1, 7)]), at)
        assert people(attendance, at)[7].since == (300.0 if at == 300.0 else 100.0)


def test_cameras_are_told_latest_first_with_their_tracks():
    attendance = Attendance()
    attendance.see(seen("hall", [(1, 7)]), 100.0)
    attendance.see(seen("door", [(9, 7)]), 101.0)
    one = people(attendance, 101.0)[7]
    assert list(one.seen) == ["door", "hall"]
    assert one.tracks == {"hall": 1, "door": 9}


def test_a_merge_joins_two_stays_and_their_places_in_zones():
    attendance = Attendance()
    attendance.see(seen("hall", [(1, 7)]), 100.0)
    attendance.see(seen("door", [(9, 8)]), 110.0)
    attendance.note(ZoneEntered(110.0, "door", 9, 8, "desk"))
    attendance.note(PersonMerged(111.0, 7, 8, Evidence(7, 3.0)))
    one = people(attendance, 111.0)
    assert list(one) == [7]
    assert (one[7].since, one[7].last, set(one[7].seen), one[7].zones) == (100.0, 110.0, {"hall", "door"}, ("desk",))


def test_a_split_takes_the_named_tracks_away():
    attendance = Attendance()
    attendance.see(seen("hall", [(1, 7)]), 100.0)
    attendance.see(seen("door", [(9, 7)]), 100.0)
    attendance.note(ZoneEntered(100.0, "door", 9, 7, "desk"))
    attendance.note(PersonSplit(101.0, 7, 8, (("door", 9),), Evidence(7, -3.0)))
    assert list(people(attendance, 101.0)[7].seen) == ["hall"]
    assert attendance.zones()[0].people == (8,)


def test_who_is_forgotten_is_nowhere():
    attendance = Attendance()
    attendance.see(seen("hall", [(1, 7)]), 100.0)
    attendance.note(ZoneEntered(100.0, "hall", 1, 7, "desk"))
    attendance.note(PersonForgotten(101.0, 7, "asked for"))
    assert attendance.people(101.0) == ()
    assert attendance.zones()[0].people == ()


def counted(attendance):
    zone = attendance.zones()[0]
    return zone.people, zone.inside, zone.entered, zone.left


def test_visits_of_a_zone_are_counted_also_of_people_who_are_nobody_yet():
    attendance = Attendance()
    for track, person in ((1, 7), (2, -1)):
        attendance.note(ZoneEntered(1.0, "hall", track, person, "desk"))
    assert counted(attendance) == ((7,), 2, 2, 0)
    attendance.note(ZoneLeft(2.0, "hall", 1, 7, "desk", 1.0))
    assert counted(attendance) == ((), 1, 2, 1)
    attendance.note(ZoneLeft(2.0, "hall", 2, 8, "desk", 1.0))
    assert counted(attendance) == ((), 0, 2, 2)


def test_two_visits_that_turn_out_to_be_one_persons_are_one():
    attendance = Attendance()
    for camera, track, person in (("hall", 1, 7), ("door", 4, 8)):
        attendance.note(ZoneEntered(1.0, camera, track, person, "desk"))
    attendance.note(PersonMerged(2.0, 7, 8, Evidence(7, 3.0)))
    assert counted(attendance) == ((7,), 1, 2, 0)
    attendance.note(ZoneLeft(2.0, "door", 4, 8, "desk", 1.0, "merged"))
    assert counted(attendance) == ((7,), 1, 1, 0)
    attendance.note(ZoneLeft(3.0, "hall", 1, 7, "desk", 2.0))
    assert counted(attendance) == ((), 0, 1, 1)


def test_zones_and_lines_are_told_before_anybody_comes_and_go_when_they_are_taken_away():
    attendance = Attendance()
    attendance.expect(["desk", "door"], ["gate"])
    assert [(zone.name, zone.inside, zone.entered) for zone in attendance.zones()] == [("desk", 0, 0), ("door", 0, 0)]
    assert [line.name for line in attendance.lines()] == ["gate"]
    attendance.note(ZoneEntered(1.0, "hall", 1, 7, "desk"))
    attendance.expect(["desk"], [])
    assert counted(attendance) == ((7,), 1, 1, 0)
    assert (len(attendance.zones()), attendance.lines()) == (1, ())


def test_lines_count_both_ways():
    attendance = Attendance()
    for way in ("in", "in", "out"):
        attendance.note(LineCrossed(1.0, "hall", 1, 7, "gate", way))
    line = attendance.lines()[0]
    assert (line.name, line.entered, line.left) == ("gate", 2, 1)


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 50)), min_size=1, max_size=60))
def test_never_more_people_than_allowed_and_those_seen_last_stay(visits):
    attendance = Attendance(AttendanceSettings(people=5, remembered=1e6))
    at, last = 0.0, {}
    for person, gap in visits:
        at += gap + 0.001
        attendance.see(seen("hall", [(person, person)]), at)
        last[person] = at
    newest = sorted(last, key=lambda person: -last[person])[:5]
    assert sorted(one.person for one in attendance.people(at)) == sorted(newest)
