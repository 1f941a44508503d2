"""A courier takes events from the spool to one outlet, in a thread of its own: retried, in order, at least once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from threading import Condition, Lock, Thread
from typing import Protocol

from unbroken.core.errors import ContractError, UnbrokenError
from unbroken.outlets.envelope import Envelope
from unbroken.outlets.spool import Place, Spool, replaced

_LOG = logging.getLogger("unbroken.outlets")


class DeliveryError(UnbrokenError):
    """Not everything could be delivered.

    Attributes:
        done: how many of the envelopes were delivered before it.
        final: whether the next one will never be taken: it is dropped and counted.
        wait: seconds that the other side asked for; 0 where it did not.
    """

    def __init__(self, text: str, done: int = 0, *, final: bool = False, wait: float = 0.0) -> None:
        super().__init__(text)
        self.done = done
        self.final = final
        self.wait = wait


class Outlet(Protocol):
    """Delivers events somewhere. One courier at a time uses it, in its thread."""

    @property
    def name(self) -> str:
        """Short, for logs and for the file that says how far it is; no two outlets of a site share one."""

    def deliver(self, envelopes: Sequence[Envelope]) -> None:
        """Deliver these in their order; what has been taken needs no second try.

        Raises:
            DeliveryError: not all were taken; it says how many.
        """

    def close(self) -> None:
        """Let go of what is held. May be called twice."""


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """How a courier works.

    Attributes:
        batch: events that are handed over at once, at most.
        first_retry: seconds before the first retry; each one doubles it.
        longest_retry: seconds between retries, at most.
        give_up: seconds of retries after which an event is dropped and counted.
        types: of events that are delivered; empty: all.
    """

    batch: int = 64
    first_retry: float = 0.5
    longest_retry: float = 60.0
    give_up: float = 86400.0
    types: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class CourierStatus:
    """How an outlet is.

    Attributes:
        name: of the outlet.
        delivered: events that were taken since the start.
        waiting: events in the spool that were not.
        dropped: events that went because the spool was full or because they could not be delivered for too long.
        refused: events that the other side will never take.
        failing: attempts in a row that failed; 0 while all is well.
        error: one sentence: why the last one failed; empty while all is well.
    """

    name: str
    delivered: int = 0
    waiting: int = 0
    dropped: int = 0
    refused: int = 0
    failing: int = 0
    error: str = ""


def retry_delay(settings: CourierSettings, failing: int, random: Random) -> float:
    """Seconds before the next try after so many failures in a row: doubled each time, with a jitter of a half."""
    longest = min(settings.longest_retry, settings.first_retry * 2.0 ** min(failing - 1, 30))
    return longest * random.uniform(0.5, 1.0)


class Courier:
    """Takes events from the spool to an outlet. What is delivered is noted in `NAME.place` beside the spool.

    Args:
        outlet: where they go.
        spool: where they come from.
        folder: for the note.
        settings: how it works.
        clock: seconds, growing.
        random: for the jitter.
    """

    def __init__(
        self,
        outlet: Outlet,
        spool: Spool,
        folder: Path,
        settings: CourierSettings,
        clock: Callable[[], float],
        *,
        random: Random | None = None,
    ) -> None:
        self._outlet = outlet
        self._spool = spool
        self._note = folder / f"{outlet.name}.place"
        self._settings = settings
        self._clock = clock
        self._random = random or Random()
        self._condition = Condition()
        self._busy = Lock()
        self._stopping = False
        self._failing_since = 0.0
        self._place = Place(_noted(self._note, spool))
        _write(self._note, self._place)
        self._status = CourierStatus(outlet.name)
        self._thread = Thread(target=self._work, name=f"outlet {outlet.name}", daemon=True)

    @property
    def place(self) -> int:
        """The number of the next event that is not delivered yet."""
        return self._place.number

    @property
    def status(self) -> CourierStatus:
        """How the outlet is."""
        return replace(self._status, waiting=max(self._spool.next - max(self.place, self._spool.first), 0))

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new."""
        with self._condition:
            self._condition.notify_all()

    def close(self, grace: float) -> None:
        """Deliver what is there for at most `grace` seconds, then stop. The rest stays in the spool."""
        with self._condition:
            self._condition.wait_for(lambda: not self._thread.is_alive() or self._idle(), timeout=grace)
            self._stopping = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join(grace)
        self._outlet.close()

    def settle(self) -> None:
        """Wait until what was read from the spool before is delivered or given back."""
        with self._busy:
            pass

    def _idle(self) -> bool:
        return self._place.number >= self._spool.next or bool(self._status.failing)

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.notify_all()
                self._condition.wait_for(lambda: self._stopping or self._place.number < self._spool.next)
                if self._stopping:
                    return
            try:
                with self._busy:
                    pause = self._deliver()
            except OSError as error:
                pause = self._failed(DeliveryError(f"the spool cannot be used ({error.strerror})"), ())
            if pause:
                with self._condition:
                    self._condition.notify_all()
                    self._condition.wait_for(lambda: self._stopping, timeout=pause)

    def _deliver(self) -> float:
        """Hand the next events over; seconds until the next try where that failed."""
        missed = self._spool.first - self._place.number
        if missed > 0:
            _LOG.warning("outlet %s: %d events were dropped, for the spool is full", self._outlet.name, missed)
            self._status = replace(self._status, dropped=self._status.dropped + missed)
            self._advance(Place(self._place.number + missed))
        lines, behind = self._spool.read(self._place, self._settings.batch)
        numbers, envelopes = self._wanted(lines)
        try:
            if envelopes:
                self._outlet.deliver(envelopes)
        except DeliveryError as error:
            return self._failed(error, numbers)
        self._delivered(len(envelopes))
        self._advance(behind)
        return 0.0

    def _wanted(self, lines: Sequence[tuple[int, bytes]]) -> tuple[list[int], list[Envelope]]:
        """The events that this outlet delivers, with their numbers; a damaged line is nobody's."""
        numbers, envelopes = [], []
        for number, line in lines:
            try:
                envelope = Envelope.read(line)
            except ContractError as error:
                _LOG.warning("outlet %s: %s", self._outlet.name, error)
                continue
            if not self._settings.types or envelope.type in self._settings.types:
                numbers.append(number)
                envelopes.append(envelope)
        return numbers, envelopes

    def _delivered(self, count: int) -> None:
        if count and self._status.failing:
            _LOG.info("outlet %s: delivers again", self._outlet.name)
            self._status = replace(self._status, failing=0, error="")
        self._status = replace(self._status, delivered=self._status.delivered + count)

    def _failed(self, error: DeliveryError, numbers: Sequence[int]) -> float:
        """Go on behind what was taken, and behind what never will be; seconds until the next try."""
        self._delivered(error.done)
        now, status = self._clock(), self._status
        if not status.failing:
            self._failing_since = now
            _LOG.warning("outlet %s: %s", self._outlet.name, error)
        stuck = numbers[error.done] if numbers else self._place.number
        if error.final:
            self._status = replace(status, refused=status.refused + 1, failing=0, error=str(error))
            self._advance(Place(stuck + 1))
            return 0.0
        hopeless = bool(numbers) and now - self._failing_since > self._settings.give_up
        dropped = status.dropped + hopeless
        self._status = replace(status, failing=status.failing + 1, error=str(error), dropped=dropped)
        if stuck + hopeless > self._place.number:
            self._advance(Place(stuck + hopeless))
        return max(retry_delay(self._settings, self._status.failing, self._random), error.wait)

    def _advance(self, place: Place) -> None:
        self._place = place
        _write(self._note, place)


def _noted(note: Path, spool: Spool) -> int:
    """How far an outlet was. A new one begins with what comes now, one whose note is damaged with all there is."""
    try:
        return min(int(note.read_text()), spool.next)
    except FileNotFoundError:
        return spool.next
    except (OSError, ValueError):
        return 0


def _write(note: Path, place: Place) -> None:
    """Forced to the disk, so that a power cut leaves a note that is whole."""
    replaced(note, [b"%d\n" % place.number])
