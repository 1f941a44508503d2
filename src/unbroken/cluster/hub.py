"""The writer's end of the bus over TCP: nodes come and go, and what they see is decided in one thread, in one order."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from unbroken.cluster.assembly import Assembly, Joint, Parcel
from unbroken.cluster.frames import ANSWER, BATCH, BYE, PING, STEP, Frame, Line, Visitor, greet_node
from unbroken.core.batches import Batch, Verdict
from unbroken.core.errors import BusError, StoreError
from unbroken.core.events import Event
from unbroken.core.ports import Placement
from unbroken.core.wire import batch_of_bytes, bytes_of_verdict
from unbroken.pipeline.recorder import step_of_bytes


@dataclass(frozen=True, slots=True)
class HubSettings:
    """How a writer keeps to its nodes.

    Attributes:
        secret: what nodes and writer share.
        secret_name: the environment variable with it, for messages.
        model: the fingerprint of the Re-ID net whose features are stored; nodes with another are refused.
        wait: seconds that what one node sees waits for what others see at the same moment.
        silence: seconds after which a node that says nothing counts as gone.
        waiting: parcels of a node that wait here; it sends no more until one is decided.
        strangers: connections that may be in the middle of their greeting.
    """

    secret: bytes
    secret_name: str = "the secret"
    model: str = ""
    wait: float = 0.1
    silence: float = 10.0
    waiting: int = 64
    strangers: int = 16


class _Guest:
    """A node that is connected."""

    def __init__(self, node: str, line: Line) -> None:
        self.node, self.line = node, line
        self._outbox: deque[Frame] = deque()
        self._change = threading.Condition()
        self._over = False
        threading.Thread(target=self._send, name=f"answers for {node}", daemon=True).start()

    def send(self, frame: Frame) -> None:
        """Have a frame sent; nobody waits for it."""
        with self._change:
            self._outbox.append(frame)
            self._change.notify_all()

    def close(self) -> None:
        """Hang up."""
        with self._change:
            self._over = True
            self._change.notify_all()
        self.line.close()

    def _send(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._outbox or self._over)
                if self._over:
                    return
                frame = self._outbox.popleft()
            try:
                self.line.send(frame)
            except OSError:
                self.close()


class Hub:
    """Listens for nodes. What they send waits in `next` for whoever decides, one thread.

    Args:
        listener: a bound socket that listens.
        placement: which node may speak for which camera.
        settings: how it keeps to its nodes.
        clock: seconds, steadily growing.
        tell: is told in one sentence who comes, who goes and who is refused.
    """

    def __init__(
        self,
        listener: socket.socket,
        placement: Placement,
        settings: HubSettings,
        clock: Callable[[], float],
        tell: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self._listener, self._clock, self._tell = listener, clock, tell
        self._cameras = {node: frozenset(placement.cameras_of(node)) for node in placement.nodes}
        order = [camera for node in placement.nodes for camera in placement.cameras_of(node)]
        self._assembly = Assembly(placement.nodes, order, settings.wait)
        self._change = threading.Condition()
        self._guests: dict[str, _Guest] = {}
        self._epochs: dict[str, int] = {}
        self._deciding = self._over = False
        self._strangers = threading.Semaphore(settings.strangers)

    def open(self, epochs: Mapping[str, int]) -> None:
        """Let nodes in; `epochs` are those of all cameras, as the engine knows them."""
        self._epochs = dict(epochs)
        threading.Thread(target=self._listen, name="bus", daemon=True).start()

    def next(self, patience: float) -> Joint | None:
        """What is to be decided next; `None` where nothing was within so many seconds. `answer` it before the next."""
        with self._change:
            end = self._clock() + patience
            while not self._over:
                now = self._clock()
                due = self._assembly.due(now)
                joint = self._assembly.take(now) if due <= 0 else None
                if joint is not None or now >= end:
                    self._deciding = joint is not None
                    self._change.notify_all()
                    return joint
                self._change.wait(min(due, end - now))
            return None

    def answer(self, joint: Joint, verdict: Verdict | None, epochs: Mapping[str, int]) -> None:
        """Tell nodes what became of what they sent: it is stored. `None`: it is not, and they send it again later.

        Args:
            joint: of the last call of `next`.
            verdict: of its batch; one of nobody where it held events alone.
            epochs: of all cameras by now.
        """
        with self._change:
            self._epochs, self._deciding = dict(epochs), False
            guests = [(self._guests.get(node), number, cameras) for node, number, cameras in joint.parts]
            self._change.notify_all()
        for guest, number, cameras in guests:
            if guest is not None and verdict is None:
                guest.close()
            elif guest is not None and verdict is not None:
                content = b"" if joint.batch is None else bytes_of_verdict(joint.share(verdict, cameras))
                guest.send(Frame(ANSWER, number, content))

    def close(self) -> None:
        """Let nobody in any more and hang up; nodes keep what was not answered."""
        with self._change:
            self._over = True
            guests = list(self._guests.values())
            self._change.notify_all()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for guest in guests:
            guest.close()

    def _listen(self) -> None:
        while not self._over:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            if not self._strangers.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._greet, args=(connection, str(address[0])), name="node", daemon=True).start()

    def _greet(self, connection: socket.socket, address: str) -> None:
        """Find out who is there; a node that proves itself is attended to until it goes."""
        line = Line(connection, self.settings.silence)
        patience = threading.Timer(self.settings.silence, line.close)
        patience.start()
        try:
            visitor = greet_node(line)
            reason = self._against(visitor)
            if reason:
                line.say({"refused": reason})
            guest = None if reason else self._welcome(visitor, line)
        except (OSError, BusError) as error:
            guest, reason = None, str(error)
        finally:
            patience.cancel()
            self._strangers.release()
        if guest is None:
            line.close()
            self._tell(f"somebody at {address} was not let in: {reason}")
            return
        self._tell(f"node {guest.node} at {address} is here")
        self._tell(f"node {guest.node} is gone: {self._attend(guest)}")

    def _against(self, visitor: Visitor) -> str:
        """Why a node is refused; empty where it is not."""
        if not visitor.knows(self.settings.secret):
            return f"the node does not know {self.settings.secret_name}; set the same on both machines"
        if visitor.node not in self._cameras:
            return f"there is no node {visitor.node[:64]!r}; the writer's are {', '.join(self._cameras)}"
        if visitor.model != self.settings.model:
            return "the node's Re-ID net is another than the writer's; give both the same site file and nets"
        return ""

    def _welcome(self, visitor: Visitor, line: Line) -> _Guest:
        """Take a node in. What an earlier connection of it has left here is forgotten: it sends that again."""
        with self._change:
            before = self._guests.pop(visitor.node, None)
            self._assembly.clear(visitor.node)
            self._change.wait_for(lambda: not self._deciding or self._over, self.settings.silence)
            own = {camera: epoch for camera, epoch in self._epochs.items() if camera in self._cameras[visitor.node]}
            visitor.welcome(line, self.settings.secret, own)
            guest = _Guest(visitor.node, line)
            self._guests[visitor.node] = guest
        if before is not None:
            before.close()
        return guest

    def _attend(self, guest: _Guest) -> str:
        """Take in what a node sends until it goes; why it went."""
        try:
            while True:
                frame = guest.line.receive()
                if frame.kind == PING:
                    guest.send(Frame(PING, 0))
                elif frame.kind == BYE:
                    self._gone(guest, said=True)
                    return "it has ended"
                else:
                    self._lay(guest, frame.number, self._content(guest.node, frame))
        except (OSError, BusError, StoreError) as error:
            self._gone(guest, said=False)
            return str(error)

    def _content(self, node: str, frame: Frame) -> Batch | tuple[Event, ...]:
        if frame.kind == STEP:
            return tuple(event for event in step_of_bytes(frame.content).told if event is not None)
        if frame.kind != BATCH:
            raise BusError(f"node {node} sends frames of kind {frame.kind!r}; use the same version on both machines")
        batch = batch_of_bytes(frame.content)
        others = {report.sightings.camera for report in batch.reports} - self._cameras[node]
        if others or batch.commands:
            what = f"speaks for camera {min(others)}" if others else "gives commands"
            raise BusError(f"node {node} {what}, which is not its own; give all machines the same site file")
        return batch

    def _lay(self, guest: _Guest, number: int, content: Batch | tuple[Event, ...]) -> None:
        """Let something wait for its decision; the node is not read from while too much of it waits."""
        node = guest.node
        with self._change:
            self._change.wait_for(
                lambda: (
                    self._assembly.count(node) < self.settings.waiting
                    or self._over
                    or self._guests.get(node) is not guest
                )
            )
            if self._over or self._guests.get(node) is not guest:
                raise BusError("it is connected anew")
            self._assembly.lay(node, Parcel(number, self._clock(), content))
            self._change.notify_all()

    def _gone(self, guest: _Guest, *, said: bool) -> None:
        guest.close()
        with self._change:
            if self._guests.get(guest.node) is guest:
                del self._guests[guest.node]
                if said:
                    self._assembly.leave(guest.node)
            self._change.notify_all()
