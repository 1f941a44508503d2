"""The service: a site that runs for months. Cameras come and go, answers go out, nothing waits for anything broken."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from unbroken.app.build import Workshop, embedder_of, service_identity, synchronise
from unbroken.app.lasting import Memory
from unbroken.app.logs import renew
from unbroken.app.nodes import LATE, hub_of, is_writer, link_of, reporters_of
from unbroken.app.outlets import last_events, outlets_of, things_of
from unbroken.app.pictures import pictures_of
from unbroken.app.places import lines_of, places_of, presence_of, zones_of
from unbroken.app.replay import site_of
from unbroken.app.sources import Opened, measured, open_live, open_recorded
from unbroken.app.systemd import notify
from unbroken.app.telling import LOG, Telling
from unbroken.cluster.deciding import Clerk
from unbroken.config.changes import Changes, SiteFile, running
from unbroken.config.site import CameraSettings, SiteSettings
from unbroken.core.errors import ConfigError, HaltError, UnbrokenError
from unbroken.core.ports import IdentityManager, Sink, Source
from unbroken.datasets.views import view_of
from unbroken.geometry.plane import GroundView
from unbroken.pipeline.board import Board, Outline
from unbroken.pipeline.correspondent import Correspondent
from unbroken.pipeline.guard import guarded, sentence
from unbroken.pipeline.health import Health
from unbroken.pipeline.intake import Intake, Lane, Retry
from unbroken.pipeline.lasting import Lasting
from unbroken.pipeline.observers import Observers
from unbroken.pipeline.overload import Limits
from unbroken.pipeline.recorder import PictureRecorder, Recording, StepRecorder
from unbroken.pipeline.scheduler import Scheduler, SchedulerSettings
from unbroken.pipeline.sinks import Sinks, TrackLog
from unbroken.pipeline.site import Site
from unbroken.video.opening import is_live
from unbroken.video.timing import Steady

GRACE = 2.0
"""Seconds that a stop waits for the step that is running and for everything to be handed on."""
GRACE_OF_CAMERAS = 0.5
"""Seconds that a stop waits for the threads of all cameras."""
_LOOK = 0.5
"""Seconds between two looks at a running site: its file, its health, whether it hangs."""


class Service:
    """A running site. Use it as a context: inside of it the site runs, after it everything is handed on and closed.

    Args:
        settings: checked.
        sinks: further sinks; they are closed with the service.
        environment: where secrets are.
        node: the node of a site on many machines that this process is; `settings` are its part.

    Attributes:
        health: how it goes.
        outlets: where events go.
        settings: those in force.

    Raises:
        ConfigError: a name or an option is not known.
        ModelError: a net is missing, damaged or does not fit.
        StoreError: results cannot be written.
    """

    def __init__(
        self,
        settings: SiteSettings,
        sinks: Iterable[Sink] = (),
        environment: Mapping[str, str] = os.environ,
        node: str = "",
    ) -> None:
        self._decides = is_writer(settings, node)
        cameras = running(settings)
        if not cameras:
            raise ConfigError("every camera is switched off; switch one on with on = true")
        self._clock = Steady(time.time, time.monotonic)
        self.health = Health(self._clock)
        self.settings = settings
        self._workshop = Workshop(settings)
        self._known: dict[str, Opened] = {}
        self._views: dict[str, GroundView] = {}
        self._failure: list[Exception] = []
        self._over, self._asked = threading.Event(), False
        for camera in cameras.values():
            self._workshop.check(camera)
        embedder = embedder_of(settings)
        self._link = link_of(settings, node, embedder, environment) if node else None
        identity = service_identity(settings) if self._link is None else Correspondent(self._link, LATE)
        self._memory = Memory(settings, identity, embedder, environment)
        self._site = Site({}, {}, embedder, self._memory.identity, time.perf_counter)
        self._intake = Intake(self.health)
        self._intake.rate = settings.budget.rate
        self.outlets = outlets_of(settings, environment)
        if self._memory.keeper is not None:
            self.outlets.repeat(last_events(self._memory.keeper.database))
        kept = pictures_of(settings, self._memory, environment)
        files = [*self._memory.sinks, *_files_of(settings), *reporters_of(self._link)]
        self._sinks: list[Sink] = [*files, self.outlets, *kept, *sinks, Telling()]
        self._scheduler = Scheduler(self._site, self._intake, self._sinks, self.health, self._renew)
        self._scheduler.settings = scheduling(settings)
        self._places = places_of(settings, self._views)
        self._scheduler.observer = Observers([presence_of(settings), self._places])
        self._clerk = self._clerk_of(environment) if self._decides else None
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def __enter__(self) -> Service:
        """Start every camera; one that cannot be opened is tried again and again."""
        for line in mixed(self._own().values()):
            LOG.warning(line)
        for camera in self._own().values():
            self._intake.add(self._lane(camera))
        if not self._decides:
            synchronise(self._site, self.settings)
        self._thread.start()
        if self._clerk is not None:
            self._clerk.open()
        return self

    def _own(self) -> dict[str, CameraSettings]:
        """The cameras that this process runs."""
        return {} if self._decides else running(self.settings)

    def _clerk_of(self, environment: Mapping[str, str]) -> Clerk:
        """What decides for the nodes, whose cameras are known here by their files alone.

        Raises:
            ConfigError: nobody has a Global ID, or nothing is stored.
        """
        lasting = self._memory.identity
        if not isinstance(lasting, Lasting):
            raise ConfigError("nodes need a writer that stores Global IDs; name a database and an identity policy")
        for camera in running(self.settings).values():
            if camera.calibration:
                self._views[camera.name] = view_of(camera.calibration)
        hub = hub_of(self.settings, self._memory.model, environment)
        return Clerk(hub, lasting, self._scheduler.do, self._scheduler.relay)

    def __exit__(self, *_: object) -> None:
        """Stop within some seconds: what was answered has been handed on; threads that hang are left."""
        if self._clerk is not None:
            self._clerk.close()
        self._scheduler.stop()
        self._thread.join(GRACE)
        for camera in self._intake.close(GRACE_OF_CAMERAS):
            LOG.warning("camera %s: its thread hangs and is left behind", camera)
        sink = Sinks(self._sinks)
        try:
            if self._thread.is_alive():
                LOG.warning("a step is still running; what was answered is stored, the next start reads the journal")
            else:
                sink.hear(self._memory.close())
        finally:
            sink.close()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most so long; whether it has come: a call of `stop`, or the end of all recordings.

        Raises:
            UnbrokenError: what was decided could not be made last.
            HaltError: a step takes longer than `budget.hang`.
        """
        over = self._over.wait(seconds) or self._asked
        if self._failure:
            raise _told(self._failure[0])
        stage, spent = self._scheduler.doing
        if stage and spent > self.settings.budget.hang:
            raise HaltError(f"the step {stage!r} has been running for {spent:.0f} s{_place(self._thread)}; start again")
        for name, opened in list(self._known.items()):
            self.health.measured(name, *measured(opened.source))
        return over

    def record(self, folder: Path, *, pictures: bool = False) -> None:
        """Record what enters the identity manager, for `unbroken replay`; call it before the site runs.

        Args:
            folder: for the recording; it must not hold one yet.
            pictures: keep every picture.

        Raises:
            ConfigError: this is a node: the writer hears all of them.
            StoreError: the folder cannot be written, or holds a recording.
        """
        if self._link is not None:
            raise ConfigError("a node records nothing; give --record to the writer, which hears all nodes")
        views = {name: view_of(one.calibration) for name, one in running(self.settings).items() if one.calibration}
        about = site_of(self.settings, views, self._memory.model, self._memory.highest)
        recording = Recording(folder, about, complain=lambda error: LOG.error("%s", error))
        self._site.wrap(lambda manager: self._memory.recorded(manager, recording))
        self._scheduler.observer = Observers([StepRecorder(recording), presence_of(self.settings), self._places])
        if pictures:
            self._sinks.append(PictureRecorder(recording))

    @property
    def identity(self) -> IdentityManager | None:
        """What gives Global IDs; only the thread that steps the site may talk to it (`Scheduler.do`)."""
        return self._memory.identity

    def stop(self) -> None:
        """Let `wait` say at its next return that the end has come; takes no lock, so a signal handler may call it."""
        self._asked = True

    def apply(self, changes: Changes) -> None:
        """Let changed settings take effect: cameras are closed and opened, the budget is another."""
        for line in changes.sentences():
            LOG.info(line)
        self.settings = changes.in_force
        self._workshop.settings = changes.in_force
        for name in changes.to_close if not self._decides else ():
            self._intake.remove(name)
            self._known.pop(name, None)
            self._scheduler.do(partial(self._part, name))
        for camera in changes.to_open if not self._decides else ():
            self._intake.add(self._lane(camera))
        for sink in self._sinks:
            if isinstance(sink, Board):
                sink.expect(list(running(self.settings)))
                sink.outline(outlines_of(self.settings))
        self._intake.rate = self.settings.budget.rate
        self._scheduler.settings = scheduling(self.settings)
        if {"zones", "lines"} & set(changes.live):
            self._scheduler.do(self._redraw)
        self.outlets.describe(things_of(self.settings))

    def _part(self, name: str) -> None:
        self._site.remove(name)
        self._views.pop(name, None)

    def _redraw(self) -> None:
        self._scheduler.tell(self._places.change(zones_of(self.settings), lines_of(self.settings)))

    def _run(self) -> None:
        with guarded(self._failure.append):
            self._scheduler.run()
        self._over.set()

    def _lane(self, camera: CameraSettings) -> Lane:
        live = is_live(camera.source)
        retry = Retry(self.settings.live.first_retry, self.settings.live.longest_retry)
        return Lane(camera.name, lambda: self._open(camera), live, retry, tells=live)

    def _open(self, camera: CameraSettings) -> Source:
        """Open a camera, in its own thread; the first time, the site gets what belongs to it."""
        if is_live(camera.source):
            opened = open_live(camera, self.settings.live, self._clock, self._intake.tell)
        else:
            opened = open_recorded(camera)
        detector, made = self._workshop.detector(camera, opened), self._workshop.camera(camera, opened)
        self._scheduler.do(lambda: self._join(camera, opened, lambda: self._site.add(made, detector)))
        return opened.source

    def _join(self, camera: CameraSettings, opened: Opened, add: Callable[[], None]) -> None:
        """Take an opened camera into the site, unless it was changed or removed meanwhile, or is there already."""
        if running(self.settings).get(camera.name) != camera:
            return
        new = camera.name not in self._known
        self._known[camera.name] = opened
        if opened.view is not None:
            self._views[camera.name] = opened.view
        else:
            self._views.pop(camera.name, None)
        if new:
            add()

    def _renew(self, name: str) -> None:
        """A fresh tracker for a camera whose step broke."""
        camera, opened = running(self.settings).get(name), self._known.get(name)
        if camera is not None and opened is not None:
            self._site.add(self._workshop.camera(camera, opened), self._workshop.detector(camera, opened))


