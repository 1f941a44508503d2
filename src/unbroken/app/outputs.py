"""What a run leaves behind: files, videos and a report in one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from unbroken import __version__
from unbroken.config.site import SiteSettings
from unbroken.core.arrays import Floats
from unbroken.core.errors import StoreError
from unbroken.core.events import Event
from unbroken.core.frames import Frame
from unbroken.core.ports import Sink
from unbroken.core.results import FrameResult
from unbroken.geometry.plane import FootNoise, GroundView, locate
from unbroken.pipeline.sinks import EventLines, MotFiles, TrackLines
from unbroken.render.draw import DrawSettings
from unbroken.render.gathering import Gathering, GatherSettings
from unbroken.render.portraits import PortraitSettings
from unbroken.render.report import ReportFacts, write_report
from unbroken.render.sinks import AnnotatedVideos, MosaicVideo


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written.

    Attributes:
        folder: where everything goes.
        videos: an annotated video per camera.
        mosaic: one video of all cameras.
        report: `report.html`, with pictures of people.
        blur: blur heads in all pictures that are kept.
    """

    folder: Path
    videos: bool = True
    mosaic: bool = False
    report: bool = True
    blur: bool = False


def sinks_for(
    outputs: Outputs, settings: SiteSettings, parts: Mapping[str, str], views: Mapping[str, GroundView]
) -> list[Sink]:
    """The sinks that write what is asked for.

    Args:
        outputs: what is written.
        settings: of the site, for the report.
        parts: what is at work, for the report.
        views: of the cameras that are calibrated, for the floor plan.

    Raises:
        StoreError: the folder cannot be made.
    """
    folder = outputs.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be made ({error.strerror}); choose another --output") from error
    sinks: list[Sink] = [MotFiles(folder), TrackLines(folder / "tracks.jsonl"), EventLines(folder / "events.jsonl")]
    if outputs.videos:
        sinks.append(AnnotatedVideos(folder, DrawSettings(blur_heads=outputs.blur)))
    if outputs.mosaic:
        sinks.append(MosaicVideo(folder / "mosaic.mp4", [camera.name for camera in settings.cameras]))
    if outputs.report:
        sinks.append(ReportSink(folder / "report.html", outputs, used(settings, parts), views))
    return sinks


def used(settings: SiteSettings, parts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the report says of the settings."""
    tracking = {"tracker": settings.tracking.tracker, "camera motion": settings.tracking.camera_motion}
    return {
        "Detection": {"model": parts["detector"], "every": f"frame {settings.detection.every}"},
        "Re-ID": {"model": parts["reid"]},
        "Tracking": {**tracking, **{name: str(value) for name, value in settings.tracking.options.items()}},
        "Identity": {"policy": settings.identity.policy},
        "Sources": {camera.name: camera.source.rpartition("@")[2] for camera in settings.cameras},
    }


class ReportSink:
    """Gathers while the run goes on and writes `report.html` at its end.

    Args:
        path: of the page.
        outputs: whether heads are blurred.
        groups: what the report says of the settings.
        views: of the cameras that are calibrated.
    """

    def __init__(
        self, path: Path, outputs: Outputs, groups: Mapping[str, Mapping[str, str]], views: Mapping[str, GroundView]
    ) -> None:
        def ground(camera: str, boxes: Floats) -> Floats:
            if camera not in views:
                return np.full((len(boxes), 2), np.nan)
            return locate(views[camera], boxes, FootNoise())[0]

        portraits = PortraitSettings(blur=outputs.blur)
        self._gathering = Gathering(GatherSettings(portraits=portraits, ground=ground if views else None))
        self._path = path
        self._groups = groups

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Take in one frame."""
        self._gathering.write(frame, result, events)

    def close(self) -> None:
        """Write the page."""
        created = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
        facts = ReportFacts(version=__version__, created=created, settings=self._groups)
        write_report(self._path, self._gathering.gathered(), facts)
