"""Nets on OpenCV's own engine: slower than the others, but there wherever OpenCV is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unbroken.core.errors import ModelUnsupportedError
from unbroken.inference.checks import Device, checked_blob, plural, readable, unreadable

_INPUT_SHAPE = (1, 3, -1, -1)


class OpenCvNet:
    """A net on `cv2.dnn`: `.onnx`, OpenVINO `.xml`, or Darknet `.weights` (OpenCV 4). Implements the port `Net`.

    The batch is 1 whatever the file allows: OpenCV 4 ends the process with SIGFPE on batches of some Re-ID nets, and
    OpenCV 5 answers nonsense for batches that a net does not take. On a processor nothing is lost by it.
    """

    def __init__(self, path: Path, device: Device = "cpu", threads: int = 1) -> None:
        self._path = readable(path)
        self._net = _read(path)
        _place(self._net, device)
        cv2.setNumThreads(threads)
        self._outputs = tuple(self._net.getUnconnectedOutLayersNames())
        self._description = f"opencv {cv2.__version__} {device}, {plural(threads)}"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the one input; -1 where it is free. OpenCV does not tell what a file leaves free."""
        return _INPUT_SHAPE

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the outputs: OpenCV knows their number and nothing more, so each is empty."""
        return tuple(() for _ in self._outputs)

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
        self._net.setInput(checked_blob(blob, _INPUT_SHAPE, str(self._path)))
        try:
            return tuple(np.array(output) for output in self._net.forward(self._outputs))
        except cv2.error as error:
            raise ModelUnsupportedError(
                f"net {self._path} fails in OpenCV {cv2.__version__} on an input of shape {blob.shape} "
                f"({_reason(error)}); use the runtime onnxruntime"
            ) from error


def reads_darknet() -> bool:
    """Whether this OpenCV reads Darknet nets: OpenCV 4 does, OpenCV 5 does not."""
    return hasattr(cv2.dnn, "readNetFromDarknet")


def _read(path: Path) -> cv2.dnn.Net:
    try:
        if path.suffix == ".onnx":
            return cv2.dnn.readNetFromONNX(str(path))
        if path.suffix in (".weights", ".cfg"):
            return _read_darknet(path)
        return cv2.dnn.readNet(str(path), str(readable(path.with_suffix(".bin"))))
    except cv2.error as error:
        raise unreadable(path, f"OpenCV {cv2.__version__}", _reason(error)) from error


def _read_darknet(path: Path) -> cv2.dnn.Net:
    if not reads_darknet():
        raise ModelUnsupportedError(
            f"net {path}: OpenCV {cv2.__version__} has no Darknet reader; "
            "run `unbroken models convert` to make it an .onnx file, or install opencv-python-headless<5"
        )
    weights, cfg = (readable(path.with_suffix(suffix)).read_bytes() for suffix in (".weights", ".cfg"))
    # Without a threshold of its own a yolo layer drops classes below 0.2, which a second pass of a tracker wants.
    eager = cfg.replace(b"[yolo]", b"[yolo]\nthresh=0\n")
    return cv2.dnn.readNet("darknet", np.frombuffer(weights, np.uint8), np.frombuffer(eager, np.uint8))


def _place(net: cv2.dnn.Net, device: Device) -> None:
    """Choose backend and target; CUDA only where this OpenCV was built with it and sees a device."""
    if device == "cpu":
        return
    if not hasattr(cv2, "cuda") or cv2.cuda.getCudaEnabledDeviceCount() < 1:
        raise ModelUnsupportedError(
            f"device cuda: OpenCV {cv2.__version__} here is built without CUDA, as every wheel on PyPI is; build "
            "OpenCV with WITH_CUDA and OPENCV_DNN_CUDA, or use the runtime onnxruntime with the package onnxruntime-gpu"
        )
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_CUDA)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CUDA)


def _reason(error: cv2.error) -> str:
    text = str(error.err if hasattr(error, "err") else error).strip()
    return text.splitlines()[0] if text else "no reason given"
