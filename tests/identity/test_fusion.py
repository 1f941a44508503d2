"""Calibrated cameras that see the same ground are one camera to the identity manager."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.views import see, unit
from unbroken.core.batches import Forget
from unbroken.core.events import PersonEnrolled, PersonForgotten, PersonMerged, PersonRecognised, PersonSplit
from unbroken.identity.fusion import GROUND, GroundedManager
from unbroken.identity.policies import by_name


def walk(manager, steps, angles=(0, 70), cameras=("left", "right")):
    """Two people walk 3 m apart; both cameras see both, with other local numbers and other looks in each camera."""
    answers, events = [], []
    for step in range(steps):
        ground = np.array([[0.1 * step, 0.0], [0.1 * step, 3.0]])
        views = []
        for number, camera in enumerate(cameras):
            order = [0, 1] if number == 0 else [1, 0]
            looks = unit(*(angles[row] + 40 * number for row in order))
            views.append(see(camera, step / 10, [1, 2], looks, ground=ground[order]))
        identities, happened = manager.observe(views)
        answers.append(identities)
        events += happened
    return answers, events


@pytest.mark.parametrize("policy", ["calibrated", "fixed"])
def test_who_stands_in_one_place_is_one_person_however_he_looks_in_each_camera(policy):
    answers, _ = walk(GroundedManager(by_name(policy)), 40)
    left, right = answers[-1]
    assert (left.persons > 0).all()
    assert left.persons[0] != left.persons[1]
    assert left.persons.tolist() == right.persons.tolist()[::-1]


def test_events_name_cameras_and_tracks_of_the_site_and_never_the_ground():
    _, events = walk(GroundedManager(by_name("calibrated")), 40)
    named = [event for event in events if isinstance(event, (PersonEnrolled, PersonRecognised))]
    assert named
    assert {event.camera for event in named} <= {"left", "right"}
    assert all(camera != GROUND for e in events if isinstance(e, PersonSplit) for camera, _ in e.tracks)


def test_cameras_without_calibration_are_told_as_they_are():
    alone, grounded = by_name("fixed"), GroundedManager(by_name("fixed"))
    for step in range(5):
        views = [see("door", step / 10, [1, 2], unit(0, 80))]
        first, second = alone.observe(views)[0][0], grounded.observe(views)[0][0]
        assert first.persons.tolist() == second.persons.tolist()


def test_a_calibrated_and_an_uncalibrated_camera_share_their_people():
    manager = GroundedManager(by_name("fixed"))
    for step in range(20):
        ground = np.array([[0.1 * step, 0.0]])
        views = [see("hall", step / 10, [1], unit(0), ground=ground), see("yard", step / 10, [7], unit(85))]
        hall, yard = manager.observe(views)[0]
    assert hall.persons[0] > 0
    assert yard.persons[0] > 0
    assert hall.persons[0] != yard.persons[0]
    door = manager.observe([see("door", 2.5, [1], unit(5))])[0][0]
    assert door.persons[0] == hall.persons[0]


plans = st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.integers(0, 3)), min_size=1, max_size=4)


@given(st.lists(plans, min_size=3, max_size=12), st.sampled_from(["calibrated", "fixed"]))
@settings(max_examples=40, deadline=None)
def test_whatever_comes_the_same_comes_out_twice_and_every_sighting_is_answered(plan, policy):
    def run():
        manager, answers = GroundedManager(by_name(policy)), []
        for step, people in enumerate(plan):
            numbers = sorted({number for *_, number in people})
            ground = np.array([[x, y] for x, y, _ in people])[: len(numbers)]
            looks = unit(*(40 * number for number in numbers))
            views = [see(camera, step / 5, numbers, looks, ground=ground) for camera in ("left", "right")]
            answers.append([answer.persons.tolist() for answer in manager.observe(views)[0]])
            assert [len(answer) for answer in answers[-1]] == [len(numbers)] * 2
        return answers

    assert run() == run()


def followed(named, events):
    """A client's picture after these events: who each local track is."""
    for event in events:
        if isinstance(event, (PersonEnrolled, PersonRecognised)):
            named[event.camera, event.track] = event.person
        elif isinstance(event, PersonMerged):
            named = {key: event.person if who == event.absorbed else who for key, who in named.items()}
        elif isinstance(event, PersonSplit):
            named |= dict.fromkeys(event.tracks, event.separated)
    return named


def test_each_view_of_a_ground_track_is_told_not_the_first_one_only():
    manager = GroundedManager(by_name("calibrated"))
    answers, events = walk(manager, 40)
    named = followed({}, events)
    for answer in answers[-1]:
        assert [named[answer.camera, track] for track in answer.tracks.tolist()] == answer.persons.tolist()


@given(st.lists(plans, min_size=3, max_size=12), st.sampled_from(["calibrated", "fixed"]))
@settings(max_examples=40, deadline=None)
def test_whoever_follows_the_events_knows_every_answer(plan, policy):
    manager, named = GroundedManager(by_name(policy)), {}
    for step, people in enumerate(plan):
        numbers = sorted({number for *_, number in people})
        ground = np.array([[x, y] for x, y, _ in people])[: len(numbers)]
        looks = unit(*(40 * number for number in numbers))
        views = [see(camera, float(step), numbers, looks, ground=ground) for camera in ("left", "right")]
        views.append(see("yard", float(step), numbers, looks))
        answers, events = manager.observe(views)
        named = followed(named, events)
        for answer in answers:
            for track, person in zip(answer.tracks.tolist(), answer.persons.tolist(), strict=True):
                assert person < 0 or named.get((answer.camera, track)) == person


def test_what_somebody_forgotten_looks_like_leaves_the_ground_too_on_a_site_of_both_kinds():
    manager = GroundedManager(by_name("fixed"))
    for step in range(30):
        views = [
            see(name, step / 10, [1], unit(40), ground=np.array([[0.1 * step, 0.0]])) for name in ("left", "right")
        ]
        views.append(see("yard", step / 10, [1], unit(40)))
        answers, _ = manager.observe(views)
    person = int(answers[0].persons[0])
    assert person > 0
    assert manager._ground._table.looks.any()
    events = manager.correct(Forget(person, "asked"), 3.0)
    assert [event.person for event in events if isinstance(event, PersonForgotten)] == [person]
    assert not manager._ground._table.looks.any()
