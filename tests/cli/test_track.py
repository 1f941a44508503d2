"""`unbroken track` as its user runs it: real videos in, valid files out, and one sentence for each mistake."""

import json
import os
import signal
import subprocess
import sys
import time

import av
import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from unbroken.cli.main import app
from unbroken.datasets.motchallenge import read_rows
from walkers import RATE, picture, write_walk


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return write_walk(folder / "hall.mp4"), write_walk(folder / "door.mp4", cast=1.2)


def track(*arguments):
    """Run the program as the shell would."""
    command = [sys.executable, "-m", "unbroken", "track", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_two_videos_become_files_videos_and_a_report(videos, tmp_path):
    done = track(*videos, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"hall.txt", "hall.local.txt", "hall.annotated.mp4", "door.txt", "tracks.jsonl", "report.html"} <= names
    rows = read_rows(tmp_path / "out" / "hall.txt")
    assert len(rows) > 40
    assert rows.frames.min() >= 1
    assert rows.frames.max() <= 8 * RATE
    people = {int(i) for i in rows.ids}
    assert people & {int(i) for i in read_rows(tmp_path / "out" / "door.txt").ids}
    lines = [json.loads(line) for line in (tmp_path / "out" / "tracks.jsonl").read_text().splitlines()]
    assert {line["camera"] for line in lines} == {"hall", "door"}
    with av.open(str(tmp_path / "out" / "hall.annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 8 * RATE
    assert "error" not in done.stderr
    assert "detector: built-in motion detector" in done.stdout


def test_nobody_is_twice_in_one_picture(videos, tmp_path):
    track(*videos, "-o", tmp_path, "--no-video", "--no-report")
    for name in ("hall.txt", "door.txt"):
        rows = read_rows(tmp_path / name)
        pairs = np.column_stack([rows.frames, rows.ids])
        assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_the_same_command_gives_the_same_files(videos, tmp_path):
    for folder in ("first", "second"):
        track(*videos, "-o", tmp_path / folder, "--no-video", "--no-report")
    for name in ("hall.txt", "door.local.txt", "events.jsonl", "tracks.jsonl"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_site_file_does_what_the_options_do(videos, tmp_path):
    (tmp_path / "site.toml").write_text(
        f'[tracking]\ntracker = "sort"\n[[cameras]]\nname = "hall"\nsource = "{videos[0]}"\n'
    )
    assert track(tmp_path / "site.toml", "-o", tmp_path / "a", "--no-video").returncode == 0
    assert track(videos[0], "--tracker", "sort", "-o", tmp_path / "b", "--no-video").returncode == 0
    assert (tmp_path / "a" / "hall.txt").read_text() == (tmp_path / "b" / "hall.txt").read_text()


def test_recorded_boxes_without_a_picture_are_a_camera_too(tmp_path):
    folder = tmp_path / "SEQ-1" / "det"
    folder.mkdir(parents=True)
    rows = [f"{frame},-1,{10 + 5 * frame},20,40,100,0.9" for frame in range(1, 21)]
    (folder / "det.txt").write_text("\n".join(rows))
    done = track(tmp_path / "SEQ-1", "--reid", "none", "--identity", "none", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert len(read_rows(tmp_path / "out" / "SEQ-1.local.txt")) >= 15


def test_pictures_of_changing_size_are_no_reason_to_stop(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(30):
        image = picture(index, {1: 8.0 * index})
        cv2.imwrite(str(folder / f"{index}.png"), image if index < 15 else cv2.resize(image, (480, 360)))
    done = track(folder, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "out" / "pictures.annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 30


def test_a_bad_line_of_recorded_boxes_is_named_with_its_number(tmp_path):
    (tmp_path / "SEQ").mkdir()
    (tmp_path / "SEQ" / "det.txt").write_text("1,-1,10,10,20,40,0.9\n2,-1,nan,10,20,40,0.9\n")
    done = track(tmp_path / "SEQ", "-o", tmp_path / "out")
    assert done.returncode == 5
    assert "det.txt line 2" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_camera_that_breaks_is_named_and_the_other_loses_nothing(videos, tmp_path):
    broken = tmp_path / "broken.avi"
    whole = write_walk(tmp_path / "whole.avi")
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    done = track(videos[0], broken, "-o", tmp_path / "out", "--no-video", "--no-report")
    alone = track(videos[0], "-o", tmp_path / "alone", "--no-video", "--no-report")
    assert alone.returncode == 0
    frames = [json.loads(line)["frame"] for line in (tmp_path / "out" / "tracks.jsonl").read_text().splitlines()]
    assert max(frames) > 6 * RATE
    assert len(read_rows(tmp_path / "out" / "hall.local.txt")) == len(read_rows(tmp_path / "alone" / "hall.local.txt"))
    assert done.returncode == 3
    assert "error: camera broken: " in done.stderr
    assert "is the file complete" in done.stderr


def test_ctrl_c_ends_the_run_and_leaves_valid_files(videos, tmp_path):
    command = [sys.executable, "-m", "unbroken", "track", *map(str, videos), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines = tmp_path / "out" / "tracks.jsonl"
    while not (lines.exists() and lines.stat().st_size > 2000) and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted" in errors
    for line in lines.read_text().splitlines():
        json.loads(line)
    read_rows(tmp_path / "out" / "hall.txt")
    with av.open(str(tmp_path / "out" / "hall.annotated.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["missing.mp4"], 3, "missing.mp4: there is no such file"),
        ([], 2, "nothing to track"),
        (["VIDEO", "--tracker", "sorted"], 2, "tracker 'sorted' is not known; choose one of"),
        (["VIDEO", "--detector", "yolo99"], 2, "yolo99"),
        (["VIDEO", "--reid", "osnet99"], 2, "osnet99"),
        (["VIDEO", "--identity", "guess"], 2, "'guess' is not known; choose one of calibrated, fixed, none"),
        (["VIDEO", "--detector", "rtmdet_nano", "--models", "nowhere"], 2, "nowhere: is no folder"),
        (["VIDEO", "--every", "0"], 2, "detection.every is 0"),
        (["VIDEO", "--score", "7"], 2, "detection.score is 7"),
        (["VIDEO", "--runtime", "caffe"], 2, "runtime.runtime is 'caffe'"),
        (["VIDEO", "--camera-motion", "file"], 2, "has no gmc.txt"),
        (["VIDEO", "site.toml"], 2, "give it alone"),
        (["VIDEO", "-o", "/dev/null/out"], 5, "/dev/null/out: cannot be made"),
    ],
)
def test_each_mistake_is_one_sentence_and_an_exit_code(videos, monkeypatch, tmp_path, arguments, code, sentence):
    monkeypatch.chdir(tmp_path)
    given = [str(videos[0]) if argument == "VIDEO" else argument for argument in arguments]
    answer = CliRunner().invoke(app, ["track", *given])
    assert getattr(answer.exception, "exit_code", None) == code
    assert sentence in str(answer.exception)
    assert "\n" not in str(answer.exception)


def test_a_webcam_that_is_not_there_is_one_line(tmp_path):
    """OpenCV told of every driver that it had tried, ten lines before the sentence."""
    done = track("97", "-o", tmp_path)
    assert done.returncode == 3
    assert [line for line in done.stderr.splitlines() if line] == [
        "error: webcam 97: there is none; plug it in or give another number"
    ]


def test_the_program_prints_the_sentence_and_no_traceback(tmp_path):
    done = track(tmp_path / "missing.mp4")
    assert done.returncode == 3
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
