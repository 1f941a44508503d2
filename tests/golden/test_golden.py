"""Golden scores on a synthetic world: a ratchet. They rise, or the change says why not.

`scripts/golden --update` writes the scores of a commit; this test refuses any that has fallen.
"""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from unbroken.bench.world import answered, fair_truth, global_idf1
from unbroken.core.detections import Detections
from unbroken.datasets.synthetic import ObservationSettings, WorldSettings, make_world, observe
from unbroken.evaluation.pairing import Trajectories, pair
from unbroken.evaluation.report import combined, score
from unbroken.identity.policies import POLICIES
from unbroken.identity.policies import by_name as identity_by_name
from unbroken.tracking.registry import TRACKERS
from unbroken.tracking.registry import by_name as tracker_by_name

GOLDEN = Path(__file__).with_name("golden.json")
SLACK = 0.002
"""Other versions of the numeric libraries round otherwise, which may turn a close decision."""


@cache
def world():
    return make_world(WorldSettings(cameras=4, people=16, seconds=90.0), np.random.default_rng(11))


@cache
def stream():
    return observe(world(), ObservationSettings(), np.random.default_rng(12))


def hota_of(tracker: str) -> float:
    """HOTA over all cameras, each on its own, from the noisy boxes of the world."""
    names = [camera.name for camera in world().cameras]
    scores = []
    for camera, truth in zip(names, fair_truth(world()), strict=True):
        engine, frames, ids, boxes = tracker_by_name(tracker), [], [], []
        for report in (report for step in stream() for report in step if report.sightings.camera == camera):
            seen = report.sightings
            tracks = engine.update(Detections(seen.boxes, features=seen.features), seen.time)
            frames += [report.frame] * len(tracks)
            ids += tracks.ids.tolist()
            boxes += tracks.boxes.tolist()
        result = Trajectories(np.array(frames), np.array(ids), np.array(boxes).reshape(-1, 4))
        scores.append(score(pair(truth, result)))
    return float(combined(scores).summary()["HOTA"])


def idf1_of(policy: str) -> float:
    """Global IDF1 at the end."""
    answers = answered(identity_by_name(policy), world(), stream())
    return float(global_idf1(fair_truth(world()), answers, answers.final))


MEASURES = {
    **{f"HOTA of {name}": (hota_of, name) for name in sorted(TRACKERS)},
    **{f"global IDF1 of {name}": (idf1_of, name) for name in sorted(POLICIES)},
}


@pytest.mark.parametrize("name", MEASURES)
def test_no_score_falls(name):
    measure, argument = MEASURES[name]
    value = measure(argument)
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("UNBROKEN_GOLDEN") == "update":
        GOLDEN.write_text(json.dumps({**golden, name: round(value, 4)}, indent=2, sort_keys=True) + "\n")
        return
    assert name in golden, "new here: run scripts/golden --update"
    assert value >= golden[name] - SLACK, f"{name} was {golden[name]:.4f} and is {value:.4f}"
