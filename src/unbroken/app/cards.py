"""Cards for the user's own nets: written only once the net has been loaded and has answered as the card says."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from unbroken.appearance.embedder import NetEmbedder
from unbroken.appearance.selftest import Verdict, self_test
from unbroken.core.cards import ModelCard
from unbroken.core.errors import ConfigError, ModelMissingError, ModelUnsupportedError
from unbroken.core.files import writing
from unbroken.core.frames import Frame
from unbroken.detection.decode import decoder as known_decoder
from unbroken.detection.detector import NetDetector
from unbroken.inference.loading import load
from unbroken.models.cards import CARD_SUFFIX, toml_from_card, with_input
from unbroken.models.registry import guessed

_COMPANIONS = {".xml": (".bin",), ".weights": (".cfg",)}


def add_net(card: ModelCard, file: Path, folder: Path) -> Path:
    """Try a net with its card, then put both into a folder.

    Args:
        card: how to feed it and read it; `card.files[0]` is what the file is called in the folder.
        file: the net.
        folder: where it goes; a file that is there already stays where it is.

    Returns:
        Where the card is.

    Raises:
        ConfigError: the card's name is taken in this folder.
        ModelError: the net cannot be loaded, or does not answer as the card says.
        StoreError: the folder cannot be written.
    """
    if not file.is_file():
        raise ModelMissingError(f"net {file} is not there; give another path")
    written = folder / f"{card.name}{CARD_SUFFIX}"
    if written.exists():
        raise ConfigError(f"{written} is there already; choose another --name or remove it")
    if file.suffix != ".weights":
        _try(card, file)
    with writing(written, "choose another folder with --to"):
        for source in (file, *(file.with_suffix(suffix) for suffix in _COMPANIONS.get(file.suffix, ()))):
            target = folder / f"{Path(card.files[0]).stem}{source.suffix}"
            if source.resolve() != target.resolve():
                shutil.copyfile(source, target)
        written.write_text(toml_from_card(card), encoding="utf-8")
    return written


def self_tested(card: ModelCard, file: Path) -> Verdict:
    """Examine the card of a Re-ID net with drawn people.

    Raises:
        ModelUnsupportedError: it is no Re-ID net.
    """
    if card.task != "reid":
        raise ModelUnsupportedError(f"net {card.name} is for {card.task}; the self-test is for Re-ID nets")
    return self_test(load(file), card)


def _try(card: ModelCard, file: Path) -> None:
    """Load a net and let it answer for a grey picture."""
    net = load(file)
    grey = np.full((256, 128, 3), 128, dtype=np.uint8)
    if card.task == "reid":
        NetEmbedder(net, card, "").embed([grey])
    else:
        NetDetector(net, card).detect([Frame("test", 0, 0.0, grey)])


def card_for(file: Path, task: str, decoder: str, wishes: Mapping[str, object]) -> ModelCard:
    """A card for a file: what the user says, and for the rest what the outputs of the net tell.

    Args:
        file: the net.
        task: `detection` or `reid`.
        decoder: how to read a detector; "" guesses.
        wishes: fields of `InputSpec`.

    Raises:
        ConfigError: a wish that there is not, or outputs that fit no decoder for certain.
        ModelError: the net cannot be loaded.
    """
    if task not in ("detection", "reid"):
        raise ConfigError(f"task {task!r} is not known; choose detection or reid")
    if not file.is_file():
        raise ModelMissingError(f"net {file} is not there; give another path")
    outputs = () if file.suffix == ".weights" else load(file).output_shapes
    card = guessed(file, "reid" if task == "reid" else "detection", outputs, decoder)
    if decoder:
        known_decoder(decoder)
    return with_input(card, wishes)
