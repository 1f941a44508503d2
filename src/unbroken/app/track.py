"""The main job: several cameras in, one Global ID per person out."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from unbroken.app.build import build_site
from unbroken.app.outputs import Outputs, sinks_for
from unbroken.app.sources import open_camera
from unbroken.config.site import SiteSettings
from unbroken.core.events import CameraLost, CameraStalled, Event
from unbroken.core.ports import Sink, Source
from unbroken.core.results import FrameResult
from unbroken.pipeline.site import Site
from unbroken.pipeline.walk import Moment, as_they_come, in_step, usual_window
from unbroken.video.opening import is_live

Watch = Callable[[FrameResult], None]


@dataclass(slots=True)
class Summary:
    """What a run did.

    Attributes:
        frames: by camera.
        persons: Global IDs that were given.
        work: what was done and saved, by name.
        seconds: spent, by step.
        failures: one sentence per camera that broke.
        interrupted: whether the user stopped it.
    """

    frames: Counter[str] = field(default_factory=Counter)
    persons: set[int] = field(default_factory=set)
    work: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False

    def note(self, result: FrameResult) -> None:
        """Take in one frame."""
        self.frames[result.camera] += 1
        self.persons.update(int(person) for person in result.identities.persons if person > 0)
        self.work.update(result.work)
        for step, seconds in result.timings.items():
            self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def note_failures(self, events: Iterable[Event]) -> None:
        """Take in what broke."""
        self.failures += [
            f"camera {event.camera}: {event.reason}"
            for event in events
            if isinstance(event, (CameraLost, CameraStalled))
        ]


def track_site(
    settings: SiteSettings,
    outputs: Outputs,
    seconds: float = 0.0,
    watch: Callable[[Sequence[Source]], Watch] | None = None,
) -> Summary:
    """Open a site's cameras, run the chain to their end and write what was asked for.

    Args:
        settings: checked.
        outputs: what is written where.
        seconds: of video, after which the run ends; 0 runs to the end.
        watch: is given the sources and returns what is told of every result, for a progress bar.

    Raises:
        SourceError: a camera cannot be opened; nothing was started then.
        ConfigError: a name or an option is not known.
        ModelError: a net is missing, damaged or does not fit.
        StoreError: the results cannot be written.
    """
    with ExitStack() as stack:
        opened = {}
        for camera in settings.cameras:
            opened[camera.name] = open_camera(camera, time.time)
            stack.callback(opened[camera.name].source.close)
        site = build_site(settings, opened, time.perf_counter)
        sources = [camera.source for camera in opened.values()]
        live = any(is_live(camera.source) for camera in settings.cameras)
        moments = as_they_come(sources) if live else in_step(sources, usual_window(sources))
        views = {name: camera.view for name, camera in opened.items() if camera.view is not None}
        sinks = sinks_for(outputs, settings, site.parts, views)
        return run(site, until(moments, seconds), sinks, watch(sources) if watch else _look_away)


def run(site: Site, moments: Iterable[Moment], sinks: Sequence[Sink], watch: Watch) -> Summary:
    """Walk through the moments to the end, or until the user interrupts: what was written is valid either way.

    Args:
        site: wired.
        moments: in the order of time.
        sinks: get every result; they are closed at the end.
        watch: is told of every result.
    """
    summary = Summary()
    waiting: list[Event] = []
    try:
        for moment in moments:
            summary.note_failures(moment.events)
            results, events = site.step(moment.frames)
            waiting += [*moment.events, *events]
            for frame, result in zip(moment.frames, results, strict=True):
                for sink in sinks:
                    sink.write(frame, result, waiting)
                waiting = []
                summary.note(result)
                watch(result)
    except KeyboardInterrupt:
        summary.interrupted = True
    finally:
        with ExitStack() as stack:
            for sink in sinks:
                stack.callback(sink.close)
    return summary


def _look_away(result: FrameResult) -> None:
    """Nobody watches."""


def until(moments: Iterator[Moment], seconds: float) -> Iterator[Moment]:
    """The moments of the first `seconds`; all of them where that is 0."""
    if not seconds:
        return moments
    start: list[float] = []

    def early(moment: Moment) -> bool:
        start.extend(frame.time for frame in moment.frames[:1] if not start)
        return all(frame.time - start[0] < seconds for frame in moment.frames[:1])

    return itertools.takewhile(early, moments)
