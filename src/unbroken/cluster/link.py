"""A node's end of the bus over TCP: what is put stays here until the writer says that it is stored."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from unbroken.cluster.frames import ANSWER, BATCH, BYE, PING, STEP, Credentials, Frame, Line, greet_writer
from unbroken.core.batches import Answer, Batch
from unbroken.core.errors import BusError, StoreError
from unbroken.core.events import Event
from unbroken.core.wire import bytes_of_batch, verdict_of_bytes
from unbroken.pipeline.recorder import bytes_of_step


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How a node keeps to its writer.

    Attributes:
        held: batches that wait for their answer; beyond it no more are taken.
        patience: seconds that `put` waits for room while the writer is there and slow.
        silence: seconds after which a writer that says nothing counts as gone.
        first_retry: seconds before it is tried again ...
        longest_retry: ... each time twice as many, up to this.
    """

    held: int = 3000
    patience: float = 1.0
    silence: float = 10.0
    first_retry: float = 0.1
    longest_retry: float = 5.0


class Link:
    """A `Bus` to a writer on another machine. It connects by itself, again and again, in a thread of its own.

    After each connection everything that was not answered is sent again, in its order: the writer's engine knows
    reports that it had already, so nothing is lost and nothing counts twice.

    Args:
        address: host and port of the writer.
        who: this node.
        settings: how it keeps to its writer.
        tell: is told in one sentence when the writer is reached, and once for each new reason why it is not.
    """

    def __init__(
        self, address: tuple[str, int], who: Credentials, settings: LinkSettings, tell: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self._address, self._who, self._tell = address, who, tell
        self._change = threading.Condition()
        self._epochs: dict[str, int] | None = None
        self._outbox: deque[Frame] = deque()
        self._sent = self._numbers = 0
        self._answers: list[Answer] = []
        self._line: Line | None = None
        self._over = False
        self._reason = ""
        self._thread = threading.Thread(target=self._keep, name=f"bus {who.node}", daemon=True)
        self._thread.start()

    @property
    def epochs(self) -> Mapping[str, int] | None:
        """The last epoch of each camera of this node, as the writer knew it first; `None` until it was reached."""
        return self._epochs

    @property
    def waiting(self) -> int:
        """How much was put and is not answered."""
        with self._change:
            return len(self._outbox)

    def put(self, batch: Batch) -> int | None:
        """Keep a batch until it is answered; `None` where too many wait, after the writer had its chance."""
        return self._put(BATCH, bytes_of_batch(batch))

    def hear(self, events: Sequence[Event]) -> None:
        """Send what happened beside identities: to cameras and tracks. What does not fit is left out."""
        if events:
            self._put(STEP, bytes_of_step((), events))

    def take(self) -> tuple[Answer, ...]:
        """What has been answered since the last time, in the order of what was put."""
        with self._change:
            answers, self._answers = tuple(self._answers), []
        return answers

    def close(self, patience: float) -> int:
        """Wait at most so many seconds for all answers, and say goodbye; how much was never answered."""
        with self._change:
            self._change.wait_for(lambda: not self._outbox, patience)
            self._over = True
            left = len(self._outbox)
            self._change.notify_all()
        self._thread.join(min(patience, 1.0))
        return left

    def _put(self, kind: bytes, content: bytes) -> int | None:
        with self._change:
            self._change.wait_for(lambda: self._has_room() or self._line is None, self.settings.patience)
            if not self._has_room():
                return None
            self._numbers += 1
            self._outbox.append(Frame(kind, self._numbers, content))
            self._change.notify_all()
            return self._numbers

    def _has_room(self) -> bool:
        return len(self._outbox) < self.settings.held

    def _keep(self) -> None:
        """Be connected for as long as this is open."""
        wait = self.settings.first_retry
        while not self._over:
            try:
                self._connect()
                wait = self.settings.first_retry
                self._send()
            except (OSError, BusError) as error:
                self._complain(error)
            self._hang_up()
            with self._change:
                self._change.wait_for(lambda: self._over, wait)
            wait = min(2 * wait, self.settings.longest_retry)

    def _connect(self) -> None:
        connection = socket.create_connection(self._address, timeout=self.settings.silence)
        line = Line(connection, self.settings.silence)
        try:
            epochs = greet_writer(line, self._who)
        except BaseException:
            line.close()
            raise
        with self._change:
            self._line, self._sent, self._reason = line, 0, ""
            self._epochs = epochs if self._epochs is None else self._epochs
            waiting = len(self._outbox)
        self._tell(f"the writer at {self._name} is reached; {waiting} steps are sent again")
        threading.Thread(target=self._listen, args=(line,), name=f"answers to {self._who.node}", daemon=True).start()

    def _send(self) -> None:
        """Send what waits, and signs of life between, until the line breaks."""
        line = self._line
        while line is not None and line is self._line:
            with self._change:
                news = self._change.wait_for(
                    lambda: self._sent < len(self._outbox) or self._over or self._line is not line,
                    self.settings.silence / 3,
                )
                frame = self._outbox[self._sent] if self._sent < len(self._outbox) else Frame(PING, 0)
                if self._over:
                    frame = Frame(BYE, 0)
                elif frame.number:
                    self._sent += 1
            if frame.number or not news or self._over:
                line.send(frame)
            if self._over:
                return

    def _listen(self, line: Line) -> None:
        """Take answers in until the line breaks."""
        try:
            while True:
                frame = line.receive()
                if frame.kind == ANSWER:
                    self._answered(frame)
        except (OSError, BusError, StoreError) as error:
            if not self._over:
                self._complain(error)
        with self._change:
            if self._line is line:
                self._line = None
            self._change.notify_all()

    def _answered(self, frame: Frame) -> None:
        verdict = verdict_of_bytes(frame.content) if frame.content else None
        with self._change:
            waited = bool(self._outbox) and self._outbox[0].number <= frame.number
            while self._outbox and self._outbox[0].number <= frame.number:
                self._outbox.popleft()
                self._sent = max(self._sent - 1, 0)
            if verdict is not None and waited:
                self._answers.append(Answer(frame.number, verdict))
            self._change.notify_all()

    def _hang_up(self) -> None:
        with self._change:
            line, self._line = self._line, None
            self._change.notify_all()
        if line is not None:
            line.close()

    def _complain(self, error: Exception) -> None:
        reason = str(error)
        if reason != self._reason:
            self._reason = reason
            self._tell(f"the writer at {self._name}: {reason}; what is seen is kept, and it is tried again and again")

    @property
    def _name(self) -> str:
        return f"{self._address[0]}:{self._address[1]}"
