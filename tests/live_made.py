"""Clips for live cameras: something that moves, the same picture for ever, nothing to see, another size."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from unbroken.testing.rtsp import write_clip


def scenes(folder: Path, rate: int = 10) -> dict[str, Path]:
    """`usual`, `still`, `black`, `small` and `quick` as H.264 clips of 2 s."""
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    background = cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC)
    pictures: dict[str, Callable[[int], np.ndarray]] = {
        "usual": lambda number: np.roll(background, 4 * number, axis=1),
        "still": lambda number: background,
        "black": lambda number: np.zeros_like(background),
        "small": lambda number: np.roll(background, 4 * number, axis=1)[:96, :128],
        "quick": lambda number: np.roll(background, 2 * number, axis=1),
    }
    rates = {"quick": 2 * rate}
    return {
        name: write_clip(folder / f"{name}.mp4", map(made, range(2 * rates.get(name, rate))), rates.get(name, rate))
        for name, made in pictures.items()
    }
