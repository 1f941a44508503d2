"""Two cameras look at one floor: who stood where at the same instants is told apart without looks."""

import numpy as np
import pytest

from unbroken.identity.whereabouts.coincidences import Coincidences, CoincidenceSettings, Standing

SMALL = 0.01 * np.eye(2)


def stood(pairs, places, seconds=0.0, cameras=None):
    """One instant: number -> metres; tracks with even numbers are of one camera, odd ones of the other."""
    numbers = np.array(list(places))
    cameras = numbers % 2 if cameras is None else np.array(cameras)
    spots = np.array(list(places.values()), dtype=np.float64)
    covariances = np.tile(SMALL, (len(numbers), 1, 1))
    pairs.note(Standing(numbers, cameras, spots, covariances, np.ones(len(numbers), dtype=bool)), seconds)


def odds(pairs, number):
    numbers, found, _ = pairs.odds(number)
    return dict(zip(numbers.tolist(), found.tolist(), strict=True))


def test_who_stands_on_the_same_spot_is_likelier_one_person_than_who_stands_beside():
    pairs = Coincidences(CoincidenceSettings())
    for instant in range(6):
        stood(pairs, {0: (1.0 * instant, 0.0), 1: (1.0 * instant + 0.05, 0.0), 3: (1.0 * instant, 2.0)}, instant)
    assert odds(pairs, 0)[1] > 3 > 0 > odds(pairs, 0)[3]
    assert odds(pairs, 0)[1] == pytest.approx(odds(pairs, 1)[0]), "it is the same question from either side"


def test_tracks_of_one_camera_and_far_apart_are_not_compared():
    pairs = Coincidences(CoincidenceSettings(reach=3.0))
    stood(pairs, {0: (0, 0), 2: (0.1, 0), 5: (9, 9)})
    assert odds(pairs, 0) == {}


def test_the_evidence_for_one_spot_follows_the_formula():
    settings = CoincidenceSettings(spread=0.5, area=100.0)
    pairs = Coincidences(settings)
    stood(pairs, {0: (0, 0), 1: (0.3, 0.4)})
    variance = 0.02 + 1e-3 + 0.25
    assert odds(pairs, 0)[1] == pytest.approx(np.log(100 / (2 * np.pi * variance)) - 0.25 / (2 * variance))


def test_somebody_who_stays_counts_no_more_than_his_place():
    pairs = Coincidences(CoincidenceSettings(instants=4))
    seen = []
    for instant in range(40):
        stood(pairs, {0: (0, 0), 1: (0.2, 0)}, instant)
        seen.append(odds(pairs, 0)[1])
    assert np.ptp(seen[4:]) < 1e-9


def test_errors_of_one_moment_count_once_at_any_rate_of_pictures():
    slow, fast = Coincidences(CoincidenceSettings(every=0.4)), Coincidences(CoincidenceSettings(every=0.4))
    stood(slow, {0: (0, 0), 1: (0.2, 0)}, 0.0)
    for picture in range(4):
        stood(fast, {0: (0, 0), 1: (0.2, 0)}, picture / 25)
    assert odds(fast, 0) == odds(slow, 0)


@pytest.mark.parametrize("error", [0.15, 0.6])
def test_how_well_the_cameras_agree_is_learnt_from_those_who_stand_alone(error):
    pairs, rng = Coincidences(CoincidenceSettings()), np.random.default_rng(3)
    for person in range(200):
        offset = rng.normal(scale=error, size=2)
        for instant in range(4):
            stood(pairs, {2 * person: (0, 0), 2 * person + 1: offset}, 10 * person + instant)
    assert pairs.spread == pytest.approx(error, rel=0.25)


def test_what_is_forgotten_leaves_nothing_on_either_side():
    pairs = Coincidences(CoincidenceSettings())
    stood(pairs, {0: (0, 0), 1: (0, 0)})
    pairs.forget([1])
    assert odds(pairs, 0) == {} == odds(pairs, 1)


def test_pairs_of_old_tracks_do_not_pile_up():
    pairs = Coincidences(CoincidenceSettings(window=10))
    for person in range(500):
        stood(pairs, {2 * person: (0, 0), 2 * person + 1: (0, 0)}, person)
        pairs.prune(2 * person + 2)
    assert sum(bool(odds(pairs, number)) for number in range(1000)) <= 40


def test_what_several_tracks_are_told_at_once_is_what_each_is_told_alone():
    together, alone = (Coincidences(CoincidenceSettings()) for _ in range(2))
    for instant in range(3):
        for pairs in (together, alone):
            stood(pairs, {0: (0, 0), 1: (0.3 * instant, 0), 3: (1, 0.2), 2: (1, 0), 5: (9, 9)}, instant)
    together.tell([3, 0, 5, 2])
    for number in range(6):
        assert odds(together, number) == odds(alone, number)
