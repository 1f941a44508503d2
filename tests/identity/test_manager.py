"""The default manager: one Global ID per person, whatever order the sightings come in."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.views import see
from unbroken.core.batches import Merge, Undo
from unbroken.core.errors import ConfigError, ContractError
from unbroken.core.events import PersonEnrolled, PersonForgotten, PersonMerged, PersonRecognised, PersonSplit
from unbroken.core.sightings import IdentityState
from unbroken.identity.gallery import GallerySettings
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings


def looks(count, dimension=48, seed=5):
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def noisy(rows, rng, share=0.04):
    rows = rows + share * rng.normal(size=rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def walk_through(manager, people, cameras=("a", "b", "c"), views=6, seed=0):
    """Each person is seen in one camera after another, on his own; yields answers and events of each step."""
    rng, time, ended = np.random.default_rng(seed), 0.0, {camera: [] for camera in cameras}
    for lap, camera in enumerate(cameras):
        for number in range(len(people)):
            for _ in range(views):
                time += 0.5
                step = see(camera, time, [100 * lap + number], noisy(people[[number]], rng), ended=ended[camera])
                ended[camera] = []
                yield manager.observe([step])
            ended[camera] = [100 * lap + number]


def test_people_who_look_unlike_keep_their_id_from_camera_to_camera_in_the_first_minute():
    people = looks(5)
    steps = list(walk_through(CalibratedManager(), people))
    given_ids = [answers[0].persons[0] for answers, _ in steps]
    last = np.array(given_ids).reshape(3, 5, 6)[:, :, -1]
    assert np.array_equal(last[0], last[1])
    assert np.array_equal(last[0], last[2])
    assert len(set(last[0].tolist())) == 5


def test_an_id_comes_only_after_enough_views_and_says_why():
    steps = list(walk_through(CalibratedManager(), looks(3), cameras=("a", "b")))
    first = [answers[0] for answers, _ in steps[:6]]
    assert [answer.persons[0] for answer in first] == [-1, -1, 1, 1, 1, 1]
    assert first[0].state[0] == IdentityState.PENDING
    recognised = [event for _, events in steps for event in events if isinstance(event, PersonRecognised)]
    assert [event.person for event in recognised] == [1, 2, 3]
    assert all(event.evidence.score > event.alternatives[0].score for event in recognised)
    parts = recognised[0].evidence
    assert parts.distance < 0.2 < recognised[0].alternatives[0].distance
    assert parts.score == pytest.approx(parts.appearance + parts.time + parts.place)


def test_two_people_who_look_alike_in_one_view_are_two():
    manager, rng = CalibratedManager(), np.random.default_rng(1)
    person = looks(1)
    for step in range(20):
        answers, _ = manager.observe([see("a", step * 0.2, [1, 2], noisy(np.vstack([person, person]), rng))])
    assert len(set(answers[0].persons.tolist())) == 2


def test_nobody_is_in_two_calibrated_views_at_once_where_they_are_far_apart():
    manager, rng = CalibratedManager(), np.random.default_rng(1)
    person = looks(1)
    for step in range(20):
        time = step * 0.2
        here = see("a", time, [1], noisy(person, rng), ground=np.array([[0.0, 0.0]]))
        there = see("b", time, [1], noisy(person, rng), ground=np.array([[30.0, 0.0]]))
        answers, _ = manager.observe([here, there])
    assert answers[0].persons[0] != answers[1].persons[0]


def test_one_position_on_the_ground_in_two_views_is_one_person():
    manager, rng = CalibratedManager(), np.random.default_rng(1)
    people = looks(2)
    for step in range(20):
        time, ground = step * 0.2, np.array([[0.1 * step, 0.0], [0.1 * step, 4.0]])
        here = see("a", time, [1, 2], noisy(people, rng), ground=ground)
        there = see("b", time, [7, 8], noisy(people, rng), ground=ground + 0.1)
        answers, _ = manager.observe([here, there])
    assert answers[0].persons.tolist() == answers[1].persons.tolist()


def test_the_features_of_two_nets_are_never_compared():
    manager = CalibratedManager()
    for step in range(4):
        manager.observe([see("a", step, [1], looks(1).astype(np.float32))])
    with pytest.raises(ContractError, match="one Re-ID net"):
        manager.observe([see("b", 9.0, [1], np.ones((1, 5), np.float32) / np.sqrt(5))])


def test_without_re_id_everybody_gets_an_id():
    manager = CalibratedManager()
    for step in range(12):
        answers, _ = manager.observe([see("a", step * 0.5, [1, 2], np.zeros((2, 0)))])
    assert len({*answers[0].persons.tolist()} - {-1}) == 2


plans = st.lists(
    st.tuples(st.sampled_from("abc"), st.lists(st.integers(1, 9), unique=True, max_size=5), st.integers(0, 5)),
    max_size=60,
)


def stream(plan):
    """Tracks 1..9 of each camera are people 0..4, now and then one look for several: crowds, swaps, late rows."""
    people, rng = looks(5), np.random.default_rng(0)
    for number, (camera, tracks, shift) in enumerate(plan):
        features = noisy(people[[(track + shift) % 5 for track in tracks]], rng, 0.1)
        yield see(camera, 0.4 * number - 0.7 * (shift == 5), tracks, features)


SETTINGS = ManagerSettings(enough=1.0, first_fit=12, track_timeout=6.0)


@settings(max_examples=25, deadline=None)
@given(plans)
def test_whatever_comes_nobody_is_twice_in_a_view_and_ids_change_by_events_alone(plan):
    manager, known = CalibratedManager(SETTINGS), {}
    for step in stream(plan):
        (answer,), events = manager.observe([step])
        for event in events:
            follow(known, event)
        persons = answer.persons[answer.persons > 0].tolist()
        assert len(persons) == len(set(persons))
        for track, person in zip(answer.tracks.tolist(), answer.persons.tolist(), strict=True):
            assert person == known.get((step.camera, track), -1)


def follow(known, event):
    """What a client does who only reads events."""
    if isinstance(event, PersonEnrolled | PersonRecognised):
        known[event.camera, event.track] = event.person
    elif isinstance(event, PersonMerged):
        for key, person in known.items():
            known[key] = event.person if person == event.absorbed else person
    elif isinstance(event, PersonSplit):
        known.update(dict.fromkeys(event.tracks, event.separated))


@settings(max_examples=10, deadline=None)
@given(plans)
def test_the_same_input_gives_the_same_output_to_the_bit(plan):
    first, second = CalibratedManager(SETTINGS), CalibratedManager(SETTINGS)
    for step in stream(plan):
        (answer,), events = first.observe([step])
        (again,), events_again = second.observe([step])
        assert answer.persons.tobytes() == again.persons.tobytes()
        assert answer.confidence.tobytes() == again.confidence.tobytes()
        assert repr(events) == repr(events_again)


def everybody(manager, count):
    return [manager.person_of(number) for number in range(count)]


def test_a_merge_can_be_undone_and_its_events_lead_back():
    manager, known = CalibratedManager(), {}
    for _, events in walk_through(manager, looks(4), cameras=("a", "b")):
        for event in events:
            follow(known, event)
    before, events = everybody(manager, 8), manager.correct(Merge(1, 2), 99.0)
    follow(known, events[0])
    assert everybody(manager, 8) == [1 if person == 2 else person for person in before]
    for event in manager.correct(Undo(2), 100.0):
        follow(known, event)
    assert everybody(manager, 8) == before
    assert sorted(known.values()) == sorted(before)


@settings(max_examples=15, deadline=None)
@given(plans, st.integers(0, 10), st.integers(0, 10))
def test_undo_restores_who_everybody_was(plan, one, other):
    manager = CalibratedManager(SETTINGS)
    for step in stream(plan):
        manager.observe([step])
    manager.observe([see(camera, 50.0, [], np.zeros((0, 48)), ended=range(1, 10)) for camera in "abc"])
    before = everybody(manager, 200)
    persons = sorted({person for person in before if person > 0})
    if len(persons) < 2 or one % len(persons) == other % len(persons):
        return
    manager.correct(Merge(persons[one % len(persons)], persons[other % len(persons)]), 99.0)
    manager.correct(Undo(persons[other % len(persons)]), 99.5)
    assert everybody(manager, 200) == before


def test_undoing_nothing_and_merging_strangers_is_one_sentence():
    with pytest.raises(ContractError, match="no correction to undo"):
        CalibratedManager().correct(Undo(3), 0.0)
    with pytest.raises(ContractError, match="person 4 is not in the gallery"):
        CalibratedManager().correct(Merge(4, 5), 0.0)


def test_the_gallery_stays_within_its_bounds_and_says_who_was_forgotten():
    bounds = replace(SETTINGS, gallery=GallerySettings(capacity=3))
    manager, forgotten = CalibratedManager(bounds), []
    for answers, events in walk_through(manager, looks(9), cameras=("a", "b"), views=3):
        forgotten += [event.person for event in events if isinstance(event, PersonForgotten)]
        assert answers[0].persons[0] not in forgotten
    assert len(forgotten) >= 6


def test_who_demands_fewer_false_merges_gets_more_ids():
    def ids(rate):
        manager = CalibratedManager(ManagerSettings(false_merge_rate=rate))
        answers = [answers[0].persons[0] for answers, _ in walk_through(manager, looks(12))]
        return len({person for person in answers if person > 0})

    assert [ids(rate) for rate in (1e-9, 0.01, 0.5)] == [36, 12, 12]


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_of_false_merges_that_is_no_share_is_refused(rate):
    with pytest.raises(ConfigError, match=r"false_merge_rate is .*; give a share above 0 and below 1"):
        ManagerSettings(false_merge_rate=rate)


def test_the_usual_rate_favours_nobody():
    assert ManagerSettings().caution == pytest.approx(0.0, abs=1e-12)


def test_a_late_report_of_a_track_that_has_ended_brings_it_no_id():
    manager, people = CalibratedManager(), looks(3)
    list(walk_through(manager, people, cameras=("a", "b", "c")))
    rng = np.random.default_rng(1)
    now, _ = manager.observe([see("a", 100.0, [900], noisy(people[[0]], rng))])
    late, events = manager.observe([see("a", 99.0, [2], noisy(people[[2]], rng))])
    assert now[0].persons[0] > 0, "somebody known is guessed at from the first view on"
    assert late[0].persons.tolist() == [-1]
    assert events == []
