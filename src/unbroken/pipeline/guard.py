"""Where an unexpected error ends: it is told, and everything else goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def guarded(tell: Callable[[Exception], None]) -> Iterator[None]:
    """Run a block whose errors must not stop anything else; `tell` is given the error that ended it early."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - a supervisor: whatever it is becomes an event
        tell(error)


def sentence(error: BaseException) -> str:
    """An error in one line: its kind, where it says nothing of its own kind, and its first line."""
    text = str(error).strip().partition("\n")[0]
    return text if type(error).__module__.startswith("unbroken") and text else f"{type(error).__name__}: {text}"
