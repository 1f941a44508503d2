"""The textbook rule: two thresholds, a moving average, and nobody twice in one view."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.views import see, unit
from unbroken.core.errors import ConfigError, ContractError
from unbroken.core.events import PersonEnrolled, PersonRecognised
from unbroken.core.sightings import IdentityState
from unbroken.identity.fixed import FixedManager, FixedSettings
from unbroken.identity.policies import by_name


def ids(manager, *sightings):
    return [answer.persons.tolist() for answer in manager.observe(sightings)[0]]


def test_the_same_person_in_another_camera_has_the_same_global_id():
    manager = FixedManager()
    assert ids(manager, see("a", 0.0, [5, 6], unit(0, 90))) == [[1, 2]]
    answers, events = manager.observe([see("b", 9.0, [1], unit(95))])
    assert answers[0].persons.tolist() == [2]
    (event,) = events
    assert isinstance(event, PersonRecognised)
    assert event.evidence.distance == pytest.approx(1 - np.cos(np.radians(5)), abs=1e-6)
    assert [other.person for other in event.alternatives] == [1]
    assert manager.persons == {("a", 5): 1, ("a", 6): 2, ("b", 1): 2}


def test_the_distances_of_the_textbook_choose_the_first_of_three():
    manager = FixedManager()
    known = np.eye(4, dtype=np.float32)[:3]
    ids(manager, see("a", 0.0, [1, 2, 3], known))
    similarity = np.array([1 - 0.18, 1 - 0.85, 1 - 0.72])
    query = np.append(similarity, np.sqrt(max(1 - similarity @ similarity, 0)))
    query = (query / np.linalg.norm(query)).astype(np.float32)
    assert ids(manager, see("cam2", 1.0, [5], query[None])) == [[1]]


def test_the_feature_of_a_person_moves_by_a_tenth_and_stays_a_unit_vector():
    manager = FixedManager()
    ids(manager, see("a", 0.0, [1], unit(0)))
    ids(manager, see("a", 0.1, [1], unit(50)))
    expected = 0.9 * unit(0)[0] + 0.1 * unit(50)[0]
    _, events = manager.observe([see("b", 0.2, [1], unit(0))])
    expected /= np.linalg.norm(expected)
    assert events[0].evidence.distance == pytest.approx(1 - expected[0], abs=1e-6)


def test_between_the_thresholds_a_track_waits_until_its_views_fall_on_one_side():
    manager = FixedManager()
    ids(manager, see("a", 0.0, [1], unit(0), ended=[]))
    answers, events = manager.observe([see("b", 1.0, [1], unit(66))])
    assert (answers[0].persons[0], answers[0].state[0]) == (-1, IdentityState.PENDING)
    assert events == []
    assert ids(manager, see("b", 1.1, [1], unit(20))) == [[1]]


@pytest.mark.parametrize(("undecided", "person"), [("same", 1), ("new", 2)])
def test_what_undecided_means_is_an_option(undecided, person):
    manager = FixedManager(FixedSettings(undecided=undecided))
    ids(manager, see("a", 0.0, [1], unit(0)))
    answers, _ = manager.observe([see("b", 1.0, [1], unit(66))])
    assert (answers[0].persons[0], answers[0].state[0]) == (person, IdentityState.PROBABLE)


def test_waiting_ends_after_some_views():
    manager = FixedManager(FixedSettings(patience=3))
    ids(manager, see("a", 0.0, [1], unit(0)))
    given_ids = [ids(manager, see("b", 1.0 + i, [1], unit(68)))[0][0] for i in range(4)]
    assert given_ids == [-1, -1, 2, 2]


def test_nobody_is_twice_in_one_view_even_if_they_look_alike():
    manager = FixedManager()
    assert ids(manager, see("a", 0.0, [1, 2], unit(0, 0))) == [[1, 2]]
    assert ids(manager, see("b", 1.0, [7], unit(0)), see("b", 1.0, [7, 8], unit(0, 1))) == [[1], [1, 2]]
    assert ids(manager, see("b", 2.0, [7, 8, 9], unit(0, 1, 0))) == [[1, 2, 3]]


def test_a_track_that_has_ended_gives_its_person_back_to_the_view():
    manager = FixedManager()
    ids(manager, see("a", 0.0, [1], unit(0)))
    assert ids(manager, see("a", 1.0, [2], unit(0))) == [[2]]
    assert ids(manager, see("a", 2.0, [3], unit(1), ended=[1])) == [[1]]


def test_new_tracks_of_a_step_are_assigned_jointly_not_in_their_order():
    manager = FixedManager()
    ids(manager, see("a", 0.0, [1, 2], unit(0, 140)))
    assert ids(manager, see("b", 1.0, [1, 2], unit(30, 10))) == [[3, 1]]


def test_without_re_id_each_track_is_somebody():
    manager = FixedManager()
    answers, events = manager.observe([see("a", 0.0, [1, 2], np.zeros((2, 0)))])
    assert answers[0].persons.tolist() == [1, 2]
    assert all(isinstance(event, PersonEnrolled) for event in events)


def test_a_row_of_zeros_is_no_view_and_an_empty_step_is_nothing():
    manager = FixedManager()
    assert ids(manager, see("a", 0.0, [1], np.zeros((1, 8)))) == [[-1]]
    assert ids(manager, see("a", 0.0, [], np.zeros((0, 8)))) == [[]]
    assert manager.observe([]) == ([], [])


def test_the_features_of_two_nets_are_never_compared():
    manager = FixedManager()
    ids(manager, see("a", 0.0, [1], unit(0)))
    with pytest.raises(ContractError, match="one Re-ID net"):
        manager.observe([see("b", 1.0, [1], unit(0, dimension=5))])


def test_the_gallery_has_a_size_and_who_is_alive_stays():
    manager = FixedManager(FixedSettings(capacity=2))
    for track in range(6):
        ids(manager, see("a", float(track), [track], np.eye(8, dtype=np.float32)[[track]], ended=[track - 1]))
    assert ids(manager, see("b", 9.0, [1, 2], np.eye(8, dtype=np.float32)[[5, 0]])) == [[6, 7]]


def test_a_setting_that_makes_no_rule_is_refused():
    with pytest.raises(ConfigError, match=r"same=0\.8, different=0.7"):
        FixedSettings(same=0.8)
    with pytest.raises(ConfigError, match="'magic' is not known"):
        by_name("magic")


steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.lists(st.integers(1, 6), unique=True, max_size=5), st.integers(0, 2**16)),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_whatever_comes_nobody_is_twice_in_a_view_and_the_answer_is_the_same_each_time(plan):
    first, second = FixedManager(), by_name("fixed")
    for number, (camera, tracks, seed) in enumerate(plan):
        features = np.random.default_rng(seed).normal(size=(len(tracks), 8)) ** 2
        features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
        step = see(camera, number * 0.1, tracks, features)
        answer, again = first.observe([step]), second.observe([step])
        persons = answer[0][0].persons
        decided = persons[persons > 0].tolist()
        assert len(decided) == len(set(decided))
        assert persons.tolist() == again[0][0].persons.tolist()
        assert answer[1] == again[1]


def test_two_reports_of_one_camera_in_one_step_are_both_answered_though_the_second_ends_the_first():
    first, second = see("cam1", 0.0, [1], unit(0)), see("cam1", 0.1, [2], unit(90), ended=[1])
    identities, _ = FixedManager().observe([first, second])
    assert [answer.persons.tolist() for answer in identities] == [[1], [2]]
