"""Nets on ONNX Runtime: the default, on the processor or on CUDA."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unbroken.core.errors import ModelUnsupportedError
from unbroken.inference.checks import Device, checked_blob, plural, readable, unreadable

if TYPE_CHECKING:
    import onnxruntime

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_QUIET = 4


class OnnxNet:
    """A net of an `.onnx` file on ONNX Runtime. Implements the port `Net`.

    Worker threads do not spin: on a busy machine spinning doubles the time of a step.
    """

    def __init__(self, path: Path, device: Device = "cpu", threads: int = 1) -> None:
        self._path = readable(path)
        self._session = _session(path, device, threads)
        inputs = self._session.get_inputs()
        if not inputs:
            raise ModelUnsupportedError(f"net {path} takes no input; give a net that takes pictures")
        self._input = inputs[0]
        self._description = f"onnxruntime {_version()} {device}, {plural(threads)}"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the one input; -1 where it is free."""
        return _numbers(self._input.shape)

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the outputs; -1 where it is free."""
        return tuple(_numbers(output.shape) for output in self._session.get_outputs())

    @property
    def description(self) -> str:
        """Runtime and device, for the report."""
        return self._description

    def run(self, blob: NDArray[np.float32]) -> tuple[NDArray[np.generic], ...]:
        """All outputs for an (N, 3, H, W) input.

        Raises:
            ContractError: the input does not have the net's shape.
            ModelUnsupportedError: the net fails on this input.
        """
        checked = checked_blob(blob, self.input_shape, str(self._path))
        try:
            return tuple(self._session.run(None, {self._input.name: checked}))
        except _failures() as error:
            raise ModelUnsupportedError(
                f"net {self._path} fails on an input of shape {blob.shape} ({_first_line(error)}); try another size"
            ) from error


def _session(path: Path, device: Device, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    provider = _PROVIDERS[device]
    if provider not in onnxruntime.get_available_providers():
        raise ModelUnsupportedError(
            f"device {device}: the installed onnxruntime has no {provider}; "
            "`pip uninstall onnxruntime` and `pip install onnxruntime-gpu` bring it"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(path), sess_options=options, providers=[provider])
    except _failures() as error:
        raise unreadable(path, "ONNX Runtime", _first_line(error)) from error
    if provider not in session.get_providers():
        raise ModelUnsupportedError(
            f"device {device}: {provider} does not start on this machine; "
            "install the CUDA and cuDNN that this onnxruntime-gpu was built for, or use device cpu"
        )
    return session


def _failures() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises: its exceptions share no root but `Exception`; names that are no text do not even come
    that far.
    """
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = (
        "EPFail", "EngineError", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf",
        "NoModel", "NoSuchFile", "NotImplemented", "RuntimeException",
    )  # fmt: skip
    return (UnicodeDecodeError, *(getattr(state, name) for name in names if hasattr(state, name)))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _numbers(shape: list[int | str | None]) -> tuple[int, ...]:
    return tuple(length if isinstance(length, int) and length > 0 else -1 for length in shape)


def _version() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)
