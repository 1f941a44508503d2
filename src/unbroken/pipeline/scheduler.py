"""The only supervisor: takes what comes in, runs the chain over all cameras, hands answers on, and keeps going."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Protocol

from unbroken.core.events import Event, StepFaulted
from unbroken.core.ports import Listener, Sink
from unbroken.core.results import FrameResult
from unbroken.pipeline.guard import guarded, sentence
from unbroken.pipeline.health import Health
from unbroken.pipeline.intake import Arrival, Intake
from unbroken.pipeline.site import Site

Errand = Callable[[], None]

_PATIENCE = 0.5
"""Seconds after which the scheduler looks up even where nothing comes."""
_QUIET = 60.0
"""Seconds for which the same fault of the same camera is not told again."""
_REMEMBERED = 1000
"""Faults that are remembered for this, at most."""


class Outlet(Sink, Listener, Protocol):
    """Takes results and events away; events that go with no picture too."""


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """How the time of all cameras is shared.

    Attributes:
        gather: seconds that the first picture of a step waits for those of other cameras, so that nets see batches.
    """

    gather: float = 0.02


class Scheduler:
    """Runs one site: `run` in a thread of its own, everything else from any thread.

    Args:
        site: wired; nobody else may step it.
        intake: what comes in.
        outlet: where answers go; called by the scheduler's thread, so it must not wait for anything slow.
        health: is told how it goes.
        renew: replaces a camera whose step broke by a fresh one.
    """

    def __init__(
        self, site: Site, intake: Intake, outlet: Outlet, health: Health, renew: Callable[[str], None]
    ) -> None:
        self._site = site
        self._intake = intake
        self._outlet = outlet
        self._health = health
        self._renew = renew
        self._errands: SimpleQueue[Errand] = SimpleQueue()
        self._stopping = threading.Event()
        self._faults: list[StepFaulted] = []
        self._told: dict[tuple[str, str], float] = {}
        self._doing = ("", perf_counter())

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

    def run(self, settings: SchedulerSettings) -> None:
        """Step until `stop` is called, or until every camera is a recording that has ended.

        Raises:
            UnbrokenError: what was decided could not be made last, or results could not be written.
        """
        while not self._stopping.is_set():
            self.stage("")
            taken = self._intake.take(_PATIENCE, settings.gather)
            self._run_errands()
            self._step(taken.arrivals, taken.events)
            if not taken.arrivals and self._intake.idle and self._errands.empty():
                return

    def stage(self, name: str) -> None:
        """A stage of a step begins."""
        self._doing = (name, perf_counter())
        self._health.stage(name)

    def guard(self, camera: str) -> AbstractContextManager[None]:
        """Unexpected errors of one camera become an event, and the camera begins anew."""
        return guarded(lambda error: self._fault(camera, error))

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
        results, happened = self._site.step([arrival.frame for arrival in known], self) if known else ([], [])
        faults, self._faults = self._faults, []
        for camera in dict.fromkeys(fault.camera for fault in faults if fault.camera):
            self._renew(camera)
        self.stage("answer")
        with self.guard(""):
            self._answer(known, results, [*events, *happened, *self._news(faults)])
        if known:
            self._note(results, perf_counter() - start)

    def _news(self, faults: Sequence[StepFaulted]) -> list[StepFaulted]:
        """The faults that were not told within the last minute: one that comes back with each picture is no flood."""
        news = []
        for fault in faults:
            key = (fault.camera, fault.reason)
            if fault.time - self._told.get(key, -_QUIET) >= _QUIET:
                self._told = {**self._told, key: fault.time} if len(self._told) < _REMEMBERED else {key: fault.time}
                news.append(fault)
        return news

    def _answer(self, arrivals: Sequence[Arrival], results: Sequence[FrameResult], events: Sequence[Event]) -> None:
        """Hand results on; events go with the first of them, or alone where there is none."""
        came = {arrival.frame.camera: arrival for arrival in arrivals}
        if events and not results:
            self._outlet.hear(events)
        for number, result in enumerate(results):
            arrival = came[result.camera]
            self._outlet.write(arrival.frame, result, events if not number else ())
            self._health.answered(result.camera, perf_counter() - arrival.came, result.work)

    def _note(self, results: Sequence[FrameResult], seconds: float) -> None:
        stages: Counter[str] = Counter()
        for result in results:
            for stage, spent in result.timings.items():
                stages[stage] += spent  # type: ignore[assignment]
        self._health.step(seconds, stages)
