"""From what a user writes to a `Source`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from unbroken.core.errors import SourceError
from unbroken.core.names import LOOP
from unbroken.core.ports import Source
from unbroken.video.files import PICTURES, VIDEOS, ImageFolder, VideoFile

_LONGEST = 56
"""Characters of a name that is made from an address: settings take 64, and a number may follow."""


def is_live(address: str) -> bool:
    """Whether the address is a network camera, a webcam or a video without end rather than a recording."""
    return "://" in address or address.isdigit()


def open_recording(address: str, camera: str, frame_rate: float = 25.0) -> Source:
    """Open a video file or a folder of pictures; live cameras are `video.guarded.LiveCamera`.

    Args:
        address: what the user wrote.
        camera: the name that its frames carry.
        frame_rate: of a folder of pictures.

    Raises:
        SourceError: it cannot be opened; the message says why.
    """
    path = Path(address)
    return ImageFolder(path, camera, frame_rate) if path.is_dir() else VideoFile(path, camera)


def camera_names(addresses: Sequence[str]) -> list[str]:
    """A short name per source, from file names or hosts, each one once.

    >>> camera_names(["videos/hall.mp4", "other/hall.mp4", "rtsp://u:p@10.0.0.7:554/live", "0"])
    ['hall', 'hall_2', '10.0.0.7_live', 'webcam0']
    """
    names: list[str] = []
    for address in addresses:
        name = candidate = _plain_name(address)[-_LONGEST:]
        number = 1
        while candidate in names:
            number += 1
            candidate = f"{name}_{number}"
        names.append(candidate)
    return names


def expanded(addresses: Sequence[str], holds_boxes: Callable[[Path], bool]) -> list[str]:
    """Replace each folder of videos by its videos, in the order of their names.

    Args:
        addresses: what the user wrote.
        holds_boxes: whether a folder is a recording of boxes, which stays as it is.

    Raises:
        SourceError: a folder holds neither videos nor pictures nor boxes.
    """
    found: list[str] = []
    for address in addresses:
        path = Path(address)
        if is_live(address) or not path.is_dir() or holds_boxes(path):
            found.append(address)
            continue
        videos = sorted(str(child) for child in path.iterdir() if child.suffix.lower() in VIDEOS)
        pictures = any(child.suffix.lower() in PICTURES for child in path.iterdir())
        if not videos and not pictures:
            raise SourceError(f"{path}: holds no video, no picture and no det.txt; give a file or another folder")
        found += videos or [address]
    return found


def _plain_name(address: str) -> str:
    if address.isdigit():
        return f"webcam{address}"
    if "://" in address and not address.startswith(LOOP):
        host, _, path = address.split("://", 1)[1].rpartition("@")[2].partition("/")
        return re.sub(r"[^\w.-]+", "_", f"{host.partition(':')[0]}_{path}").strip("_")
    return re.sub(r"[^\w.-]+", "_", Path(address.removeprefix(LOOP)).resolve().stem) or "camera"
