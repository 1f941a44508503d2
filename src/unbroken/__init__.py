"""unbroken: one person, one ID, through occlusions, crossings and from camera to camera.

Importing the package loads numpy alone; every name below is fetched from its room when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unbroken.app.track import track as track
    from unbroken.core.detections import Detections as Detections
    from unbroken.core.errors import UnbrokenError as UnbrokenError
    from unbroken.core.frames import Frame as Frame
    from unbroken.core.sightings import Identities as Identities
    from unbroken.core.sightings import Sightings as Sightings
    from unbroken.core.tracks import Tracks as Tracks
    from unbroken.tracking.doors import Tracker as Tracker

__version__ = "0.1.0.dev0"

_ROOMS = {
    "Detections": "unbroken.core.detections",
    "Frame": "unbroken.core.frames",
    "Identities": "unbroken.core.sightings",
    "Sightings": "unbroken.core.sightings",
    "Tracker": "unbroken.tracking.doors",
    "Tracks": "unbroken.core.tracks",
    "UnbrokenError": "unbroken.core.errors",
    "track": "unbroken.app.track",
}

__all__ = [
    "Detections",
    "Frame",
    "Identities",
    "Sightings",
    "Tracker",
    "Tracks",
    "UnbrokenError",
    "__version__",
    "track",
]


def __getattr__(name: str) -> object:
    """Fetch a public name from its room on first use, so that `import unbroken` stays light."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'unbroken' has no attribute {name!r}")
    return getattr(importlib.import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
