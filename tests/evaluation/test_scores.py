"""Scores that can be worked out by hand, and what must hold for any answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from needs import data
from unbroken.core.errors import ContractError
from unbroken.datasets.motchallenge import read_rows
from unbroken.evaluation.crosscam import across_cameras
from unbroken.evaluation.pairing import Trajectories, pair
from unbroken.evaluation.report import score


def walk(ids, frames=10, dimension=4):
    """People who stand far from each other."""
    ids = np.asarray(ids)
    every = np.repeat(np.arange(frames), len(ids))
    places = np.arange(len(ids))[:, None] * 100.0 + np.array([0, 0, 50, 100])[:dimension]
    return Trajectories(every, np.tile(ids, frames), np.tile(places, (frames, 1)))


def test_the_truth_itself_is_perfect():
    summary = score(pair(walk([1, 2, 3]), walk([7, 8, 9]))).summary()
    assert [summary[name] for name in ("HOTA", "MOTA", "IDF1", "LocA", "IDSW")] == [1, 1, 1, 1, 0]


def test_three_cameras_of_which_one_uses_other_ids():
    """The known answer: association alone suffers."""
    people = np.arange(6)
    truth, result = across_cameras([walk(people)] * 3, [walk(people), walk(people), walk(people + 50)])
    summary = score(pair(truth, result)).summary()
    assert summary["HOTA"] == pytest.approx(0.7454, abs=5e-5)
    assert summary["AssA"] == pytest.approx(0.5556, abs=5e-5)
    assert summary["IDF1"] == pytest.approx(0.6667, abs=5e-5)
    assert summary["DetA"] == 1


def test_on_the_ground_the_gate_is_half_a_similarity():
    truth = walk([1], dimension=2)
    for off, hits in ((0.99, 10), (1.01, 0)):
        moved = Trajectories(truth.frames, truth.ids, truth.places + np.array([off, 0]))
        assert score(pair(truth, moved)).clear.tp == hits
        assert (
            score(
                pair(truth, Trajectories(truth.frames, truth.ids, truth.places + np.array([2 * off, 0])), gate=2)
            ).clear.tp
            == hits
        )


def test_nobody_found_and_nobody_there():
    nobody = Trajectories(np.zeros(0), np.zeros(0), np.zeros((0, 4)))
    missed = score(pair(walk([1, 2]), nobody)).summary()
    assert (missed["FN"], missed["ML"], missed["HOTA"], missed["MOTA"]) == (20, 2, 0, 0)
    invented = score(pair(nobody, walk([1, 2]))).summary()
    assert (invented["FP"], invented["IDF1"]) == (20, 0)
    assert score(pair(nobody, nobody)).summary()["MOTA"] == 0


def test_an_id_twice_in_a_frame_is_refused():
    with pytest.raises(ContractError, match="7 is twice in frame 3"):
        Trajectories([3, 3], [7, 7], np.zeros((2, 4)))


def test_boxes_and_points_do_not_mix():
    with pytest.raises(ContractError, match="one form"):
        pair(walk([1]), walk([1], dimension=2))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_answer_scores_between_none_and_all(seed):
    rng = np.random.default_rng(seed)
    truth, result = walk(np.arange(4)), walk(rng.permutation(6))
    keep = rng.random(len(result)) < 0.7
    result = Trajectories(
        result.frames[keep],
        result.ids[keep],
        result.places[keep] + rng.normal(0, 10, (keep.sum(), 4)).cumsum(1).clip(-20, 20)[:, :1],
    )
    summary = score(pair(truth, result)).summary()
    assert summary["TP"] + summary["FN"] == len(truth)
    assert summary["TP"] + summary["FP"] == len(result)
    assert all(0 <= summary[name] <= 1 for name in ("HOTA", "DetA", "AssA", "IDF1", "MOTP", "LocA"))
    assert summary["MT"] + summary["PT"] + summary["ML"] == 4


@pytest.mark.parametrize(("name", "mota", "switches"), [("TUD-Campus", 52.6, 7), ("TUD-Stadtmitte", 56.4, 7)])
def test_the_published_scores_of_the_reference_files(name, mota, switches):
    folder = data("data/metric_reference") / name
    truth, result = read_rows(folder / "gt.txt"), read_rows(folder / "test.txt")
    summary = score(
        pair(Trajectories(truth.frames, truth.ids, truth.boxes), Trajectories(result.frames, result.ids, result.boxes))
    ).summary()
    assert round(100 * summary["MOTA"], 1) == mota
    assert summary["IDSW"] == switches
    assert round(100 * summary["IDF1"], 1) == {"TUD-Campus": 55.8, "TUD-Stadtmitte": 64.5}[name]
