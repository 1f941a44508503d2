"""Crops become rows of unit length, in batches of any size, with the dimension that the net really has."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made
from needs import data
from unbroken.appearance.embedder import EmbedderSettings, NetEmbedder, digest_of, unit_rows
from unbroken.core.cards import InputSpec, ModelCard
from unbroken.core.errors import ConfigError, ContractError, ModelUnsupportedError
from unbroken.inference.loading import load
from unbroken.models.registry import find


def card(**changes):
    spec = changes.pop("input", InputSpec(128, 256))
    return ModelCard(**{"name": "made", "task": "reid", "files": ("made.onnx",), "input": spec, **changes})


def crops(count, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, 256, (int(h), int(w), 3), dtype=np.uint8) for h, w in rng.integers(3, 90, (count, 2))]


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    weights = np.random.default_rng(1).normal(size=(3, 768)).astype(np.float32)
    return load(made.averaging(tmp_path_factory.mktemp("nets") / "youtu.onnx", weights, 256, 128))


@settings(max_examples=12, deadline=None)
@given(count=st.integers(0, 9), batch=st.integers(1, 4))
def test_rows_have_unit_length_whatever_the_batch(net, count, batch):
    features = NetEmbedder(net, card(), "", EmbedderSettings(batch)).embed(crops(count))
    assert features.shape == (count, 768)
    assert features.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-6)
    whole = NetEmbedder(net, card(), "", EmbedderSettings(64)).embed(crops(count))
    np.testing.assert_allclose(features, whole, atol=1e-6)


def test_the_dimension_is_the_nets_own(net):
    assert NetEmbedder(net, card(), "").dimension == 768
    with pytest.raises(ModelUnsupportedError, match="answers 768 numbers and its card says 512"):
        NetEmbedder(net, card(dimension=512), "")


def test_colour_order_and_normalisation_come_from_the_card(net, tmp_path):
    weights = np.eye(3, dtype=np.float32)
    plain = load(made.averaging(tmp_path / "net.onnx", weights, 256, 128))
    crop = np.zeros((256, 128, 3), dtype=np.uint8)
    crop[:] = (30, 60, 90)
    rgb = NetEmbedder(plain, card(input=InputSpec(128, 256, "RGB", 1.0)), "").embed([crop])[0]
    bgr = NetEmbedder(plain, card(input=InputSpec(128, 256, "BGR", 1.0)), "").embed([crop])[0]
    np.testing.assert_allclose(rgb, np.array([90, 60, 30]) / np.linalg.norm([90, 60, 30]), rtol=1e-4)
    np.testing.assert_allclose(bgr, rgb[::-1], rtol=1e-4)
    centred = InputSpec(128, 256, "BGR", 1.0, (30.0, 60.0, 0.0), (1.0, 1.0, 3.0))
    np.testing.assert_allclose(NetEmbedder(plain, card(input=centred), "").embed([crop])[0], [0, 0, 1], atol=1e-4)


def test_another_file_or_another_card_has_another_fingerprint(net):
    base = NetEmbedder(net, card(), "one").fingerprint
    assert NetEmbedder(net, card(), "one").fingerprint == base
    assert NetEmbedder(net, card(), "two").fingerprint != base
    assert NetEmbedder(net, card(input=InputSpec(128, 256, "BGR")), "one").fingerprint != base


def test_the_digest_of_a_file_is_its_sha256_and_counts_openvinos_weights(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"net")
    assert digest_of(tmp_path / "a.onnx") == hashlib.sha256(b"net").hexdigest()
    (tmp_path / "a.xml").write_bytes(b"<net/>")
    (tmp_path / "a.bin").write_bytes(b"one")
    first = digest_of(tmp_path / "a.xml")
    (tmp_path / "a.bin").write_bytes(b"two")
    assert digest_of(tmp_path / "a.xml") != first


@pytest.mark.parametrize("crop", [np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3))])
def test_a_crop_that_is_no_picture_is_named(net, crop):
    with pytest.raises(ContractError, match=r"a crop is .*give \(height, width, 3\) uint8"):
        NetEmbedder(net, card(), "").embed([crop])


def test_a_net_that_answers_nan_is_caught():
    with pytest.raises(ModelUnsupportedError, match="net bad answers NaN or infinity"):
        unit_rows(np.array([[1.0, np.nan]], dtype=np.float32), "bad")


def test_a_batch_of_none_is_named():
    with pytest.raises(ConfigError, match="batch is 0"):
        EmbedderSettings(0)


def test_a_detector_is_no_embedder(net):
    with pytest.raises(ModelUnsupportedError, match="made is for detection"):
        NetEmbedder(net, card(task="detection"), "")


def test_an_output_that_is_not_there_is_named(net):
    with pytest.raises(ModelUnsupportedError, match="has 1 outputs and its card reads output 3"):
        NetEmbedder(net, card(output=3), "")


@pytest.mark.parametrize("name", ["person-reidentification-retail-0288", "osnet_x0_25_msmt17"])
@pytest.mark.parametrize("runtime", ["openvino", "opencv"])
def test_real_nets_give_the_same_features_on_every_runtime(name, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="OpenVINO is an extra and is not installed")
    found = find(name, [data("models")], (".onnx",))
    wanted = NetEmbedder(load(found.path), found.card, "").embed(crops(3))
    np.testing.assert_allclose(
        NetEmbedder(load(found.path, runtime), found.card, "").embed(crops(3)), wanted, atol=1e-3
    )


def test_a_pair_that_takes_one_crop_at_a_time_gives_the_features_of_its_conversion():
    pytest.importorskip("openvino", reason="OpenVINO is an extra and is not installed")
    pair = find("person-reidentification-retail-0288", [data("models")], (".xml",))
    single = find("person-reidentification-retail-0288", [data("models")], (".onnx",))
    wanted = NetEmbedder(load(single.path), single.card, "").embed(crops(3))
    np.testing.assert_allclose(NetEmbedder(load(pair.path), pair.card, "").embed(crops(3)), wanted, atol=1e-4)
