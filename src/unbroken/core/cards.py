"""What is known of a net without opening it: how to feed it and how to read its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Image

Layout = Literal["BGR", "RGB"]
Task = Literal["detection", "reid"]

TRUSTED = 0.6
"""The score from which a detection is trusted: the high threshold of ByteTrack (arXiv 2110.06864) and its kin."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a picture becomes a net's input: `(image / scale - mean) / std`, per channel in the net's own order.

    Attributes:
        width: pixels; 0 where the net takes any size.
        height: pixels; 0 where the net takes any size.
        order: the order of the channels that the net wants.
        scale: what pixel values 0..255 are divided by first (255 for nets that want 0..1).
        mean: per channel, in the net's order, after `scale`.
        std: per channel, in the net's order, after `scale`.
        letterbox: "none" stretches; "top_left" keeps the aspect and pads right and bottom; "centre" pads all sides.
        fill: the grey value of the padding, 0..255.
        multiple: width and height must be multiples of it where they are free.
    """

    width: int
    height: int
    order: Layout = "RGB"
    scale: float = 255.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    letterbox: Literal["none", "top_left", "centre"] = "none"
    fill: int = 114
    multiple: int = 32

    def blob(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """N pictures of one size, (H, W, 3) BGR, as the (N, 3, H, W) input of the net."""
        height, width = images[0].shape[:2]
        values = np.empty((len(images), 3, height, width), dtype=np.float32)
        for row, image in enumerate(images):
            for channel in range(3):
                values[row, channel] = image[:, :, channel if self.order == "BGR" else 2 - channel]
        gain = 1.0 / (self.scale * np.asarray(self.std))
        shift = -np.asarray(self.mean) / np.asarray(self.std)
        if (gain != 1).any():
            values *= gain.astype(np.float32)[:, None, None]
        if shift.any():
            values += shift.astype(np.float32)[:, None, None]
        return values


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The card of one net.

    Attributes:
        name: what the user calls it, such as `rtmdet_nano`.
        task: what it is for.
        files: file names, the first is the net itself, then its companions (weights, class names).
        urls: the official address of each file; "" where there is none to fetch.
        sha256: the checksum of each official file; "" where it is not known.
        also: checksums of other exports of the same net that are known to be good.
        bytes: the size of each file; 0 where it is not known.
        licence: of code and weights, in SPDX form where there is one.
        data_terms: the terms of the training data, in one sentence.
        input: how to feed it.
        decoder: how to read a detector's answer: a name that `detection.decode` knows; "" for Re-ID.
        trusted: the score from which a box of a detector is more likely a person than not. Nets differ much in it;
            scores are bent so that it becomes `TRUSTED`, on which the thresholds of the trackers count.
        dimension: the length of a Re-ID feature; 0 where it is read from the net.
        separation: how far tracks of one person are from strangers under a Re-ID net, in standard deviations of the
            score, where it was measured; 0 where it was not. It is where a site's own calibration begins.
        output: which output holds the answer.
        paper: where it was published.
        summary: one sentence for people who choose.
    """

    name: str
    task: Task
    files: tuple[str, ...]
    input: InputSpec
    urls: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    bytes: tuple[int, ...] = ()
    licence: str = "unknown"
    data_terms: str = "unknown"
    decoder: str = ""
    trusted: float = TRUSTED
    dimension: int = 0
    separation: float = 0.0
    output: int = 0
    paper: str = ""
    summary: str = ""
