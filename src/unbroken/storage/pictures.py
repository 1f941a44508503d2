"""Pictures of people that are kept: one per track, blurred by whoever takes them, sealed where there is a key."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from unbroken.core.errors import StoreError
from unbroken.core.names import file_stem
from unbroken.storage.sealing import Seal

_PURPOSE = "picture"
_OURS = "track-"
"""What names begin with: a folder may hold other things, which are nobody's to remove."""


class Album:
    """A folder of JPEG files, named after camera, epoch and track. Any thread may use it.

    Args:
        folder: made where it is missing, for its owner alone.
        seal: what closes the files; those of a seal end in `.sealed`.
    """

    def __init__(self, folder: Path, seal: Seal) -> None:
        self._folder, self._seal = folder, seal
        self._suffix = ".jpg" if seal.name == "none" else ".jpg.sealed"

    def path(self, camera: str, epoch: int, track: int) -> Path:
        """Where the picture of a track is, or would be."""
        return self._folder / f"{_OURS}{file_stem(camera)}-{epoch}-{track}{self._suffix}"

    def put(self, camera: str, epoch: int, track: int, jpeg: bytes) -> None:
        """Keep a picture in place of the one before.

        Raises:
            StoreError: it cannot be written.
        """
        path = self.path(camera, epoch, track)
        draft = path.with_name(f"{path.name}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(self._seal.close(jpeg, _PURPOSE))
            if path.exists():
                _overwrite(path)
            draft.replace(path)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({error.strerror}); mend storage.pictures") from error

    def get(self, camera: str, epoch: int, track: int) -> bytes:
        """The picture of a track; empty where there is none.

        Raises:
            StoreError: it is damaged, or the key is another.
        """
        try:
            return self._seal.open(self.path(camera, epoch, track).read_bytes(), _PURPOSE)
        except FileNotFoundError:
            return b""

    def remove(self, tracks: Iterable[tuple[str, int, int]]) -> int:
        """Overwrite and remove the pictures of some tracks; how many there were.

        Raises:
            StoreError: one cannot be removed.
        """
        return self._removed(self.path(*track) for track in tracks)

    def sweep(self, tracks: Iterable[tuple[str, int, int]]) -> int:
        """Remove every picture but those of some tracks; how many went.

        Raises:
            StoreError: one cannot be removed.
        """
        if not self._folder.is_dir():
            return 0
        kept = {self.path(*track) for track in tracks}
        left = [path for path in self._folder.iterdir() if path not in kept and path.name.startswith(_OURS)]
        return self._removed(left)

    def _removed(self, paths: Iterable[Path]) -> int:
        count = 0
        for path in paths:
            try:
                if path.exists():
                    _overwrite(path)
                    path.unlink()
                    count += 1
            except OSError as error:
                raise StoreError(f"{path}: cannot be removed ({error.strerror}); remove it by hand") from error
        return count


def _overwrite(path: Path) -> None:
    """Zeros in place of what is there, on disk before this returns."""
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
