"""The order of time: what a linear look at all tracks would find, after whatever has happened to them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unbroken.identity.history import History, Tracklet

SECONDS = st.integers(0, 40).map(float)
STAYS = st.lists(st.tuples(SECONDS, st.integers(0, 9)), max_size=20)


def remembered(stays, size=12):
    history = History(size)
    for number, (start, length) in enumerate(stays):
        history.append(Tracklet("a", number, start, start + length, np.zeros(0, dtype=np.float32)), camera=0)
    return history


def in_order(history):
    used = history.used.tolist()
    return sorted(used, key=lambda slot: (history.starts[slot] + history.ends[slot], history.numbers[slot]))


@given(STAYS, st.lists(st.tuples(st.integers(0, 11), SECONDS), max_size=4), st.sets(st.integers(0, 19)))
def test_tracks_come_by_their_middles_and_then_by_their_numbers(stays, longer, erased):
    history = remembered(stays)
    for place, end in longer:
        assert history.timeline.slots.tolist() == in_order(history)
        if place < len(history.used):
            slot = int(history.used[place])
            history.extend(slot, min(float(history.starts[slot]), end), end)
    history.erase(np.array([slot for one in erased if (slot := history.slot(one)) >= 0], dtype=np.int64))
    timeline = history.timeline
    assert timeline.slots.tolist() == in_order(history)
    assert timeline.slots[timeline.places[history.used]].tolist() == history.used.tolist()
    assert timeline.middles.tolist() == sorted(history.middles(history.used).tolist())


@given(STAYS, SECONDS, st.integers(0, 9))
def test_whoever_shares_an_instant_is_among_those_around_it(stays, start, length):
    history = remembered(stays)
    found = set(history.timeline.around(start, start + length).tolist())
    used = history.used
    there = used[(history.starts[used] <= start + length) & (history.ends[used] >= start)]
    assert set(there.tolist()) <= found
