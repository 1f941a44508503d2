"""Sinks that draw: an annotated video per camera, a mosaic of all, the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from unbroken.core.events import Event
from unbroken.core.frames import Frame
from unbroken.core.names import file_stem
from unbroken.core.results import FrameResult
from unbroken.render.draw import DrawSettings, Painter
from unbroken.render.gathering import Gathering, GatherSettings
from unbroken.render.mosaic import Mosaic, MosaicSettings
from unbroken.render.report import ReportFacts, write_report
from unbroken.render.video import VideoSettings, VideoWriter

Scores = Callable[[], Mapping[str, Mapping[str, float]]]


class AnnotatedVideos:
    """Writes `CAM.annotated.mp4` for each camera into a folder: its pictures with boxes, Global IDs and trails.

    Frames without a picture (recorded detections) are passed over.
    """

    def __init__(self, folder: Path, draw: DrawSettings | None = None, video: VideoSettings | None = None) -> None:
        self._folder = folder
        self._draw = draw or DrawSettings()
        self._video = video or VideoSettings()
        self._cameras: dict[str, tuple[Painter, VideoWriter]] = {}
        self._paths: dict[str, Path] = {}
        self._stems: dict[str, str] = {}

    @property
    def paths(self) -> dict[str, Path]:
        """The file of each camera that has had a picture."""
        return dict(self._paths)

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Append one annotated picture to the video of its camera."""
        if not frame.image.size:
            return
        if frame.camera not in self._cameras:
            stem = file_stem(frame.camera, taken=self._stems.values())
            self._stems[frame.camera] = stem
            self._paths[frame.camera] = self._folder / f"{stem}.annotated.mp4"
            self._cameras[frame.camera] = (Painter(self._draw), VideoWriter(self._paths[frame.camera], self._video))
        painter, video = self._cameras[frame.camera]
        video.write(painter.paint(frame, result), frame.time)

    def close(self) -> None:
        """Finish every video, also where one of them fails."""
        with ExitStack() as stack:
            for _, video in self._cameras.values():
                stack.callback(video.close)


class MosaicVideo:
    """Writes one video of all cameras in the order of time.

    A mosaic is written when a moment is over, that is when a camera has a later picture, but no more than `rate` a
    second: cameras of any rates mix, and cameras in step cost one mosaic per step. It begins with the first picture; a
    run of recorded detections alone has no mosaic.
    """

    def __init__(
        self,
        path: Path,
        cameras: Sequence[str],
        *,
        rate: float = 12.5,
        mosaic: MosaicSettings | None = None,
        video: VideoSettings | None = None,
    ) -> None:
        """Prepare; `rate` is pictures per second at most, `cameras` are the tiles in their order."""
        self._mosaic = Mosaic(cameras, mosaic)
        self._settings = video or VideoSettings()
        self._video = VideoWriter(path, self._settings)
        self._step = 1 / rate
        self._now: float | None = None
        self._written: float | None = None

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Write the mosaic of the moment before this frame, where that is over and due, then take its picture in."""
        if self._now is None:
            if not frame.image.size:
                return
            self._now = frame.time
        if frame.time > self._now:
            if self._written is None or self._now - self._written > 0.999 * self._step:
                self._write_moment(self._now)
            self._now = frame.time
        elif frame.time < self._now - self._settings.longest_gap:
            self._write_moment(self._now)
            self._now, self._written = frame.time, None
        self._mosaic.put(frame, result, events)

    def _write_moment(self, time: float) -> None:
        self._video.write(self._mosaic.picture(time), time)
        self._written = time

    def close(self) -> None:
        """Write the last mosaic and finish the file."""
        if self._now is not None:
            self._write_moment(self._now)
            self._now = None
        self._video.close()


class ReportPage:
    """Gathers while a run goes on and writes the report when it is closed, also after a broken run.

    Args:
        path: of the page.
        facts: what the report tells besides; `elapsed` is measured.
        clock: seconds; the time from here to `close` is what the run took.
        settings: what is gathered; pictures of people only where asked.
        scores: is asked at `close` for scores against ground truth, in the form of `ReportFacts.scores`.
    """

    def __init__(
        self,
        path: Path,
        facts: ReportFacts,
        clock: Callable[[], float],
        settings: GatherSettings | None = None,
        *,
        scores: Scores | None = None,
    ) -> None:
        self._path = path
        self._facts = facts
        self._clock = clock
        self._start = clock()
        self._gathering = Gathering(settings)
        self._scores = scores

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Take in one frame's result."""
        self._gathering.write(frame, result, events)

    def close(self) -> None:
        """Write the page."""
        facts = replace(self._facts, elapsed=self._clock() - self._start)
        if self._scores is not None:
            facts = replace(facts, scores=self._scores())
        write_report(self._path, self._gathering.gathered(), facts)
