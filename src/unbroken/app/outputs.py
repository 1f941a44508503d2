"""What a run leaves behind: files, videos and a report in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unbroken.config.site import SiteSettings
from unbroken.core.errors import StoreError
from unbroken.core.ports import Sink
from unbroken.pipeline.sinks import EventLines, MotFiles, TrackLines
from unbroken.pipeline.site import Site
from unbroken.render.draw import DrawSettings
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


def sinks_for(outputs: Outputs, settings: SiteSettings, site: Site) -> list[Sink]:
    """The sinks that write what is asked for.

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
        EventLines(folder / "events.jsonl"),
    ]
    drawing = DrawSettings(blur_heads=outputs.blur)
    if outputs.videos:
        sinks.append(AnnotatedVideos(folder, drawing))
    if outputs.mosaic:
        sinks.append(MosaicVideo(folder / "mosaic.mp4", [camera.name for camera in settings.cameras]))
    return sinks
