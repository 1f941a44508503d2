"""Clips for cameras of tests: something that moves, the same picture for ever, nothing to see, another size or rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from unbroken.core.arrays import Image
from unbroken.testing.rtsp import write_clip

SECONDS = 2


def write_scenes(folder: Path, rate: int = 10, seed: int = 0) -> dict[str, Path]:
    """Write clips of 2 s as H.264 in MP4.

    Args:
        folder: where they go; it exists.
        rate: pictures per second of all but one.
        seed: of what is painted.

    Returns:
        The files of `usual` (160 x 120, it moves), `still` (the same picture), `black`, `small` (128 x 96) and `quick`
        (twice the rate).
    """
    noise = np.random.default_rng(seed).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    background: Image = np.asarray(cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    painted: dict[str, Callable[[int], Image]] = {
        "usual": lambda number: np.roll(background, 4 * number, axis=1),
        "still": lambda number: background,
        "black": lambda number: np.zeros_like(background),
        "small": lambda number: np.roll(background, 4 * number, axis=1)[:96, :128],
    }
    paths = {
        name: write_clip(folder / f"{name}.mp4", map(paint, range(SECONDS * rate)), rate)
        for name, paint in painted.items()
    }
    double = map(painted["usual"], range(SECONDS * 2 * rate))
    return {**paths, "quick": write_clip(folder / "quick.mp4", double, 2 * rate)}
