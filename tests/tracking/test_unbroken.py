"""The default tracker: it keeps the promises of every tracker, and its own."""

import numpy as np
import pytest

from needs import data
from unbroken.core.detections import Detections
from unbroken.datasets.answers import find_cases
from unbroken.datasets.motchallenge import Rows, read_info, read_rows, read_warps, sequences, write_rows
from unbroken.evaluation.report import combined, score
from unbroken.testing import check_tracker
from unbroken.tracking.registry import DEFAULT, by_name
from unbroken.tracking.unbroken import Unbroken, covered


def test_it_is_the_default():
    assert DEFAULT == "unbroken"
    assert by_name().parameters == Unbroken()


@pytest.mark.parametrize("settings", [{}, {"steady": False}])
def test_it_keeps_the_promises_of_every_tracker(settings):
    check_tracker(lambda: by_name("unbroken", **settings))


def test_the_nearer_of_two_covers_the_farther():
    boxes = np.array([[0.0, 0, 40, 100], [20, 10, 60, 110], [500, 0, 540, 100]])
    np.testing.assert_allclose(covered(boxes), [0.5 * 0.9, 0, 0])


def shaken_crowd(rng, pictures=40):
    """A dozen people at rest before a camera that shakes by a quarter of their width."""
    heights = rng.uniform(80, 160, 12)
    feet = np.column_stack([np.arange(12) * 150.0, rng.uniform(200, 800, 12)])
    for _ in range(pictures):
        corner = feet - np.column_stack([heights / 5, heights]) + rng.normal(0, 10, 2)
        yield Detections(np.hstack([corner, corner + np.column_stack([heights / 2.5, heights])]))


def test_a_shaking_camera_costs_nobody_the_id():
    ids = {}
    for steady in (True, False):
        tracker = by_name("unbroken", steady=steady)
        answers = [
            tracker.update(people, index / 30) for index, people in enumerate(shaken_crowd(np.random.default_rng(0)))
        ]
        ids[steady] = {int(number) for answer in answers for number in answer.ids}
    assert len(ids[True]) == 12
    assert len(ids[False]) > 12


def test_a_pipeline_that_coasts_to_each_picture_first_sees_the_camera_shake_as_well():
    plain, coasted = by_name(), by_name()
    for index, people in enumerate(shaken_crowd(np.random.default_rng(0))):
        coasted.coast(index / 30)
        first, second = plain.update(people, index / 30), coasted.update(people, index / 30)
        assert first.ids.tolist() == second.ids.tolist()
        np.testing.assert_allclose(first.boxes, second.boxes, atol=1e-6)


def test_two_who_pass_each_other_keep_their_ids():
    """The farther one vanishes behind the nearer one and comes out on the other side."""
    tracker, last = by_name("unbroken"), None
    for index in range(61):
        here, there = 100.0 + 5 * index, 400.0 - 5 * index
        boxes = np.array([[here, 100, here + 50, 250], [there, 90, there + 48, 234]])
        seen = covered(boxes) < 0.6
        answer = tracker.update(Detections(boxes[seen]), index / 30)
        last = dict(zip(answer.rows.tolist(), answer.ids.tolist(), strict=True))
        if index == 5:
            first = last
    assert last == first


@pytest.mark.parametrize(("motion", "least"), [(False, (0.695, 0.826, 0.786)), (True, (0.698, 0.831, 0.786))])
def test_golden_scores_on_real_boxes(tmp_path, motion, least):
    """A ratchet: HOTA, IDF1 and MOTA may rise."""
    root = data("data/mot17_half")
    for folder in sequences(root):
        write_rows(tmp_path / f"{folder.name}.txt", tracked(folder, motion=motion))
    summary = combined([score(case.pairing()) for case in find_cases(root, tmp_path)]).summary()
    assert (
        tuple(summary[name] >= bound for name, bound in zip(("HOTA", "IDF1", "MOTA"), least, strict=True))
        == (True,) * 3
    )


def tracked(folder, *, motion):
    info, detections = read_info(folder), read_rows(folder / "det" / "det.txt")
    detections = detections.select(np.flatnonzero(detections.scores >= 0.1))
    warps = read_warps(folder / "gmc.txt") if motion else {}
    by_frame, tracker, parts = detections.by_frame(), by_name(), []
    for frame in range(1, info.length + 1):
        rows = by_frame.get(frame, np.zeros(0, dtype=int))
        people = Detections(detections.boxes[rows], detections.scores[rows])
        warp = {"warp": warps[frame]} if frame in warps else {}
        answer = tracker.update(people, frame / info.frame_rate, **warp)
        parts.append((np.full(len(answer), frame), answer.ids, answer.boxes, answer.scores))
    frames, ids, boxes, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Rows(frames, ids, boxes, scores, np.zeros((len(ids), 0)))


def test_looks_bring_back_who_was_hidden_for_long():
    """Three stand still; one vanishes for 3 s, longer than place alone is believed, and comes back a step aside."""
    rng = np.random.default_rng(1)
    looks = rng.normal(size=(5, 64))
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    ids = {}
    for with_features in (True, False):
        tracker, seen = by_name("unbroken"), []
        for index in range(160):
            there = np.array([True, True, True, True, not 50 <= index < 140])
            left = 200.0 * np.arange(5) + np.array([0, 0, 0, 0, 60.0 * (index >= 140)])
            boxes = np.column_stack([left, np.full(5, 100.0), left + 40, np.full(5, 200.0)])[there]
            noisy = looks[there] + rng.normal(0, 0.05, (there.sum(), 64))
            features = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
            people = Detections(boxes, features=features) if with_features else Detections(boxes)
            seen.append(set(tracker.update(people, index / 30).ids.tolist()))
        ids[with_features] = set().union(*seen)
    assert len(ids[True]) == 5
    assert len(ids[False]) == 6
