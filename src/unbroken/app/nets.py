"""Nets by name, wired: a card and a file of the registry, a runtime, and what is built on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unbroken.appearance.embedder import DEFAULT_SETTINGS as EMBEDDER_DEFAULTS
from unbroken.appearance.embedder import EmbedderSettings, NetEmbedder, digest_of
from unbroken.core.cards import ModelCard
from unbroken.core.errors import ModelMissingError
from unbroken.detection.darknet import check, converted
from unbroken.detection.detector import DEFAULT_SETTINGS, NetDetector
from unbroken.detection.selection import DetectorSettings
from unbroken.inference.loading import load
from unbroken.models.registry import NET_SUFFIXES, cache_folder, find, guessed, known_cards

READS = {
    "auto": NET_SUFFIXES,
    "onnxruntime": (".onnx", ".weights"),
    "openvino": (".xml", ".onnx", ".weights"),
    "opencv": (".onnx", ".weights", ".xml"),
}
"""Which kinds of files each runtime reads, the best first."""


def build_detector(
    name: str,
    models: Sequence[Path] = (),
    settings: DetectorSettings = DEFAULT_SETTINGS,
    *,
    runtime: str = "auto",
    device: str = "cpu",
    threads: int = 1,
) -> NetDetector:
    """The detector of a name or a path.

    Args:
        name: such as `rtmdet_nano`, or `my/yolo.onnx`.
        models: folders that are searched before `UNBROKEN_MODELS` and the cache.
        settings: what it reports.
        runtime: `auto`, `onnxruntime`, `openvino` or `opencv`.
        device: `cpu` or `cuda`.
        threads: of one run of the net.

    Raises:
        ConfigError: nobody knows the name, or the outputs of the file fit no decoder for certain.
        ModelError: the file is missing, damaged, or does not fit the runtime.
    """
    path = _path(name, models, runtime)
    net = load(_readable(path, runtime), runtime, device, threads, exact=False)
    card = _card(name, models) or guessed(path, "detection", net.output_shapes, settings.decoder)
    return NetDetector(net, card, settings)


def build_embedder(
    name: str,
    models: Sequence[Path] = (),
    settings: EmbedderSettings = EMBEDDER_DEFAULTS,
    *,
    runtime: str = "auto",
    device: str = "cpu",
    threads: int = 1,
) -> NetEmbedder:
    """The Re-ID embedder of a name or a path, such as `person-reidentification-retail-0288`.

    Args and errors are those of `build_detector`.
    """
    path = _path(name, models, runtime)
    net = load(path, runtime, device, threads)
    card = _card(name, models) or guessed(path, "reid", net.output_shapes)
    return NetEmbedder(net, card, digest_of(path), settings)


def _readable(path: Path, runtime: str) -> Path:
    """The file that the runtime reads: a Darknet net is converted, once, where OpenCV 4 is not there to read it."""
    if path.suffix != ".weights":
        return path
    if runtime in ("auto", "opencv"):
        from unbroken.inference.opencv import reads_darknet

        if reads_darknet():
            check(path.with_suffix(".cfg"), path)
            return path
    return converted(path.with_suffix(".cfg"), path, cache_folder() / "converted")


def _card(name: str, models: Sequence[Path]) -> ModelCard | None:
    """The card of a name, or nothing for a path, whose card has to be guessed."""
    return None if Path(name).suffix in NET_SUFFIXES else known_cards(models)[name]


def _path(name: str, models: Sequence[Path], runtime: str) -> Path:
    path = Path(name)
    if path.suffix not in NET_SUFFIXES:
        return find(name, models, READS.get(runtime, NET_SUFFIXES)).path
    if not path.is_file():
        raise ModelMissingError(
            f"net {path} is not there; give another path, or a name that `unbroken models list` knows"
        )
    return path
