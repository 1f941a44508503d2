"""Recorded sequences: read, thinned, followed and scored; the benchmark takes any tree of the layout."""

import numpy as np
import pytest

from unbroken.bench.mot17 import run
from unbroken.bench.outcome import Options
from unbroken.bench.recorded import every, judge, read_all
from unbroken.core.errors import SourceError
from unbroken.datasets.motchallenge import read_rows
from unbroken.tracking.registry import by_name


@pytest.fixture
def tree(tmp_path):
    """Two people who walk before a camera that moves by (3, 1) pixels a frame."""
    folder = tmp_path / "set" / "any-name"
    (folder / "gt").mkdir(parents=True)
    (folder / "det").mkdir()
    truth, boxes, warps = [], [], []
    for frame in range(1, 31):
        warps.append(f"{frame},1,0,3,0,1,1")
        for person in (1, 2):
            place = f"{100 * person + 5 * frame},{50 + frame},40,100"
            truth.append(f"{frame},{person},{place},1,1,1")
            boxes.append(f"{frame},-1,{place},0.9,-1,-1,-1")
    (folder / "gt" / "gt.txt").write_text("\n".join(truth))
    (folder / "det" / "det.txt").write_text("\n".join([*boxes, "3,-1,900,10,40,100,0.05,-1,-1,-1"]))
    (folder / "gmc.txt").write_text("\n".join(warps))
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=x\nframeRate=20\nseqLength=30\n")
    return tmp_path / "set"


def test_a_tracker_is_run_and_scored(tree):
    recorded = read_all(tree)
    scores, answers = judge(recorded, by_name, motion=True)
    assert scores.summary()["IDF1"] == 1
    assert sorted(set(answers[0].ids.tolist())) == [1, 2]
    assert sum(len(people) for people in recorded[0].boxes) == 60


def test_a_lower_frame_rate_keeps_the_whole_camera_motion(tree):
    (sequence,) = read_all(tree)
    thin = every(3, sequence)
    assert thin.frames.tolist() == list(range(1, 31, 3))
    np.testing.assert_allclose(thin.warps[1], [[1, 0, 9], [0, 1, 3]])
    assert np.unique(thin.case.truth.frames).tolist() == thin.frames.tolist()


def test_the_benchmark_takes_any_tree_and_keeps_its_answers(tree, tmp_path):
    outcome = run(Options(tree, tmp_path, tmp_path / "out", quick=True))
    rows = {row[0]: row for row in outcome.rows}
    assert rows["unbroken (default)"][6] == pytest.approx(100)
    assert rows["perfect association of boxes >= 0.6"][2] == pytest.approx(100)
    assert len(read_rows(tmp_path / "out" / "any-name.txt")) == 60


def test_a_folder_without_sequences_is_named(tmp_path):
    with pytest.raises(SourceError, match="MOTChallenge tree"):
        read_all(tmp_path)
