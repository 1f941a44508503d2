"""A manager says once when looks are not to be relied on, with numbers and a mend."""

import numpy as np

from identity.views import see
from unbroken.core.events import AppearanceDoubted
from unbroken.identity.history import Tracklet
from unbroken.identity.manager import CalibratedManager


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def passing(people, visits, rng, noise=0.05, dimension=48):
    """Tracks of people who pass two cameras, in the order of time."""
    looks = unit(rng.normal(size=(people, dimension)))
    order = rng.permutation(np.repeat(np.arange(people), visits))
    for number, person in enumerate(order.tolist()):
        feature = unit(looks[[person]] + noise * rng.normal(size=(1, dimension)))[0]
        yield Tracklet("ab"[number % 2], number, 10.0 * number, 10.0 * number + 4.0, feature)


def doubts_of(tracks):
    _, events = CalibratedManager().take(list(tracks))
    return [event for event in events if isinstance(event, AppearanceDoubted)]


def test_where_nobody_comes_back_the_pool_is_too_small_and_that_is_said_once():
    (doubt,) = doubts_of(passing(320, 1, np.random.default_rng(3)))
    assert doubt.what == "few"
    assert doubt.same < 50 < doubt.strangers
    assert f"{doubt.same} pairs" in doubt.reason
    assert "add cameras" in doubt.reason


def test_where_people_come_back_and_look_unlike_nothing_is_said():
    assert doubts_of(passing(20, 16, np.random.default_rng(3))) == []


def test_a_net_that_sees_everybody_alike_is_named_as_soon_as_it_is_known():
    manager, rng = CalibratedManager(), np.random.default_rng(0)
    common = rng.normal(size=48)
    told = []
    for step in range(300):
        tracks = np.arange(3) + 3 * (step // 12)
        looks = unit(common + 0.3 * rng.normal(size=(3, 48)))
        _, events = manager.observe([see("a", 0.5 * step, tracks.tolist(), looks)])
        told += [event for event in events if isinstance(event, AppearanceDoubted)]
    (doubt,) = told
    assert doubt.what == "alike"
    assert doubt.equal_error > 0.3
    assert "choose another Re-ID net" in doubt.reason
