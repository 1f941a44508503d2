"""What nodes have sent is decided by the one writer, and becomes results and events as if it had been seen here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from unbroken.cluster.assembly import Joint
from unbroken.cluster.hub import Hub
from unbroken.core.batches import Batch, Report, Verdict
from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError
from unbroken.core.events import Event, StepFaulted
from unbroken.core.ports import Bus
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities
from unbroken.core.tracks import Tracks, TrackState

Do = Callable[[Callable[[], None]], None]
"""Has something done by the thread that talks to the writer."""
Relay = Callable[[Sequence[FrameResult], Sequence[Event]], None]
"""Hands results and events on."""
_LOOK = 0.5
"""Seconds between two looks whether the end has come."""


class Clerk:
    """Takes from the hub what is next, has it decided, hands it on, and only then tells the nodes.

    Args:
        hub: where nodes send to.
        bus: leads to the writer in this process.
        do: has the deciding done by the one thread that talks to it.
        relay: is called by that thread.
    """

    def __init__(self, hub: Hub, bus: Bus, do: Do, relay: Relay) -> None:
        self._hub, self._bus, self._do, self._relay = hub, bus, do, relay
        self._told: dict[str, tuple[int, int]] = {}
        self._over = False
        self._thread = threading.Thread(target=self._run, name="clerk", daemon=True)

    def open(self) -> None:
        """Let nodes in."""
        self._hub.open(self._bus.epochs or {})
        self._thread.start()

    def close(self) -> None:
        """Hang up. What was not decided, nodes keep."""
        self._over = True
        self._hub.close()
        self._thread.join(2 * _LOOK)

    def _run(self) -> None:
        while not self._over:
            joint = self._hub.next(_LOOK)
            if joint is not None:
                self._wait_for(joint)

    def _wait_for(self, joint: Joint) -> None:
        done = threading.Event()

        def decide() -> None:
            try:
                self._decide(joint)
            finally:
                done.set()

        self._do(decide)
        while not done.wait(_LOOK) and not self._over:
            pass

    def _decide(self, joint: Joint) -> None:
        verdict, told = (
            (Verdict((), ()), list(joint.events)) if joint.batch is None else decided(self._bus, joint.batch)
        )
        batch = joint.batch or Batch(0.0)
        results = self._new(batch.reports, verdict.identities) if verdict is not None else []
        if results or told:
            self._relay(results, told)
        self._hub.answer(joint, verdict, self._bus.epochs or {})

    def _new(self, reports: Iterable[Report], answers: Iterable[Identities]) -> list[FrameResult]:
        """The results of pictures that were not handed on before: nodes send again what they are not sure of."""
        results = []
        for report, who in zip(reports, answers, strict=False):
            place = (report.epoch, report.number)
            if place > self._told.get(who.camera, (0, -1)):
                self._told[who.camera] = place
                results.append(result_of(report, who))
        return results


def decided(bus: Bus, batch: Batch) -> tuple[Verdict | None, list[Event]]:
    """What the writer says to a batch, and what may be told; `None` while it cannot be stored.

    Where a report breaks its contract, each is decided alone, and those at fault are left undecided.
    """
    try:
        number = bus.put(batch)
    except ContractError as error:
        if len(batch.reports) < 2:
            return _refused(batch, str(error))
        parts = [decided(bus, Batch(batch.time, (report,))) for report in batch.reports]
        told = [event for _, events in parts for event in events]
        verdicts = [verdict for verdict, _ in parts if verdict is not None]
        if len(verdicts) < len(parts):
            return None, told
        return Verdict(tuple(who for one in verdicts for who in one.identities), tuple(told)), told
    answers = bus.take()
    told = [event for answer in answers for event in answer.verdict.events]
    return next((answer.verdict for answer in answers if answer.number == number), None), told


def _refused(batch: Batch, reason: str) -> tuple[Verdict, list[Event]]:
    views = [report.sightings for report in batch.reports]
    told: list[Event] = [StepFaulted(batch.time, view.camera, reason) for view in views]
    undecided = tuple(Identities.undecided(view.camera, view.time, view.tracks) for view in views)
    return Verdict(undecided, tuple(told)), told


def result_of(report: Report, who: Identities) -> FrameResult:
    """What is known here of a picture at a node: who was where. The picture itself, and its size, stay there."""
    view = report.sightings
    count = len(view)
    confirmed, times = np.full(count, int(TrackState.CONFIRMED)), np.full(count, view.time)
    tracks = Tracks(view.tracks, view.boxes, view.quality, np.zeros(count), confirmed, times, np.arange(count))  # type: ignore[arg-type]
    return FrameResult(view.camera, report.number, view.time, (0, 0), Detections.empty(), tracks, who, {}, {})
