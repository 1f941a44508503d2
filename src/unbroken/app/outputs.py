"""What a run leaves behind: files, videos and a report in one folder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from unbroken.app.report import report_facts
from unbroken.config.site import SiteSettings
from unbroken.core.arrays import Floats
from unbroken.core.errors import StoreError
from unbroken.core.ports import Sink
from unbroken.geometry.plane import FootNoise, GroundView, locate
from unbroken.outlets.lines import EventFile
from unbroken.pipeline.sinks import MotFiles, TrackLines
from unbroken.render.draw import DrawSettings
from unbroken.render.gathering import GatherSettings, Ground
from unbroken.render.portraits import PortraitSettings
from unbroken.render.sinks import AnnotatedVideos, MosaicVideo, ReportPage, Scores


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written.

    Attributes:
        folder: where everything goes.
        videos: an annotated video per camera.
        mosaic: one video of all cameras.
        report: `report.html`.
        pictures: the report keeps pictures of people.
        blur: blur heads in all pictures that are kept.
        record: a folder for a recording that `unbroken replay` runs again; `None` makes none.
        record_pictures: the recording keeps every picture.
        scores: is asked for scores against ground truth once all files are complete; they go into the report.
    """

    folder: Path
    videos: bool = True
    mosaic: bool = False
    report: bool = True
    pictures: bool = True
    blur: bool = False
    scores: Scores | None = None
    record: Path | None = None
    record_pictures: bool = False


def sinks_for(
    outputs: Outputs, settings: SiteSettings, parts: Mapping[str, str], views: Mapping[str, GroundView]
) -> list[Sink]:
    """The sinks that write what is asked for, the report first: closed in reverse, it can be told how the others ended.

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
    sinks: list[Sink] = [
        MotFiles(folder),
        TrackLines(folder / "tracks.jsonl"),
        EventFile(folder / "events.jsonl", settings.outputs.site),
    ]
    if outputs.videos:
        sinks.append(AnnotatedVideos(folder, DrawSettings(blur_heads=outputs.blur)))
    if outputs.mosaic:
        sinks.append(MosaicVideo(folder / "mosaic.mp4", [camera.name for camera in settings.cameras]))
    if outputs.report:
        created = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
        gather = GatherSettings(outputs.pictures, PortraitSettings(blur=outputs.blur), ground_of(views))
        facts = report_facts(settings, parts, created=created)
        page = ReportPage(folder / "report.html", facts, time.perf_counter, gather, scores=outputs.scores)
        sinks.insert(0, page)
    return sinks


def ground_of(views: Mapping[str, GroundView]) -> Ground | None:
    """Where people in the boxes of a camera stand, for the floor plan; `None` where no camera is calibrated."""
    if not views:
        return None

    def ground(camera: str, boxes: Floats) -> Floats:
        return locate(views[camera], boxes, FootNoise())[0] if camera in views else np.full((len(boxes), 2), np.nan)

    return ground
