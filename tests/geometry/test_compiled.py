"""Where numba is installed, every compiled function answers as its twin of NumPy, and so do the trackers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="numba is not installed: pip install unbroken[fast]")

from unbroken.association import assign as assignment
from unbroken.core.detections import Detections
from unbroken.geometry import boxes, kernels
from unbroken.motion import kalman, models
from unbroken.motion.steady import Steadiness, common_shift
from unbroken.testing.check_tracker import random_stream
from unbroken.tracking import by_name
from unbroken.tracking.registry import TRACKERS
from unbroken.tracking.unbroken import covered

MODELS = {"xysr": models.sort_model(), "xyah": models.xyah_model(), "xywh": models.xywh_model()}
USERS = ("unbroken.geometry.boxes", "unbroken.association.assign", "unbroken.motion.kalman", "unbroken.motion.models")
USERS += ("unbroken.motion.steady", "unbroken.tracking.unbroken", "unbroken.tracking.choices")
USERS += ("unbroken.tracking.table", "unbroken.tracking.engine", "unbroken.tracking.ocsort")
USERS += ("unbroken.association.stages",)


def people(seed, count):
    """Boxes close enough to overlap, some without area."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 200, (count, 2))
    sides = rng.uniform(0, 120, (count, 2)) * (rng.random((count, 2)) > 0.05)
    return np.concatenate([corners, corners + sides], axis=1)


@pytest.fixture
def both(monkeypatch):
    """Call something compiled and with NumPy alone."""

    def call(function, *arguments):
        with monkeypatch.context() as patch:
            for user in USERS:
                patch.setattr(f"{user}.compiled", lambda: None)
            plain = function(*arguments)
        assert kernels.compiled() is not None
        return function(*arguments), plain

    return call


@pytest.mark.parametrize("count", [0, 1, 5, 40])
@pytest.mark.parametrize(
    "function",
    [
        boxes.xyah_from_xyxy,
        boxes.cxcywh_from_xyxy,
        boxes.xyxy_from_xyah,
        boxes.xyxy_from_cxcywh,
        models.xysr_from_xyxy,
        models.xyxy_from_xysr,
        covered,
    ],
)
def test_forms_of_boxes(both, function, count):
    fast, plain = both(function, people(count, count))
    np.testing.assert_allclose(fast, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("counts", [(0, 3), (3, 0), (7, 4), (30, 40)])
def test_overlaps(both, counts):
    first, second = people(1, counts[0]), people(2, counts[1])
    second.flags.writeable = False
    fast, plain = both(boxes.iou, first, second)
    np.testing.assert_allclose(fast, plain, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("doubtful", [False, True])
def test_a_filter_run_through_gaps(both, name, doubtful):
    model, rng = MODELS[name], np.random.default_rng(4)

    def run(times):
        moments = kalman.begin(model, model.encode(people(5, 12)))
        for index, time in enumerate(times):
            moments = kalman.predict(model, moments, time)
            noise = 1 + 9 * np.arange(12) / 12 if doubtful else None
            moments = kalman.correct(model, moments, model.encode(people(5, 12) + index), noise)
        return moments

    fast, plain = both(run, rng.uniform(0, 0.3, 20))
    np.testing.assert_allclose(fast, plain, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_what_all_people_do_at_once(both, seed):
    rng = np.random.default_rng(seed)
    before = boxes.cxcywh_from_xyxy(people(seed, int(rng.integers(4, 40))) * 5)
    moved = before + np.append(rng.uniform(-8, 8, 2), [0, 0]) + rng.normal(0, rng.choice([0.3, 30]), before.shape)
    fast, plain = both(common_shift, before, rng.permutation(moved)[3:], Steadiness())
    np.testing.assert_allclose(fast, plain, rtol=1e-9, atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(0, 12), columns=st.integers(0, 12), limit=st.floats(0, 1))
def test_assignments_gain_the_same(seed, rows, columns, limit):
    rng = np.random.default_rng(seed)
    costs = rng.choice([np.inf, 1.0], (rows, columns), p=[0.3, 0.7]) * rng.random((rows, columns))
    left, right = kernels.compiled().assign(costs, limit)
    assert len(set(left.tolist())) == len(left) == len(set(right.tolist()))
    assert (np.diff(left) > 0).all()
    gains = np.maximum(limit - costs, 0)
    best = gains[assignment.linear_sum_assignment(gains, maximize=True)].sum()
    assert (gains[left, right] > 0).all()
    assert gains[left, right].sum() == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_trackers_answer_the_same(both, name):
    stream = random_stream(np.random.default_rng(6), features=8, length=60)

    def run():
        tracker = by_name(name)
        return [tracker.update(seen, time) for time, seen in stream]

    fast, plain = both(run)
    for one, other in zip(fast, plain, strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.rows.tolist() == other.rows.tolist()
        np.testing.assert_allclose(one.boxes, other.boxes, rtol=1e-9, atol=1e-6)


def test_a_strided_view_of_somebody_elses_array_is_read(both):
    rows = np.column_stack([people(8, 6), np.ones(6)])
    fast, plain = both(lambda: by_name("sort").update(Detections(rows[:, :4], rows[:, 4]), 0.0).boxes)
    np.testing.assert_allclose(fast, plain, atol=1e-9)
