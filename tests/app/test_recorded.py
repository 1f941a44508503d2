"""Recorded boxes alone: each sequence is tracked on its own, and each mistake is one sentence."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from needs import data
from unbroken.app.recorded import RecordedJob, read_boxes, track_recorded
from unbroken.cli.main import app
from unbroken.core.errors import ConfigError, SourceError, StoreError
from unbroken.datasets.motchallenge import read_rows

FRAMES = 30


def sequence(folder, people=(1, 2), shake=0.0, warps=True):
    """People who walk before a camera that is knocked by `shake` pixels in every other frame."""
    (folder / "det").mkdir(parents=True)
    lines, motions, last = [], [], 0.0
    for frame in range(1, FRAMES + 1):
        knocked = shake * (frame % 2)
        motions.append(f"{frame},1,0,{knocked - last:g},0,1,0")
        last = knocked
        for person in people:
            lines.append(f"{frame},-1,{150 * person + 4 * frame + knocked},50,40,100,0.9,-1,-1,-1")
    (folder / "det" / "det.txt").write_text("\n".join(lines))
    (folder / "seqinfo.ini").write_text(f"[Sequence]\nname=x\nframeRate=20\nseqLength={FRAMES}\n")
    if warps:
        (folder / "gmc.txt").write_text("\n".join(motions))
    return folder


def tracked(root, output, **wishes):
    _, done = track_recorded(RecordedJob(root, output, **wishes))
    return dict(done)


def test_each_sequence_is_tracked_on_its_own_and_written(tmp_path):
    sequence(tmp_path / "set" / "one")
    sequence(tmp_path / "set" / "two", people=(1, 2, 3))
    answers = tracked(tmp_path / "set", tmp_path / "out")
    assert sorted(answers) == ["one", "two"]
    for name, people in (("one", 2), ("two", 3)):
        written = read_rows(tmp_path / "out" / f"{name}.txt")
        assert sorted(set(written.ids.tolist())) == list(range(1, people + 1))
        assert np.unique(written.frames).tolist() == list(range(1, FRAMES + 1))
        assert len(written) == people * FRAMES
        first = (tmp_path / "out" / f"{name}.txt").read_text().splitlines()[0]
        assert re.fullmatch(r"1,1,154\.00,50\.00,40\.00,100\.00,0\.9,-1,-1,-1", first)


def test_the_folder_may_be_one_sequence_itself(tmp_path):
    assert list(tracked(sequence(tmp_path / "alone"), tmp_path / "out")) == ["alone"]


def test_the_motion_of_a_shaken_camera_comes_from_its_file(tmp_path):
    root = sequence(tmp_path / "shaken", shake=60.0)
    lost = tracked(root, tmp_path / "none", tracker="sort")["shaken"]
    kept = tracked(root, tmp_path / "file", tracker="sort", camera_motion="file")["shaken"]
    assert len(kept) > len(lost)
    assert len(np.unique(kept.ids)) == 2


def test_boxes_of_low_confidence_are_left_out(tmp_path):
    folder = sequence(tmp_path / "poor")
    with (folder / "det" / "det.txt").open("a") as file:
        file.write("\n5,-1,600,50,40,100,0.2,-1,-1,-1\n")
    assert sum(map(len, read_boxes(folder).boxes)) == 2 * FRAMES + 1
    assert sum(map(len, read_boxes(folder, 0.3).boxes)) == 2 * FRAMES


def test_boxes_after_the_length_of_the_sequence_are_not_lost(tmp_path):
    folder = sequence(tmp_path / "long")
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=x\nframeRate=20\nseqLength=10\n")
    assert len(read_boxes(folder).frames) == FRAMES


def test_a_sequence_in_which_nobody_was_seen_has_an_empty_file(tmp_path):
    folder = sequence(tmp_path / "empty", people=())
    assert len(tracked(folder, tmp_path / "out")["empty"]) == 0
    assert (tmp_path / "out" / "empty.txt").read_text() == ""


def test_each_mistake_is_one_sentence(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere: holds no sequence with det/det\.txt"):
        track_recorded(RecordedJob(tmp_path / "nowhere", tmp_path))
    still = sequence(tmp_path / "still", warps=False)
    with pytest.raises(SourceError, match=r"has no gmc\.txt"):
        track_recorded(RecordedJob(still, tmp_path, camera_motion="file"))
    (still / "det" / "det.txt").write_text("0,-1,1,2,3,4,0.9\n")
    with pytest.raises(StoreError, match="holds frame 0; count frames from 1"):
        track_recorded(RecordedJob(still, tmp_path))
    (still / "det" / "det.txt").write_text("1,-1,1,2,3,4,0.9\n2,-1,one,2,3,4,0.9\n")
    with pytest.raises(StoreError, match=r"det\.txt line 2: 'one' is not a number"):
        track_recorded(RecordedJob(still, tmp_path))
    with pytest.raises(ConfigError, match="'sort' does not see the camera's motion in boxes"):
        RecordedJob(still, tmp_path, tracker="sort", camera_motion="auto")
    with pytest.raises(ConfigError, match="choose one of none, file, auto"):
        RecordedJob(still, tmp_path, camera_motion="guess")
    with pytest.raises(ConfigError, match="tracker 'best' is not known"):
        track_recorded(RecordedJob(still, tmp_path, tracker="best"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["hall.mp4"], "give either recorded boxes or sources"),
        (["--every", "3"], "--every does not go with --detections"),
        (["--score", "7"], "the least score is 7"),
        (["-o", "/dev/null/out"], "cannot be written"),
    ],
)
def test_the_command_line_says_what_does_not_fit(tmp_path, arguments, sentence):
    root = sequence(tmp_path / "set" / "one")
    given = ["track", "--detections", str(root), "-o", str(tmp_path / "out"), *arguments]
    answer = CliRunner().invoke(app, given)
    assert sentence in str(answer.exception)
    assert "\n" not in str(answer.exception)


def test_the_command_line_writes_what_the_benchmark_scores(tmp_path):
    from unbroken.bench.recorded import judge, read_all
    from unbroken.tracking.registry import by_name

    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "MOT17-09").symlink_to(data("data/mot17_half/MOT17-09"))
    given = ["track", "--detections", str(tree), "--camera-motion", "file", "-o", str(tmp_path / "out")]
    answer = CliRunner().invoke(app, given)
    assert answer.exit_code == 0, answer.output
    assert "1 sequence, " in answer.output
    _, (expected,) = judge(read_all(tree), by_name, motion=True)
    written = read_rows(tmp_path / "out" / "MOT17-09.txt")
    assert written.ids.tolist() == expected.ids.tolist()
    np.testing.assert_allclose(written.boxes, expected.boxes, atol=0.011)
