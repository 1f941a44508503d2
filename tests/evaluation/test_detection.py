"""Average precision is what a plain reading of its definition gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.core.errors import ContractError
from unbroken.evaluation.detection import detection_scores


def overlap_of(a, b):
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - across
    return across / whole if whole else 0.0


def by_the_book(truth, boxes, scores):
    """AP with loops: for each recall that is reached, the best precision at that recall or a greater one."""
    marks = []
    for wanted, found, values in zip(truth, boxes, scores, strict=True):
        free = [list(box) for box in wanted]
        for row in sorted(range(len(found)), key=lambda r: -values[r]):
            best = max(free, key=lambda box: overlap_of(box, found[row]), default=None)
            hit = best is not None and overlap_of(best, found[row]) >= 0.5
            if hit:
                free.remove(best)
            marks.append((values[row], hit))
    marks.sort(key=lambda mark: -mark[0])
    count = sum(len(wanted) for wanted in truth)
    points = []
    for kept in range(1, len(marks) + 1):
        hits = sum(hit for _, hit in marks[:kept])
        points.append((hits / count, hits / kept))
    area, last = 0.0, 0.0
    for recall in sorted({point[0] for point in points}):
        area += (recall - last) * max(p for r, p in points if r >= recall)
        last = recall
    return area


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_average_precision_equals_the_definition_read_with_loops(seed):
    random = np.random.default_rng(seed)
    truth, boxes, scores = [], [], []
    values = iter(random.permutation(1000) / 1000)
    for _ in range(random.integers(1, 5)):
        corners = random.uniform(0, 60, (random.integers(1, 5), 2))
        wanted = np.column_stack([corners, corners + np.array([20, 40])])
        near = wanted[random.integers(0, len(wanted), random.integers(0, 6))]
        found = near + random.normal(0, 5, (len(near), 2))[:, [0, 1, 0, 1]]
        truth.append(wanted)
        boxes.append(found)
        scores.append(np.array([next(values) for _ in found]))
    assert detection_scores(truth, boxes, scores).average_precision == pytest.approx(by_the_book(truth, boxes, scores))


def test_a_perfect_detector_scores_one_and_a_blind_one_zero():
    boxes = [np.array([[0.0, 0, 10, 20], [30, 0, 40, 20]])]
    perfect = detection_scores(boxes, boxes, [np.array([0.9, 0.8])])
    assert (perfect.average_precision, perfect.f1, perfect.threshold, perfect.truths) == (1.0, 1.0, 0.8, 2)
    blind = detection_scores(boxes, [np.zeros((0, 4))], [np.zeros(0)])
    assert (blind.average_precision, blind.f1) == (0.0, 0.0)


def test_a_second_box_on_the_same_person_is_false():
    truth = [np.array([[0.0, 0, 10, 20]])]
    twice = detection_scores(truth, [np.repeat(truth[0], 2, axis=0)], [np.array([0.9, 0.8])])
    assert (twice.average_precision, twice.precision) == (1.0, 1.0)
    assert twice.threshold == 0.9


def test_lists_of_different_length_are_refused():
    with pytest.raises(ContractError, match="2 pictures with truth, 1 with boxes"):
        detection_scores([np.zeros((0, 4))] * 2, [np.zeros((0, 4))], [np.zeros(0)])
