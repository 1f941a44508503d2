"""One site, with real parts: recorded detections, SORT, the textbook identity rule and a descriptor of mean colours."""

import itertools
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import pytest

from unbroken.core.arrays import Features, Image
from unbroken.core.detections import Detections
from unbroken.core.events import TrackEnded, TrackStarted
from unbroken.core.frames import Frame
from unbroken.core.sightings import IdentityState
from unbroken.core.tracks import TrackState
from unbroken.detection.recorded import RecordedDetector
from unbroken.geometry.plane import GroundView
from unbroken.identity.fixed import FixedManager
from unbroken.pipeline.camera import Camera, Economy, FeatureCache
from unbroken.pipeline.overload import Quality
from unbroken.pipeline.site import Site
from unbroken.tracking.engine import Engine
from unbroken.tracking.sort import Sort

RATE = 10
SIZE = (320, 240)
COLOURS = {1: (0, 0, 255), 2: (0, 255, 0)}


class MeanColour:
    """A feature is the mean colour of a crop: enough to tell red from green."""

    dimension, fingerprint, description = 3, "mean colour", "mean colour"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def embed(self, crops: Sequence[Image]) -> Features:
        self.batches.append(len(crops))
        means = np.array([crop.reshape(-1, 3).mean(axis=0) for crop in crops], dtype=np.float32).reshape(-1, 3)
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def walker(person: int, index: int) -> np.ndarray:
    """Two people walk side by side, 4 pixels a frame."""
    left = 20 + 4 * index
    return np.array([left, 20 + 110 * (person - 1), left + 40, 120 + 110 * (person - 1)], dtype=float)


def picture(camera: str, index: int) -> Frame:
    image = np.zeros((SIZE[1], SIZE[0], 3), dtype=np.uint8)
    for person, colour in COLOURS.items():
        x1, y1, x2, y2 = walker(person, index).astype(int)
        image[y1:y2, x1:x2] = colour
    return Frame(camera, index, index / RATE, image)


def recorded(cameras: Sequence[str], length: int) -> RecordedDetector:
    rows = [
        [index + 1, -1, x1, y1, x2 - x1, y2 - y1, 0.9]
        for index, person in itertools.product(range(length), COLOURS)
        for x1, y1, x2, y2 in [walker(person, index)]
    ]
    return RecordedDetector({camera: np.array(rows) for camera in cameras})


def make(cameras: Sequence[str], economy: Economy, length: int = 25, clock=lambda: 0.0):
    embedder = MeanColour()
    detector = recorded(cameras, length)
    built = {name: Camera(name, Engine(Sort(min_hits=2)), economy) for name in cameras}
    return Site(built, dict.fromkeys(cameras, detector), embedder, FixedManager(), clock), embedder


def walk(site: Site, cameras: Sequence[str], length: int = 25):
    return [site.step([picture(camera, index) for camera in cameras]) for index in range(length)]


def test_the_same_people_in_two_cameras_have_the_same_global_ids():
    site, _ = make(["left", "right"], Economy())
    results, _ = walk(site, ["left", "right"])[-1]
    by_camera = [dict(zip((r.tracks.boxes[:, 1] > 100).tolist(), r.identities.persons, strict=True)) for r in results]
    assert by_camera[0] == by_camera[1]
    assert sorted(by_camera[0].values()) == [1, 2]
    assert (results[0].identities.state != IdentityState.PENDING).all()


def test_crops_of_all_cameras_are_one_batch():
    site, embedder = make(["a", "b", "c"], Economy())
    site.step([picture(camera, 0) for camera in "abc"])
    assert embedder.batches == [6]


def test_between_detections_tracks_are_predicted_and_keep_their_global_ids():
    site, embedder = make(["hall"], Economy(every=3, early_rejection=1.5))
    steps = walk(site, ["hall"])
    coasting = steps[19][0][0]
    assert coasting.tracks.state.tolist() == [TrackState.COASTING] * 2
    assert sorted(coasting.identities.persons) == [1, 2]
    for box, index in zip(sorted(coasting.tracks.boxes.tolist(), key=lambda b: b[1]), (1, 2), strict=True):
        np.testing.assert_allclose(box, walker(index, 19), atol=3)
    assert len(embedder.batches) == 25
    assert sum(map(bool, embedder.batches)) == 9
    assert coasting.work["detector skipped"] == 1


def test_early_rejection_spares_features_and_changes_no_identity():
    always, embedded = make(["hall"], Economy(early_rejection=1.5))
    spared, embedded_less = make(["hall"], Economy(early_rejection=0.9, refresh=0.5))
    first, second = walk(always, ["hall"])[-1][0][0], walk(spared, ["hall"])[-1][0][0]
    assert first.identities.persons.tolist() == second.identities.persons.tolist()
    assert sum(embedded_less.batches) < sum(embedded.batches) / 2


def test_whom_nobody_could_be_mixed_up_with_needs_no_new_feature_once_he_is_known():
    economy = Economy(early_rejection=2.0, unambiguous=0.1, feature_cache=3, refresh=0.8)
    site, embedder = make(["hall"], economy)
    steps = walk(site, ["hall"])
    always, _ = make(["hall"], Economy(early_rejection=2.0))
    assert steps[-1][0][0].identities.persons.tolist() == walk(always, ["hall"])[-1][0][0].identities.persons.tolist()
    work = Counter[str]()
    for (result,), _ in steps:
        work.update(result.work)
    assert work["features not computed, unambiguous"] + work["features computed"] == 2 * 25
    assert embedder.batches[:5] == [2, 2, 2, 0, 0]
    assert sum(embedder.batches) == 2 * 5