def outlines_of(settings: SiteSettings) -> list[Outline]:
    """The zones and lines of a site, for those who look at its board."""
    lines = [Outline(line.name, line.camera, (line.start, line.end)) for line in settings.lines]
    return [*(Outline(zone.name, zone.camera, zone.polygon) for zone in settings.zones), *lines]


def mixed(cameras: Iterable[CameraSettings]) -> list[str]:
    """One sentence for each recording that lies beside live cameras."""
    every = list(cameras)
    live = any(is_live(one.source) for one in every)
    return [
        f"camera {one.name}: a recording beside live cameras is read as fast as it can be, with times of its own; "
        f"write loop://{one.source} to play it as a camera"
        for one in every
        if live and not is_live(one.source)
    ]


def scheduling(settings: SiteSettings) -> SchedulerSettings:
    """How the time of all cameras is shared."""
    budget = settings.budget
    latency = budget.latency / 1000
    limits = Limits(latency=latency, most_every=budget.most_every, least_size=budget.least_size)
    return SchedulerSettings(limits, gather=min(latency / 10, 0.03))


def _files_of(settings: SiteSettings) -> list[Sink]:
    """The files of results that are asked for."""
    outputs = settings.outputs
    aside = (outputs.rotate_megabytes, outputs.rotations)
    return [TrackLog(Path(outputs.tracks), *aside)] if outputs.tracks else []


