"""Two who were mistaken for each other get their ids back once their looks say so."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.core.detections import Detections
from unbroken.tracking import by_name
from unbroken.tracking.meetings import swapped_looks

TRUE, CROSSED = [2, 1], [1, 2]
"""Ids from left to right: who stands farther back gets the first one."""


def looks_of(people, rng, *, noise=0.05, dimension=64):
    """A noisy view of each person (n,); everybody shares half of what is seen, as with real nets."""
    shared = np.eye(dimension)[-1]
    own = np.eye(dimension)[list(people)] + shared
    seen = own + rng.normal(0, noise, own.shape)
    return seen / np.linalg.norm(seen, axis=1, keepdims=True)


def turning_back(*, apart=4.0, noise=0.05, told=True, away=12):
    """Two walk towards each other, one hides the other for half a second, and both turn back: place alone crosses them.

    Row 0 is always the person from the left; while he hides the other one there is no row 1. While they are near each
    other no features are computed: crops that show two people were left out.
    """
    rng = np.random.default_rng(3)
    offsets = np.concatenate([np.arange(150, 4, -apart), np.full(away, 2.0), np.arange(5, 300, apart)])
    for offset in offsets:
        there = [0, 1] if offset > 8 else [0]
        left = 300.0 + np.array([-offset, offset])[there]
        boxes = np.column_stack([left, [104.0, 100.0][: len(there)], left + 40, [204.0, 200.0][: len(there)]])
        features = looks_of(there, rng, noise=noise) * (offset > 30)
        yield Detections(boxes, features=features) if told else Detections(boxes)


def ids_of(tracker, pictures, *, start=0.0):
    answers = []
    for index, people in enumerate(pictures):
        tracks = tracker.update(people, start + index / 30)
        ids = np.zeros(len(people), dtype=int)
        ids[tracks.rows] = tracks.ids
        answers.append(ids.tolist())
    return answers


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_two_who_turned_back_behind_each_other_get_their_ids_back(noise):
    crossed = ids_of(by_name("unbroken", swap_margin=10.0), turning_back(noise=noise))
    mended = ids_of(by_name("unbroken"), turning_back(noise=noise))
    assert crossed[0] == mended[0] == TRUE
    assert crossed[-1] == CROSSED
    assert mended[-1] == TRUE


def test_two_alone_are_told_apart_while_they_meet_if_there_are_features_then():
    """What two tracks remember is enough to know what a difference of looks means."""
    rng, tracker = np.random.default_rng(6), by_name("unbroken", swap_margin=10.0)
    told = [Detections(p.boxes, features=looks_of(range(len(p)), rng)) for p in turning_back(told=False)]
    assert ids_of(tracker, told)[-1] == TRUE


def test_the_exchange_is_done_once_and_lasts():
    ids = [pair for pair in ids_of(by_name("unbroken"), turning_back()) if len(pair) == 2 and all(pair)]
    changes = [(before, after) for before, after in pairwise(ids) if before != after]
    assert changes == [(TRUE, CROSSED), (CROSSED, TRUE)]


def test_without_features_nothing_is_exchanged():
    kept = ids_of(by_name("unbroken"), turning_back(told=False))
    assert kept == ids_of(by_name("unbroken", swap_margin=10.0), turning_back(told=False))
    assert kept[-1] == CROSSED


def test_people_who_look_the_same_are_left_as_they_are():
    def twins():
        rng = np.random.default_rng(4)
        for people in turning_back(told=False):
            yield Detections(people.boxes, features=looks_of([0] * len(people), rng))

    assert ids_of(by_name("unbroken"), twins()) == ids_of(by_name("unbroken", swap_margin=10.0), twins())


def test_who_keeps_his_place_keeps_his_id():
    """They meet, stand side by side overlapping, and leave as they came: nothing was exchanged, nothing is."""
    rng, pictures = np.random.default_rng(5), []
    for offset in [*np.arange(100, 12, -4.0), *[12.0] * 30, *np.arange(12, 100, 4.0)]:
        left = 300.0 + np.array([-offset, offset])
        boxes = np.column_stack([left, [104.0, 100.0], left + 40, [204.0, 200.0]])
        pictures.append(Detections(boxes, features=looks_of([0, 1], rng)))
    assert all(ids == TRUE for ids in ids_of(by_name("unbroken"), pictures))


def test_a_pickled_tracker_mends_what_happened_before():
    pictures = list(turning_back())
    tracker, half = by_name("unbroken"), len(pictures) // 2
    ids_of(tracker, pictures[:half])
    copy = pickle.loads(pickle.dumps(tracker))
    assert ids_of(copy, pictures[half:], start=half / 30)[-1] == TRUE


def test_features_that_come_late_or_never_again_do_no_harm():
    """Two overlap before anything had a feature; then a stranger brings the first one, and later none come at all."""
    tracker = by_name("unbroken")
    pair = [[100.0, 100, 140, 200], [110.0, 104, 150, 204]]
    for index in range(5):
        tracker.update(Detections(pair), index / 30)
    tracker.update(Detections([[500.0, 100, 540, 200]], np.array([0.3]), features=np.eye(1, 8)), 5 / 30)
    for index in range(6, 9):
        tracker.update(Detections(pair, features=np.eye(2, 8)), index / 30)
    assert tracker.update(Detections(pair), 9 / 30).ids.tolist() == [1, 2]


def mean_cosine(some, others, *, among=False):
    pairs = [(i, j) for i in range(len(some)) for j in range(len(others)) if not (among and i == j)]
    return np.mean([some[i] @ others[j] for i, j in pairs])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), stored=st.tuples(st.integers(2, 6), st.integers(2, 6)))
def test_the_judgement_is_the_sum_over_all_pairs_and_is_turned_over_by_exchanging(seed, stored):
    rng = np.random.default_rng(seed)
    before = np.zeros((2, 6, 8), dtype=np.float32)
    for row, count in enumerate(stored):
        before[row, :count] = looks_of([row] * count, rng, noise=0.4, dimension=8)
    after = np.stack([looks_of([row] * 3, rng, noise=0.6, dimension=8) for row in rng.permutation(2)]).astype("f4")
    a, b = (bank[:count] for bank, count in zip(before, stored, strict=True))
    gain = mean_cosine(a, after[1]) + mean_cosine(b, after[0]) - mean_cosine(a, after[0]) - mean_cosine(b, after[1])
    apart = mean_cosine(a, a, among=True) + mean_cosine(b, b, among=True) - 2 * mean_cosine(a, b)
    assert swapped_looks(before, after, 0.5) == (apart > 0.1 and gain > 0.5 * apart)
    assert swapped_looks(before, after[::-1], 0.5) == (apart > 0.1 and -gain > 0.5 * apart)
    assert not (swapped_looks(before, after, 0.0) and swapped_looks(before, after[::-1], 0.0))
