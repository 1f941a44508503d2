"""People followed on the ground of several cameras."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.core.errors import ContractError
from unbroken.core.sightings import Sightings
from unbroken.identity.ground.paths import arrival_paths, final_paths, final_persons
from unbroken.identity.ground.tracker import GroundTracker
from unbroken.identity.ground.values import GroundObservations, GroundResult, GroundSettings

Step = tuple[float, dict[str, dict[int, tuple[float, float]]]]


def observe(
    camera: str, people: dict[int, tuple[float, float]], doubt: float = 0.2, ids: bool = False
) -> GroundObservations:
    points = np.array(list(people.values()), dtype=float).reshape(-1, 2)
    local = np.array(list(people), dtype=np.int64) if ids else np.full(len(people), -1)
    return GroundObservations(camera, points, np.broadcast_to(0.04 * np.eye(2), (len(people), 2, 2)), local)


def play(steps: list[Step], ids: bool = False) -> tuple[GroundTracker, list[GroundResult]]:
    tracker = GroundTracker()
    return tracker, [
        tracker.update(time, [observe(camera, people, ids=ids) for camera, people in views.items()])
        for time, views in steps
    ]


def crossing(seed: int = 0, rate: float = 2.0, cameras: int = 3, missed: float = 0.2) -> list[Step]:
    """Two people who walk towards and past each other, 0.8 m apart at the nearest, seen with noise and misses."""
    generator = np.random.default_rng(seed)
    steps = []
    for number in range(int(10 * rate)):
        time = number / rate
        there = {1: (-5 + time, 0.0), 2: (5 - time, 0.8)}
        views = {
            f"cam{camera}": {
                who: (x + generator.normal(0, 0.1), y + generator.normal(0, 0.1))
                for who, (x, y) in there.items()
                if generator.random() > missed
            }
            for camera in range(cameras)
        }
        steps.append((time, views))
    return steps


@pytest.mark.parametrize("rate", [2.0, 25.0])
def test_two_people_who_pass_each_other_keep_their_numbers(rate: float) -> None:
    steps = crossing(rate=rate)
    tracker, results = play(steps)
    said: dict[int, set[int]] = {1: set(), 2: set()}
    for (_, views), result in zip(steps, results, strict=True):
        for people, tracks in zip(views.values(), result.tracks, strict=True):
            for who, number in zip(people, tracker.person_of(tracks), strict=True):
                said[who].add(int(number))
    assert all(len(numbers - {-1}) == 1 for numbers in said.values())
    assert said[1].isdisjoint(said[2] - {-1})


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), missed=st.floats(0, 0.6))
def test_nobody_is_twice_in_one_view(seed: int, missed: float) -> None:
    generator = np.random.default_rng(seed)
    steps = crossing(seed, missed=missed)
    for _, views in steps:
        for people in views.values():
            for ghost in range(int(generator.integers(0, 3))):
                people[100 + ghost] = tuple(generator.uniform(-5, 5, 2))
    for result in play(steps)[1]:
        for tracks, persons in zip(result.tracks, result.persons, strict=True):
            assert len(set(tracks)) == len(tracks)
            known = persons[persons > 0]
            assert len(set(known)) == len(known)


def test_the_same_input_gives_the_same_output_to_the_bit() -> None:
    first, second = (play(crossing())[1] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.points, other.points)
        assert all(np.array_equal(a, b) for a, b in zip(one.tracks, other.tracks, strict=True))


def test_a_person_out_of_sight_is_met_again_where_he_was_going() -> None:
    steps = [(t / 2, {"a": {} if 8 <= t < 11 else {1: (t / 2, 0.0)}}) for t in range(20)]
    tracker, results = play(steps)
    assert set(tracker.person_of(np.concatenate([r.tracks[0] for r in results]))) == {1}


def test_a_person_gone_for_long_is_given_up_and_nothing_is_kept() -> None:
    steps = [(t / 2, {"a": {1: (0.0, 0.0)} if t < 5 else {}}) for t in range(20)]
    _, results = play(steps)
    assert len(results[6].numbers) == 1
    assert len(results[-1].numbers) == 0


def test_numbers_of_long_ago_are_forgotten_and_those_alive_are_not() -> None:
    tracker = GroundTracker(GroundSettings(remembered=5))
    for t in range(600):
        passer = {2: (10.0, t % 10 / 4)} if t % 20 < 10 else {}
        tracker.update(t / 2, [observe("a", {1: (0.0, 0.0), **passer})])
    last = int(tracker.update(300.0, [observe("a", {1: (0.0, 0.0)})]).numbers.max())
    assert tracker.person_of(np.array([1, 2])).tolist() == [1, -1]
    assert sum(number > 0 for number in tracker.person_of(np.arange(1, last + 40)).tolist()) <= 11


def test_a_single_flash_never_becomes_a_person() -> None:
    tracker, results = play([(t / 2, {"a": {1: (0.0, 0.0)} if t == 2 else {}}) for t in range(8)])
    assert tracker.person_of(np.concatenate([r.tracks[0] for r in results])).tolist() == [-1]


def test_people_shoulder_to_shoulder_are_told_apart_by_the_cameras_own_ids() -> None:
    generator = np.random.default_rng(3)
    steps = []
    for t in range(200):
        x = t / 25
        views = {
            camera: {1: (x, generator.normal(0, 0.15)), 2: (x, 0.5 + generator.normal(0, 0.15))}
            for camera in ("a", "b")
        }
        steps.append((t / 25, views))
    tracker, results = play(steps, ids=True)
    for camera in range(2):
        numbers = np.array([tracker.person_of(r.tracks[camera]) for r in results])
        assert (numbers == numbers[0]).all()
        assert numbers[0, 0] != numbers[0, 1]


def test_a_camera_whose_own_track_jumps_to_somebody_else_is_not_followed() -> None:
    steps = []
    for t in range(120):
        near, far = (0.0, 0.0), (4.0, 0.0)
        swapped = {1: far, 2: near} if t >= 60 else {1: near, 2: far}
        steps.append((t / 25, {"a": {1: near, 2: far}, "b": swapped}))
    tracker, results = play(steps, ids=True)
    last = [tracker.person_of(tracks) for tracks in results[-1].tracks]
    assert last[0].tolist() == last[1][::-1].tolist()


def test_two_tracks_that_turn_out_to_be_one_person_are_merged_with_word_of_it() -> None:
    steps: list[Step] = []
    for t in range(100):
        bias = max(0.0, 3.0 - t / 12)
        steps.append((t / 25, {"a": {1: (0.0, 0.0)}, "b": {7: (bias, 0.0)}}))
    tracker, results = play(steps, ids=True)
    assert [pair for result in results for pair in result.merged] == [(2, 1)]
    assert tracker.person_of(np.array([1, 2])).tolist() == [1, 1]
    assert results[-1].persons[0].tolist() == results[-1].persons[1].tolist() == [1]


def test_people_seen_together_by_one_camera_are_never_merged() -> None:
    steps: list[Step] = [(t / 25, {"a": {1: (0.0, 0.0), 2: (0.4, 0.0)}}) for t in range(100)]
    _, results = play(steps, ids=True)
    assert not any(result.merged for result in results)


def test_a_foot_above_the_horizon_starts_nobody() -> None:
    tracker, results = play([(t / 2, {"a": {1: (np.nan, np.nan)}}) for t in range(4)])
    assert all(result.tracks[0].tolist() == [-1] for result in results)
    assert len(tracker.person_of(np.zeros(0, dtype=np.int64))) == 0


def test_sightings_are_taken_as_they_are() -> None:
    seen = Sightings(
        "a",
        0.0,
        np.array([5, 9]),
        np.zeros((2, 4)),
        np.array([[0.0, 0.0], [3.0, 3.0]]),
        np.broadcast_to(np.eye(2), (2, 2, 2)),
        np.zeros((2, 0), dtype=np.float32),
        np.ones(2),
        np.zeros(0, dtype=np.int64),
    )
    assert GroundObservations.from_sightings(seen).locals.tolist() == [5, 9]


@pytest.mark.parametrize("time", [1.0, 0.5])
def test_time_that_runs_back_or_stands_still_is_refused(time: float) -> None:
    tracker = GroundTracker()
    tracker.update(1.0, [])
    with pytest.raises(ContractError, match="not after"):
        tracker.update(time, [])


def test_a_camera_twice_in_one_instant_is_refused() -> None:
    with pytest.raises(ContractError, match="twice"):
        GroundTracker().update(0.0, [observe("a", {}), observe("a", {})])


def test_an_id_twice_in_one_view_is_refused() -> None:
    with pytest.raises(ContractError, match="each id once"):
        GroundObservations("a", np.zeros((2, 2)), np.zeros((2, 2, 2)), np.array([1, 1]))


def test_the_end_knows_more_than_the_arrival() -> None:
    steps: list[Step] = [(t / 2, {"a": {} if t == 6 else {1: (t / 2, 0.0)}}) for t in range(12)]
    tracker, results = play(steps)
    arrival, final = arrival_paths(results), final_paths(results, tracker, 1.0)
    assert sorted(final.instants) == list(range(12))
    assert 6 not in arrival.instants
    assert 0 not in arrival.instants
    filled = final.points[final.instants == 6][0]
    assert np.allclose(filled, [3.0, 0.0], atol=0.2)


def test_a_camera_that_disagrees_with_the_others_is_believed_less() -> None:
    """One view of three was off by 0.7 m, more than it said, and drew everybody a third of the way towards itself."""

    def error(settings: GroundSettings) -> float:
        tracker, errors = GroundTracker(settings), []
        for number in range(120):
            there = {1: (-4 + 0.1 * number, 0.0), 2: (4 - 0.1 * number, 3.0)}
            views = {camera: dict(there) for camera in ("a", "b")}
            views["c"] = {who: (x + 0.5, y + 0.5) for who, (x, y) in there.items()}
            result = tracker.update(number / 8, [observe(name, seen, ids=True) for name, seen in views.items()])
            errors.append(min(np.linalg.norm(result.points - np.array(there[1]), axis=1)))
        return float(np.mean(errors[40:]))

    assert error(GroundSettings()) < 0.7 * error(GroundSettings(most_doubt=1.0))


def in_single_file(pace: float = 0.7) -> list[Step]:
    """Two people come in at one place, the second an instant later, where the first was."""
    return [(t / 2, {"a": {1: (pace * t, 0.0)} | ({2: (pace * (t - 1), 0.0)} if t else {})}) for t in range(10)]


def test_who_went_on_under_the_number_of_another_gets_his_own_back_with_word_of_it() -> None:
    steps = in_single_file()
    plain = GroundTracker(GroundSettings(hysteresis=np.inf))
    mixed = [plain.update(time, [observe("a", views["a"])]).tracks[0][0] for time, views in steps]
    assert len(set(mixed)) > 1
    tracker, results = play(steps)
    assert sum(len(result.exchanged) for result in results) == 1
    final = final_persons(results, tracker)
    assert {int(persons[0][0]) for persons in final} == {1}
    assert {int(persons[0][1]) for persons in final[1:]} == {2}
    paths = final_paths(results, tracker, 1.0)
    assert paths.points[paths.numbers == 1, 0] == pytest.approx(0.7 * np.arange(10), abs=0.3)


def test_pieces_that_the_cameras_own_ids_hold_together_do_not_change_place() -> None:
    generator = np.random.default_rng(2)
    steps: list[Step] = []
    for t in range(60):
        views = {
            camera: {1: (0.0, generator.normal(0, 0.3)), 2: (0.3, generator.normal(0, 0.3))} for camera in ("a", "b")
        }
        steps.append((t / 2, views))
    assert sum(len(result.exchanged) for result in play(steps)[1]) > 0
    assert sum(len(result.exchanged) for result in play(steps, ids=True)[1]) == 0
