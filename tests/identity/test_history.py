"""The history is a ring: the latest tracks by their numbers, and nothing of those that have left or were erased."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unbroken.identity.history import History, Tracklet


def tracklet(number, start=None):
    start = float(number) if start is None else start
    return Tracklet("a", number, start, start + 1.5, np.full(4, number + 1, dtype=np.float32))


@given(st.integers(1, 12), st.integers(0, 40), st.sets(st.integers(0, 39)))
def test_the_latest_tracks_are_found_by_their_numbers_alone(size, count, erased):
    history = History(size)
    for number in range(count):
        history.append(tracklet(number), camera=0)
    history.erase(np.array([slot for one in erased if (slot := history.slot(one)) >= 0], dtype=np.int64))
    held = [number for number in range(max(count - size, 0), count) if number not in erased]
    assert history.numbers[history.used].tolist() == held
    assert [number for number in range(-1, count + size) if history.slot(number) >= 0] == held
    assert history.vectors[history.used].tolist() == [[number + 1.0] * 4 for number in held]
    assert history.with_looks.tolist() == history.used.tolist()


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 30))
def test_a_ring_of_another_size_holds_the_same_latest_tracks(size, other, count):
    history = History(size)
    for number in range(count):
        history.persons[history.append(tracklet(number), camera=number % 3)] = number + 7
    resized = history.resized(other)
    kept = history.numbers[history.used][-other:]
    assert resized.numbers[resized.used].tolist() == kept.tolist()
    assert resized.persons[resized.used].tolist() == (kept + 7).tolist()
    following = resized.append(tracklet(count), camera=0)
    assert resized.numbers[following] == count


def test_nothing_is_left_of_an_erased_track():
    history = History(8)
    slots = [history.append(tracklet(number), camera=1) for number in range(3)]
    history.rows = np.ones((8, 5))
    history.erase(np.array(slots[:1]))
    assert not history.vectors[slots[0]].any()
    assert not history.rows[slots[0]].any()
    assert history.local[slots[0]] == history.persons[slots[0]] == -1


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 3)), min_size=2, max_size=8))
def test_tracks_are_together_where_their_times_overlap(times):
    history = History(16)
    for number, (start, length) in enumerate(times):
        history.append(Tracklet("a", number, start, start + length, np.zeros(0, dtype=np.float32)), camera=0)
    slots = np.arange(len(times))
    found = history.together(slots[:, None], slots)
    for one, (start, length) in enumerate(times):
        for other, (begin, more) in enumerate(times):
            assert found[one, other] == (max(start, begin) <= min(start + length, begin + more))
