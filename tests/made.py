"""Small real nets that tests write as ONNX files and real runtimes read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

onnx = pytest.importorskip("onnx", reason="making nets for this test needs the package onnx")

OPSET = 13
IR_VERSION = 8


def answering(
    path: Path, outputs: Sequence[NDArray[np.generic]], shape: Sequence[int | str] = (1, 3, "h", "w")
) -> Path:
    """A net that answers the same arrays whatever it sees: each is added to nought times the mean of its input."""
    h = onnx.helper
    nodes = [
        h.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        h.make_node("Mul", ["mean", "nought"], ["nothing"]),
    ]
    constants = [onnx.numpy_helper.from_array(np.zeros((), dtype=np.float32), "nought")]
    infos = []
    for number, output in enumerate(outputs):
        name = f"out{number}"
        constants.append(onnx.numpy_helper.from_array(output.astype(np.float32), f"value{number}"))
        nodes.append(h.make_node("Add", [f"value{number}", "nothing"], [name]))
        infos.append(h.make_tensor_value_info(name, onnx.TensorProto.FLOAT, output.shape))
    return saved(path, nodes, constants, [("input", list(shape))], infos)


def averaging(path: Path, weights: NDArray[np.float32], height: int | str, width: int | str) -> Path:
    """A net for any batch whose answer is a linear map, (3, D), of the mean of each channel."""
    h = onnx.helper
    nodes = [
        h.make_node("ReduceMean", ["input"], ["means"], axes=[2, 3], keepdims=0),
        h.make_node("MatMul", ["means", "weights"], ["feature"]),
    ]
    constants = [onnx.numpy_helper.from_array(weights.astype(np.float32), "weights")]
    info = h.make_tensor_value_info("feature", onnx.TensorProto.FLOAT, ["n", weights.shape[1]])
    return saved(path, nodes, constants, [("input", ["n", 3, height, width])], [info])


def saved(path: Path, nodes: list, constants: list, inputs: list[tuple[str, list]], outputs: list) -> Path:
    """Write a graph with one opset that every runtime here reads."""
    h = onnx.helper
    infos = [h.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in inputs]
    graph = h.make_graph(nodes, "made", infos, outputs, constants)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
