"""Cameras of a site become sources; recorded boxes are read where a folder holds them instead of pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unbroken.config.service import LiveSettings
from unbroken.config.site import CameraSettings
from unbroken.core.arrays import Floats
from unbroken.core.events import Event
from unbroken.core.ports import Source
from unbroken.core.secrets import filled
from unbroken.datasets.motchallenge import Rows, read_info, read_rows, read_warps
from unbroken.datasets.views import file_and_view, unit_is_told, view_of
from unbroken.geometry.plane import GroundView, metres_per_unit
from unbroken.video.files import Blank, ImageFolder
from unbroken.video.guarded import Guarding, LiveCamera
from unbroken.video.opening import open_recording
from unbroken.video.reconnect import Patience

BOXES = ".txt"
"""A source with this suffix holds recorded boxes."""
PATIENCE = 10.0
"""Seconds that a live camera gets for its first picture where somebody waits for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """One camera, opened.

    Attributes:
        source: its frames.
        recorded: its boxes, where they were recorded; `None` where a detector has to look.
        warps: camera motion by frame number (from 1), where a file tells it.
        view: its place in the world; `None` where it is not calibrated.
    """

    source: Source
    recorded: Rows | None
    warps: dict[int, Floats]
    view: GroundView | None


def open_recorded(settings: CameraSettings) -> Opened:
    """Open what is no live camera: a video, a folder of pictures, a MOTChallenge sequence.

    Environment variables that the address names are filled in here, and nowhere else: settings never hold a password
    that came from them.

    Raises:
        ConfigError: the address names an environment variable that is not set.
        SourceError: it cannot be opened; the message says why.
        StoreError: a file of recorded boxes cannot be read.
    """
    address = filled(settings.source, os.environ)
    view = view_of(settings.calibration) if settings.calibration else None
    folder = Path(address)
    if folder.suffix == BOXES and folder.is_file():
        rows = read_rows(folder)
        return Opened(Blank(settings.name, _last(rows), settings.frame_rate), rows, {}, view)
    if not folder.is_dir() or not is_sequence(folder):
        return Opened(open_recording(address, settings.name, settings.frame_rate), None, {}, view)
    info = read_info(folder)
    boxes = boxes_of(folder)
    recorded = read_rows(boxes) if boxes is not None else None
    warps = read_warps(folder / "gmc.txt") if (folder / "gmc.txt").exists() else {}
    pictures = folder / info.image_folder
    if pictures.is_dir():
        source: Source = ImageFolder(pictures, settings.name, info.frame_rate)
    else:
        source = Blank(settings.name, max(info.length, _last(recorded) if recorded else 0), info.frame_rate)
    return Opened(source, recorded, warps, view)


def _last(rows: Rows) -> int:
    return int(rows.frames.max(initial=0))


def in_metres(opened: Mapping[str, Opened], cameras: Sequence[CameraSettings]) -> dict[str, Opened]:
    """The cameras with their grounds in metres, also of a scene without a unit: people are as tall as people.

    Args:
        opened: by name.
        cameras: their settings.

    Raises:
        ContractError: no recorded box has its feet below the horizon.
    """
    scenes: dict[Path, list[str]] = {}
    for camera in cameras:
        if opened[camera.name].recorded is not None and camera.calibration and not unit_is_told(camera.calibration):
            scenes.setdefault(file_and_view(camera.calibration)[0], []).append(camera.name)
    found = dict(opened)
    for names in scenes.values():
        seen = [(one.view, one.recorded.boxes) for one in map(opened.__getitem__, names) if one.view and one.recorded]
        scale = metres_per_unit([view for view, _ in seen], [boxes for _, boxes in seen])
        for name in names:
            view = opened[name].view
            found[name] = replace(opened[name], view=view.scaled(scale) if view else None)
    return found


def open_live(
    camera: CameraSettings,
    live: LiveSettings,
    clock: Callable[[], float],
    tell: Callable[[Event], None],
    *,
    once: bool = False,
) -> Opened:
    """A network camera, a webcam or a video without end (`loop://`) that looks after itself; it connects once read.

    Args:
        camera: which one.
        live: how it is kept alive.
        clock: seconds, shared by all cameras.
        tell: is given what happens to it, by a thread of its own.
        once: a recording on a server is played once.

    Raises:
        ConfigError: the address names an environment variable that is not set.
        StoreError: the calibration cannot be read.
    """
    address = filled(camera.source, os.environ)
    patience = Patience(
        connect=live.connect_timeout,
        stall=live.stall,
        freeze=live.freeze,
        black=live.black,
        first_retry=live.first_retry,
        longest_retry=live.longest_retry,
        denied_retry=live.denied_retry,
        renew=live.renew,
    )
    guarding = Guarding(patience, live.transport, trust_clock=live.trust_clock, once=once)
    source = LiveCamera(address, camera.name, clock, tell, guarding=guarding)
    return Opened(source, None, {}, view_of(camera.calibration) if camera.calibration else None)


def measured(source: Source) -> tuple[float, dict[str, float]]:
    """What a live camera says of itself: skew in seconds, and what an operator may want to see, by name."""
    if not isinstance(source, LiveCamera):
        return math.nan, {}
    health = source.health
    return health.skew, {
        "attempts_total": health.attempts,
        "received_total": health.pictures,
        "overtaken_total": health.dropped,
        "damaged_total": health.damaged,
        "unusable_total": health.unusable,
        "left_behind": health.left_behind,
        "late_seconds": health.late,
        "calendar_skew_seconds": health.camera_skew,
    }


def is_sequence(folder: Path) -> bool:
    """Whether it is a MOTChallenge sequence or holds recorded boxes."""
    return (folder / "seqinfo.ini").exists() or boxes_of(folder) is not None


def boxes_of(folder: Path) -> Path | None:
    """The file of recorded boxes: itself, or of a folder `det/det.txt` or `det.txt`."""
    if folder.suffix == BOXES:
        return folder
    return next((path for path in (folder / "det" / "det.txt", folder / "det.txt") if path.exists()), None)
