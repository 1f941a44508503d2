"""The only supervisor: takes what comes in, runs the chain over all cameras, hands answers on, and keeps going."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from time import perf_counter

import numpy as np

from unbroken.core.events import Event, QualityChanged, StepFaulted
from unbroken.core.frames import Frame
from unbroken.core.ports import Listener, Sink
from unbroken.core.results import FrameResult
from unbroken.pipeline.guard import guarded, sentence
from unbroken.pipeline.health import Health
from unbroken.pipeline.intake import Arrival, Intake
from unbroken.pipeline.observers import Observer, Observers
from unbroken.pipeline.overload import Limits, Load, Quality, Standing, decide, ladder
from unbroken.pipeline.site import Site

Errand = Callable[[], None]

_NO_PICTURE = np.zeros((0, 0, 3), dtype=np.uint8)

_PATIENCE = 0.5
"""Seconds after which the scheduler looks up even where nothing comes."""
_QUIET = 60.0
"""Seconds for which the same fault of the same camera is not told again."""
_REMEMBERED = 1000
"""Faults that are remembered for this, at most."""


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """How the time of all cameras is shared.

    Attributes:
        limits: what has to be kept to, and how far quality may fall for it.
        gather: seconds that the first picture of a step waits for those of other cameras, so that nets see batches.
        window: seconds over which load is measured.
        grace: seconds after the first step in which load does not count: nets and compilers are still warming up.
        deadline: share of the latency that a picture may have used up when Re-ID begins to put crops off.
    """

    limits: Limits = field(default_factory=Limits)
    gather: float = 0.02
    window: float = 1.0
    grace: float = 3.0
    deadline: float = 0.75


class Meter:
    """How busy the scheduler is: seconds of each stage, and latencies, since the last look.

    Args:
        now: seconds, when it begins.
    """

    def __init__(self, now: float) -> None:
        self._since = now
        self._spent: Counter[str] = Counter()
        self._latencies: list[float] = []

    def step(self, seconds: float, stages: Mapping[str, float]) -> None:
        """A step took so long, and its stages."""
        self._spent["busy"] += seconds  # type: ignore[assignment]
        for stage in ("detect", "embed"):
            self._spent[stage] += stages.get(stage, 0.0)  # type: ignore[assignment]

    def answered(self, latency: float) -> None:
        """A live picture has its answer."""
        self._latencies.append(latency)

    def load(self, now: float, window: float) -> Load | None:
        """The load since the last one that was given; `None` before `window` seconds are over."""
        span = now - self._since
        if span < window:
            return None
        late = sorted(self._latencies)
        busy, detect, embed = (min(self._spent[name] / span, 1.0) for name in ("busy", "detect", "embed"))
        self._since, self._spent, self._latencies = now, Counter(), []
        return Load(busy, detect, embed, late[int(0.95 * (len(late) - 1))] if late else 0.0)


class Scheduler:
    """Runs one site: `run` in a thread of its own, everything else from any thread.

    Args:
        site: wired; nobody else may step it.
        intake: what comes in.
        outlets: where answers go, in this order, events that go with no picture to those that listen; called by the
            scheduler's thread, so they must not wait for anything slow. One that breaks does not keep the others from
            theirs.
        health: is told how it goes.
        renew: replaces a camera whose step broke by a fresh one.

    Attributes:
        settings: how time is shared; may be replaced at any time.
        observer: sees every step and makes events of its own; replaced between two steps only (`do`).
    """

    def __init__(
        self, site: Site, intake: Intake, outlets: Sequence[Sink], health: Health, renew: Callable[[str], None]
    ) -> None:
        self.settings = SchedulerSettings()
        self.observer: Observer = Observers(())
        self._site = site
        self._intake = intake
        self._outlets = outlets
        self._health = health
        self._renew = renew
        self._errands: SimpleQueue[Errand] = SimpleQueue()
        self._stopping = threading.Event()
        self._faults: list[StepFaulted] = []
        self._told: dict[tuple[str, str], float] = {}
        self._doing = ("", perf_counter())
        self._meter = Meter(perf_counter())
        self._standing = Standing()
        self._began = math.inf
        self._crop = 0.0
        self._oldest = 0.0

    @property
    def doing(self) -> tuple[str, float]:
        """What the scheduler is at, empty while it waits for pictures, and for how many seconds."""
        stage, since = self._doing
        return stage, perf_counter() - since

    def do(self, errand: Errand) -> None:
        """Have something done between two steps, by the thread that steps the site."""
        self._errands.put(errand)
        self._intake.wake()

    def stop(self) -> None:
        """End after the step that is running; its answers are handed on."""
        self._stopping.set()
        self._intake.wake()

    def run(self) -> None:
        """Step until `stop` is called, or until every camera is a recording that has ended.

        Raises:
            UnbrokenError: what was decided could not be made last, or results could not be written.
        """
        while not self._stopping.is_set():
            self.stage("")
            taken = self._intake.take(_PATIENCE, self.settings.gather)
            self._run_errands()
            self._step(taken.arrivals, [*taken.events, *self._balance()])
            if not taken.arrivals and self._intake.idle and self._errands.empty():
                break
        self.tell(self.observer.close())

    def stage(self, name: str) -> None:
        """A stage of a step begins."""
        self._doing = (name, perf_counter())
        self._health.stage(name)

    def guard(self, camera: str) -> AbstractContextManager[None]:
        """Unexpected errors of one camera become an event, and the camera begins anew."""
        return guarded(lambda error: self._fault(camera, error))

    def room(self, crops: int) -> int:
        """How many crops the embedder has time for until the oldest live picture of the step has waited too long."""
        if not self._crop or not self._oldest:
            return crops
        left = self._oldest + self.settings.deadline * self.settings.limits.latency - perf_counter()
        return min(crops, max(int(left / self._crop), 1))

    def embedded(self, crops: int, seconds: float) -> None:
        """Learn what a crop costs."""
        if crops:
            cost = seconds / crops
            self._crop = self._crop + 0.2 * (cost - self._crop) if self._crop else cost

    def _balance(self) -> list[Event]:
        """Fit quality to the load of the last seconds; an event where it changes."""
        load = self._meter.load(perf_counter(), self.settings.window)
        if load is None or perf_counter() - self._began < self.settings.grace:
            return []
        limits = replace(self.settings.limits, size=self._site.size)
        live = self._intake.live
        standing = decide(self._standing, load, perf_counter(), limits) if live else Standing()
        changed, self._standing = standing.level != self._standing.level, standing
        self._health.quality(standing.level, load.busy)
        if not changed:
            return []
        quality = ladder(limits)[standing.level]
        self._site.ease(quality, limits.most_every)
        return [_change(self._health.clock(), standing, quality, load)]

    def _fault(self, camera: str, error: Exception) -> None:
        self._faults.append(StepFaulted(self._health.clock(), camera, sentence(error)))
        self._health.faulted(camera)

    def _run_errands(self) -> None:
        while not self._stopping.is_set():
            try:
                errand = self._errands.get_nowait()
            except Empty:
                return
            self.stage("errand")
            errand()

    def _step(self, arrivals: Sequence[Arrival], events: Sequence[Event]) -> None:
        """One step over the pictures that came; those of cameras that were removed meanwhile are left."""
        start = perf_counter()
        known = [arrival for arrival in arrivals if arrival.frame.camera in self._site.cameras]
        self._oldest = min((arrival.came for arrival in known if arrival.live), default=0.0)
        results, happened = self._site.step([arrival.frame for arrival in known], self) if known else ([], [])
        happened = happened if known else self._site.rest()
        faults, self._faults = self._faults, []
        for camera in dict.fromkeys(fault.camera for fault in faults if fault.camera):
            self._renew(camera)
        self.stage("answer")
        told = [*events, *happened, *self._news(faults)]
        with self.guard(""):
            told += self.observer.observe(results, told)
        self._answer(known, results, told)
        if known:
            self._began = min(self._began, start)
            self._note(results, perf_counter() - start)

    def _news(self, faults: Sequence[StepFaulted]) -> list[StepFaulted]:
        """The faults that were not told within the last minute: one that comes back with each picture is no flood."""
        news = []
        for fault in faults:
            key = (fault.camera, fault.reason)
            if abs(fault.time - self._told.get(key, -math.inf)) >= _QUIET:
                self._told = {**self._told, key: fault.time} if len(self._told) < _REMEMBERED else {key: fault.time}
                news.append(fault)
        return news

    def _answer(self, arrivals: Sequence[Arrival], results: Sequence[FrameResult], events: Sequence[Event]) -> None:
        """Hand results on; events go with the first of them, or alone where there is none."""
        came = {arrival.frame.camera: arrival for arrival in arrivals}
        if not results:
            self.tell(events)
        for number, result in enumerate(results):
            arrival = came[result.camera]
            for outlet in self._outlets:
                with self.guard(""):
                    outlet.write(arrival.frame, result, () if number else events)
            latency = perf_counter() - arrival.came
            self._health.answered(result.camera, latency, result.work)
            if arrival.live:
                self._meter.answered(latency)

    def relay(self, results: Sequence[FrameResult], events: Sequence[Event]) -> None:
        """Hand on what was seen elsewhere and decided here; by the scheduler's thread."""
        told = [*events]
        with self.guard(""):
            told += self.observer.observe(results, told)
        if not results:
            self.tell(told)
        for number, result in enumerate(results):
            frame = Frame(result.camera, result.index, result.time, _NO_PICTURE)
            for outlet in self._outlets:
                with self.guard(""):
                    outlet.write(frame, result, () if number else told)

    def tell(self, events: Sequence[Event]) -> None:
        """Hand on events that go with no picture; by the scheduler's thread, or after `run` has ended."""
        for outlet in self._outlets:
            if events and isinstance(outlet, Listener):
                with self.guard(""):
                    outlet.hear(events)

    def _note(self, results: Sequence[FrameResult], seconds: float) -> None:
        stages: Counter[str] = Counter()
        for result in results:
            for stage, spent in result.timings.items():
                stages[stage] += spent  # type: ignore[assignment]
        self._health.step(seconds, stages)
        self._meter.step(seconds, stages)


def _change(time: float, standing: Standing, quality: Quality, load: Load) -> QualityChanged:
    """Why quality is as it is from here on."""
    cause = (
        f"there is room again ({load.busy:.0%} busy)"
        if standing.risen
        else f"the machine is too slow ({load.busy:.0%} busy, {1000 * load.latency:.0f} ms from picture to answer)"
    )
    less = [f"the detector looks at 1 of {quality.every} pictures"]
    less += [f"tracks get new features {quality.refresh:g} times as rarely"] if quality.refresh > 1 else []
    less += [f"its input is {quality.size} pixels"] if quality.size else []
    reason = f"{cause}: {', '.join(less)}" if standing.level else cause
    return QualityChanged(time, standing.level, quality.every, quality.refresh, quality.size, reason)
