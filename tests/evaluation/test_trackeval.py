"""The same numbers as TrackEval 1.3 within 1e-9, on worlds of our own making (scripts/trackeval_fixtures.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from unbroken.evaluation.distractors import without_distractors
from unbroken.evaluation.pairing import Trajectories, pair
from unbroken.evaluation.report import Scores, combined, score

FROZEN = json.loads((Path(__file__).parent / "trackeval.json").read_text())
CLEAR = {
    "CLR_TP": "tp",
    "CLR_FN": "fn",
    "CLR_FP": "fp",
    "IDSW": "switches",
    "Frag": "fragmentations",
    "MT": "mostly_tracked",
    "PT": "partly_tracked",
    "ML": "mostly_lost",
    "MOTA": "mota",
    "MOTP": "motp",
    "CLR_Re": "recall",
    "CLR_Pr": "precision",
}
HOTA = {
    "HOTA": "hota",
    "DetA": "det_a",
    "AssA": "ass_a",
    "DetRe": "det_re",
    "DetPr": "det_pr",
    "AssRe": "ass_re",
    "AssPr": "ass_pr",
    "LocA": "loc_a",
    "HOTA_TP": "tp",
    "HOTA_FN": "fn",
    "HOTA_FP": "fp",
}
IDENTITY = {"IDF1": "idf1", "IDP": "idp", "IDR": "idr", "IDTP": "tp", "IDFN": "fn", "IDFP": "fp"}


def trajectories(rows):
    table = np.array(rows)
    return Trajectories(table[:, 0], table[:, 1], np.column_stack([table[:, 2:4], table[:, 2:4] + table[:, 4:6]]))


def scored(world) -> Scores:
    truth = np.array(world["truth"])
    pairing = pair(trajectories(world["truth"]), trajectories(world["result"]))
    return score(without_distractors(pairing, truth[:, 7].astype(int), truth[:, 6] != 0))


def agree(scores: Scores, frozen):
    for part, names, key in (
        (scores.hota, HOTA, "HOTA"),
        (scores.clear, CLEAR, "CLEAR"),
        (scores.identity, IDENTITY, "Identity"),
    ):
        for theirs, ours in names.items():
            np.testing.assert_allclose(getattr(part, ours), frozen[key][theirs], rtol=0, atol=1e-9, err_msg=theirs)


@pytest.mark.parametrize("name", sorted(FROZEN["worlds"]))
def test_a_world_scores_as_trackeval_scores_it(name):
    agree(scored(FROZEN["worlds"][name]), FROZEN["scores"][name])


def test_several_worlds_combine_as_trackeval_combines_them():
    agree(combined([scored(world) for world in FROZEN["worlds"].values()]), FROZEN["scores"]["combined"])


def test_the_order_of_rows_changes_nothing():
    world = FROZEN["worlds"]["hard"]
    rng = np.random.default_rng(0)
    shuffled = {key: [rows[i] for i in rng.permutation(len(rows))] for key, rows in world.items()}
    agree(scored(shuffled), FROZEN["scores"]["hard"])
