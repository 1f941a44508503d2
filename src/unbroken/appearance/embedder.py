"""A Re-ID net with its card: crops of people in, rows of unit length out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unbroken.core.arrays import Features, Image
from unbroken.core.cards import InputSpec, ModelCard
from unbroken.core.errors import ConfigError, ContractError, ModelUnsupportedError
from unbroken.core.ports import Net

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class EmbedderSettings:
    """How crops go through the net.

    Attributes:
        batch: how many crops go through at once, where the net takes more than one; bounds the memory of a step. On a
            processor 4 to 8 are the fastest and 32 cost a third more per crop; a GPU wants more.
    """

    batch: int = 8

    def __post_init__(self) -> None:
        """Check once; trusted afterwards."""
        if self.batch < 1:
            raise ConfigError(f"embedder setting batch is {self.batch}; give 1 or more")


DEFAULT_SETTINGS = EmbedderSettings()


class NetEmbedder:
    """A Re-ID net. Implements the port `Embedder`.

    The dimension is read from the net, never from its card: tutorials give 512 for a net that answers 768.

    Args:
        net: the loaded net.
        card: how to feed it.
        digest: what identifies the weights, such as `digest_of(path)`; it goes into the fingerprint.
        settings: how crops go through.

    Raises:
        ModelUnsupportedError: the net is not one for Re-ID, or its card names another dimension than it has.
    """

    def __init__(self, net: Net, card: ModelCard, digest: str, settings: EmbedderSettings = DEFAULT_SETTINGS) -> None:
        if card.task != "reid":
            raise ModelUnsupportedError(f"net {card.name} is for {card.task}; choose one for reid")
        self._net = net
        self._card = card
        self._settings = settings
        self._size = _input_size(net, card)
        self._fingerprint = _fingerprint(digest, card, self._size)
        self._dimension = int(self._raw([np.zeros((8, 4, 3), dtype=np.uint8)]).shape[1])
        if card.dimension not in (0, self._dimension):
            raise ModelUnsupportedError(
                f"net {card.name} answers {self._dimension} numbers and its card says {card.dimension}; "
                "it is another net: fetch it again or set the card's dimension to 0"
            )

    @property
    def dimension(self) -> int:
        """The length of a feature."""
        return self._dimension

    @property
    def fingerprint(self) -> str:
        """What made the features: the weights and how pictures are fed to them, on any runtime."""
        return self._fingerprint

    @property
    def description(self) -> str:
        """Net, dimension and runtime, for the report."""
        return f"{self._card.name} ({self._dimension} numbers, {self._net.description})"

    def embed(self, crops: Sequence[Image]) -> Features:
        """(N, D) float32 rows of unit length for N crops (H, W, 3) BGR of any size; (0, D) for none.

        Raises:
            ContractError: a crop is empty or not (H, W, 3) uint8.
            ModelUnsupportedError: the net answers NaN or infinity.
        """
        demanded = self._net.input_shape[0]
        step = demanded if demanded > 0 else self._settings.batch
        parts = [self._raw(crops[start : start + step]) for start in range(0, len(crops), step)]
        if not parts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        return unit_rows(np.concatenate(parts), self._card.name)

    def _raw(self, crops: Sequence[Image]) -> Features:
        """What the net answers for at most a batch of crops, one row each."""
        blob = self._card.input.blob([_resized(crop, self._size) for crop in crops])
        missing = self._net.input_shape[0] - len(blob)
        if missing > 0:
            blob = np.pad(blob, ((0, missing), (0, 0), (0, 0), (0, 0)))
        outputs = self._net.run(blob)
        if self._card.output >= len(outputs):
            raise ModelUnsupportedError(
                f"net {self._card.name} has {len(outputs)} outputs and its card reads output {self._card.output}"
            )
        rows = np.asarray(outputs[self._card.output], dtype=np.float32)
        return rows.reshape(len(rows), -1)[: len(crops)]


def unit_rows(rows: Features, name: str) -> Features:
    """Rows scaled to unit length; a row of zeros stays one. (N, D) -> (N, D).

    Raises:
        ModelUnsupportedError: a row holds NaN or infinity; `name` is the net that the message names.
    """
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        raise ModelUnsupportedError(f"net {name} answers NaN or infinity; check scale, mean and std of its card")
    scaled: Features = (rows / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return scaled


def digest_of(path: Path) -> str:
    """The sha256 of a file, of OpenVINO's weights beside an `.xml` too."""
    digest = hashlib.sha256()
    weights = path.with_suffix(".bin")
    for part in [path, weights] if path.suffix == ".xml" and weights.is_file() else [path]:
        with part.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _input_size(net: Net, card: ModelCard) -> tuple[int, int]:
    """Width and height: what the net demands, else what its card says."""
    shape = net.input_shape
    if len(shape) != 4 or shape[1] not in (-1, 3):
        raise ModelUnsupportedError(f"net {card.name} takes an input of shape {shape}; Re-ID takes (N, 3, H, W)")
    height, width = shape[2:]
    size = (width if width > 0 else card.input.width, height if height > 0 else card.input.height)
    if min(size) < 1:
        raise ModelUnsupportedError(f"net {card.name} leaves its input size free and its card names none; give one")
    return size


def _fingerprint(digest: str, card: ModelCard, size: tuple[int, int]) -> str:
    spec: InputSpec = card.input
    feeding = f"{size}{spec.order}{spec.scale}{spec.mean}{spec.std}{card.output}"
    return f"{card.name}:{hashlib.sha256((digest + feeding).encode()).hexdigest()[:16]}"


def _resized(crop: Image, size: tuple[int, int]) -> Image:
    if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3 or min(crop.shape) < 1:
        raise ContractError(
            f"a crop is {crop.dtype} {crop.shape}; give (height, width, 3) uint8 in BGR order, not empty"
        )
    if (crop.shape[1], crop.shape[0]) == size:
        return crop
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
