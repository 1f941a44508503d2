"""A net that finds people: picture -> letterbox -> net -> decoder -> one box per person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log

import numpy as np
from numpy.typing import NDArray

from unbroken.core.cards import TRUSTED, ModelCard
from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError, ModelUnsupportedError
from unbroken.core.frames import Frame
from unbroken.core.ports import Net
from unbroken.detection.decode import decoder
from unbroken.detection.letterbox import free_size, placed, placement
from unbroken.detection.selection import Candidates, DetectorSettings, kept, plausible, suppressed

DEFAULT_SETTINGS = DetectorSettings()


class NetDetector:
    """A detector net with its card. Implements the port `Detector`.

    Frames of different sizes may be mixed and may change at any time; those that fill the net's input alike go
    through together where the net takes batches.
    """

    def __init__(self, net: Net, card: ModelCard, settings: DetectorSettings = DEFAULT_SETTINGS) -> None:
        if card.task != "detection":
            raise ModelUnsupportedError(f"net {card.name} is for {card.task}; choose one for detection")
        shape = net.input_shape
        if len(shape) != 4 or shape[1] not in (-1, 3):
            raise ModelUnsupportedError(
                f"net {card.name} takes an input of shape {shape}; a detector takes (N, 3, H, W)"
            )
        self._net = net
        self._card = card
        self._settings = settings
        self._decode = decoder(card.decoder)
        self._bend = bend(card)

    @property
    def description(self) -> str:
        """Net, input size and runtime, for the report."""
        width, height = self._fixed_size()
        size = f"{width} x {height}" if width else f"longer side {self._settings.size}"
        return f"{self._card.name} ({size}, {self._net.description})"

    @property
    def size(self) -> int:
        """Pixels of the longer side of the net's input; 0 where the net or its card fixes it."""
        return 0 if self._fixed_size()[0] else self._settings.size

    def at_size(self, size: int) -> NetDetector:
        """The same net with another size of its input, which it must leave free."""
        return NetDetector(self._net, self._card, replace(self._settings, size=size))

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """The people in each frame.

        Raises:
            ContractError: a frame has no picture.
            ModelUnsupportedError: the net's answer is not what its card says.
        """
        sizes = [self._net_size(frame) for frame in frames]
        found: dict[int, Detections] = {}
        for size in dict.fromkeys(sizes):
            rows = [row for row, other in enumerate(sizes) if other == size]
            step = self._batch()
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                found.update(zip(part, self._run([frames[row] for row in part], size), strict=True))
        return [found[row] for row in range(len(frames))]

    def _run(self, frames: list[Frame], size: tuple[int, int]) -> list[Detections]:
        spec, settings = self._card.input, self._settings
        fitted = spec if min(self._fixed_size()) > 0 else replace(spec, letterbox="none")
        places = [placement(frame.size, size, fitted) for frame in frames]
        inputs = [placed(frame.image, place, size, spec.fill) for frame, place in zip(frames, places, strict=True)]
        outputs = self._net.run(self._filled(spec.blob(inputs)))
        answers = self._decode(outputs, size, settings.classes)
        if len(answers) < len(frames):
            raise ModelUnsupportedError(
                f"net {self._card.name} answers for {len(answers)} of {len(frames)} pictures; it takes no batches: "
                "set the detector's batch to 1"
            )
        found = []
        for frame, place, answer in zip(frames, places, answers, strict=False):
            best = suppressed(plausible(answer, settings), settings.nms_iou)
            mine = Candidates(place.to_picture(best.boxes), np.minimum(best.scores, 1.0) ** self._bend, best.classes)
            found.append(kept(mine, frame.size, settings))
        return found

    def _net_size(self, frame: Frame) -> tuple[int, int]:
        if min(frame.size) < 1:
            raise ContractError(
                f"frame {frame.index} of {frame.camera} has no picture, and {self._card.name} needs one; "
                "use recorded detections for sources without pictures"
            )
        width, height = self._fixed_size()
        return (width, height) if width else free_size(frame.size, self._settings.size, self._card.input.multiple)

    def _fixed_size(self) -> tuple[int, int]:
        """Width and height of the net, of its card where the net leaves them free, or 0 and 0."""
        height, width = self._net.input_shape[2:]
        spec = self._card.input
        size = (width if width > 0 else spec.width, height if height > 0 else spec.height)
        return size if min(size) > 0 else (0, 0)

    def _batch(self) -> int:
        """How many pictures one run takes: what the net demands, or the setting where it is free."""
        demanded = self._net.input_shape[0]
        return demanded if demanded > 0 else self._settings.batch

    def _filled(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """The input with empty pictures added where the net demands a larger batch."""
        missing = self._net.input_shape[0] - len(blob)
        return blob if missing <= 0 else np.pad(blob, ((0, missing), (0, 0), (0, 0), (0, 0)))


def bend(card: ModelCard) -> float:
    """The power that turns the score which a net's card calls trusted into `TRUSTED`; 0 stays 0 and 1 stays 1.

    Raises:
        ModelUnsupportedError: the card's number is no score.
    """
    if not 0 < card.trusted < 1:
        raise ModelUnsupportedError(f"card {card.name}: trusted is {card.trusted}; give a score between 0 and 1")
    return log(TRUSTED) / log(card.trusted)
