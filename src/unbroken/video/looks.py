"""What a picture shows without anybody looking for people: is it the last one again, is it black?"""

from __future__ import annotations

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

_SMALL = (64, 36)
_SAME = 6.0
"""Grey levels: a picture that is coded anew differs by up to 4 in some block, as measured with x264."""
_DARK = 24.0
"""Grey levels of a luma plane, where black is 16: nothing can be seen below."""
_BRIGHT_SHARE = 95
"""Percent of the picture that must be dark: a clock is often written into black pictures."""
_ROWS = 4
_CODED_ANEW = 1
"""So many times as many repetitions may differ a little as are equal to the bit."""

Luma = NDArray[np.uint8]
"""(H, W): the brightness of a picture."""


class Eye:
    """Compares each picture of a camera with those before.

    A frozen camera sends one picture again and again. An encoder behind it still works: most repetitions are the same
    to the bit, and each key picture is coded anew and differs a little. A scene that stands still looks the same from
    afar too, but the noise of a sensor makes no two of its pictures equal to the bit.
    """

    def __init__(self) -> None:
        self._reference: NDArray[np.int16] | None = None
        self._sum = -1
        self._equal = 0
        self._different = 0

    def look(self, luma: Luma) -> tuple[bool, bool]:
        """Whether the picture is the one before again, and whether it is black."""
        small = cv2.resize(luma, _SMALL, interpolation=cv2.INTER_AREA).astype(np.int16)
        total = zlib.crc32(np.ascontiguousarray(luma[::_ROWS]).data)
        self._equal += total == self._sum
        self._different += total != self._sum
        self._sum = total
        alike = self._reference is not None and bool(np.abs(small - self._reference).max() <= _SAME)
        if not alike or self._different > _CODED_ANEW * (self._equal + 1):
            self._reference, self._equal, self._different = small, 0, 0
            alike = False
        return alike, bool(np.percentile(small, _BRIGHT_SHARE) <= _DARK)
