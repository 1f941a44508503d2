"""A detector net finds people where they are, in pictures of any size, alone and in batches."""

import numpy as np
import pytest

import made
import vtest
from needs import data
from unbroken.core.cards import InputSpec, ModelCard
from unbroken.core.errors import ContractError, ModelUnsupportedError
from unbroken.core.frames import Frame
from unbroken.detection.detector import NetDetector
from unbroken.detection.selection import DetectorSettings
from unbroken.inference.loading import load
from unbroken.models.registry import find


def frame(width, height, index=0):
    return Frame("cam", index, float(index), np.full((height, width, 3), 90, dtype=np.uint8))


def card(**changes):
    fields = {"name": "made", "task": "detection", "files": ("made.onnx",), "decoder": "yolov10"}
    spec = changes.pop("input", InputSpec(0, 0, letterbox="centre"))
    return ModelCard(**{**fields, "input": spec, **changes})


def person_at(path, boxes, shape=(1, 3, 320, 320)):
    """A net that sees people at these places of its input, whatever it is shown."""
    count = shape[0] if isinstance(shape[0], int) else 1
    rows = np.column_stack([boxes, np.full(len(boxes), 0.8), np.zeros(len(boxes))])
    return load(made.answering(path, [np.repeat(rows[None], count, axis=0)], shape))


def test_a_person_in_the_net_is_at_the_same_place_of_the_picture(tmp_path):
    net = person_at(tmp_path / "net.onnx", [[100, 110, 140, 190]])
    (found,) = NetDetector(net, card()).detect([frame(640, 360)])
    np.testing.assert_allclose(found.boxes, [[200, 80, 280, 240]])
    assert found.scores.tolist() == pytest.approx([0.8])
    assert found.classes.tolist() == [0]


def test_the_score_that_a_card_trusts_becomes_the_one_that_trackers_trust(tmp_path):
    net = person_at(tmp_path / "net.onnx", [[100, 110, 140, 190]])
    scores = [NetDetector(net, card(trusted=trusted)).detect([frame(320, 320)])[0].scores[0] for trusted in (0.8, 0.4)]
    assert scores[0] == pytest.approx(0.6)
    assert scores[0] < 0.8 < scores[1] < 1
    with pytest.raises(ModelUnsupportedError, match=r"trusted is 1\.5"):
        NetDetector(net, card(trusted=1.5))


def test_pictures_of_changing_size_each_have_their_own_frame(tmp_path):
    detector = NetDetector(person_at(tmp_path / "net.onnx", [[0, 0, 320, 320]]), card())
    sizes = [(640, 360), (64, 96), (640, 360), (1000, 1000)]
    found = detector.detect([frame(*size, index) for index, size in enumerate(sizes)])
    assert [part.boxes.tolist() for part in found] == [[[0, 0, *size]] for size in sizes]


def test_no_frames_no_answers(tmp_path):
    assert NetDetector(person_at(tmp_path / "net.onnx", [[0, 0, 9, 9]]), card()).detect([]) == []


def test_a_net_that_demands_a_batch_is_given_one_and_says_nothing_of_what_filled_it(tmp_path):
    net = person_at(tmp_path / "net.onnx", [[10, 10, 20, 40]], (4, 3, 320, 320))
    found = NetDetector(net, card()).detect([frame(320, 320, index) for index in range(6)])
    assert [len(part) for part in found] == [1] * 6


def test_a_net_that_answers_for_fewer_pictures_than_it_was_given_is_caught(tmp_path):
    net = person_at(tmp_path / "net.onnx", [[10, 10, 20, 40]], ("n", 3, 320, 320))
    detector = NetDetector(net, card(), DetectorSettings(batch=2))
    with pytest.raises(ModelUnsupportedError, match=r"1 of 2 pictures.*batch to 1"):
        detector.detect([frame(320, 320, index) for index in range(2)])


def test_a_frame_without_a_picture_is_named(tmp_path):
    detector = NetDetector(person_at(tmp_path / "net.onnx", [[0, 0, 9, 9]]), card())
    with pytest.raises(ContractError, match=r"frame 7 of cam has no picture.*recorded detections"):
        detector.detect([Frame("cam", 7, 0.7, np.zeros((0, 0, 3), dtype=np.uint8))])


def test_nets_for_other_things_are_refused(tmp_path):
    net = person_at(tmp_path / "net.onnx", [[0, 0, 9, 9]])
    with pytest.raises(ModelUnsupportedError, match="made is for reid"):
        NetDetector(net, card(task="reid"))
    flat = load(made.answering(tmp_path / "flat.onnx", [np.zeros((1, 4))], (1, 128)))
    with pytest.raises(ModelUnsupportedError, match="a detector takes"):
        NetDetector(flat, card())


CASES = [
    ("rtmdet_nano", "onnxruntime", 416, 0.90),
    ("rtmdet_nano", "onnxruntime", 320, 0.90),
    ("rtmdet_nano", "openvino", 416, 0.90),
    ("yolox_nano", "onnxruntime", 416, 0.86),
    ("person-detection-0200", "openvino", 256, 0.85),
]


@pytest.mark.parametrize(("name", "runtime", "size", "least"), CASES)
def test_real_nets_find_the_people_of_vtest(name, runtime, size, least):
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="OpenVINO is an extra and is not installed")
    pictures = vtest.frames(40)
    suffixes = (".xml", ".onnx") if runtime == "openvino" else (".onnx",)
    found = find(name, [data("models")], suffixes)
    detector = NetDetector(load(found.path, runtime), found.card, DetectorSettings(score=0.01, size=size))
    assert vtest.average_precision(pictures, detector.detect(pictures)) > least


@pytest.mark.parametrize(
    ("name", "runtime"), [("rtmdet_nano", "openvino"), ("yolox_nano", "openvino"), ("yolox_nano", "opencv")]
)
def test_runtimes_agree_on_real_pictures(name, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="OpenVINO is an extra and is not installed")
    found = find(name, [data("models")], (".onnx",))
    settings = DetectorSettings(score=0.3)
    pictures = vtest.frames(200)
    wanted = NetDetector(load(found.path, "onnxruntime"), found.card, settings).detect(pictures)
    others = NetDetector(load(found.path, runtime), found.card, settings).detect(pictures)
    for mine, theirs in zip(wanted, others, strict=True):
        np.testing.assert_allclose(theirs.boxes, mine.boxes, atol=0.1)
        np.testing.assert_allclose(theirs.scores, mine.scores, atol=1e-3)


def test_a_batch_of_real_pictures_finds_what_each_alone_does():
    found = find("rtmdet_nano", [data("models")], (".onnx",))
    detector = NetDetector(load(found.path), found.card)
    pictures = vtest.frames(200)
    for together, picture in zip(detector.detect(pictures), pictures, strict=True):
        (alone,) = detector.detect([picture])
        np.testing.assert_allclose(together.boxes, alone.boxes, atol=0.05)
