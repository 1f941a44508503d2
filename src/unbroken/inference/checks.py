"""What every runtime checks before it takes a file or an input, so that all of them fail in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unbroken.core.errors import ConfigError, ContractError, ModelCorruptError, ModelMissingError

Device = Literal["cpu", "cuda"]


def readable(path: Path) -> Path:
    """Return `path`.

    Raises:
        ModelMissingError: there is no such file.
        ModelCorruptError: it is empty.
    """
    if not path.is_file():
        raise ModelMissingError(f"net {path} is not there; give another path or run `unbroken models fetch NAME`")
    if path.stat().st_size == 0:
        raise ModelCorruptError(f"net {path} is empty; fetch it again")
    return path


def unreadable(path: Path, runtime: str, reason: object) -> ModelCorruptError:
    """The error for a file that a runtime refuses; `reason` is cut to its first line."""
    words = str(reason).strip().splitlines()
    return ModelCorruptError(
        f"net {path} cannot be read by {runtime} ({words[0] if words else type(reason).__name__}); "
        "it is damaged or of another kind: run `unbroken models verify` or fetch it again"
    )


def checked_device(device: str) -> Device:
    """Return `device`, or raise a ConfigError that names those that there are."""
    if device == "cpu":
        return "cpu"
    if device == "cuda":
        return "cuda"
    raise ConfigError(f"device {device!r} is not known; choose cpu or cuda")


def checked_threads(threads: int) -> int:
    """Return `threads`, or raise a ConfigError where it is below 1."""
    if threads < 1:
        raise ConfigError(f"threads is {threads}; give 1 or more")
    return threads


def checked_blob(blob: NDArray[np.float32], shape: tuple[int, ...], net: str) -> NDArray[np.float32]:
    """Return `blob` as contiguous float32.

    Raises:
        ContractError: its shape is not the net's `shape`, where -1 is free.
    """
    fits = len(blob.shape) == len(shape) and all(
        want in (-1, have) for want, have in zip(shape, blob.shape, strict=True)
    )
    if not fits:
        raise ContractError(f"input of {net} has shape {blob.shape}; give {shape} (-1 is free)")
    return np.ascontiguousarray(blob, dtype=np.float32)


def plural(threads: int) -> str:
    """`1 thread`, `2 threads`: for descriptions."""
    return f"{threads} thread" + ("" if threads == 1 else "s")
