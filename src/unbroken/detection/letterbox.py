"""Pictures into the frame that a net wants, and boxes back out of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unbroken.core.arrays import Floats, Image
from unbroken.core.cards import InputSpec


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture lies in the input of a net: `x_net = x * scale_x + left`, and the same for y.

    Attributes:
        scale: x and y, net pixels per picture pixel.
        offset: left and top, net pixels.
        size: width and height of the resized picture, net pixels.
    """

    scale: tuple[float, float]
    offset: tuple[int, int]
    size: tuple[int, int]

    def to_picture(self, boxes: Floats) -> Floats:
        """Boxes in net pixels to boxes in picture pixels. (N, 4) -> (N, 4)."""
        moved: Floats = (boxes - np.tile(self.offset, 2)) / np.tile(self.scale, 2)
        return moved


def placement(picture: tuple[int, int], net: tuple[int, int], spec: InputSpec) -> Placement:
    """How a picture of a width and height fits into a net's input of a width and height."""
    if spec.letterbox == "none":
        return Placement((net[0] / picture[0], net[1] / picture[1]), (0, 0), net)
    scale = min(net[0] / picture[0], net[1] / picture[1])
    width = min(max(round(picture[0] * scale), 1), net[0])
    height = min(max(round(picture[1] * scale), 1), net[1])
    left, top = ((net[0] - width) // 2, (net[1] - height) // 2) if spec.letterbox == "centre" else (0, 0)
    return Placement((width / picture[0], height / picture[1]), (left, top), (width, height))


def placed(image: Image, place: Placement, net: tuple[int, int], fill: int) -> Image:
    """The picture resized and padded. (H, W, 3) -> (net height, net width, 3)."""
    width, height = place.size
    same = (image.shape[1], image.shape[0]) == place.size
    resized = image if same else cv2.resize(image, place.size, interpolation=cv2.INTER_LINEAR)
    if place.size == net:
        return np.asarray(resized, dtype=np.uint8)
    canvas = np.full((net[1], net[0], 3), fill, dtype=np.uint8)
    left, top = place.offset
    canvas[top : top + height, left : left + width] = resized
    return canvas


def free_size(picture: tuple[int, int], longest: int, multiple: int) -> tuple[int, int]:
    """Width and height for a net that takes any size: the picture's aspect as nearly as `multiple` allows.

    A picture that is stretched by these few per cent to fill the input needs no padding, which costs less and, on
    small inputs, finds more than a letterbox does (`docs/performance.md`).
    """
    scale = longest / max(picture)
    width, height = (max(int(length * scale / multiple + 0.5), 1) * multiple for length in picture)
    return width, height
