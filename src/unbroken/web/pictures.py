"""Pictures for those who watch: the newest of each camera, made small and coded once for all of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import cv2

from unbroken.core.arrays import Image
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.pipeline.board import Shown
from unbroken.render.draw import DrawSettings, Painter, blur_heads

WIDTHS = (240, 320, 480, 640, 960, 1280, 1920)
"""Pixels: the widths in which pictures are sent, so that clients share them."""


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """How pictures are coded.

    Attributes:
        pictures: send any at all.
        blur: make heads unrecognisable.
        quality: of the JPEG, 0..100.
    """

    pictures: bool = True
    blur: bool = False
    quality: int = 72


class Pictures:
    """Codes each picture once in each width, however many watch. All methods may be called from any thread."""

    def __init__(self, settings: PictureSettings | None = None) -> None:
        self._settings = settings or PictureSettings()
        self._lock = threading.Lock()
        self._made: dict[tuple[str, int], tuple[int, bytes]] = {}

    def small(self, shown: Shown, width: int) -> bytes:
        """A JPEG without boxes, at most about `width` pixels wide; empty where there is no picture to send."""
        if not self._settings.pictures or not shown.frame.image.size:
            return b""
        width = min((one for one in WIDTHS if one >= width), default=WIDTHS[-1])
        key = (shown.frame.camera, width)
        with self._lock:
            number, made = self._made.get(key, (0, b""))
            if number == shown.number:
                return made
            made = self._code(self._image(shown.frame, shown.result, width))
            self._made[key] = (shown.number, made)
            return made

    def drawn(self, shown: Shown) -> bytes:
        """A JPEG in full size with boxes and Global IDs; empty where there is no picture to send."""
        if not self._settings.pictures or not shown.frame.image.size:
            return b""
        painter = Painter(DrawSettings(trail=0, blur_heads=self._settings.blur))
        return self._code(painter.paint(shown.frame, shown.result))

    def keep(self, cameras: set[str]) -> None:
        """Drop pictures of cameras that are not there any more."""
        with self._lock:
            self._made = {key: made for key, made in self._made.items() if key[0] in cameras}

    def _image(self, frame: Frame, result: FrameResult, width: int) -> Image:
        image = frame.image
        scale = min(width / image.shape[1], 1.0)
        if scale < 1:
            size = (round(image.shape[1] * scale), max(round(image.shape[0] * scale), 1))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if self._settings.blur:
            image = image.copy()
            blur_heads(image, result.tracks.boxes * scale)
        return image

    def _code(self, image: Image) -> bytes:
        good, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self._settings.quality])
        return bytes(coded) if good else b""
