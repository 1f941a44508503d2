"""The main job: several cameras in, one Global ID per person out."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from unbroken.app.build import build_site, synchronise
from unbroken.app.outputs import Outputs, sinks_for
from unbroken.app.places import observers_of
from unbroken.app.replay import site_of
from unbroken.app.sources import PATIENCE, Opened, in_metres, open_live, open_recorded
from unbroken.app.wishes import settings_from
from unbroken.config.site import SiteSettings
from unbroken.core.events import CameraLost, CameraOnline, CameraStalled, Event
from unbroken.core.frames import Frame
from unbroken.core.ports import Sink, Source
from unbroken.core.results import FrameResult
from unbroken.geometry.plane import GroundView
from unbroken.pipeline.health import Health
from unbroken.pipeline.intake import Intake, Lane, as_they_come
from unbroken.pipeline.observers import Observer, Observers
from unbroken.pipeline.recorder import PictureRecorder, Recorded, Recording, StepRecorder
from unbroken.pipeline.sinks import Sinks
from unbroken.pipeline.site import Site
from unbroken.pipeline.walk import Moment, in_step, usual_window
from unbroken.video.guarded import LiveCamera
from unbroken.video.opening import is_live
from unbroken.video.timing import Steady

Watch = Callable[[FrameResult], None]

_GRACE = 0.5
"""Seconds that the end waits for the threads of all cameras."""


@dataclass(slots=True)
class Summary:
    """What a run did.

    Attributes:
        frames: by camera.
        persons: Global IDs that were given.
        work: what was done and saved, by name.
        seconds: spent, by step.
        failures: one sentence per camera that broke and did not come back, by its name.
        parts: what was at work: detector and Re-ID.
        interrupted: whether the user stopped it.
    """

    frames: Counter[str] = field(default_factory=Counter)
    persons: set[int] = field(default_factory=set)
    work: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def note(self, result: FrameResult) -> None:
        """Take in one frame."""
        self.frames[result.camera] += 1
        self.persons.update(int(person) for person in result.identities.persons if person > 0)
        self.work.update(result.work)
        for step, seconds in result.timings.items():
            self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def hear(self, events: Iterable[Event]) -> None:
        """Take in what broke, and what came back."""
        for event in events:
            if isinstance(event, (CameraLost, CameraStalled)):
                self.failures[event.camera] = event.reason
            elif isinstance(event, CameraOnline):
                self.failures.pop(event.camera, None)


class Answer(NamedTuple):
    """One frame, what is known of it, and what happened."""

    frame: Frame
    result: FrameResult
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A site with its cameras open: `moments` walks through them once."""

    site: Site
    sources: list[Source]
    views: dict[str, GroundView]
    moments: Iterator[Moment]


def track(*sources: str | Path, **wishes: str | int | float | None) -> Iterator[Answer]:
    """Follow people through several cameras: the chain of `unbroken track`, one answer per frame.

    >>> for frame, result, events in track("hall.mp4", "door.mp4", detector="motion"):  # doctest: +SKIP
    ...     print(frame.camera, frame.time, result.identities.persons, result.tracks.boxes)

    Args:
        sources: videos, folders, `rtsp://` addresses, numbers of webcams, or one `site.toml`.
        wishes: the options of `unbroken track`: detector, reid, tracker, identity, every, models ...

    Raises:
        UnbrokenError: as `track_site`. A camera that breaks on the way is an event, and the others go on.
    """
    settings = settings_from([str(source) for source in sources], wishes)
    with opened_site(settings) as running:
        synchronise(running.site, settings)
        yield from answers(running.site, running.moments, observers_of(settings, running.views))


