"""Where nets lie: folders that the user names first, then the cache."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unbroken.core.cards import InputSpec, ModelCard, Task
from unbroken.core.errors import ConfigError, ModelMissingError
from unbroken.models.cards import CARD_SUFFIX, manifest, read_cards

NET_SUFFIXES = (".onnx", ".xml", ".weights")
"""What the file of a net may end with, in the order in which they are preferred."""

_IMAGENET = InputSpec(0, 0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


@dataclass(frozen=True, slots=True)
class Found:
    """A net that is on this machine.

    Attributes:
        card: how to feed it and how to read it.
        path: the file to load; its companions lie beside it.
    """

    card: ModelCard
    path: Path


def cache_folder() -> Path:
    """Where `fetch` puts nets: `unbroken/models` in `XDG_CACHE_HOME`, or in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unbroken" / "models"


def search_path(folders: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The folders that are searched: those given, those of `UNBROKEN_MODELS`, the cache."""
    named = [Path(part) for part in os.environ.get("UNBROKEN_MODELS", "").split(os.pathsep) if part]
    return tuple(dict.fromkeys([*folders, *named, cache_folder()]))


def existing(folders: Sequence[Path]) -> list[Path]:
    """Folders that somebody has named, once it is sure that they are there.

    Raises:
        ConfigError: one is not, so that a mistyped name is not taken for an empty folder.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: is no folder; give the folder with nets, or leave it out")
    return list(folders)


def known_cards(folders: Sequence[Path] = ()) -> dict[str, ModelCard]:
    """All cards by name: the manifest's, and those beside the user's files, which win.

    Raises:
        ConfigError: a card of the user's is wrong.
    """
    cards = dict(manifest())
    for folder in reversed(search_path(folders)):
        for path in sorted(folder.glob(f"*{CARD_SUFFIX}")) if folder.is_dir() else ():
            cards.update(read_cards(path))
    return cards


def find(name: str, folders: Sequence[Path] = (), suffixes: Sequence[str] = NET_SUFFIXES) -> Found:
    """The card and the file of a net.

    Args:
        name: a name of the manifest or of a card of the user's.
        folders: searched first, in their order; see `search_path`.
        suffixes: which kinds of files will do, the best first.

    Raises:
        ConfigError: nobody knows the name.
        ModelMissingError: the name is known and no folder holds its file.
    """
    cards = known_cards(folders)
    if name not in cards:
        raise ConfigError(f"net {name!r} is not known; choose one of {', '.join(sorted(cards))}, or give a path")
    card = cards[name]
    path = located(card, folders, suffixes)
    if path is None:
        places = ", ".join(str(folder) for folder in search_path(folders))
        raise ModelMissingError(f"net {name} is not in {places}; {way_to(card)}")
    return Found(card, path)


def way_to(card: ModelCard) -> str:
    """What somebody has to do to get a net; of some no official address is known."""
    return f"run `unbroken models fetch {card.name}`" if any(card.urls) else "get it and give its folder with --models"


def located(card: ModelCard, folders: Sequence[Path] = (), suffixes: Sequence[str] = NET_SUFFIXES) -> Path | None:
    """The file of a net, or of another form of it (`NAME.onnx` for an `.xml`), or nothing where it is not here."""
    names = [card.files[0], *(f"{card.name}{suffix}" for suffix in NET_SUFFIXES)]
    ordered = [name for suffix in suffixes for name in dict.fromkeys(names) if name.endswith(suffix)]
    for folder in search_path(folders):
        for name in ordered:
            if (folder / name).is_file():
                return folder / name
    return None


def guessed(path: Path, task: Task, outputs: Sequence[tuple[int, ...]], decoder: str = "") -> ModelCard:
    """A card for a file without one, from the shapes of its outputs.

    Detectors are taken to want RGB in 0..1 with a centred letterbox, as most exports do, and Re-ID nets ImageNet's
    mean and std; `unbroken models add` writes a card that says otherwise.

    Args:
        path: the file.
        task: what it is for.
        outputs: the shapes of its outputs, -1 where they are free.
        decoder: how to read a detector's answer; "" guesses.

    Raises:
        ConfigError: the layout of the outputs is not one that can be told from its shape.
    """
    if task == "reid":
        return ModelCard(path.stem, task, (path.name,), replace(_IMAGENET, width=128, height=256))
    chosen = decoder or ("darknet" if path.suffix == ".weights" else _guessed_decoder(outputs))
    if not chosen:
        shapes = ", ".join(str(shape) for shape in outputs)
        raise ConfigError(
            f"net {path}: its outputs {shapes} fit no decoder for certain; name one with --decoder, "
            "or write a card with `unbroken models add`"
        )
    return ModelCard(path.stem, task, (path.name,), _usual_input(chosen), decoder=chosen)


def _guessed_decoder(outputs: Sequence[tuple[int, ...]]) -> str:
    """The decoder that the shapes leave no doubt about, or ""."""
    if len(outputs) == 2 and [len(shape) for shape in outputs] == [3, 2] and outputs[0][2] in (-1, 5):
        return "rtmdet"
    if len(outputs) == 2 and all(len(shape) == 3 for shape in outputs) and 4 in (outputs[0][2], outputs[1][2]):
        classes = max(outputs[0][2], outputs[1][2])
        return "detr" if classes == 92 else "rtdetr" if classes in (80, 91) else ""
    if len(outputs) != 1:
        return ""
    shape = outputs[0]
    if len(shape) == 4 and shape[3] == 7:
        return "ssd"
    if len(shape) != 3 or min(shape[1:]) < 1:
        return ""
    if shape[2] == 6:
        return "yolov10"
    return "yolov8" if shape[1] < shape[2] else ""


def _usual_input(decoder: str) -> InputSpec:
    if decoder == "rtmdet":
        return manifest()["rtmdet_nano"].input
    if decoder == "yolox":
        return InputSpec(0, 0, "BGR", 1.0, letterbox="top_left")
    if decoder == "ssd":
        return InputSpec(0, 0, "BGR", 1.0)
    if decoder in ("detr", "rtdetr"):
        return _IMAGENET if decoder == "detr" else InputSpec(0, 0)
    return InputSpec(0, 0, "RGB", 255.0, letterbox="none" if decoder == "darknet" else "centre")
