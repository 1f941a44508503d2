"""`unbroken calibrate appearance`: thresholds from footage, without labels."""

import json

from typer.testing import CliRunner

from unbroken.cli.main import app
from walkers import write_walk


def test_footage_becomes_thresholds_a_page_and_json(tmp_path):
    video = write_walk(tmp_path / "hall.mp4")
    page = tmp_path / "appearance.html"
    answer = CliRunner().invoke(app, ["calibrate", "appearance", str(video), "-o", str(page)])
    assert answer.exit_code == 0, answer.exception
    point = json.loads(page.with_suffix(".json").read_text())
    assert 0 < point["same"] <= point["different"] < 2
    assert point["pairs"][0] > 0
    assert point["pairs"][1] > 0
    assert "strangers" in page.read_text()
    assert "same below" in answer.stdout


def test_too_little_footage_is_told(tmp_path):
    video = write_walk(tmp_path / "hall.mp4", seconds=2.0)
    answer = CliRunner().invoke(app, ["calibrate", "appearance", str(video), "-o", str(tmp_path / "page.html")])
    assert answer.exit_code == 0, answer.exception
    assert "too few" in " ".join(answer.stdout.split())
