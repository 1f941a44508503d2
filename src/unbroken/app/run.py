"""The service: a site that runs for months. Cameras come and go, answers go out, nothing waits for anything broken."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unbroken.app.build import Workshop, embedder_of, identity_of
from unbroken.app.outlets import outlets_of
from unbroken.app.sources import Opened, open_camera
from unbroken.config.site import CameraSettings, SiteSettings
from unbroken.core.errors import ConfigError
from unbroken.core.events import CameraLost, CameraOnline, CameraStalled, Event, QualityChanged, StepFaulted
from unbroken.core.frames import Frame
from unbroken.core.ports import Sink, Source
from unbroken.core.results import FrameResult
from unbroken.pipeline.guard import guarded
from unbroken.pipeline.health import Health
from unbroken.pipeline.intake import Intake, Lane, Retry
from unbroken.pipeline.overload import Limits
from unbroken.pipeline.scheduler import Scheduler, SchedulerSettings
from unbroken.pipeline.sinks import Sinks, TrackLines
from unbroken.pipeline.site import Site
from unbroken.video.opening import is_live

Tell = Callable[[str], None]
"""Takes one line for whoever operates the site."""

GRACE = 3.0
"""Seconds that a stop waits for the step that is running and for everything to be handed on."""
GRACE_OF_CAMERAS = 1.0
"""Seconds that a stop waits for the threads of all cameras."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A sink that says what an operator wants to know, one line each."""

    tell: Tell

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Say what went with a picture."""
        self.hear(events)

    def hear(self, events: Sequence[Event]) -> None:
        """Say what went with none."""
        for line in map(line_of, events):
            if line:
                self.tell(line)

    def close(self) -> None:
        """Nothing is held."""


def line_of(event: Event) -> str:
    """What an operator is told of an event; empty where it is not his concern."""
    if isinstance(event, CameraOnline):
        return f"camera {event.camera}: online"
    if isinstance(event, (CameraStalled, CameraLost)):
        return f"camera {event.camera}: {event.reason}; it is tried again"
    if isinstance(event, StepFaulted):
        return f"{f'camera {event.camera}' if event.camera else 'the site'}: a step broke: {event.reason}"
    if isinstance(event, QualityChanged):
        return f"quality level {event.level}: {event.reason}"
    return ""


class Service:
    """A running site. Use it as a context: inside of it the site runs, after it everything is handed on and closed.

    Args:
        settings: checked.
        tell: gets one line for each thing that an operator wants to know; called from any thread.
        sinks: further sinks; they are closed with the service.

    Attributes:
        health: how it goes.
        outlets: where events go.

    Raises:
        ConfigError: a name or an option is not known.
        ModelError: a net is missing, damaged or does not fit.
        StoreError: results cannot be written.
    """

    def __init__(self, settings: SiteSettings, tell: Tell, sinks: Iterable[Sink] = ()) -> None:
        self.health = Health(time.time)
        self._tell = tell
        self._settings = settings
        self._workshop = Workshop(settings)
        self._known: dict[str, Opened] = {}
        self._failure: list[Exception] = []
        self._over = threading.Event()
        for camera in _active(settings):
            self._workshop.detector(camera)
        calibrated = sum(bool(camera.calibration) for camera in _active(settings))
        self._site = Site({}, {}, embedder_of(settings), identity_of(settings, calibrated), time.perf_counter)
        self._intake = Intake(self.health)
        self.outlets = outlets_of(settings, os.environ)
        self._sink = Sinks([*_files_of(settings), self.outlets, *sinks, Telling(tell)])
        self._scheduler = Scheduler(self._site, self._intake, self._sink, self.health, self._renew)
        self._scheduler.settings = scheduling(settings)
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def __enter__(self) -> Service:
        """Start every camera; one that cannot be opened is tried again and again."""
        for camera in _active(self._settings):
            self._intake.add(self._lane(camera))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop within some seconds: what was answered has been handed on; threads that hang are left."""
        self._scheduler.stop()
        self._thread.join(GRACE)
        self._sink.close()
        for camera in self._intake.close(GRACE_OF_CAMERAS):
            self._tell(f"camera {camera}: its decoder hangs and is left behind")

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most so long; whether it has come. All cameras are recordings that ended, or a failure.

        Raises:
            UnbrokenError: what was decided could not be made last.
        """
        over = self._over.wait(seconds)
        if self._failure:
            raise self._failure[0]
        return over

    def stop(self) -> None:
        """Let `wait` return; may be called from a signal handler."""
        self._over.set()

    def _run(self) -> None:
        with guarded(self._failure.append):
            self._scheduler.run()
        self._over.set()

    def _lane(self, camera: CameraSettings) -> Lane:
        retry = Retry(self._settings.live.first_retry, self._settings.live.longest_retry)
        return Lane(camera.name, lambda: self._open(camera), is_live(camera.source), self._settings.budget.rate, retry)

    def _open(self, camera: CameraSettings) -> Source:
        """Open a camera, in its own thread; the first time, the site gets what belongs to it."""
        opened = open_camera(camera, time.time)
        first = camera.name not in self._known
        self._known[camera.name] = opened
        if first:
            detector, made = self._workshop.detector(camera, opened), self._workshop.camera(camera, opened)
            self._scheduler.do(lambda: self._site.add(made, detector))
        return opened.source

    def _renew(self, name: str) -> None:
        """A fresh tracker for a camera whose step broke."""
        camera = next((one for one in _active(self._settings) if one.name == name), None)
        if camera is not None and name in self._known:
            opened = self._known[name]
            self._site.add(self._workshop.camera(camera, opened), self._workshop.detector(camera, opened))


def scheduling(settings: SiteSettings) -> SchedulerSettings:
    """How the time of all cameras is shared."""
    budget = settings.budget
    latency = budget.latency / 1000
    limits = Limits(latency=latency, most_every=budget.most_every, least_size=budget.least_size)
    return SchedulerSettings(limits, gather=min(latency / 10, 0.03))


def _active(settings: SiteSettings) -> list[CameraSettings]:
    return [camera for camera in settings.cameras if camera.on]


def _files_of(settings: SiteSettings) -> list[Sink]:
    """The files of results that are asked for."""
    outputs = settings.outputs
    return [TrackLines(Path(outputs.tracks))] if outputs.tracks else []


def run_site(settings: SiteSettings, tell: Tell, seconds: float, ready: Callable[[Service], None]) -> None:
    """Run a site until it is told to stop, for so many seconds, or to the end of its recordings.

    Args:
        settings: checked.
        tell: gets lines for the operator.
        seconds: 0: until `Service.stop` is called.
        ready: is given the service once it runs, so that somebody can stop it.

    Raises:
        UnbrokenError: as `Service`, and where it could not go on.
    """
    if not _active(settings):
        raise ConfigError("every camera is switched off; switch one on with on = true")
    with Service(settings, tell) as service:
        ready(service)
        end = time.monotonic() + seconds if seconds else float("inf")
        while time.monotonic() < end and not service.wait(min(0.5, max(end - time.monotonic(), 0.0))):
            pass
