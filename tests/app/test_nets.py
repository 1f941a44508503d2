"""Names and paths become detectors and embedders, ready for use."""

import numpy as np
import pytest

import darknet_made
import made
import vtest
from needs import data
from unbroken.app.nets import build_detector, build_embedder
from unbroken.core.errors import ConfigError, ModelCorruptError, ModelMissingError
from unbroken.core.frames import Frame
from unbroken.detection.selection import DetectorSettings


def test_a_net_by_name_finds_people_and_says_what_it_is():
    detector = build_detector("rtmdet_nano", [data("models")], DetectorSettings(size=320, score=0.5))
    (found,) = detector.detect(vtest.frames(5)[:1])
    assert len(found) >= 3
    assert detector.description.startswith("rtmdet_nano (longer side 320, onnxruntime")


def test_a_net_by_path_has_its_layout_guessed(tmp_path):
    rows = np.zeros((1, 84, 300), dtype=np.float32)
    rows[0, :5, 7] = [160, 160, 40, 80, 0.9]
    path = made.answering(tmp_path / "my.onnx", [rows], (1, 3, 320, 320))
    picture = Frame("a", 0, 0.0, np.zeros((320, 320, 3), dtype=np.uint8))
    (found,) = build_detector(str(path)).detect([picture])
    np.testing.assert_allclose(found.boxes, [[140, 120, 180, 200]])


def test_a_layout_in_doubt_is_settled_by_the_setting(tmp_path):
    rows = np.zeros((1, 300, 85), dtype=np.float32)
    rows[0, 7, :6] = [160, 160, 40, 80, 1.0, 0.9]
    path = str(made.answering(tmp_path / "my.onnx", [rows], (1, 3, 320, 320)))
    picture = Frame("a", 0, 0.0, np.zeros((320, 320, 3), dtype=np.uint8))
    with pytest.raises(ConfigError, match="--decoder"):
        build_detector(path)
    (found,) = build_detector(path, settings=DetectorSettings(decoder="yolov5")).detect([picture])
    np.testing.assert_allclose(found.boxes, [[140, 120, 180, 200]])


def test_an_embedder_by_path_reads_its_dimension(tmp_path):
    weights = np.random.default_rng(0).normal(size=(3, 768)).astype(np.float32)
    path = made.averaging(tmp_path / "person_reid_youtu_2021nov.onnx", weights, 256, 128)
    assert build_embedder(str(path)).dimension == 768
    assert build_embedder("person_reid_youtu_2021nov", [tmp_path]).dimension == 768


@pytest.mark.parametrize("runtime", ["auto", "onnxruntime", "opencv"])
def test_a_darknet_net_runs_on_every_runtime_and_is_converted_once(runtime, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    darknet_made.write(tmp_path, darknet_made.yolov4_tiny())
    settings = DetectorSettings(score=0.01, nms_iou=1.0)
    rng = np.random.default_rng(0)
    pictures = [Frame("a", 0, 0.0, rng.integers(0, 256, (90, 160, 3), dtype=np.uint8)) for _ in range(2)]
    first = build_detector("yolov4-tiny", [tmp_path], settings, runtime=runtime).detect(pictures)
    assert all(len(found) > 0 for found in first)
    made_files = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.onnx")}
    again = build_detector("yolov4-tiny", [tmp_path], settings, runtime=runtime).detect(pictures)
    np.testing.assert_array_equal(again[1].boxes, first[1].boxes)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.onnx")} == made_files


def test_darknet_scores_and_boxes_are_the_same_on_opencv_and_on_onnx_runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    darknet_made.write(tmp_path, darknet_made.yolov4_tiny().replace("thresh = 0\n", ""))
    picture = Frame("a", 0, 0.0, np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8))
    settings = DetectorSettings(score=0.02, nms_iou=1.0)
    mine, theirs = (
        build_detector("yolov4-tiny", [tmp_path], settings, runtime=runtime).detect([picture])[0]
        for runtime in ("onnxruntime", "opencv")
    )
    assert len(mine) == len(theirs) > 100
    np.testing.assert_allclose(np.sort(mine.scores), np.sort(theirs.scores), atol=1e-3)


@pytest.mark.parametrize("runtime", ["auto", "onnxruntime", "opencv"])
def test_darknet_weights_that_are_cut_off_are_caught_on_every_runtime(runtime, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    _, weights = darknet_made.write(tmp_path, darknet_made.yolov4_tiny())
    weights.write_bytes(weights.read_bytes()[:-400])
    with pytest.raises(ModelCorruptError, match="the file is cut off"):
        build_detector("yolov4-tiny", [tmp_path], runtime=runtime)


def test_a_path_to_nothing_is_named(tmp_path):
    with pytest.raises(ModelMissingError, match=r"none\.onnx is not there"):
        build_detector(str(tmp_path / "none.onnx"))


def test_real_embedders_tell_people_apart():
    embedder = build_embedder("person-reidentification-retail-0288", [data("models")])
    rows = vtest.truth()
    crops, names = [], []
    for frame in vtest.frames(5)[20:24:2]:
        for row in rows[rows[:, 0] == frame.index + 1]:
            x, y, w, h = (int(value) for value in row[2:6])
            crops.append(frame.image[max(y, 0) : y + h, max(x, 0) : x + w])
            names.append(row[1])
    features = embedder.embed(crops)
    same = np.equal.outer(names, names)
    similarity = features @ features.T
    others = similarity[same & ~np.eye(len(names), dtype=bool)]
    assert others.mean() > similarity[~same].mean() + 0.2
