"""Rank-1 and mAP are what a plain reading of their definitions gives."""

import numpy as np

from unbroken.bench.appearance import APART_SECONDS, recoloured, retrieval


def test_rank_one_and_mean_average_precision_equal_loops():
    random = np.random.default_rng(4)
    features = random.normal(size=(30, 6)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    persons, times = random.integers(0, 5, 30), random.uniform(0, 30, 30)
    firsts, precisions = [], []
    for q in range(30):
        others = [g for g in range(30) if not (persons[g] == persons[q] and abs(times[g] - times[q]) <= APART_SECONDS)]
        others.sort(key=lambda g: -float(features[q] @ features[g]))
        places = [place for place, g in enumerate(others, 1) if persons[g] == persons[q]]
        if places:
            firsts.append(places[0] == 1)
            precisions.append(np.mean([n / place for n, place in enumerate(places, 1)]))
    assert np.allclose(retrieval(features, features, persons, times), (np.mean(firsts), np.mean(precisions)))


def test_nobody_to_find_is_no_score():
    features = np.eye(3, dtype=np.float32)
    assert retrieval(features, features, np.arange(3), np.zeros(3)) == (0.0, 0.0)


def test_a_cast_changes_channels_differently_and_depends_on_its_seed_alone():
    crop = np.full((4, 4, 3), 120, np.uint8)
    one, again = (recoloured(crop, np.random.default_rng(3)) for _ in range(2))
    assert one.tolist() == again.tolist()
    assert len(set(one[0, 0].tolist())) > 1
