"""A picture with its place in time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Image
from unbroken.core.errors import ContractError


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        camera: the name of the camera.
        index: the number of the picture in its source, from 0.
        time: seconds; from the source's own time stamps, not from a counter.
        image: (H, W, 3) uint8, BGR, read-only. Recorded detections come without pictures: (0, 0, 3).
    """

    camera: str
    index: int
    time: float
    image: Image

    def __post_init__(self) -> None:
        """Check once; trusted afterwards."""
        if not math.isfinite(self.time):
            raise ContractError(f"frame {self.index} of {self.camera}: its time is {self.time}; give seconds")
        image = np.asarray(self.image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ContractError(
                f"frame {self.index} of {self.camera}: the image is {image.dtype} {image.shape}; "
                "give (height, width, 3) uint8 in BGR order"
            )
        view = image.view()
        view.flags.writeable = False
        object.__setattr__(self, "image", view)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.image.shape[1]), int(self.image.shape[0])
