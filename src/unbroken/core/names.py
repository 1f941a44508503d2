"""Names that users write and files get: whatever a camera is called, its file stays in its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable

LOOP = "loop://"
"""What an address begins with that plays a video for ever as if it was live: `loop://videos/hall.mp4`."""


def file_stem(camera: str, taken: Iterable[str] = ()) -> str:
    r"""A name for a camera's files: letters, digits, `_`, `-` and `.` are kept, everything else becomes `_`.

    Args:
        camera: the name of the camera; it may be an address, hold slashes or be empty.
        taken: stems that are in use; a clash (letters' case does not count) gets a number.

    >>> file_stem("rtsp://10.0.0.7/live"), file_stem("../door")
    ('rtsp_10.0.0.7_live', 'door')
    >>> file_stem("a b", taken=["a_b"])
    'a_b-2'
    """
    stem = re.sub(r"[^\w.-]+", "_", camera)[:120].strip("._") or "camera"
    used = {name.lower() for name in taken}
    number, candidate = 1, stem
    while candidate.lower() in used:
        number += 1
        candidate = f"{stem}-{number}"
    return candidate
