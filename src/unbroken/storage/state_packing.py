"""Blocks of numbers in which what repeats itself is left out, so that room that is reserved costs nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
"""Bytes of a piece; blocks begin at a multiple of it."""
_SMALL = 4096
"""Bytes of a block of which nothing is left out."""
_PROBED = 1024
"""Places of a block that are looked at before it is gone through."""
_WORTH = 0.25
"""Share of repeated pieces from which on they are left out."""


def padded(content: bytes) -> bytes:
    """With zeros up to the next piece."""
    padding = -len(content) % ALIGNMENT
    return content + bytes(padding) if padding else content


def pieces_of(content: bytes | memoryview) -> NDArray[np.uint64]:
    """(N, 8): 64 bytes a row."""
    return np.frombuffer(content, dtype=np.uint64).reshape(-1, ALIGNMENT // 8)


def repeats(content: bytes) -> NDArray[np.bool_] | None:
    """(N,) which pieces differ from the one before; `None` where too few are alike to leave them out."""
    if len(content) < _SMALL:
        return None
    pieces = pieces_of(content)
    probed = np.linspace(1, len(pieces) - 1, min(len(pieces) - 1, _PROBED)).astype(np.int64)
    if (pieces[probed] == pieces[probed - 1]).all(axis=1).mean() < _WORTH:
        return None
    kept = np.ones(len(pieces), dtype=np.bool_)
    kept[1:] = (pieces[1:] != pieces[:-1]).any(axis=1)
    return kept
