"""The schedule keeps to its budget, whatever happens, and spends it where something happens."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.detections import Detections
from unbroken.core.frames import Frame
from unbroken.pipeline.camera import Camera, Economy
from unbroken.pipeline.schedule import Account, Schedule, Situation, due, urgency
from unbroken.tracking.registry import by_name

RATE = 10
COST = 0.02
NO_PICTURE = np.zeros((0, 0, 3), dtype=np.uint8)


def looks(schedule, situations, cost=COST):
    """Run the policy over situations without their counts; True where the detector looked."""
    account, done, last = Account(), [], None
    for index, (motion, settled, unsettled) in enumerate(situations):
        frames = 0 if last is None else index - last
        look = due(schedule, Situation(frames, frames / RATE, motion, settled, unsettled), account)
        if look:
            account, last = account.paid(cost), index
        account = account.earned(schedule)
        done.append(look)
    return done


people = st.tuples(st.floats(0, 5), st.integers(0, 30), st.integers(0, 30))


@given(st.lists(people, min_size=60, max_size=120), st.sampled_from([2, 3, 4]))
def test_the_average_keeps_to_the_budget(situations, share):
    done = looks(Schedule(budget=COST / share, most_every=100), situations)
    allowed = len(done) / share
    assert allowed - 3 <= sum(done) <= allowed + 3


@given(st.lists(people, min_size=30, max_size=60))
def test_the_detector_looks_after_most_every_frames_at_any_price(situations):
    done = np.flatnonzero(looks(Schedule(budget=COST / 1000, most_every=7), situations))
    assert done[0] == 0
    assert np.diff(done).max() == 7


@given(st.lists(people, min_size=30, max_size=60))
def test_a_budget_above_the_cost_looks_at_every_frame(situations):
    done = looks(Schedule(budget=2 * COST), [(motion, 0, 1) for motion, *_ in situations])
    assert sum(done) >= len(done) - 2


def test_an_urgent_moment_is_looked_at_sooner_than_a_calm_one():
    calm, urgent = (0.0, 5, 0), (3.0, 5, 0)
    situations = [calm] * 30 + [urgent] * 3 + [calm] * 30
    done = looks(Schedule(budget=COST / 3), situations)
    assert sum(done[30:33]) >= 2
    assert max(sum(done[start : start + 3]) for start in range(6, 27)) == 1


def test_urgency_rises_with_motion_with_time_and_with_doubt():
    schedule = Schedule(budget=COST)
    assert urgency(schedule, Situation(1, 0.1, 0.0, 5, 0)) == 0
    assert urgency(schedule, Situation(1, 0.1, 1.0, 5, 0)) < urgency(schedule, Situation(2, 0.2, 1.0, 5, 0))
    assert urgency(schedule, Situation(1, 0.1, 1.0, 5, 0)) < urgency(schedule, Situation(1, 0.1, 1.0, 5, 2))
    assert urgency(schedule, Situation(9, 0.9, 3.0, 5, 0)) == 1
    assert urgency(schedule, Situation(1, 0.1, 0.0, 0, 0)) == 0


def run(camera, boxes_of, length=60):
    """When a camera looks at people who are given as boxes by frame; every look costs the same."""
    looked = []
    for index in range(length):
        frame = Frame("hall", index, index / RATE, NO_PICTURE)
        due_now = camera.detects(frame.time)
        if due_now:
            camera.paid(COST)
            looked.append(index)
        tracks = camera.predict(frame)
        boxes = boxes_of(index) if due_now else np.zeros((0, 4))
        detections = Detections(boxes, np.full(len(boxes), 0.9))
        if due_now:
            tracks = camera.follow(frame, detections)
        camera.sightings(frame, tracks, detections)
    return looked


def test_without_a_budget_every_nth_frame_is_looked_at():
    camera = Camera("hall", by_name(), Economy(every=4))
    assert run(camera, lambda index: np.array([[10.0 + index, 10, 50 + index, 110]])) == list(range(0, 60, 4))


def test_a_newcomer_is_looked_at_again_at_once():
    def standing(index):
        newcomer = [[200.0, 10, 240, 110]] if index >= 30 else []
        return np.array([[10.0, 10, 50, 110], *newcomer])

    looked = run(Camera("hall", by_name(), Economy(schedule=Schedule(budget=COST / 4))), standing)
    first = next(index for index in looked if index >= 30)
    assert first + 1 in looked
    calm = [index for index in looked if 8 <= index < 30]
    assert np.diff(calm).min() >= 3


@pytest.mark.parametrize("budget", [0.0, COST / 3])
def test_the_same_costs_give_the_same_looks(budget):
    economy = Economy(every=2, schedule=Schedule(budget=budget))
    first, second = (
        run(Camera("hall", by_name(), economy), lambda index: np.array([[10.0 + 5 * index, 10, 50 + 5 * index, 110]]))
        for _ in range(2)
    )
    assert first == second
