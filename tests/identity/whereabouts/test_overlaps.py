"""Which views overlap is seen from whom people look like and when, and an ID that was in two halls at once goes."""

import numpy as np
import pytest

from identity.views import see
from unbroken.bench.world import answered, violations
from unbroken.datasets.synthetic import ObservationSettings, WorldSettings, make_world, observe
from unbroken.identity.history import History, Tracklet
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.whereabouts.overlaps import OverlapSettings, overlap_odds


def remembered(delays, people=60, seed=0):
    """People who are seen for 4 s by camera 0, one after another, and by the others so many seconds later each."""
    rng = np.random.default_rng(seed)
    looks = rng.normal(size=(people, 32))
    history = History(people * (len(delays) + 1))
    for person in range(people):
        for camera, delay in enumerate((0.0, *delays)):
            start = person * 2.0 + delay
            row = looks[person] + rng.normal(scale=0.4, size=32)
            feature = (row / np.linalg.norm(row)).astype(np.float32)
            slot = history.append(Tracklet(f"cam{camera}", person, start, start + 4.0, feature), camera)
            if not history.rows.shape[1]:
                history.rows = np.zeros((history.size, 32))
            history.rows[slot] = row
    return history


def test_views_that_show_people_at_the_same_time_overlap_and_views_that_show_them_later_do_not():
    odds = overlap_odds(remembered([1.0, 30.0]), 4, OverlapSettings())
    assert odds[0, 1] > 4
    assert odds[0, 2] < -4
    assert odds[1, 2] < -4
    assert np.array_equal(odds, odds.T)
    assert not np.diag(odds).any()
    assert not odds[3].any()


@pytest.mark.parametrize("people", [0, 1, 3])
def test_of_few_tracks_nothing_is_said(people):
    assert not overlap_odds(remembered([1.0], people), 2, OverlapSettings()).any()


def test_where_everybody_is_seen_by_all_cameras_all_the_time_nothing_is_said():
    history = remembered([0.0])
    history.starts[:], history.ends[:] = 0.0, 500.0
    assert not overlap_odds(history, 2, OverlapSettings()).any()


def test_cameras_of_which_nothing_is_given_are_learnt_to_be_apart_and_then_nobody_is_in_two_at_once():
    """Simultaneous links that were wrong taught that the views overlap, and so brought more of them, for ever."""
    site = WorldSettings(cameras=3, people=14, seconds=300.0, rate=2.0, arrivals=60.0, layout="separate")
    world = make_world(site, np.random.default_rng(0))
    stream = observe(world, ObservationSettings(calibrated=False), np.random.default_rng(1))
    answers = answered(CalibratedManager(), world, stream)
    late = answers.frames >= 0.75 * answers.frames.max()
    assert violations(world, answers, np.where(late, answers.arrival, -1)) == 0
    assert violations(world, answers, np.where(late, answers.final, -1)) == 0


def test_a_hidden_foot_puts_nobody_out_of_two_views_at_once_but_what_lasts_does():
    """Feet behind a table were metres away for an instant, and a walker became somebody else for seconds."""
    manager, look = CalibratedManager(), np.eye(8, dtype=np.float32)[:1]

    def both(time, apart):
        views = [see(name, time, [1], look, ground=np.array([[x, 0.0]])) for name, x in (("a", 0.0), ("b", apart))]
        return [int(answer.persons[0]) for answer in manager.observe(views)[0]]

    for step in range(12):
        one, other = both(step * 0.5, 0.1)
    assert one == other > 0
    assert both(6.0, 4.0) == [one, one]
    assert both(6.5, 0.1) == [one, one]
    lasting = [both(7.0 + step * 0.5, 4.0) for step in range(6)]
    assert lasting[-1][0] != lasting[-1][1]