def _told(failure: Exception) -> UnbrokenError:
    """What ended the chain, as an error with an exit code; the trace of an unexpected one goes into the log."""
    if isinstance(failure, UnbrokenError):
        return failure
    LOG.error("the chain broke", exc_info=failure)
    return HaltError(f"the chain broke: {sentence(failure)}; start again, and report it with the log")


def _place(thread: threading.Thread) -> str:
    """Where a thread is in our own code: ` in detect (detector.py, line 77)`."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and "unbroken" not in frame.f_code.co_filename:
        frame = frame.f_back
    if frame is None:
        return ""
    return f" in {frame.f_code.co_name} ({Path(frame.f_code.co_filename).name}, line {frame.f_lineno})"


@dataclass(frozen=True, slots=True)
class Course:
    """How long a site runs, and who is told.

    Attributes:
        seconds: 0: until `Service.stop` is called.
        file: is watched, and its changes take effect while the site runs.
        ready: is given the service once it runs, so that somebody can stop it.
    """

    seconds: float = 0.0
    file: SiteFile | None = None
    ready: Callable[[Service], None] = lambda _: None


def run_site(service: Service, course: Course) -> None:
    """Run a site until it is told to stop, for so many seconds, or to the end of its recordings.

    Raises:
        UnbrokenError: it could not go on.
        HaltError: a step does not come to its end.
    """
    with service:
        course.ready(service)
        notify("READY=1")
        end = time.monotonic() + course.seconds if course.seconds else float("inf")
        while time.monotonic() < end and not service.wait(min(_LOOK, max(end - time.monotonic(), 0.0))):
            notify("WATCHDOG=1")
            if course.file is not None:
                reload(service, course.file)
        notify("STOPPING=1")


def reload(service: Service, file: SiteFile) -> None:
    """Let what has changed in the site's file take effect; a file that is wrong leaves everything as it is."""
    try:
        changes = file.changes()
    except ConfigError as error:
        LOG.error("%s; the settings in force stay", error)
        return
    if changes is not None:
        renew(changes.in_force, os.environ)
        service.apply(changes)
