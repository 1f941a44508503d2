"""Faults that damaged files once brought out: each is one sentence today."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import darknet_made
from batches_made import look, seen
from unbroken.app.calibrate import read_points
from unbroken.app.counting import count_events
from unbroken.app.recorded import read_boxes
from unbroken.app.tables import read_table
from unbroken.core.batches import Batch, Report
from unbroken.core.errors import ConfigError, ContractError, ModelCorruptError, ModelError, SourceError, StoreError
from unbroken.core.events import CameraOnline
from unbroken.core.wire import batch_of_bytes, bytes_of_batch
from unbroken.datasets.calibration import read_view
from unbroken.datasets.motchallenge import read_info, read_rows, read_warps
from unbroken.datasets.wildtrack import read_detections
from unbroken.datasets.wildtrack import read_points as read_ground_points
from unbroken.detection.darknet import check
from unbroken.inference.loading import load
from unbroken.outlets.envelope import Sealer


@pytest.mark.parametrize("row", ["9" * 25 + ",-1,1,1,9,9,1", "1," + "9" * 25 + ",1,1,9,9,1", "1,1,1e308,1,1e308,9,1"])
def test_numbers_of_boxes_that_overflow_were_cast_to_nonsense(tmp_path, row):
    (tmp_path / "det.txt").write_text(row + "\n")
    with pytest.raises(StoreError, match=r"line 1: holds NaN or infinity, or a number beyond"):
        read_rows(tmp_path / "det.txt")


def test_a_frame_number_of_a_milliard_asked_for_all_memory(tmp_path):
    (tmp_path / "det").mkdir()
    (tmp_path / "det" / "det.txt").write_text("999999999,-1,1,1,9,9,1\n")
    with pytest.raises(StoreError, match="frames at most"):
        read_boxes(tmp_path)


@pytest.mark.parametrize(
    "line",
    ["seqLength=999999999999", "frameRate=inf", "frameRate=nan", "imWidth=-5", "imExt=/../*", "imDir=" + "x" * 300],
)
def test_a_seqinfo_that_no_sequence_has(tmp_path, line):
    (tmp_path / "seqinfo.ini").write_text(f"[Sequence]\n{line}\n")
    with pytest.raises(StoreError, match=r"seqinfo\.ini"):
        read_info(tmp_path)


def test_a_warp_that_overflows(tmp_path):
    (tmp_path / "gmc.txt").write_text("1,1e300,0,0,0,1,0\n")
    with pytest.raises(StoreError, match="finite affine"):
        read_warps(tmp_path / "gmc.txt")


@pytest.mark.parametrize(
    "change",
    [
        {"size": [None, 480]},
        {"size": [1e300, 480]},
        {"size": [-1, 480]},
        {"size": {}},
        {"homography": [[math.nan] * 3] * 3},
        {"homography": [[10**400] * 3] * 3},
        {"metres_per_unit": math.inf},
    ],
)
def test_a_calibration_with_numbers_that_are_none(tmp_path, change):
    content = {"homography": [[0.01, 0, -1], [0, 0.02, -2], [0, 0.001, 1]], "size": [640, 480]} | change
    (tmp_path / "view.json").write_text(json.dumps(content))
    with pytest.raises(SourceError, match=r"view\.json"):
        read_view(tmp_path / "view.json")


def test_json_that_is_nested_too_deep_ended_in_a_recursion(tmp_path):
    (tmp_path / "view.json").write_text("[" * 100_000)
    with pytest.raises(SourceError, match="is not JSON"):
        read_view(tmp_path / "view.json")
    (tmp_path / "points.json").write_text("[" * 100_000)
    with pytest.raises(SourceError, match="holds no point pairs"):
        read_points(tmp_path / "points.json")


@pytest.mark.parametrize(
    "text", ['{"points": [3]}', '{"points": [{"image": [1, 2], "ground": [1e400, 2]}]}', '{"points": [[]]}']
)
def test_points_of_another_form(tmp_path, text):
    (tmp_path / "points.json").write_text(text)
    with pytest.raises(SourceError, match="holds no point pairs"):
        read_points(tmp_path / "points.json")


def test_a_row_of_points_that_is_shorter_than_the_heading(tmp_path):
    (tmp_path / "points.csv").write_text("name,x,y,X,Y\na,0,400,0,0\n\0,\n")
    with pytest.raises(SourceError, match="holds no point pairs"):
        read_points(tmp_path / "points.csv")


def test_a_frame_without_a_number_among_ground_points(tmp_path):
    (tmp_path / "mvdet").mkdir()
    (tmp_path / "mvdet" / "test-demo.txt").write_text("nan 10 20\n")
    with pytest.raises(SourceError, match="line 1"):
        read_ground_points(tmp_path, ["0"])


def test_a_frame_of_detections_beyond_all_numbers(tmp_path):
    (tmp_path / "MVDeTr_test.json").write_text(json.dumps({"9" * 25: [[1, 2, 3, 4, 0.9, 0]]}))
    with pytest.raises(SourceError, match="no number within"):
        read_detections(tmp_path, ["0"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("stride=2", "stride=0"),
        ("stride=2", "stride=x"),
        ("filters=4", "filters=1e999"),
        ("filters=4", "filters=-4"),
        ("width = 32", "width = 999999"),
        ("from = -2", "form = -2"),
        ("anchors = 10,", "anchors = 10,,x,"),
        ("mask = 0,1,2", "mask = 0,1,-2"),
        ("groups = 1", "groups = 0"),
        ("groups = 1", "groups = 3"),
    ],
)
def test_a_darknet_cfg_with_options_that_no_layer_can_have(tmp_path, old, new):
    text = darknet_made.section("net", width=32, height=32, channels=3) + darknet_made.conv(4, 3, 2)
    text += darknet_made.conv(4, 1) + darknet_made.section("shortcut", **{"from": "-2"}, activation="linear")
    text += darknet_made.conv(18, 1, activation="linear", normalised=False, groups=1).replace("groups=1", "groups = 1")
    text += darknet_made.yolo("0,1,2", 1)
    darknet_made.write(tmp_path, text, name="net")
    check(tmp_path / "net.cfg", tmp_path / "net.weights")
    assert old in text
    (tmp_path / "net.cfg").write_text(text.replace(old, new, 1))
    with pytest.raises(ModelCorruptError, match="Darknet cfg"):
        check(tmp_path / "net.cfg", tmp_path / "net.weights")


def test_darknet_weights_that_are_no_numbers(tmp_path):
    text = darknet_made.section("net", width=32, height=32, channels=3)
    text += darknet_made.conv(18, 1) + darknet_made.yolo("0,1,2", 1)
    darknet_made.write(tmp_path, text, name="net")
    good = (tmp_path / "net.weights").read_bytes()
    for damage in (np.float32(np.nan), np.float32(-9)):
        (tmp_path / "net.weights").write_bytes(good[:20] + damage.tobytes() * 80 + good[20 + 320 :])
        with pytest.raises(ModelCorruptError, match="Darknet weights"):
            check(tmp_path / "net.cfg", tmp_path / "net.weights")


def test_an_archive_that_is_cut_off(tmp_path):
    path = tmp_path / "tracks.npz"
    np.savez(path, camera=np.array(["hall"]), track=np.array([1]), frame=np.array([1]), features=np.ones((1, 4)))
    content = path.read_bytes()
    for size in (0, 10, len(content) // 2, len(content) - 3):
        path.write_bytes(content[:size])
        with pytest.raises(StoreError, match="cannot be read as"):
            read_table(path)


def test_a_single_array_in_place_of_an_archive(tmp_path):
    np.save(tmp_path / "one.npy", np.ones(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(StoreError, match="cannot be read as"):
        read_table(tmp_path / "one.npz")


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_names_in_a_net_that_are_no_text_came_out_as_a_decoding_error(tmp_path, runtime):
    pytest.importorskip("onnx", reason="making nets for this test needs the package onnx")
    import made

    path = made.answering(tmp_path / "net.onnx", [np.zeros((1, 4), dtype=np.float32)], (1, 3, 8, 8))
    content = path.read_bytes()
    assert content.count(b"ReduceMean") == 1
    path.write_bytes(content.replace(b"ReduceMean", b"Reduce\x80\x80\x80\x80"))
    with pytest.raises(ModelError):
        load(path, runtime)


@pytest.mark.parametrize(
    "strange",
    [
        {"camera": np.str_("hall")},
        {"track": np.array([1e300])},
        {"frame": np.array([1e300])},
        {"features": np.full((1, 4), 1e300)},
    ],
)
def test_columns_that_overflow_or_are_no_columns(tmp_path, strange):
    columns = {
        "camera": np.array(["hall"]),
        "track": np.array([1]),
        "frame": np.array([1]),
        "features": np.ones((1, 4)),
    }
    np.savez(tmp_path / "tracks.npz", **(columns | strange))
    with pytest.raises(ConfigError, match=next(iter(strange))):
        read_table(tmp_path / "tracks.npz")


def test_a_long_feature_with_nan_was_told_in_many_lines():
    view = seen("hall", 0.0, [1], [look(1)])
    with pytest.raises(ContractError, match="row 0 is") as caught:
        replace(view, features=np.full((1, 512), np.nan, dtype=np.float32))
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


def test_features_in_a_message_that_would_overflow():
    huge = bytes_of_batch(Batch(0.0, (Report(1, 0, seen("hall", 0.0, [1], [1e20 * look(1)])),)))
    with pytest.raises(StoreError, match="beyond 1e"):
        batch_of_bytes(huge)


def test_an_event_of_the_far_future_asked_for_a_table_of_all_hours_until_then(tmp_path):
    sealer = Sealer("site", 1)
    times = (1_700_000_000.0, 1e18, 1e11)
    path = tmp_path / "events.jsonl"
    path.write_text("".join(sealer.seal(CameraOnline(time, "hall")).line() for time in times))
    assert count_events(path, "all").damaged == 1
    with pytest.raises(ConfigError, match="count them all together"):
        count_events(path, "hour")
