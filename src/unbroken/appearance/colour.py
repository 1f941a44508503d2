"""The built-in descriptor: where on the body which colours and which texture are. It needs no weights.

Horizontal stripes of the body each hold soft histograms of colour and of gradient directions (in the spirit of Gray
and Tao 2008 and of Lisanti et al. 2015). A camera's colour cast multiplies the channels, so colours are also described
relative to the crop's own mean, as log ratios, from which a cast cancels (grey world; Finlayson and Hordley 2001).
Histograms are compared by the Bhattacharyya coefficient: square roots, then unit length, make it a cosine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Features, Image
from unbroken.core.errors import ContractError

Planes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ColourSettings:
    """What the descriptor is made of.

    Attributes:
        width: pixels that a crop is scaled to.
        height: pixels that a crop is scaled to.
        stripes: how many overlapping horizontal stripes there are.
        lights: bins of luma.
        hues: bins of each of the two opponent colours, which are binned together.
        directions: bins of gradient directions.
        relative: the weight of colours relative to the crop's mean; the rest goes to colours as they are.
        texture: the weight of gradients against all colours.
    """

    width: int = 16
    height: int = 48
    stripes: int = 6
    lights: int = 8
    hues: int = 5
    directions: int = 8
    relative: float = 0.7
    texture: float = 0.3


class ColourEmbedder:
    """Describes people by colour and texture along the body. Satisfies the port `Embedder`."""

    def __init__(self, settings: ColourSettings | None = None) -> None:
        """Prepare the weights of the pixels."""
        self._settings = settings or ColourSettings()
        self._stripes = _stripe_weights(self._settings)

    @property
    def dimension(self) -> int:
        """The length of a feature."""
        s = self._settings
        return s.stripes * (2 * (s.lights + s.hues**2) + s.directions)

    @property
    def fingerprint(self) -> str:
        """What made the features: its version and settings."""
        s = self._settings
        sizes = (s.width, s.height, s.stripes, s.lights, s.hues, s.directions)
        return "colour-1:" + "x".join(map(str, sizes)) + f":{s.relative:g}:{s.texture:g}"

    @property
    def description(self) -> str:
        """What it is, for the report."""
        return f"built-in colour and texture descriptor ({self.dimension} numbers, no weights)"

    def embed(self, crops: Sequence[Image]) -> Features:
        """(N, D) float32 rows of unit length for N crops (H, W, 3) BGR of any size.

        Raises:
            ContractError: a crop has no pixels or is no BGR picture.
        """
        rows = [self._features(crops[start : start + _BATCH], start) for start in range(0, len(crops), _BATCH)]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *rows])

    def _features(self, crops: Sequence[Image], first: int) -> Features:
        s = self._settings
        small = np.array([_scaled(crop, (s.width, s.height), first + row) for row, crop in enumerate(crops)])
        logs = np.log(small.reshape(len(crops), -1, 3).astype(np.float32) + _DARK)
        centred = logs - (self._stripes.mean(axis=0) @ logs)[:, None]
        plain = (1 - s.texture) * (1 - s.relative) / 2
        equal = (1 - s.texture) * s.relative / 2
        parts = [
            (plain, self._light(logs - _MIDDLE)),
            (plain, self._hue(logs)),
            (equal, self._light(centred)),
            (equal, self._hue(centred)),
            (s.texture, self._texture(small)),
        ]
        roots = [np.sqrt(weight * _shares(part)).reshape(len(crops), -1) for weight, part in parts]
        features: Features = np.concatenate(roots, axis=1)
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        return features

    def _light(self, logs: Planes) -> Planes:
        """(N, stripes, lights)."""
        lights: Planes = self._stripes @ _memberships(logs.mean(axis=2), 1.6, self._settings.lights)
        return lights

    def _hue(self, logs: Planes) -> Planes:
        """(N, stripes, hues * hues): red against green, and both against blue."""
        blue, green, red = np.moveaxis(logs, 2, 0)
        first = _memberships(red - green, 0.5, self._settings.hues)
        second = _memberships((red + green) / 2 - blue, 0.7, self._settings.hues)
        both = first[..., :, None] * second[..., None, :]
        hues: Planes = self._stripes @ both.reshape(*first.shape[:2], -1)
        return hues

    def _texture(self, small: NDArray[np.uint8]) -> Planes:
        """(N, stripes, directions): gradients by direction without sign, by how strong they are."""
        light = np.log(small.mean(axis=3, dtype=np.float32) + _DARK)
        across, down = np.gradient(light, axis=2), np.gradient(light, axis=1)
        bins = self._settings.directions
        place = (np.arctan2(down, across) / np.float32(np.pi)) % 1.0 * bins
        apart = np.abs(place.reshape(len(small), -1, 1) - np.arange(bins, dtype=np.float32))
        strength = np.hypot(across, down).reshape(len(small), -1, 1)
        directions: Planes = self._stripes @ (np.maximum(1 - np.minimum(apart, bins - apart), 0) * strength)
        return directions


_BATCH = 64
_DARK = 12.0
"""Added to pixel values before the logarithm, so that the noise of dark pixels says little."""

_MIDDLE = float(np.log(100.0))
"""The logarithm of a middle grey."""


def _scaled(crop: Image, size: tuple[int, int], row: int) -> Image:
    if crop.ndim != 3 or crop.shape[2] != 3 or crop.size == 0:
        raise ContractError(f"crop {row}: has shape {crop.shape}; give (height, width, 3) BGR with pixels in it")
    small: Image = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    return small


def _memberships(values: Planes, reach: float, bins: int) -> Planes:
    """How much each value belongs to each of the bins from -reach to reach: linear between neighbours. (..., bins)."""
    place = (np.clip(values, -reach, reach) + reach) / (2 * reach) * (bins - 1)
    shares: Planes = np.maximum(1 - np.abs(place[..., None] - np.arange(bins, dtype=np.float32)), 0)
    return shares


def _shares(histograms: Planes) -> Planes:
    """Each histogram scaled to the sum 1. (..., bins)."""
    shares: Planes = histograms / np.maximum(histograms.sum(axis=-1, keepdims=True), 1e-9)
    return shares


def _stripe_weights(settings: ColourSettings) -> Planes:
    """(stripes, pixels): triangles down the body, a bell across it that leaves the background at the sides out."""
    rows = (np.arange(settings.height) + 0.5) / settings.height * settings.stripes - 0.5
    down = np.maximum(1 - np.abs(rows - np.arange(settings.stripes)[:, None]), 0)
    columns = (np.arange(settings.width) + 0.5) / settings.width - 0.5
    across = np.exp(-0.5 * (columns / 0.2) ** 2)
    weights = down[:, :, None] * across
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    stripes: Planes = weights.reshape(settings.stripes, -1).astype(np.float32)
    return stripes
