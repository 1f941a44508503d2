"""Where a site keeps its identities, from its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from unbroken.app.copies import erased_in_copies
from unbroken.config.service import StorageSettings
from unbroken.config.site import SiteSettings
from unbroken.core.secrets import filled
from unbroken.storage.copies import Copy
from unbroken.storage.erasure import Gone
from unbroken.storage.keeper import Store, StoreSettings, open_store
from unbroken.storage.lines import erase_lines
from unbroken.storage.pictures import Album
from unbroken.storage.retention import Retention
from unbroken.storage.sealing import Seal, seal_from

NONE = "none"
"""What is written for a database where there is none."""


def keeper_of(settings: SiteSettings, model: str | None, environment: Mapping[str, str]) -> Store | None:
    """The database of a site, opened as its one writer; `None` where the site has none.

    Args:
        settings: of the site.
        model: the fingerprint of the Re-ID net that is in use; empty without one.
        environment: where the key is, and what the address names.

    Raises:
        ConfigError: the key or a part of the address is not set.
        StoreError: the database cannot be opened, is of another net or key, or is being written.
    """
    storage = settings.storage
    if storage.database == NONE:
        return None
    seal = seal_from(storage.key, environment)
    album = album_of(storage, seal)

    def elsewhere(gone: Sequence[Gone], copies: Sequence[Copy]) -> str:
        told = [erased_elsewhere(settings, album, gone), *erased_in_copies(settings, environment, gone, copies)]
        return "; ".join(line for line in told if line)

    wanted = StoreSettings(model, seal, retention_of(storage), elsewhere, album)
    return open_store(filled(storage.database, environment), wanted)


def retention_of(storage: StorageSettings) -> Retention:
    """What is kept at most."""
    return Retention(storage.days, storage.megabytes * 1e6, storage.people)


def album_of(storage: StorageSettings, seal: Seal) -> Album | None:
    """Where pictures are kept; `None` where none are."""
    return Album(Path(storage.pictures), seal) if storage.pictures else None


def erased_elsewhere(settings: SiteSettings, album: Album | None, gone: Sequence[Gone]) -> str:
    """Erase people in the files beside the database that are this site's: kept pictures and lines of tracks.

    Events in the spool and in JSON Lines are the outlets' to erase: they hear that somebody was forgotten.

    Returns:
        One sentence; empty where there was nothing.

    Raises:
        StoreError: a file cannot be changed.
    """
    pictures = album.remove(track for one in gone for track in one.tracks) if album else 0
    tracks = Path(settings.outputs.tracks) if settings.outputs.tracks else None
    lines = sum(erase_lines(path, gone) for path in _with_older(tracks)) if tracks else 0
    return f"{pictures} pictures removed, {lines} lines of tracks erased" if pictures or lines else ""


def _with_older(path: Path) -> list[Path]:
    """A file of lines and those that were put aside."""
    return [found for found in [path, *sorted(path.parent.glob(f"{path.name}.*"))] if found.is_file()]
