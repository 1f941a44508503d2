"""A small real video that the built-in detector can see: people of cloth colours walk before a textured wall."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

RATE = 10
SIZE = (320, 240)
CLOTHES = {1: ((40, 40, 200), (90, 60, 30)), 2: ((60, 180, 60), (30, 30, 30))}


def picture(index: int, people: dict[int, float], cast: float = 1.0) -> np.ndarray:
    """One picture with each person at a left edge in pixels; `cast` is the strength of blue."""
    rng = np.random.default_rng(7)
    wall = cv2.GaussianBlur(rng.integers(90, 190, (SIZE[1], SIZE[0], 3), dtype=np.uint8), (0, 0), 2)
    image = cv2.add(wall, np.random.default_rng(index).integers(0, 4, wall.shape, dtype=np.uint8))
    for person, left in people.items():
        shirt, trousers = CLOTHES[person]
        x, top = round(left), 60 + 20 * person
        step = round(5 * np.sin(index))
        cv2.rectangle(image, (x + 8 - step, top + 60), (x + 15 - step, top + 100), trousers, -1)
        cv2.rectangle(image, (x + 17 + step, top + 60), (x + 24 + step, top + 100), trousers, -1)
        cv2.rectangle(image, (x + 4, top + 18), (x + 28, top + 62), shirt, -1)
        cv2.circle(image, (x + 16, top + 9), 9, (140, 160, 210), -1)
    return np.clip(image * np.array([cast, 1.0, 1.0]), 0, 255).astype(np.uint8)


def write_walk(path: Path, seconds: float = 8.0, cast: float = 1.0, codec: str = "mpeg4") -> Path:
    """An empty second, then two people walk through the picture in opposite directions."""
    with av.open(str(path), "w") as container:
        options = {"bf": "0", "g": "10", "preset": "ultrafast"} if codec == "libx264" else {"q": "3"}
        stream = container.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        for index in range(round(seconds * RATE)):
            done = (index - RATE) / (seconds * RATE - RATE)
            people = {1: -30 + 340 * done, 2: 320 - 340 * done} if done >= 0 else {}
            coded = av.VideoFrame.from_ndarray(picture(index, people, cast), format="bgr24")
            coded.pts, coded.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(coded))
        container.mux(stream.encode(None))
    return path
