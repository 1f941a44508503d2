"""What somebody may have meant who wrote a name that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(written: str, known: Sequence[str]) -> str:
    """A hint such as ` (did you mean every?)`, or nothing where no known name is like the written one."""
    close = difflib.get_close_matches(written, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""
