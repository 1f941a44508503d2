"""Whether the files of a net are what its card says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unbroken.core.cards import ModelCard
from unbroken.models.fetch import sha256_of

State = Literal["official", "known", "unpublished", "differs"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that was looked at.

    Attributes:
        path: the file.
        state: "official" is the published file, "known" another export that is known to be good, "unpublished" has
            no checksum to compare with, "differs" is none of these: damaged, or somebody else's.
        digest: its sha256.
        reason: for "differs", what is wrong.
    """

    path: Path
    state: State
    digest: str
    reason: str = ""


def verify(card: ModelCard, path: Path) -> list[Checked]:
    """Look at the file of a net and, where it is the form that its card names, at its companions beside it."""
    if path.name not in card.files:
        return [_checked(card, path)]
    return [_checked(card, path.with_name(name)) for name in card.files if path.with_name(name).is_file()]


def _checked(card: ModelCard, path: Path) -> Checked:
    digest = sha256_of(path)
    number = card.files.index(path.name) if path.name in card.files else -1
    published = card.sha256[number] if 0 <= number < len(card.sha256) else ""
    size = card.bytes[number] if 0 <= number < len(card.bytes) else 0
    if digest == published:
        return Checked(path, "official", digest)
    if digest in card.also:
        return Checked(path, "known", digest)
    if not published and not (number < 0 and card.also):
        return Checked(path, "unpublished", digest)
    found = path.stat().st_size
    if size and found != size:
        return Checked(path, "differs", digest, f"{found} bytes where {size} are published")
    return Checked(
        path, "differs", digest, f"sha256 {digest[:16]}... where {(published or card.also[0])[:16]}... is known"
    )