def track_site(
    settings: SiteSettings,
    outputs: Outputs,
    seconds: float = 0.0,
    watch: Callable[[Sequence[Source]], Watch] | None = None,
    sinks: Sequence[Sink] = (),
) -> Summary:
    """Open a site's cameras, run the chain to their end and write what was asked for.

    Args:
        settings: checked.
        outputs: what is written where.
        seconds: of video, after which the run ends; 0 runs to the end, which live cameras don't have.
        watch: is given the sources and returns what is told of every result, for a progress bar.
        sinks: get every answer beside the files; they are closed at the end.

    Raises:
        SourceError: a camera cannot be opened, or a live one gives no picture; nothing was started then.
        ConfigError: a name or an option is not known.
        ModelError: a net is missing, damaged or does not fit.
        StoreError: the results cannot be written.
    """
    with opened_site(settings, seconds) as running:
        sink = Sinks([*sinks_for(outputs, settings, running.site.parts, running.views), *sinks])
        told = watch(running.sources) if watch else _look_away
        observer = observers_of(settings, running.views)
        if outputs.record is not None:
            recording = Recording(outputs.record, site_of(settings, running.views, running.site.parts["reid"]))
            running.site.wrap(lambda manager: Recorded(manager, recording))
            observer = Observers([StepRecorder(recording), observer])
            sink = Sinks([sink, PictureRecorder(recording)]) if outputs.record_pictures else sink
        synchronise(running.site, settings)
        summary = Summary(parts=running.site.parts)

        def hear(events: Sequence[Event]) -> None:
            sink.hear(events)
            summary.hear(events)

        walk = answers(running.site, running.moments, observer, hear)
        return run(walk, sink, told, summary, lambda: hear(observer.close()))


@contextmanager
def opened_site(settings: SiteSettings, seconds: float = 0.0) -> Iterator[Running]:
    """A site with its cameras open, until the context is left.

    Args:
        settings: checked.
        seconds: of video after which the moments end; 0: with the cameras. A live camera does not end by itself.
    """
    live = any(is_live(camera.source) for camera in settings.cameras)
    clock = Steady(time.time, time.monotonic)
    intake = Intake(Health(clock))
    with ExitStack() as stack:
        opened: dict[str, Opened] = {}
        for camera in settings.cameras:
            if is_live(camera.source):
                opened[camera.name] = open_live(camera, settings.live, clock, intake.tell, once=True)
            else:
                opened[camera.name] = open_recorded(camera)
            stack.callback(opened[camera.name].source.close)
        opened = in_metres(opened, settings.cameras)
        site = build_site(settings, opened, time.perf_counter)
        sources = [camera.source for camera in opened.values()]
        if live:
            _reach(sources)
            stack.callback(intake.close, _GRACE)
            for source in sources:
                intake.add(_lane(source))
            moments = as_they_come(intake, seconds or math.inf)
        else:
            ahead = {camera.name: camera.clock for camera in settings.cameras}
            moments = until(in_step(sources, usual_window(sources), ahead), seconds)
        views = {name: camera.view for name, camera in opened.items() if camera.view is not None}
        yield Running(site, sources, views, moments)


def _reach(sources: Sequence[Source]) -> None:
    """Connect all live cameras at once; nothing is begun where one of them gives no picture."""
    cameras = [source for source in sources if isinstance(source, LiveCamera)]
    for camera in cameras:
        camera.start()
    for camera in cameras:
        camera.reach(PATIENCE)


def _lane(source: Source) -> Lane:
    """The way in of a source that is open; a recording that breaks is left."""
    live = isinstance(source, LiveCamera)
    return Lane(source.camera, lambda: source, live, None, tells=live)


def answers(
    site: Site,
    moments: Iterable[Moment],
    observer: Observer | None = None,
    hear: Callable[[Sequence[Event]], None] | None = None,
) -> Iterator[Answer]:
    """The answer for every frame, in the order of the moments.

    Args:
        site: wired.
        moments: in the order of time.
        observer: sees every step and makes events of its own.
        hear: is told the events of moments without a frame; otherwise they come with the first frame that follows.
    """
    waiting: list[Event] = []
    for moment in moments:
        results, events = site.step(moment.frames)
        told = [*moment.events, *events]
        waiting += [*told, *(observer.observe(results, told) if observer is not None else ())]
        if hear is not None and not results:
            hear(tuple(waiting))
            waiting.clear()
        for frame, result in zip(moment.frames, results, strict=True):
            yield Answer(frame, result, tuple(waiting))
            waiting.clear()


def run(walk: Iterable[Answer], sink: Sinks, watch: Watch, summary: Summary, close: Callable[[], None]) -> Summary:
    """Hand every answer to a sink, to the end or until the user interrupts: what was written is valid either way.

    Args:
        walk: the answers.
        sink: gets every answer; it is closed at the end.
        watch: is told of every result.
        summary: takes everything in, and is given back.
        close: tells the sink what is left to tell when the walk is over.
    """
    try:
        for frame, result, events in walk:
            sink.write(frame, result, events)
            summary.note(result)
            summary.hear(events)
            watch(result)
    except KeyboardInterrupt:
        summary.interrupted = True
    finally:
        with ExitStack() as stack:
            stack.callback(sink.close)
            close()
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
