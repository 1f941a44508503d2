"""The board: what is newest, what happened, how cameras are; bounded, and never in the way."""

import math
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scene import walk
from unbroken.core.events import (
    CameraChanged,
    CameraLost,
    CameraOnline,
    CameraStalled,
    Evidence,
    PersonEnrolled,
    PersonForgotten,
    PersonLeft,
    TrackStarted,
    ZoneLeft,
)
from unbroken.pipeline.board import BUCKETS, Board, BoardSettings, persons_of
from web_site import NOON, Clock, filled


def states(board):
    return {camera.name: camera.state for camera in board.view().cameras}


def test_a_camera_waits_delivers_falls_silent_and_is_lost_with_its_reason():
    clock = Clock()
    board = Board(["hall"], clock)
    assert states(board) == {"hall": "waiting"}
    frame, result = next(walk("hall", 1))
    board.write(frame, result, ())
    assert states(board) == {"hall": "online"}
    clock.now += 6
    camera = board.view().cameras[0]
    assert (camera.state, camera.reason) == ("silent", "no picture for 6 s")
    board.hear([CameraLost(1.0, "hall", "the plug was pulled")])
    camera = board.view().cameras[0]
    assert (camera.state, camera.reason, camera.since) == ("lost", "the plug was pulled", clock.now)
    board.hear([CameraOnline(2.0, "hall")])
    assert states(board) == {"hall": "online"}
    clock.now += 4
    assert states(board) == {"hall": "online"}
    clock.now += 2
    assert board.view().cameras[0].reason == "no picture for 6 s"


def test_a_camera_that_has_only_changed_goes_on_as_it_was():
    board = Board(["hall"], Clock())
    board.hear([CameraStalled(1.0, "hall", "black pictures for 3.0 s", "black")])
    board.hear([CameraChanged(2.0, "hall", "its clock moved by 3.0 s against ours", "clock")])
    camera = board.view().cameras[0]
    assert (camera.state, camera.reason) == ("stalled", "black pictures for 3.0 s")


def test_a_camera_that_nobody_announced_is_shown_and_one_that_is_removed_is_not():
    board = filled(("hall", "door"))
    board.expect(["door", "yard"])
    assert states(board) == {"door": "online", "yard": "waiting"}
    assert board.newest("hall") is None
    frame, result = next(walk("attic", 1))
    board.write(frame, result, ())
    assert list(states(board)) == ["door", "yard", "attic"]


def test_the_newest_picture_is_held_and_no_other():
    clock = Clock()
    board = Board([], clock)
    for frame, result in walk("hall", 5):
        board.write(frame, result, ())
    shown = board.newest("hall")
    assert shown.frame.index == shown.result.index == 4
    assert shown.number == 5


def test_rate_work_and_delay_are_those_of_late():
    camera = filled(count=30).view().cameras[0]
    assert camera.rate == pytest.approx(10, rel=0.01)
    assert camera.busy == pytest.approx(0.012)
    assert camera.delay == pytest.approx(0.08, abs=1e-5)
    assert (camera.people, camera.tracks, camera.pictures) == (2, 2, 30)


def test_a_recording_has_no_delay_but_work():
    clock = Clock()
    board = Board([], clock)
    for frame, result in walk("hall", 3):
        board.write(frame, result, ())
    view = board.view()
    assert math.isnan(view.cameras[0].delay)
    assert math.isnan(view.latency.delay[0])
    assert view.latency.busy == (pytest.approx(0.012), pytest.approx(0.012))


@given(st.lists(st.floats(0, 20), max_size=40))
def test_the_histogram_counts_every_picture_at_most_its_bound(seconds):
    board = Board([], Clock())
    frame, result = next(walk("hall", 1))
    for spent in seconds:
        board.write(frame, replace(result, timings={"all": spent}), ())
    view = board.view()
    assert list(view.busy) == [sum(s <= bound for s in seconds) for bound in (*BUCKETS, math.inf)]
    assert view.busy_seconds == pytest.approx(sum(seconds))


@given(st.integers(1, 20), st.integers(0, 50), st.integers(-3, 60), st.integers(-1, 60))
def test_events_are_held_in_order_the_newest_of_them(capacity, count, after, limit):
    board = Board([], Clock(), BoardSettings(events=capacity))
    board.hear([TrackStarted(float(n), "hall", n) for n in range(1, count + 1)])
    held = range(max(1, count - capacity + 1), count + 1)
    wanted = [n for n in held if n > after]
    wanted = wanted[max(0, len(wanted) - max(limit, 0)) :] if limit > 0 else []
    notes = board.events(after, limit)
    assert [note.number for note in notes] == [note.event.track for note in notes] == wanted
    assert board.view().newest == count


def test_who_is_forgotten_leaves_no_event_but_that_and_numbers_go_on():
    board = Board([], Clock())
    weighed = (Evidence(1, 2.0), Evidence(3, 1.0))
    board.hear([PersonEnrolled(0.0, "hall", 1, 1), PersonEnrolled(1.0, "hall", 2, 2, weighed)])
    board.hear([PersonForgotten(2.0, 1, "asked for"), PersonLeft(2.0, 1, ("hall",), 0.0, "forgotten")])
    board.hear([ZoneLeft(2.0, "hall", 1, 1, "desk", 2.0, "forgotten")])
    notes = board.events()
    assert [note.number for note in notes] == [2, 3]
    assert [one.person for one in notes[0].event.alternatives] == [3]
    assert persons_of(notes[1].event) == {1}


def test_the_end_of_a_run_is_told_and_nobody_is_blamed_for_it():
    clock = Clock()
    board = filled(clock=clock)
    board.close()
    clock.now += 60
    assert board.view().closed
    assert set(states(board).values()) == {"online"}


def test_many_threads_write_and_look_and_nothing_is_lost():
    board = Board([], lambda: NOON)
    answers = {f"cam{n}": list(walk(f"cam{n}", 25, size=(64, 48))) for n in range(4)}

    def write(camera):
        for frame, result in answers[camera]:
            board.write(frame, result, [TrackStarted(frame.time, camera, frame.index)])

    writers = [threading.Thread(target=write, args=(camera,)) for camera in answers]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        newest = board.view().newest
        assert len(board.events()) >= newest
    for writer in writers:
        writer.join()
    view = board.view()
    assert sum(camera.pictures for camera in view.cameras) == view.newest == 100
    assert [note.number for note in board.events()] == list(range(1, 101))