def test_who_touches_a_rival_needs_a_feature():
    camera = Camera("hall", Engine(Sort(min_hits=1)), Economy(early_rejection=2.0, unambiguous=0.1, feature_cache=1))
    apart = np.array([[20, 20, 60, 120], [200, 20, 240, 120]], dtype=float)
    features = np.eye(2, dtype=np.float32)
    for index in range(3):
        frame = picture("hall", index)
        predicted = camera.predict(frame)
        detections = Detections(apart, np.array([0.9, 0.9]), features=features)
        wanted = camera.wanted(detections, predicted, frame.time)[0].tolist()
        camera.sightings(frame, camera.follow(frame, detections), detections)
    assert wanted == []
    predicted = camera.predict(picture("hall", 3))
    beside = np.array([[20, 20, 60, 120], [40, 20, 80, 120], [200, 20, 240, 120]], dtype=float)
    rivals = Detections(beside, np.array([0.9, 0.9, 0.9]))
    rows, needs = camera.wanted(rivals, predicted, 0.3)
    assert rows.tolist() == [0, 1]
    np.testing.assert_allclose(needs[0], 0.1)
    assert needs[1] == np.inf


def test_tracks_start_and_end_with_an_event_each():
    site, _ = make(["hall"], Economy(), length=10)
    events = [event for _, events in walk(site, ["hall"], length=40) for event in events]
    started = [event.track for event in events if isinstance(event, TrackStarted)]
    ended = [event.track for event in events if isinstance(event, TrackEnded)]
    assert started == [1, 2]
    assert sorted(ended) == [1, 2]


def test_a_calibrated_camera_places_people_on_the_ground():
    view = GroundView.from_homography(np.diag([0.01, 0.01, 1.0]), SIZE)
    camera = Camera("hall", Engine(Sort()), Economy(), view=view)
    frame = picture("hall", 0)
    detections = recorded(["hall"], 1).detect([frame])[0]
    camera.predict(frame)
    sightings, _ = camera.sightings(frame, camera.follow(frame, detections), detections)
    np.testing.assert_allclose(sorted(sightings.ground[:, 1]), [1.2, 2.3])
    assert (np.linalg.eigvalsh(sightings.covariance) > 0).all()


def test_nobody_at_all_is_no_error():
    site, _ = make(["hall"], Economy(), length=0)
    results, events = walk(site, ["hall"], length=3)[-1]
    assert len(results[0].tracks) == 0
    assert events == []


def test_the_cache_averages_the_last_features_and_forgets_the_ended():
    cache = FeatureCache(2)
    unit = np.eye(3, dtype=np.float32)
    cache.add(7, unit[0], 0.0)
    cache.add(7, unit[1], 1.0)
    np.testing.assert_allclose(cache.add(7, unit[2], 2.0), (unit[1] + unit[2]) / 2**0.5, rtol=1e-6)
    assert cache.age(7, 2.5) == 0.5
    cache.forget(np.array([7]))
    assert cache.age(7, 3.0) == float("inf")


class Hurried:
    """Lets the embedder have two crops a step."""

    def __init__(self) -> None:
        self.crops = 0

    def stage(self, name: str) -> None:
        pass

    def guard(self, camera: str):
        return nullcontext()

    def room(self, crops: int) -> int:
        return min(crops, 2)

    def embedded(self, crops: int, seconds: float) -> None:
        self.crops += crops


def test_where_time_is_short_the_neediest_get_features_and_nobody_waits_for_ever():
    cameras = ["a", "b", "c"]
    site, embedder = make(cameras, Economy(early_rejection=2.0))
    hurried, work = Hurried(), Counter[str]()
    for index in range(9):
        results, _ = site.step([picture(camera, index) for camera in cameras], hurried)
        for result in results:
            work.update(result.work)
    assert embedder.batches == [2] * 9
    assert work["features computed"] == hurried.crops == 18
    assert work["features put off"] == 9 * 6 - 18
    assert all((result.identities.persons > 0).all() for result in results)


@pytest.mark.parametrize("every", [2, 3, 4])
def test_under_overload_the_detector_looks_as_rarely_as_quality_says(every):
    ticks = itertools.count()
    site, _ = make(["hall"], Economy(), length=121, clock=lambda: next(ticks) / 1000)
    walk(site, ["hall"], length=1)
    site.ease(Quality(every=every), 6)
    looks = [site.step([picture("hall", index)])[0][0].work.get("detector runs", 0) for index in range(1, 121)]
    assert abs(sum(looks) - 120 / every) <= 3
    gaps = np.diff(np.flatnonzero(looks))
    assert gaps.max() <= 6
    site.ease(Quality(), 6)
    after = [site.step([picture("hall", index)])[0][0].work.get("detector runs", 0) for index in range(121, 131)]
    assert sum(after) == 10


def test_under_overload_known_people_get_features_more_rarely():
    eased = Economy(refresh=1.0).eased(Quality(refresh=4.0))
    assert eased.refresh == 4.0
    site, embedder = make(["hall"], Economy())
    site.ease(Quality(refresh=4.0), 6)
    walk(site, ["hall"])
    assert sum(embedder.batches) < 25
