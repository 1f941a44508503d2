"""A zone in the synthetic world, which knows who is inside: broken tracks, misses, false detections, two cameras."""

from itertools import count

import numpy as np
import pytest

from unbroken.core.events import ZoneEntered
from unbroken.datasets.synthetic import ObservationSettings, WorldSettings, make_world, observe, truth_of
from unbroken.geometry.regions import inside
from unbroken.pipeline.feet import Feet
from unbroken.pipeline.zones import Room, Waiting, Zone

PENDING = 12
"""Pictures of a track before its Global ID is known."""


def standing(observation, pictures):
    """The foot points of one camera, each person known after some pictures of a track; false tracks are nobody."""
    seen = observation.sightings
    keys = tuple((seen.camera, track) for track in seen.tracks.tolist())
    persons = []
    for key, person in zip(keys, observation.persons.tolist(), strict=True):
        pictures[key] = pictures.get(key, 0) + 1
        persons.append(person if pictures[key] > PENDING else -1)
    known = {person: row for row, person in enumerate(persons) if person > 0}
    rows = {key: row for row, key in enumerate(keys)}
    here, ones = np.ones(len(keys), dtype=bool), np.ones(len(keys))
    return Feet(seen.camera, seen.time, keys, tuple(persons), here, seen.ground, seen.ground, ones, rows, known)


def square_in_the_middle(truths):
    points = np.concatenate([truth.ground for truth in truths])
    (x1, y1), (x2, y2) = np.percentile(points, [30, 70], axis=0)
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


@pytest.mark.parametrize("seed", [0, 2])
def test_a_zone_tells_who_was_inside_and_about_how_many_there_are(seed):
    rng = np.random.default_rng(seed)
    world = make_world(WorldSettings(cameras=4, people=12, seconds=60.0), rng)
    stream = observe(world, ObservationSettings(dimension=8, variety=4, blur=4, swap=0.0), rng)
    truths = [truth_of(world, camera.name) for camera in world.cameras]
    square = square_in_the_middle(truths)
    room, events, pictures = Room(Zone("hall", "", square), Waiting(), count(1).__next__), [], {}
    errors, seconds = [], dict.fromkeys(range(1, 13), 0.0)
    for frame, (time, observations) in enumerate(zip(world.walks.times.tolist(), stream, strict=True)):
        for observation in observations:
            feet = standing(observation, pictures)
            room.look(feet, np.arange(len(feet.keys)))
        events += room.settle(time)
        here = set()
        for truth in truths:
            rows = truth.rows(frame)
            here |= set(truth.persons[rows][inside(truth.ground[rows], square)].tolist())
        for person in here:
            seconds[person] += 0.1
        errors.append(abs(len(room.occupants) - len(here)))
    told = {event.person for event in events if event.person > 0}
    assert {person for person, spent in seconds.items() if spent > 1.5} <= told
    assert told <= {person for person, spent in seconds.items() if spent > 0}
    assert len(told) >= 5
    assert np.mean(errors) < 0.5
    entries = [event for event in events if isinstance(event, ZoneEntered)]
    assert len(entries) < 2 * len(told), "broken tracks and two cameras make no visits of their own"
