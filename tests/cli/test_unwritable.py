"""Whatever a command writes: where it cannot be written, one sentence names the place, and there is no traceback.

Eight of these ended in a traceback.
"""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import darknet_made
import made
from unbroken.bench.outcome import Outcome, save
from unbroken.cli.main import app
from unbroken.core.errors import StoreError
from unbroken.core.events import PersonAppeared
from unbroken.detection.darknet import convert
from unbroken.outlets.envelope import Sealer

GT = "".join(f"{frame},{person},{person * 100},50,40,90,1,1,1\n" for frame in range(1, 6) for person in (1, 2))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with something to read for each command, and `taken`, a file where a folder would have to be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("taken").write_text("a file")
    Path("gt.txt").write_text(GT)
    Path("events.jsonl").write_text(Sealer("shop", 1).seal(PersonAppeared(1.0, 4, "door", 1)).line())
    Path("points.csv").write_text("x,y,X,Y\n0,0,0,1\n100,0,1,1\n0,100,0,0\n100,100,1,0\n")
    Path("view.json").write_text(json.dumps({"homography": np.diag([0.01, -0.01, 1.0]).tolist(), "size": [64, 48]}))
    cv2.imwrite("view.png", np.zeros((48, 64, 3), np.uint8))
    made.answering(Path("net.onnx"), [np.zeros((1, 84, 300), np.float32)], (1, 3, 320, 320))
    for half in ("a", "b"):
        (Path("set") / half / "gt").mkdir(parents=True)
        (Path("set") / half / "gt" / "gt.txt").write_text(GT)
        (Path("set") / half / "det").mkdir()
        (Path("set") / half / "det" / "det.txt").write_text(GT)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "eval --gt gt.txt --result gt.txt --json taken/scores.json",
        "count events.jsonl --json taken/counts.json",
        "count events.jsonl --csv taken/counts.csv",
        "calibrate points points.csv --output taken/view.json",
        "calibrate check view.json --picture view.png --grid taken/grid.png",
        "models add net.onnx --decoder yolov8 --name mine --to taken/nets",
        "site schema --output taken/schema.json",
        "site init taken/site",
        "track --detections set --output taken/out",
        "tune set --trials 1 --tracker sort --output taken/tune.json",
    ],
)
def test_what_cannot_be_written_is_one_sentence(here, command):
    answer = CliRunner().invoke(app, command.split())
    assert isinstance(answer.exception, StoreError), (answer.output, answer.exception)
    assert "taken" in str(answer.exception)
    assert "\n" not in str(answer.exception)
    assert Path("taken").read_text() == "a file"


def test_a_net_and_a_table_that_cannot_be_written_are_one_sentence(here):
    cfg, weights = darknet_made.write(here, darknet_made.other_layers())
    for write in (
        lambda: convert(cfg, weights, Path("taken/net.onnx")),
        lambda: save(Outcome("detect", ("a",), ((1,),), {}, 0, ()), Path("taken/detect.json")),
    ):
        with pytest.raises(StoreError, match=r"taken/\w+\.\w+: cannot be written"):
            write()


def test_what_the_system_refuses_where_nobody_expected_it_is_one_sentence_too(here):
    code = "import sys; from unbroken.cli import main; sys.argv[1:] = ['--version']\n"
    code += "main.app = lambda: open('taken/deeper')\nmain.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr == (
        "error: taken/deeper: the system refuses (Not a directory); check the name, its rights and the disk\n"
    )
