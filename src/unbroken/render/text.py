"""Words in pictures: the same height in pixels whatever OpenCV draws them with."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import cv2
import numpy as np

from unbroken.core.arrays import Image

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_UNICODE = int(cv2.__version__.split(".")[0]) >= 5

Colour = tuple[int, int, int]
Point = tuple[int, int]


def drawable(text: str) -> str:
    """The text in letters that can be drawn: OpenCV 5 knows them all, OpenCV 4 only ASCII (`Küche` -> `Kuche`)."""
    flat = " ".join(text.split())
    if _UNICODE:
        return flat
    return unicodedata.normalize("NFKD", flat).encode("ascii", "ignore").decode() or "?"


def text_width(text: str, height: int) -> int:
    """Pixels that a text takes, digits `height` pixels high."""
    (width, _), _ = cv2.getTextSize(drawable(text), _FONT, _scale(height), _thickness(height))
    return int(width)


def write(image: Image, text: str, origin: Point, height: int, colour: Colour) -> int:
    """Draw a text into `image`, its lower left corner at `origin`, digits `height` pixels high.

    Returns:
        Its width in pixels.
    """
    cv2.putText(image, drawable(text), origin, _FONT, _scale(height), colour, _thickness(height), cv2.LINE_AA)
    return text_width(text, height)


def shortened(text: str, height: int, width: int) -> str:
    """The text, cut with `..` where it is wider than `width` pixels."""
    if text_width(text, height) <= width:
        return text
    while text and text_width(text + "..", height) > width:
        text = text[:-1]
    return text + ".."


def plate(image: Image, text: str, corner: Point, height: int, colours: tuple[Colour, Colour]) -> tuple[int, int]:
    """Draw a text on a filled plate whose upper left corner is `corner`; `colours` are those of plate and ink.

    Returns:
        Width and height of the plate in pixels.
    """
    width, tall = plate_size(text, height)
    x, y = corner
    cv2.rectangle(image, (x, y), (x + width - 1, y + tall - 1), colours[0], cv2.FILLED)
    pad = _padding(height)
    write(image, text, (x + pad, y + pad + height - 1), height, colours[1])
    return width, tall


def plate_size(text: str, height: int) -> tuple[int, int]:
    """Width and height in pixels of a text's plate."""
    pad = _padding(height)
    return text_width(text, height) + 2 * pad, height + 2 * pad


def shade(image: Image, box: tuple[int, int, int, int], strength: float) -> None:
    """Darken x1, y1, x2, y2 of `image` by `strength` in 0..1."""
    x1, y1, x2, y2 = (max(value, 0) for value in box)
    part = image[y1:y2, x1:x2]
    part[:] = (part * (1 - strength)).astype(np.uint8)


def _padding(height: int) -> int:
    return max(2, round(height * 0.4))


@lru_cache(maxsize=256)
def _scale(height: int) -> float:
    (_, tall), _ = cv2.getTextSize("0", _FONT, 2.0, 2)
    return 2.0 * height / float(tall)


def _thickness(height: int) -> int:
    return max(1, round(height / 11))
