"""Darknet nets become ONNX and answer what `cv2.dnn` answers."""

import cv2
import numpy as np
import pytest

import darknet_made
from unbroken.core.errors import ModelCorruptError, ModelMissingError, ModelUnsupportedError
from unbroken.detection.darknet import convert, model_from_darknet, sections_from_cfg, values_from_weights
from unbroken.inference.loading import load

pytest.importorskip("onnx", reason="converting Darknet nets needs the package onnx")

OFFICIAL_BYTES = 24_251_276
"""The size of the published yolov4-tiny.weights: it is right only if every layer is."""


def picture(size, seed=1):
    return np.random.default_rng(seed).uniform(0, 1, (1, 3, size, size)).astype(np.float32)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return darknet_made.write(tmp_path_factory.mktemp("darknet"), darknet_made.yolov4_tiny())


def test_the_architecture_written_here_takes_exactly_the_published_number_of_weights(tiny):
    assert tiny[1].stat().st_size == OFFICIAL_BYTES


def test_yolov4_tiny_answers_for_every_cell_and_anchor(tiny, tmp_path):
    net = load(convert(*tiny, tmp_path / "tiny.onnx"))
    assert net.input_shape == (-1, 3, 416, 416)
    assert net.output_shapes == ((-1, 13 * 13 * 3, 85), (-1, 26 * 26 * 3, 85))
    coarse, fine = net.run(picture(416))
    for rows in (coarse, fine):
        assert np.isfinite(rows).all()
        assert (rows[..., 5:] <= rows[..., 4:5] + 1e-6).all()
        assert np.ptp(rows[..., 4]) > 0.1


@pytest.mark.parametrize("architecture", ["yolov4_tiny", "other_layers", "scaled_head"])
def test_a_converted_net_answers_what_opencv_does(architecture, tmp_path):
    if not hasattr(cv2.dnn, "readNetFromDarknet"):
        pytest.skip(f"OpenCV {cv2.__version__} has no Darknet reader to compare with: this runs on OpenCV 4")
    text = getattr(darknet_made, architecture)()
    cfg, weights = darknet_made.write(tmp_path, text)
    blob = picture(sections_from_cfg(text)[0].number("width", 0))
    mine = load(convert(cfg, weights, tmp_path / "net.onnx"), "onnxruntime").run(blob)
    reader = cv2.dnn.readNet(str(weights), str(cfg))
    reader.setInput(blob)
    theirs = reader.forward(reader.getUnconnectedOutLayersNames())
    assert len(mine) == len(theirs)
    for converted, wanted in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(converted[0], wanted, atol=1e-3)


def test_each_picture_of_a_batch_is_answered_as_if_alone(tiny, tmp_path):
    net = load(convert(*tiny, tmp_path / "tiny.onnx"))
    blobs = [picture(416, seed) for seed in range(2)]
    together = net.run(np.concatenate(blobs))
    for row, blob in enumerate(blobs):
        for both, alone in zip(together, net.run(blob), strict=True):
            np.testing.assert_allclose(both[row], alone[0], atol=1e-4)


def test_a_yolo_layer_puts_boxes_where_the_formula_says():
    text = (
        darknet_made.section("net", width=64, height=32, channels=3)
        + darknet_made.conv(7, 1, 1, "linear", normalised=False)
        + darknet_made.section("yolo", mask=0, anchors="16,24", classes=2, num=1, scale_x_y=1.2)
    )
    values = np.zeros(7 + 7 * 3, dtype=np.float32)
    values[:7] = [0.5, -0.5, 0.2, -0.3, 1.0, 2.0, -2.0]
    import onnxruntime

    session = onnxruntime.InferenceSession(model_from_darknet(sections_from_cfg(text), values).SerializeToString())
    (rows,) = session.run(None, {"input": np.zeros((1, 3, 32, 64), dtype=np.float32)})
    sigmoid = 1 / (1 + np.exp(-values[:7].astype(np.float64)))
    cell = 64 * 5 + 9
    wanted = [
        (9 + sigmoid[0] * 1.2 - 0.1) / 64,
        (5 + sigmoid[1] * 1.2 - 0.1) / 32,
        np.exp(0.2) * 16 / 64,
        np.exp(-0.3) * 24 / 32,
        sigmoid[4],
        sigmoid[4] * sigmoid[5],
        sigmoid[4] * sigmoid[6],
    ]
    np.testing.assert_allclose(rows[0, cell], wanted, rtol=1e-5)


def test_weights_that_are_cut_off_or_belong_elsewhere_are_caught(tiny, tmp_path):
    cfg, weights = tiny
    content = weights.read_bytes()
    (tmp_path / "short.weights").write_bytes(content[:-400])
    with pytest.raises(ModelCorruptError, match=r"end in layer 3\d; the file is cut off"):
        convert(cfg, tmp_path / "short.weights", tmp_path / "net.onnx")
    (tmp_path / "long.weights").write_bytes(content + bytes(400))
    with pytest.raises(ModelCorruptError, match=r"takes 6062814 of 6062914 numbers"):
        convert(cfg, tmp_path / "long.weights", tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


def test_old_headers_are_four_bytes_shorter():
    values = np.arange(5, dtype="<f4")
    old = np.array([0, 1, 0, 7], dtype="<i4").tobytes()
    new = np.array([0, 2, 0, 7, 0], dtype="<i4").tobytes()
    for header in (old, new):
        np.testing.assert_array_equal(values_from_weights(header + values.tobytes()), values)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("[convolutional]\n", ModelCorruptError, r"does not begin with \[net\]"),
        ("[net]\nwidth 416\n", ModelCorruptError, "line 2 is 'width 416'"),
        ("[net]\n[lstm]\n", ModelUnsupportedError, r"layer 0 is \[lstm\]"),
        ("[net]\n[route]\nlayers=-3\n", ModelCorruptError, "layer 0 refers to layer -3"),
        ("[net]\n[maxpool]\nsize=2\nstride=2\n", ModelUnsupportedError, r"no \[yolo\] layer"),
        ("[net]\n[yolo]\nclasses=1\nanchors=1,1\n", ModelCorruptError, "has 3 channels where 1 anchors of 6 are due"),
    ],
)
def test_a_wrong_cfg_is_named_with_its_fault(text, error, words):
    with pytest.raises(error, match=words):
        model_from_darknet(sections_from_cfg(text), np.zeros(0, dtype=np.float32))


def test_an_unknown_activation_is_named():
    text = "[net]\n" + darknet_made.conv(4, 1, 1, "gelu")
    with pytest.raises(ModelUnsupportedError, match="unknown activation 'gelu'"):
        model_from_darknet(sections_from_cfg(text), np.ones(400, dtype=np.float32))


def test_a_missing_half_is_named(tiny, tmp_path):
    with pytest.raises(ModelMissingError, match=r"none\.cfg is not there.*side by side"):
        convert(tmp_path / "none.cfg", tiny[1], tmp_path / "net.onnx")
