"""What is wrong with a site beyond its syntax: everything is told at once, with its line and its mend."""

import json

import cv2
import numpy as np
import pytest

from unbroken.app.check import check_site

GOOD = """\
[[cameras]]
name = "hall"
source = "hall.avi"
calibration = "hall.json"

[[zones]]
name = "till"
camera = "hall"
polygon = [[10, 10], [90, 10], [90, 90]]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("UNBROKEN_MODELS", raising=False)
    writer = cv2.VideoWriter(str(tmp_path / "hall.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    for _ in range(3):
        writer.write(np.full((120, 160, 3), 90, dtype=np.uint8))
    writer.release()
    (tmp_path / "hall.json").write_text(json.dumps({"homography": [[0.01, 0, 0], [0, 0.01, 0], [0, 0, 1]]}))
    return tmp_path


def problems(folder, text, environment=None, **how):
    (folder / "site.toml").write_text(text)
    report = check_site(folder / "site.toml", environment or {}, **how)
    return [(problem.line, problem.grade, problem.text) for problem in report.problems]


def test_a_good_site_has_nothing_wrong_also_when_its_cameras_are_asked(folder):
    assert problems(folder, GOOD) == []
    (folder / "site.toml").write_text(GOOD)
    report = check_site(folder / "site.toml", {}, connect=True)
    assert report.problems == ()
    assert [(answer.camera, answer.size) for answer in report.reached] == [("hall", (160, 120))]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('"hall.avi"', '"hell.avi"', 3, "hell.avi is not there"),
        ('"hall.avi"', '"loop://hell.avi"', 3, "hell.avi is not there"),
        ('"hall.json"', '"hell.json"', 4, "hell.json: cannot be read"),
        ("[[zones]]", '[detection]\nmodel = "rtmdet_nan"\n[[zones]]', 7, "did you mean rtmdet_nano?"),
        ("[[zones]]", '[detection]\nmodel = "rtmdet_nano"\n[[zones]]', 7, "unbroken models fetch rtmdet_nano"),
        ("[[zones]]", '[detection]\nmodel = "osnet_x0_25_msmt17"\n[[zones]]', 7, "which is a net for reid"),
        ("[[zones]]", '[detection]\ndecoder = "yolov9"\n[[zones]]', 7, "did you mean yolov"),
        ("[[zones]]", '[reid]\nmodel = "mine.onnx"\n[[zones]]', 7, "which is not there"),
        ("[[zones]]", '[tracking]\ntracker = "bytetrak"\n[[zones]]', 7, "did you mean bytetrack?"),
        ("[[zones]]", "[tracking]\noptions = { max_agee = 3 }\n[[zones]]", 7, "has no setting 'max_agee'"),
        ("[[zones]]", '[identity]\npolicy = "fix"\n[[zones]]', 7, "did you mean fixed?"),
        ("[[zones]]", "[identity]\noptions = { mercy = 1 }\n[[zones]]", 7, "has no setting 'mercy'"),
        ("[[zones]]", '[runtime]\nmodels = "nets"\n[[zones]]', 7, "which is no folder"),
        ("[[zones]]", '[storage]\ndatabase = "hall.json"\n[[zones]]', 7, "is no SQLite file"),
        ("[[zones]]", '[storage]\ndatabase = "hall.json/x.db"\n[[zones]]', 7, "hall.json is no folder"),
        ("[[zones]]", '[storage]\ndatabase = "mysql://db/x"\n[[zones]]', 7, "give a file or postgresql"),
        ("[[zones]]", '[storage]\nkey = "SITE_KEY"\n[[zones]]', 7, "environment variable SITE_KEY, which is not set"),
        ("[[zones]]", '[web]\nhost = "0.0.0.0"\n[[zones]]', 7, "web.token is empty"),
        ("[[zones]]", '[web]\ntoken = "TOKEN"\n[[zones]]', 7, "environment variable TOKEN"),
        ("[[zones]]", '[web]\ncertificate = "web.pem"\n[[zones]]', 7, "web.pem: cannot be read"),
        ("[[zones]]", '[web]\nkey = "web.key"\n[[zones]]', 6, "key is given without a certificate"),
        ("[[zones]]", '[outputs]\nauthority = "hall.json"\n[[zones]]', 7, "holds no certificate of an authority"),
        ("[[zones]]", '[[outputs.webhooks]]\nurl = "http://a/"\nevents = ["ned"]\n[[zones]]', 8, "did you mean new?"),
        ("[10, 10], [90, 10], [90, 90]", "[910, 10], [990, 10], [990, 90]", 9, "outside the picture of 160 x 120"),
        ("[10, 10], [90, 10], [90, 90]", "[10, 10], [20, 20], [90, 90]", 9, "has no area"),
        ('camera = "hall"\npolygon', "polygon", 8, ""),
    ],
)
def test_each_error_has_its_line_and_its_mend(folder, old, new, line, words):
    found = problems(folder, GOOD.replace(old, new))
    if not words:
        assert found == []
        return
    assert [(line, "error")] == [one[:2] for one in found]
    assert words in found[0][2]


def test_a_zone_on_the_ground_needs_a_calibrated_camera(folder):
    text = GOOD.replace('calibration = "hall.json"\n', "").replace('camera = "hall"\npolygon', "polygon")
    ((line, grade, words),) = problems(folder, text)
    assert (line, grade) == (7, "error")
    assert "no camera is calibrated" in words


def test_what_may_be_meant_is_a_warning(folder):
    partly = GOOD.replace("[90, 90]", "[190, 90]")
    assert [one[:2] for one in problems(folder, partly)] == [(9, "warning")]
    off = GOOD.replace('name = "hall"\n', 'name = "hall"\non = false\n', 1)
    assert [one[1] for one in problems(folder, off)] == ["warning"]


def test_secrets_come_from_the_environment_and_are_never_shown(folder):
    written = GOOD + '[[cameras]]\nname = "door"\nsource = "rtsp://admin:hunter2@192.0.2.9/"\n'
    ((line, grade, words),) = problems(folder, written)
    assert (line, grade) == (12, "warning")
    assert "password" in words
    assert "hunter2" not in words
    named = GOOD + '[[cameras]]\nname = "door"\nsource = "rtsp://admin:${DOOR}@192.0.2.9/"\n'
    assert [one[0] for one in problems(folder, named)] == [12]
    assert problems(folder, named, {"DOOR": "hunter2"}) == []


def test_a_key_that_is_none_is_told_without_showing_it(folder):
    text = GOOD + '[storage]\nkey = "SITE_KEY"\n'
    ((_, _, words),) = problems(folder, text, {"SITE_KEY": "swordfish"})
    assert "64 hexadecimal digits" in words
    assert "swordfish" not in words
    assert problems(folder, text, {"SITE_KEY": "0f" * 32}) == []


def test_cameras_that_do_not_answer_are_named_and_hold_nobody_up(folder, monkeypatch):
    monkeypatch.setenv("DOOR", "hunter2")
    (folder / "broken.avi").write_bytes(b"RIFF nothing")
    text = GOOD
    for name, source in (("door", "rtsp://admin:${DOOR}@127.0.0.1:1/live"), ("yard", "broken.avi")):
        text += f'[[cameras]]\nname = "{name}"\nsource = "{source}"\n'
    text += '[[cameras]]\nname = "off"\non = false\nsource = "rtsp://127.0.0.1:1/live"\n'
    found = problems(folder, text, {"DOOR": "hunter2"}, connect=True, patience=5.0)
    assert [(line, words.partition(":")[0]) for line, _, words in found] == [(12, "camera door"), (15, "camera yard")]
    assert "hunter2" not in str(found)
