"""The demo films a world, tracks it with the real chain and scores the answer against the truth."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from unbroken.app.demo import ACROSS
from unbroken.cli.main import app
from unbroken.core.errors import ConfigError, StoreError
from unbroken.datasets.motchallenge import read_rows
from unbroken.datasets.synthetic import WorldSettings, make_world, truth_of
from unbroken.datasets.synthetic.painting import Painter
from unbroken.video.files import VideoFile


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    answer = CliRunner().invoke(
        app, ["demo", "--cameras", "2", "--seconds", "9", "--people", "4", "--seed", "3", "--output", str(folder)]
    )
    assert answer.exit_code == 0, answer.output
    return folder, answer.output


def test_everything_that_the_closing_lines_name_is_there(played):
    folder, output = played
    for name in ("mosaic.mp4", "report.html", "scores.json", "tracks.jsonl", "timeline.png", "site.toml"):
        assert (folder / name).stat().st_size > 100, name
    for camera in ("cam1", "cam2"):
        assert (folder / "footage" / f"{camera}.mp4").exists()
        assert (folder / "truth" / camera / "gt" / "gt.txt").exists()
        assert (folder / f"{camera}.txt").exists()
    assert "unbroken track" in output
    assert str(folder / "mosaic.mp4") in output.replace("\n", "")


def test_the_films_show_the_world_that_the_truth_describes(played):
    folder, _ = played
    generator = np.random.default_rng(3)
    world = make_world(WorldSettings(2, 4, 9.0, arrivals=2.7), generator)
    painters = generator.spawn(2)
    for camera, chance in zip(world.cameras, painters, strict=True):
        rows = read_rows(folder / "truth" / camera.name / "gt" / "gt.txt")
        assert len(rows) == len(truth_of(world, camera.name).frames)
        painter = Painter(world, camera.name, chance)
        frames = list(VideoFile(folder / "footage" / f"{camera.name}.mp4", camera.name))
        assert len(frames) == 90
        for index in (5, 60):
            assert frames[index].time == pytest.approx(index / 10, abs=1e-3)
            assert cv2.PSNR(np.array(frames[index].image), painter.picture(index)) > 26


def test_people_are_found_and_named_and_the_scores_say_how_well(played):
    folder, _ = played
    scores = json.loads((folder / "scores.json").read_text())["scores"]
    assert set(scores) == {"cam1", "cam2", ACROSS}
    assert scores[ACROSS]["Recall"] > 0.4
    assert scores[ACROSS]["Precision"] > 0.7
    assert 0 < scores[ACROSS]["IDF1"] <= 1


def test_each_global_id_has_a_timeline_picture(played):
    folder, _ = played
    persons = {int(i) for name in ("cam1", "cam2") for i in read_rows(folder / f"{name}.txt").ids}
    pictures = {int(path.stem.split("-")[1]) for path in (folder / "people").glob("*.png")}
    assert persons
    assert pictures == persons


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--cameras", "0"], "--cameras is 0"), (["--seconds", "1"], "--seconds is 1"), (["--cameras", "99"], "1 to 16")],
)
def test_a_demo_that_cannot_be_is_refused_in_one_sentence(tmp_path, arguments, sentence):
    answer = CliRunner().invoke(app, ["demo", *arguments, "--output", str(tmp_path)])
    assert isinstance(answer.exception, ConfigError)
    assert sentence in str(answer.exception)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    answer = CliRunner().invoke(app, ["demo", "--seconds", "3", "--output", str(tmp_path / "file")])
    assert isinstance(answer.exception, StoreError)
    assert "another --output" in str(answer.exception)
