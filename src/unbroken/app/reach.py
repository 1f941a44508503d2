"""Whether cameras and the database answer: cameras all at once, none waited for longer than is said."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from unbroken.app.sources import PATIENCE, open_live, open_recorded
from unbroken.config.service import LiveSettings
from unbroken.config.site import CameraSettings, SiteSettings
from unbroken.core.errors import UnbrokenError
from unbroken.core.ports import Source
from unbroken.core.secrets import filled, masked
from unbroken.storage.opening import connect
from unbroken.video.guarded import LiveCamera
from unbroken.video.opening import is_live


@dataclass(slots=True)
class Reached:
    """How a camera has answered.

    Attributes:
        camera: its name.
        fault: one sentence; empty where a picture came.
        size: width and height of its picture in pixels.
        frame_rate: pictures per second, as it says; 0 where it does not.
        seconds: until the first picture.
    """

    camera: str
    fault: str = ""
    size: tuple[int, int] = (0, 0)
    frame_rate: float = 0.0
    seconds: float = 0.0


def reach(cameras: Iterable[CameraSettings], live: LiveSettings, patience: float = PATIENCE) -> list[Reached]:
    """Open each camera, wait for one picture and close it again.

    A camera that hangs is left behind in its thread: it holds nobody up.

    Args:
        cameras: any of a site.
        live: how it reads live ones.
        patience: seconds for all of them together.
    """
    asked = [(Reached(camera.name), threading.Event(), camera) for camera in cameras]
    for answer, done, camera in asked:
        threading.Thread(
            target=_ask, args=(answer, done, camera, live), name=f"reach {camera.name}", daemon=True
        ).start()
    deadline = monotonic() + patience
    found = []
    for answer, done, camera in asked:
        if done.wait(max(0.0, deadline - monotonic())):
            found.append(answer)
        else:
            found.append(
                Reached(camera.name, f"no picture within {patience:g} s; is it switched on, and its path right?")
            )
    return found


def database_fault(settings: SiteSettings, environment: Mapping[str, str]) -> str:
    """Why the database of a site cannot be used, in one sentence; empty where it can, or is a file yet to be made."""
    address = settings.storage.database
    if address == "none" or ("://" not in address and not Path(address).exists()):
        return ""
    try:
        connect(filled(address, environment)).close()
    except UnbrokenError as error:
        return masked(str(error))
    return ""


def _ask(answer: Reached, done: threading.Event, camera: CameraSettings, live: LiveSettings) -> None:
    start = monotonic()
    try:
        source = _opened(camera, live)
        try:
            if isinstance(source, LiveCamera):
                source.reach(PATIENCE)
            answer.frame_rate = source.frame_rate
            frame = next(iter(source), None)
            answer.seconds = monotonic() - start
            if frame is None:
                answer.fault = "it ends before its first picture; give another source"
            else:
                answer.size = (frame.image.shape[1], frame.image.shape[0])
        finally:
            source.close()
    except UnbrokenError as error:
        answer.fault = masked(str(error))
    finally:
        done.set()


def _opened(camera: CameraSettings, live: LiveSettings) -> Source:
    if is_live(camera.source):
        return open_live(camera, live, monotonic, lambda _: None).source
    return open_recorded(camera).source
