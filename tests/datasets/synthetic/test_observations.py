"""Observations without pictures have the stated errors, and features separate people as real nets do."""

import numpy as np
import pytest

from unbroken.core.errors import ConfigError
from unbroken.datasets.synthetic import NOBODY, ObservationSettings, WorldSettings, make_world, observe, truth_of
from unbroken.geometry.boxes import foot_points


@pytest.fixture(scope="module")
def world():
    settings = WorldSettings(cameras=4, people=30, seconds=200.0, rate=2.0, arrivals=30.0)
    return make_world(settings, np.random.default_rng(11))


@pytest.fixture(scope="module")
def stream(world):
    return observe(world, ObservationSettings(), np.random.default_rng(4))


def columns(stream, name):
    """Everything detected: features, persons, cameras, tracks."""
    parts = [
        (o.sightings.features, o.persons, number, o.sightings.tracks)
        for step in stream
        for number, o in enumerate(step)
    ]
    features, persons, tracks = (np.concatenate([part[place] for part in parts]) for place in (0, 1, 3))
    return features, persons, np.concatenate([np.full(len(part[1]), part[2]) for part in parts]), tracks


def test_the_same_seed_gives_the_same_stream_to_the_bit(world, stream):
    again = observe(world, ObservationSettings(), np.random.default_rng(4))
    for step, other in zip(stream, again, strict=True):
        for one, two in zip(step, other, strict=True):
            assert one.sightings.features.tobytes() == two.sightings.features.tobytes()
            assert one.sightings.tracks.tolist() == two.sightings.tracks.tolist()


def test_features_separate_people_as_a_real_net_does(stream):
    features, persons, cameras, tracks = columns(stream, "features")
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, len(features), (2, 1_000_000))
    fair = (persons[one] > 0) & (persons[two] > 0) & (one != two)
    one, two = one[fair], two[fair]
    cosines = np.einsum("nd,nd->n", features[one], features[two])
    same, near = persons[one] == persons[two], cameras[one] == cameras[two]
    alike = same & near & (tracks[one] != tracks[two])
    assert cosines[alike].mean() == pytest.approx(0.60, abs=0.04)
    assert cosines[~same & near].mean() == pytest.approx(0.24, abs=0.04)
    assert cosines[same & ~near].mean() < cosines[alike].mean() - 0.08
    spread = np.sqrt((cosines[alike].var() + cosines[~same & near].var()) / 2)
    assert 2.3 < (cosines[alike].mean() - cosines[~same & near].mean()) / spread < 3.5


def test_features_have_unit_length(stream):
    for step in stream:
        for o in step:
            assert np.allclose(np.linalg.norm(o.sightings.features, axis=1), 1, atol=1e-5)


def test_missed_and_false_rows_come_at_the_stated_rates(world):
    settings = ObservationSettings(miss=0.3, false=0.05, swap=0.0)
    stream = observe(world, settings, np.random.default_rng(1))
    hits = plain = 0
    for number, camera in enumerate(world.cameras):
        truth = truth_of(world, camera.name)
        for frame, step in enumerate(stream):
            rows = truth.rows(frame)
            clear = set(truth.persons[rows][truth.visibility[rows] > 0.7].tolist())
            found = set(step[number].persons.tolist())
            plain, hits = plain + len(clear), hits + len(clear & found)
    assert hits / plain == pytest.approx(0.7, abs=0.03)
    ghosts = {
        (number, int(track))
        for step in stream
        for number, o in enumerate(step)
        for track in o.sightings.tracks[o.persons == NOBODY]
    }
    expected = 0.05 * 200 * 4
    assert abs(len(ghosts) - expected) < 4 * np.sqrt(expected)


def test_without_exchanges_a_track_is_one_person_and_ends_once(world):
    stream = observe(world, ObservationSettings(swap=0.0), np.random.default_rng(1))
    for number in range(len(world.cameras)):
        owner, ended = {}, set()
        for step in stream:
            o = step[number]
            assert len(set(o.sightings.tracks.tolist())) == len(o.sightings.tracks)
            for track in o.sightings.ended.tolist():
                assert track in owner
                assert track not in ended
                ended.add(track)
            for track, person in zip(o.sightings.tracks.tolist(), o.persons.tolist(), strict=True):
                assert owner.setdefault(track, person) == person
                assert track not in ended


def test_tracks_are_exchanged_only_where_people_hide_each_other(world):
    stream = observe(world, ObservationSettings(swap=1.0), np.random.default_rng(1))
    owners = {}
    for step in stream:
        for number, o in enumerate(step):
            for track, person in zip(o.sightings.tracks.tolist(), o.persons.tolist(), strict=True):
                owners.setdefault((number, track), set()).add(person)
    mixed = sum(len(people) > 1 for people in owners.values())
    assert 0 < mixed < 0.6 * len(owners)


def test_ground_points_are_off_by_about_their_covariance(world, stream):
    squares = []
    for number, camera in enumerate(world.cameras):
        truth = truth_of(world, camera.name)
        for frame, step in enumerate(stream):
            rows = truth.rows(frame)
            where = dict(zip(truth.persons[rows].tolist(), truth.ground[rows], strict=True))
            o = step[number]
            for row in np.flatnonzero(o.persons > 0):
                error = o.sightings.ground[row] - where[int(o.persons[row])]
                squares.append(error @ np.linalg.solve(o.sightings.covariance[row], error))
    assert np.median(squares) == pytest.approx(1.39, abs=0.2)


def test_an_uncalibrated_world_says_so_with_nan(world):
    stream = observe(world, ObservationSettings(calibrated=False), np.random.default_rng(1))
    assert np.isnan(np.concatenate([o.sightings.ground for step in stream for o in step])).all()


def test_detections_carry_the_same_boxes_and_features(stream):
    for step in stream[50:60]:
        for o in step:
            detections = o.detections()
            assert detections.boxes.tolist() == o.sightings.boxes.tolist()
            assert foot_points(detections.boxes).shape == (len(o.persons), 2)
            assert detections.features.shape[1] == 128


def test_shares_that_exceed_a_feature_are_refused():
    with pytest.raises(ConfigError, match="sum to at most 1"):
        ObservationSettings(person=0.9)
