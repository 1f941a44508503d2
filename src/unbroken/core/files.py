"""Files that somebody has named: what keeps one from being written is told in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unbroken.core.errors import StoreError


@contextmanager
def writing(path: Path, mend: str = "choose another place") -> Iterator[None]:
    """Make the folder of a file that is written in this context.

    >>> with writing(Path("/dev/null/scores.json")):
    ...     Path("/dev/null/scores.json").write_text("{}")
    Traceback (most recent call last):
    unbroken.core.errors.StoreError: /dev/null/scores.json: cannot be written (File exists); choose another place

    Raises:
        StoreError: the folder cannot be made, or the file not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error}); {mend}") from error
