"""The door to the runtimes: a file in, a `Net` out."""

from __future__ import annotations

from pathlib import Path

from unbroken.core.errors import ConfigError, ModelUnsupportedError
from unbroken.core.ports import Net
from unbroken.inference.checks import checked_device, checked_threads

RUNTIMES = ("auto", "onnxruntime", "openvino", "opencv")
"""What `load` knows. `auto` takes ONNX Runtime for `.onnx` and OpenVINO for `.xml`."""

_AUTOMATIC = {".onnx": "onnxruntime", ".xml": "openvino", ".weights": "opencv", ".cfg": "opencv"}


def load(path: Path, runtime: str = "auto", device: str = "cpu", threads: int = 1, *, exact: bool = True) -> Net:
    """Load a net.

    Args:
        path: an `.onnx` file, an OpenVINO `.xml` with its `.bin` beside it, or Darknet `.weights` with its `.cfg`.
        runtime: one of `RUNTIMES`.
        device: `cpu` or `cuda`.
        threads: how many threads one run may use. On small machines 1 is the fastest.
        exact: whether answers must be those of every other machine, as features must; without, OpenVINO takes the
            fastest precision of the processor.

    Raises:
        ConfigError: a runtime, a device or a number of threads that there is not.
        ModelMissingError: there is no such file.
        ModelCorruptError: the file cannot be read.
        ModelUnsupportedError: runtime, device and file do not fit, or a package is missing.
    """
    place, count, chosen = checked_device(device), checked_threads(threads), runtime_for(path, runtime)
    if chosen == "onnxruntime":
        from unbroken.inference.onnx import OnnxNet

        return OnnxNet(path, place, count)
    if chosen == "openvino":
        from unbroken.inference.openvino import OpenVinoNet

        return OpenVinoNet(path, place, count, exact=exact)
    from unbroken.inference.opencv import OpenCvNet

    return OpenCvNet(path, place, count)


def runtime_for(path: Path, runtime: str = "auto") -> str:
    """The runtime that `load` takes for a file: never `auto`.

    Raises:
        ConfigError: a runtime that there is not.
        ModelUnsupportedError: no runtime, or not the one asked for, reads such a file.
    """
    if runtime not in RUNTIMES:
        raise ConfigError(f"runtime {runtime!r} is not known; choose one of {', '.join(RUNTIMES)}")
    if path.suffix not in _AUTOMATIC:
        raise ModelUnsupportedError(f"net {path}: no runtime reads {path.suffix or 'such'} files; give .onnx or .xml")
    if runtime == "onnxruntime" and path.suffix != ".onnx":
        raise ModelUnsupportedError(
            f"net {path}: ONNX Runtime reads .onnx files alone; use the runtime {_AUTOMATIC[path.suffix]}"
        )
    return _AUTOMATIC[path.suffix] if runtime == "auto" else runtime
