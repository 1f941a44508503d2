"""From when to when each person was in view, although the name came late."""

import numpy as np

from scene import answer
from unbroken.core.frames import Frame
from unbroken.core.ledger import Ledger
from unbroken.core.tracks import TrackState
from unbroken.render.spans import Seen, Spans, transitions


def gathered(rows, *, join=1.0, limit=1000):
    """Rows are (camera, time, track, person[, state])."""
    spans, ledger = Spans(join=join, limit=limit), Ledger()
    for index, (camera, time, track, person, *state) in enumerate(rows):
        frame = Frame(camera, index, time, np.zeros((0, 0, 3), np.uint8))
        boxes, ids, who = ([[0, 0, 1, 1]], [track], [person]) if track else ([], [], [])
        more = {"state": np.array(state)} if state else {}
        result = answer(frame, boxes, ids, who, **more)
        spans.note(result)
        ledger.note(result, ())
    return spans, ledger


def test_a_visit_begins_with_the_track_not_with_the_decision():
    spans, ledger = gathered([("a", time, 1, 5 if time > 0.5 else -1) for time in (0.0, 0.4, 0.8, 1.2)])
    assert spans.seen(ledger) == [Seen(5, "a", 0.0, 1.2)]


def test_two_tracks_of_one_person_are_one_visit_where_little_time_lies_between_them():
    rows = [("a", 0.0, 1, 5), ("a", 0.5, 1, 5), ("a", 1.0, 2, 5), ("a", 1.5, 2, 5), ("a", 5.0, 3, 5)]
    spans, ledger = gathered(rows)
    assert spans.seen(ledger) == [Seen(5, "a", 0.0, 1.5), Seen(5, "a", 5.0, 5.0)]


def test_a_track_that_coasts_is_not_in_view():
    coasting = [("a", 0.5 * step, 1, 5, TrackState.COASTING) for step in range(2, 10)]
    spans, ledger = gathered([("a", 0.0, 1, 5), ("a", 0.5, 1, 5), *coasting, ("a", 5.0, 1, 5)])
    assert spans.seen(ledger) == [Seen(5, "a", 0.0, 0.5), Seen(5, "a", 5.0, 5.0)]


def test_nobody_is_seen_where_nobody_was_decided():
    spans, ledger = gathered([("a", 0.0, 1, -1), ("a", 0.1, 0, -1)])
    assert spans.seen(ledger) == []


def test_memory_is_bounded_and_what_was_dropped_is_counted():
    rows = [("a", float(step), step + 1, step + 1) for step in range(100)]
    spans, ledger = gathered(rows, limit=20)
    assert len(spans.seen(ledger)) <= 21
    assert spans.dropped > 70
    assert len(spans.seen(ledger)) + spans.dropped == 100


def test_transitions_say_who_went_where_and_how_long_it_took():
    seen = [Seen(1, "a", 0, 2), Seen(1, "b", 5, 7), Seen(1, "b", 9, 10), Seen(1, "a", 9.5, 12), Seen(2, "a", 0, 3)]
    found = [(step.person, step.origin, step.target, step.left, step.gap) for step in transitions(seen)]
    assert found == [(1, "a", "b", 2, 3), (1, "b", "a", 10, -0.5)]
