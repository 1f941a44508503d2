"""What is done for many frames at once is what a plain loop does frame by frame."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from unbroken.evaluation.clear import clear
from unbroken.evaluation.hota import ALPHAS, hota
from unbroken.evaluation.pairing import EPSILON, Trajectories, assigned, pair
from unbroken.geometry.boxes import iou


@st.composite
def trajectories(draw, points=False):
    """A few people on a small floor: they overlap, come and go, and some frames are empty; no two values are equal."""
    seen = draw(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 4)), unique=True, max_size=30))
    rng, spread = np.random.default_rng(draw(st.integers(0, 2**32))), draw(st.sampled_from([0.5, 1, 4]))
    places = rng.uniform(0, spread, (len(seen), 2))
    if not points:
        places = np.hstack([places, places + rng.uniform(1, 1 + spread, (len(seen), 2))])
    frames, ids = np.array(seen, dtype=np.int64).reshape(-1, 2).T
    return Trajectories(frames, ids, places)


def similarities(truth, result, gate):
    """Every pair of rows of the same frame that is alike at all, by the definition."""
    found = {}
    for row, column in np.ndindex(len(truth), len(result)):
        if truth.frames[row] != result.frames[column]:
            continue
        first, second = truth.places[row], result.places[column]
        if len(first) == 2:
            value = 1 - np.linalg.norm(first - second) / (2 * gate)
        else:
            value = iou(first[None], second[None])[0, 0]
        if value > 0:
            found[row, column] = value
    return found


def agree_pair_by_pair(truth, result, gate):
    pairing = pair(truth, result, gate)
    rows, columns = pairing.truth_order[pairing.rows], pairing.result_order[pairing.columns]
    expected = similarities(truth, result, gate)
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == sorted(expected)
    given_values = [expected[key] for key in zip(rows.tolist(), columns.tolist(), strict=True)]
    np.testing.assert_allclose(pairing.similarity, given_values, rtol=1e-12)
    assert (np.diff(pairing.rows) >= 0).all()
    np.testing.assert_array_equal(
        np.diff(pairing.starts), np.bincount(pairing.frames, minlength=len(pairing.starts) - 1)
    )


@given(trajectories(), trajectories())
def test_boxes_are_compared_as_one_by_one(truth, result):
    agree_pair_by_pair(truth, result, 1.0)


@given(trajectories(points=True), trajectories(points=True), st.floats(0.25, 2))
def test_points_are_compared_as_one_by_one(truth, result, gate):
    agree_pair_by_pair(truth, result, gate)


@given(st.data())
def test_the_assignment_of_many_frames_is_the_best_of_each(data):
    cells = [(frame, row, column) for frame in range(3) for row in range(4) for column in range(4)]
    chosen = data.draw(st.lists(st.sampled_from(cells), unique=True).map(sorted))
    values = np.array(data.draw(st.lists(st.floats(0.01, 1), min_size=len(chosen), max_size=len(chosen))))
    frames, rows, columns = np.array(chosen, int).reshape(-1, 3).T
    taken = assigned(frames, frames * 4 + rows, frames * 4 + columns, values)
    for frame in range(3):
        here = frames == frame
        matrix = np.zeros((4, 4))
        matrix[rows[here], columns[here]] = values[here]
        best = matrix[linear_sum_assignment(matrix, maximize=True)].sum()
        ours = here & taken
        assert len(set(rows[ours])) == len(set(columns[ours])) == ours.sum()
        np.testing.assert_allclose(values[ours].sum(), best, rtol=1e-12)


def frame_by_frame(truth, result):
    """The frames that hold both, as TrackEval walks them: ids of the truth, ids of the result, similarity."""
    for frame in sorted(set(truth.frames.tolist()) & set(result.frames.tolist())):
        rows, columns = np.flatnonzero(truth.frames == frame), np.flatnonzero(result.frames == frame)
        yield truth.ids[rows], result.ids[columns], iou(truth.places[rows], result.places[columns])


@given(trajectories(), trajectories())
def test_switches_are_those_of_a_walk_through_the_frames(truth, result):
    """The oracle adds 1000 to a pair of the last frame, as TrackEval does."""
    last, ever, switches, tp, summed = {}, {}, 0, 0, 0.0
    for people, ids, similarity in frame_by_frame(truth, result):
        stays = np.array([[last.get(person) == number for number in ids] for person in people])
        score = np.where(similarity >= 0.5 - EPSILON, 1000.0 * stays + similarity, 0)
        rows, columns = linear_sum_assignment(score, maximize=True)
        hits = [(row, column) for row, column in zip(rows, columns, strict=True) if score[row, column] > 0]
        last = {people[row]: ids[column] for row, column in hits}
        switches += sum(ever.get(person, number) != number for person, number in last.items())
        ever.update(last)
        tp += len(hits)
        summed += sum(similarity[hit] for hit in hits)
    found = clear(pair(truth, result))
    assert (found.tp, found.fn, found.fp) == (tp, len(truth) - tp, len(result) - tp)
    assert found.switches == switches
    np.testing.assert_allclose(found.similarity, summed, rtol=1e-12)


def test_a_frame_without_any_result_does_not_make_a_person_forget_its_id():
    """As in TrackEval: id 1 stays with the person although id 2 fits better after a frame without results."""
    truth = Trajectories(np.array([1, 2, 3]), np.array([1, 1, 1]), np.tile([0.0, 0, 10, 10], (3, 1)))
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 8, 10], [0, 0, 9, 10]])
    found = clear(pair(truth, Trajectories(np.array([1, 3, 3]), np.array([1, 1, 2]), boxes)))
    assert (found.tp, found.switches) == (2, 0)
    np.testing.assert_allclose(found.similarity, 1.8)


@given(trajectories(), trajectories())
def test_a_higher_alpha_finds_no_more_and_no_row_is_lost(truth, result):
    found = hota(pair(truth, result))
    assert (np.diff(found.tp) <= 0).all()
    np.testing.assert_allclose(found.tp + found.fn, np.full(len(ALPHAS), len(truth)))
    np.testing.assert_allclose(found.tp + found.fp, np.full(len(ALPHAS), len(result)))
    assert (found.ass_a <= np.minimum(found.ass_re, found.ass_pr) + 1e-12).all()
