"""Nets on OpenVINO, an extra: about twice as fast as ONNX Runtime on Intel processors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unbroken.core.errors import ModelUnsupportedError
from unbroken.inference.checks import Device, checked_blob, plural, readable, unreadable

if TYPE_CHECKING:
    import openvino


class OpenVinoNet:
    """A net of an `.xml` and `.bin` pair, or of an `.onnx` file, on OpenVINO. Implements the port `Net`.

    Where it need not be exact, OpenVINO computes in bfloat16 if the processor can: up to twice as fast, and features
    differ by 0.02 from those of other machines.
    """

    def __init__(self, path: Path, device: Device = "cpu", threads: int = 1, *, exact: bool = True) -> None:
        if device != "cpu":
            raise ModelUnsupportedError(
                f"device {device}: OpenVINO has no CUDA; use the runtime onnxruntime with the package onnxruntime-gpu"
            )
        self._path = readable(path)
        self._compiled, version = _compiled(path, threads, exact=exact)
        self._request = self._compiled.create_infer_request()
        self._description = f"openvino {version} cpu, {plural(threads)}"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the one input; -1 where it is free."""
        return _numbers(self._compiled.input(0))

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the outputs; -1 where it is free."""
        return tuple(_numbers(port) for port in self._compiled.outputs)

    @property
    def description(self) -> str:
        """Runtime and device, for the report."""
        return self._description

    def run(self, blob: NDArray[np.float32]) -> tuple[NDArray[np.generic], ...]:
        """All outputs for an (N, 3, H, W) input, as copies that stay valid.

        Raises:
            ContractError: the input does not have the net's shape.
            ModelUnsupportedError: the net fails on this input.
        """
        checked = checked_blob(blob, self.input_shape, str(self._path))
        try:
            answer = self._request.infer([checked])
        except (RuntimeError, UnicodeDecodeError) as error:
            raise ModelUnsupportedError(
                f"net {self._path} fails on an input of shape {blob.shape} "
                f"({str(error).strip().splitlines()[-1]}); try another size"
            ) from error
        return tuple(np.array(answer[port]) for port in self._compiled.outputs)


def _compiled(path: Path, threads: int, *, exact: bool) -> tuple[openvino.CompiledModel, str]:
    try:
        import openvino
    except ImportError as error:
        raise ModelUnsupportedError(
            f'net {path} needs OpenVINO, which is not installed; `pip install "unbroken[openvino]"` brings it'
        ) from error
    if path.suffix == ".xml":
        readable(path.with_suffix(".bin"))
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    if exact:
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    try:
        compiled = core.compile_model(core.read_model(path), "CPU", settings)
    except (RuntimeError, UnicodeDecodeError) as error:
        raise unreadable(path, "OpenVINO", str(error).strip().splitlines()[-1]) from error
    return compiled, str(openvino.__version__).split("-")[0]


def _numbers(port: openvino.Output) -> tuple[int, ...]:
    shape = port.get_partial_shape()
    return tuple(-1 if length.is_dynamic else int(length.get_length()) for length in shape)
