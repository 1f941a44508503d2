"""Stamps of a live stream become times on the clock of the site: never back, at the right distance, near the truth."""

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given

from unbroken.video.timing import Steady, StreamClock

delays = st.lists(st.floats(0.0, 0.4), min_size=60, max_size=200)


@given(delays, st.floats(-1e6, 1e6), st.floats(0.02, 0.5), st.floats(-1e-4, 1e-4))
def test_times_grow_and_stay_near_the_truth_whatever_the_network_does(late, start, step, drift):
    """A camera takes pictures at `step`; its clock drifts; the network delays each picture, in order."""
    clock, times, arrival = StreamClock(), [], 0.0
    for number, delay in enumerate(late):
        taken = 1000.0 + number * step
        arrival = max(arrival, taken + delay)
        times.append((clock.seconds(start + number * step * (1 + drift), arrival), taken, arrival))
    assert all(before < after for (before, *_), (after, *_) in itertools.pairwise(times))
    assert all(taken - 0.05 <= time <= taken + 0.5 for time, taken, _ in times)


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True, width=32)), max_size=100))
def test_times_grow_whatever_the_stamps_are(stamps):
    clock, last = StreamClock(after=99.5), 99.5
    for number, stamp in enumerate(stamps):
        time = clock.seconds(stamp, 100.0 + number / 10)
        assert time > last
        last = time


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 5.0, -5.0])
def test_a_jump_of_the_stamps_is_seen_at_once_and_changes_no_distance(jump):
    clock, times, jumps = StreamClock(), [], []
    for number in range(100):
        times.append(clock.seconds(number / 10 + (jump if number >= 50 else 0.0), 1000.0 + number / 10))
        jumps.append(clock.jump)
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert max(steps) < 0.2
    assert jumps[50] == pytest.approx(jump)
    assert sum(map(bool, jumps)) == 1


def test_a_drifting_clock_is_followed_and_the_skew_is_told():
    clock, drift = StreamClock(), 500e-6
    for number in range(36_000):
        taken = number / 10
        time = clock.seconds(taken * (1 - drift), taken + 0.02)
    assert abs(time - (taken + 0.02)) < 0.05
    assert clock.skew == pytest.approx(taken * drift, rel=0.05)


def test_the_first_picture_came_late_and_times_are_drawn_back_without_going_back():
    clock = StreamClock()
    times = [clock.seconds(number / 10, number / 10 + (0.8 if not number else 0.0)) for number in range(200)]
    assert all(before < after for before, after in itertools.pairwise(times))
    assert times[-1] == pytest.approx(19.9, abs=0.01)


def test_two_cameras_that_see_a_thing_at_once_say_the_same_time():
    one, two = StreamClock(), StreamClock()
    for number in range(300):
        taken = number / 25
        first = one.seconds(taken, taken + 0.03 + 0.05 * (number % 7 == 3))
        second = two.seconds(taken + 12345.0, taken + 0.04 + 0.10 * (number % 5 == 2))
    assert abs(first - second) < 0.02


def test_a_trusted_camera_clock_leaves_the_delay_out_and_one_that_is_far_off_is_not_believed():
    near, far = StreamClock(), StreamClock()
    for number in range(200):
        taken, arrival = number / 10, number / 10 + 0.4
        first, second = near.seconds(taken + 77.0, arrival, taken), far.seconds(taken + 77.0, arrival, taken - 3600.0)
    assert first == pytest.approx(taken, abs=0.01)
    assert second == pytest.approx(arrival, abs=0.01)


def test_a_stream_that_pauses_its_clock_is_moved_on_after_some_seconds():
    clock = StreamClock()
    for number in range(50):
        clock.seconds(number / 10, number / 10)
    jumps = []
    for number in range(50, 200):
        time = clock.seconds(number / 10, number / 10 + 30.0)
        jumps.append(clock.jump)
    assert time == pytest.approx(19.9 + 30.0, abs=0.01)
    assert [jump for jump in jumps if jump] == [pytest.approx(30.0)]


def test_pace_and_rate_are_measured():
    clock = StreamClock()
    for number in range(100):
        clock.seconds(number / 20, number / 10)
    assert clock.pace == pytest.approx(0.5)
    assert clock.rate == pytest.approx(20.0)


@given(st.lists(st.tuples(st.floats(0.0, 10.0), st.floats(-5.0, 5.0)), max_size=60))
def test_a_calendar_that_is_set_never_makes_ours_go_back_nor_stay_away(steps):
    ticks, wrong = 0.0, 0.0
    clock = Steady(lambda: 1000.0 + ticks + wrong, lambda: ticks)
    last = clock()
    for passed, changed in steps:
        ticks, wrong = ticks + passed, wrong + changed
        now = clock()
        assert now >= last + 0.9 * passed - 1e-6
        last = now
    ticks += 3600.0
    assert clock() == pytest.approx(1000.0 + ticks + wrong, abs=1e-6)
