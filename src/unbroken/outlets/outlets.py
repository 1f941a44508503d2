"""All outlets of a site behind one door: an event is sealed, spooled, and taken from there by each courier."""

from __future__ import annotations

import logging
import os
import re
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

from unbroken.core.errors import StoreError
from unbroken.core.events import Event, PersonForgotten
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.outlets.courier import Courier, CourierSettings, CourierStatus, Outlet
from unbroken.outlets.envelope import Envelope, Sealer
from unbroken.outlets.erasing import Erasure
from unbroken.outlets.figures import Things
from unbroken.outlets.lines import Lines
from unbroken.outlets.mqtt import Mqtt
from unbroken.outlets.spool import Spool, SpoolSettings

_LOG = logging.getLogger("unbroken.outlets")
_TRIM_EVERY = 64
_REMEMBERED = 5000
"""Events at the end of the spool among which those are looked for that may have to be repeated."""
_ID = re.compile(rb'"id":"([0-9a-f]{32})"')


class Outlets:
    """The outlets of a site. A `Sink` and a `Listener`: events may come from any thread.

    `offer` waits for nobody but the operating system, to whom the event is handed before it returns. What cannot be
    spooled, since the disk is full, is counted and logged, and the site goes on.

    A `PersonForgotten` erases that person's events from the spool and from the JSON Lines in a thread of its own; one
    that a killed process did not finish is finished at the next start.

    Args:
        site: the name of the site.
        folder: for the spool; one process at a time uses it.
        outlets: each with how its courier works.
        spool: how much is kept.
        clock: seconds, growing.

    Raises:
        StoreError: the folder cannot be used, or another process uses it.
    """

    def __init__(
        self,
        site: str,
        folder: Path,
        outlets: Sequence[tuple[Outlet, CourierSettings]],
        spool: SpoolSettings,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._spool = Spool(folder, spool)
        self._locked = _locked(folder)
        self._sealer = Sealer(site, next_epoch(folder))
        self._outlets = [outlet for outlet, _ in outlets]
        self._lines = [outlet for outlet, _ in outlets if isinstance(outlet, Lines)]
        self._couriers = [Courier(outlet, self._spool, folder, settings, clock) for outlet, settings in outlets]
        self._lock = Lock()
        self._erasing = Lock()
        self._forgotten: set[int] = set()
        self._eraser: Thread | None = None
        self._closed = False
        self.lost = 0
        self._losing = 0
        for courier in self._couriers:
            courier.start()
        left = [note.name.removeprefix("forget-") for note in folder.glob("forget-*")]
        if any(name.isdecimal() for name in left):
            self._erase_aside([int(name) for name in left if name.isdecimal()])

    @property
    def status(self) -> tuple[CourierStatus, ...]:
        """How each outlet is."""
        return tuple(courier.status for courier in self._couriers)

    def offer(self, event: Event) -> None:
        """Take an event to every outlet, in the order in which they are offered."""
        if not self._couriers or self._closed:
            return
        with self._lock:
            number = self._spooled(self._sealer.seal(event))
        if number is None:
            return
        if number % _TRIM_EVERY == 0:
            self._spool.trim(min(courier.place for courier in self._couriers))
        for courier in self._couriers:
            courier.wake()
        if isinstance(event, PersonForgotten):
            self._erase_aside([event.person])

    def _spooled(self, envelope: Envelope) -> int | None:
        """The number of an event in the spool; `None` where it is lost: told once until there is room."""
        try:
            number = self._spool.append(envelope.line().encode())
        except StoreError as error:
            if not self._losing:
                _LOG.error("%s: events are lost until there is room", error)
            self._losing += 1
            self.lost += 1
            return None
        if self._losing:
            _LOG.warning("%s: takes events again; %d were lost", self._folder, self._losing)
            self._losing = 0
        return number

    def hear(self, events: Sequence[Event]) -> None:
        """Take events that go with no picture."""
        for event in events:
            self.offer(event)

    def repeat(self, events: Sequence[Event]) -> int:
        """Offer what another part knows to have happened at last, where it is not in the spool; how many those were.

        A process that was killed may have stored what it could not offer any more. A spool that was never used says
        nothing of what was told before, so nothing is repeated then.
        """
        if not self._spool.next:
            return 0
        last = deque(self._spool.lines(), maxlen=_REMEMBERED)
        known = {found[1].decode() for line in last if (found := _ID.search(line))}
        missing = [event for event in events if self._sealer.id_of(event) not in known]
        self.hear(missing)
        return len(missing)

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Take the events that come with a picture."""
        self.hear(events)

    def describe(self, things: Things) -> None:
        """The site has other cameras, zones or lines from here on."""
        for outlet in self._outlets:
            if isinstance(outlet, Mqtt):
                outlet.describe(things)

    def erase(self, *persons: int) -> int:
        """Take people out of the spool and of the JSON Lines, now; how many lines that changed.

        Raises:
            StoreError: a file cannot be rewritten.
        """
        with self._erasing:
            erasure = Erasure(persons)
            try:
                for outlet in self._lines:
                    for path in outlet.paths:
                        with path.open("rb") as file:
                            erasure.learn(file)
                erasure.learn(self._spool.lines())
                changed = self._spool.rewrite(erasure.change)
                for courier in self._couriers:
                    courier.settle()
                return changed + sum(outlet.rewrite(erasure.change) for outlet in self._lines)
            except OSError as error:
                raise StoreError(f"{error.filename}: forgotten people are still in it ({error.strerror})") from error

    def finish_erasing(self) -> None:
        """Wait until everybody who was forgotten is out of the spool and of the JSON Lines."""
        with self._lock:
            eraser = self._eraser
        if eraser is not None:
            eraser.join()

    def close(self, grace: float = 1.0) -> None:
        """Deliver what is there for at most `grace` seconds; the rest waits in the spool. May be called twice."""
        if self._closed:
            return
        self._closed = True
        closing = [Thread(target=courier.close, args=(grace,), daemon=True) for courier in self._couriers]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(2 * grace + 0.5)
        # An erasure that takes longer is cut off with the process, which leaves whole files, and finished next time.
        if self._erasing.acquire(timeout=grace):
            self._spool.trim(min((courier.place for courier in self._couriers), default=0))
            self._spool.close()
            self._erasing.release()
        os.close(self._locked)

    def _erase_aside(self, persons: Sequence[int]) -> None:
        """Erase people in a thread of its own: all whom retention forgets at once in one go."""
        with suppress(OSError):
            for person in persons:
                (self._folder / f"forget-{person}").touch()
        with self._lock:
            busy = bool(self._forgotten)
            self._forgotten.update(persons)
            if not busy:
                self._eraser = Thread(target=self._erase_noted, name="erase", daemon=True)
                self._eraser.start()

    def _erase_noted(self) -> None:
        while True:
            with self._lock:
                persons = sorted(self._forgotten)
            if not persons:
                return
            try:
                changed = self.erase(*persons)
            except StoreError as error:
                _LOG.error("%s: it is tried again at the next start", error)
            else:
                for person in persons:
                    (self._folder / f"forget-{person}").unlink(missing_ok=True)
                _LOG.info("%d people are erased from %d lines of events", len(persons), changed)
            with self._lock:
                self._forgotten.difference_update(persons)


def next_epoch(folder: Path) -> int:
    """Count the starts of a site, in a file beside its spool.

    Raises:
        StoreError: the file cannot be written.
    """
    note = folder / "epoch"
    try:
        epoch = int(note.read_text()) + 1
    except (OSError, ValueError):
        epoch = 1
    try:
        draft = note.with_name("epoch.part")
        draft.write_text(f"{epoch}\n")
        draft.replace(note)
    except OSError as error:
        raise StoreError(f"{note}: cannot be written ({error.strerror}); choose another outputs.spool") from error
    return epoch


def _locked(folder: Path) -> int:
    """A lock that goes with the process; the file that holds it.

    Raises:
        StoreError: another process has it.
    """
    import fcntl

    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise StoreError(f"{folder}: another unbroken uses this spool; give each site an outputs.spool") from error
    return file
