"""Files become nets on each runtime, and those that cannot end in one sentence."""

from pathlib import Path

import numpy as np
import pytest

import made
from needs import data
from unbroken.core.errors import (
    ConfigError,
    ContractError,
    ModelCorruptError,
    ModelMissingError,
    ModelUnsupportedError,
)
from unbroken.inference.loading import load, runtime_for

RUNTIMES = ("onnxruntime", "openvino", "opencv")


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> str:
    if request.param == "openvino":
        pytest.importorskip("openvino", reason="OpenVINO is an extra and is not installed")
    return str(request.param)


def test_a_net_answers_alike_on_every_runtime(runtime: str, tmp_path: Path) -> None:
    weights = np.random.default_rng(3).normal(size=(3, 7)).astype(np.float32)
    net = load(made.averaging(tmp_path / "net.onnx", weights, 8, 4), runtime)
    blob = np.random.default_rng(4).normal(size=(1, 3, 8, 4)).astype(np.float32)
    (answer,) = net.run(blob)
    np.testing.assert_allclose(answer, blob.mean(axis=(2, 3)) @ weights, atol=1e-5)
    assert runtime in net.description
    assert net.description.endswith("1 thread")


def test_the_shapes_of_a_net_are_read_from_its_file(tmp_path: Path) -> None:
    net = load(made.averaging(tmp_path / "net.onnx", np.ones((3, 7), dtype=np.float32), 8, "width"))
    assert net.input_shape == (-1, 3, 8, -1)
    assert net.output_shapes == ((-1, 7),)


def test_the_real_nets_agree_across_runtimes(runtime: str) -> None:
    blob = np.random.default_rng(0).uniform(0, 255, (1, 3, 256, 128)).astype(np.float32)
    for name in ("person-reidentification-retail-0288.onnx", "osnet_x0_25_msmt17.onnx"):
        path = data(f"models/{name}")
        (wanted,) = load(path).run(blob)
        (answer,) = load(path, runtime).run(blob)
        np.testing.assert_allclose(answer, wanted, atol=1e-3 * np.abs(wanted).max())


def test_an_openvino_pair_equals_its_conversion() -> None:
    pytest.importorskip("openvino", reason="OpenVINO is an extra and is not installed")
    blob = np.random.default_rng(0).uniform(0, 255, (1, 3, 256, 128)).astype(np.float32)
    (pair,) = load(data("models/person-reidentification-retail-0287.xml")).run(blob)
    (single,) = load(data("models/person-reidentification-retail-0287.onnx")).run(blob)
    np.testing.assert_allclose(pair, single, atol=1e-4 * np.abs(single).max())


def test_an_input_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    net = load(made.averaging(tmp_path / "net.onnx", np.ones((3, 7), dtype=np.float32), 8, 4))
    with pytest.raises(ContractError, match=r"\(1, 3, 8, 5\).*give \(-1, 3, 8, 4\)"):
        net.run(np.zeros((1, 3, 8, 5), dtype=np.float32))


def test_a_missing_file_is_named(runtime: str, tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"nowhere\.onnx is not there"):
        load(tmp_path / "nowhere.onnx", runtime)


def test_an_empty_file_is_named(runtime: str, tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelCorruptError, match=r"empty\.onnx is empty"):
        load(tmp_path / "empty.onnx", runtime)


def test_a_damaged_file_is_named(runtime: str, tmp_path: Path) -> None:
    path = made.averaging(tmp_path / "net.onnx", np.ones((3, 7), dtype=np.float32), 8, 4)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ModelCorruptError, match=r"net\.onnx cannot be read by"):
        load(path, runtime)


def test_a_file_of_another_kind_is_named(runtime: str, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("this is no net\n" * 20)
    with pytest.raises(ModelCorruptError, match=r"text\.onnx cannot be read by"):
        load(tmp_path / "text.onnx", runtime)


def test_openvino_without_its_weights_says_which_file_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is an extra and is not installed")
    (tmp_path / "net.xml").write_text("<net/>")
    with pytest.raises(ModelMissingError, match=r"net\.bin is not there"):
        load(tmp_path / "net.xml")


def test_cuda_without_a_provider_names_the_package(tmp_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    path = made.averaging(tmp_path / "net.onnx", np.ones((3, 7), dtype=np.float32), 8, 4)
    with pytest.raises(ModelUnsupportedError, match="pip install onnxruntime-gpu"):
        load(path, "onnxruntime", "cuda")


def test_cuda_on_an_opencv_without_it_says_what_brings_it(tmp_path: Path) -> None:
    import cv2

    if hasattr(cv2, "cuda") and cv2.cuda.getCudaEnabledDeviceCount() > 0:
        pytest.skip("this OpenCV has CUDA")
    path = made.averaging(tmp_path / "net.onnx", np.ones((3, 7), dtype=np.float32), 8, 4)
    with pytest.raises(ModelUnsupportedError, match=r"OPENCV_DNN_CUDA.*onnxruntime-gpu"):
        load(path, "opencv", "cuda")


def test_cuda_on_openvino_is_refused(tmp_path: Path) -> None:
    path = made.averaging(tmp_path / "net.onnx", np.ones((3, 7), dtype=np.float32), 8, 4)
    with pytest.raises(ModelUnsupportedError, match="OpenVINO has no CUDA"):
        load(path, "openvino", "cuda")


@pytest.mark.parametrize(
    ("path", "runtime", "chosen"),
    [
        ("a.onnx", "auto", "onnxruntime"),
        ("a.xml", "auto", "openvino"),
        ("a.onnx", "opencv", "opencv"),
        ("a.onnx", "openvino", "openvino"),
        ("a.weights", "auto", "opencv"),
    ],
)
def test_the_runtime_follows_from_the_file(path: str, runtime: str, chosen: str) -> None:
    assert runtime_for(Path(path), runtime) == chosen


def test_unknown_settings_are_named(tmp_path: Path) -> None:
    path = made.averaging(tmp_path / "net.onnx", np.ones((3, 7), dtype=np.float32), 8, 4)
    with pytest.raises(ConfigError, match="runtime 'tensorrt'"):
        load(path, "tensorrt")
    with pytest.raises(ConfigError, match="device 'tpu'"):
        load(path, device="tpu")
    with pytest.raises(ConfigError, match="threads is 0"):
        load(path, threads=0)
    with pytest.raises(ModelUnsupportedError, match=r"no runtime reads \.pt files"):
        load(tmp_path / "net.pt")
    with pytest.raises(ModelUnsupportedError, match=r"ONNX Runtime reads \.onnx"):
        load(tmp_path / "net.xml", "onnxruntime")


def test_where_it_need_not_be_exact_openvino_stays_close() -> None:
    pytest.importorskip("openvino", reason="OpenVINO is an extra and is not installed")
    blob = np.random.default_rng(0).uniform(0, 255, (1, 3, 256, 128)).astype(np.float32)
    path = data("models/person-reidentification-retail-0288.xml")
    (wanted,), (quick,) = load(path).run(blob), load(path, exact=False).run(blob)
    cosine = float((wanted * quick).sum() / np.linalg.norm(wanted) / np.linalg.norm(quick))
    assert cosine > 0.99
