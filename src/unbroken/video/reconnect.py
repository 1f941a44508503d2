"""When a live camera is connected, given up and tried again, and what is said of it: a state machine without a clock.

It is told what happens (`opened`, `failed`, `picture`, and `tick` in between) and answers what to do. Threads, sockets
and decoders belong to `unbroken.video.guarded`.
"""

from __future__ import annotations

import enum
import math
import random
from collections import deque
from dataclasses import dataclass
from typing import Literal

from unbroken.core.events import CameraFault


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a live camera is waited for.

    Attributes:
        connect: seconds until an attempt to connect counts as failed.
        stall: seconds without a picture until a camera counts as stalled; it is connected anew.
        freeze: seconds of the very same picture until it counts as frozen.
        black: seconds of black pictures until it counts as black.
        damaged: share of damaged pictures, 0 to 1, from which a camera counts as damaged.
        slow: stream seconds per second below which pictures come slower than they were taken.
        window: seconds over which damage is counted.
        first_retry: seconds before the first new attempt; doubled with each one that fails.
        longest_retry: seconds between attempts, at most.
        denied_retry: seconds before the next attempt where name or password are wrong, doubled up to tenfold: cameras
            lock out whoever tries too often.
        renew: seconds after which the connection to a frozen, black or slow camera is made anew. To a frozen or black
            one this is tried more and more rarely, for it may only be a night in which nothing moves.
    """

    connect: float = 5.0
    stall: float = 3.0
    freeze: float = 3.0
    black: float = 3.0
    damaged: float = 0.3
    slow: float = 0.7
    window: float = 3.0
    first_retry: float = 0.5
    longest_retry: float = 5.0
    denied_retry: float = 60.0
    renew: float = 10.0


class Phase(enum.Enum):
    """What the machine does just now."""

    CONNECTING = "connecting"
    WATCHING = "connected"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one picture.

    Attributes:
        damaged: the decoder could not make it whole.
        still: it is the same as the one before.
        black: there is nothing to see in it.
        size: width and height in pixels.
        pace: stream seconds per second over the last seconds.
        rate: pictures per stream second over the last seconds; 0 where not known yet.
        jump: seconds by which the stream's clock has jumped; 0 where it has not.
    """

    damaged: bool = False
    still: bool = False
    black: bool = False
    size: tuple[int, int] = (0, 0)
    pace: float = 1.0
    rate: float = 0.0
    jump: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said: the camera is `online`, has a fault (`stalled`, `lost`) or goes on otherwise (`changed`)."""

    kind: Literal["online", "stalled", "lost", "changed"]
    reason: str = ""
    fault: CameraFault | None = None
    what: Literal["size", "rate", "clock"] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do.

    Attributes:
        leave: leave the connection that is open or being opened; nothing it still says counts.
        connect: open a new one now (after leaving).
        usable: the picture may be used.
        told: what to say, in this order.
    """

    leave: bool = False
    connect: bool = False
    usable: bool = False
    told: tuple[Told, ...] = ()


_NOTHING = Answer()
_CONNECTED: frozenset[CameraFault] = frozenset({"stalled", "frozen", "black", "damaged", "slow"})
_RENEWED: frozenset[CameraFault] = frozenset({"frozen", "black", "slow"})
_UNUSABLE: frozenset[CameraFault] = frozenset({"frozen", "black"})
_GRACE = 1.0
"""Seconds for the connection to say itself why it failed, before it counts as hanging."""
_FEWEST = 3
"""Pictures: fewer than so many repeated or damaged ones say nothing."""
_TENFOLD = 10.0
_RAREST = 6
_SLOW_FOR = 1.0
_RATE_CHANGE = 1.3
_RATE_FOR = 3.0


class Reconnect:
    """The state of one camera's connection.

    All times are seconds of one clock that never goes back.

    Args:
        patience: how long what is waited for.
        chance: where the jitter comes from: cameras that fail together must not come back together.

    Attributes:
        phase: what it does just now.
        fault: what is wrong, as it was last told; `None` while the camera is online or was not heard of yet.
        reason: the sentence that was told with it.
        attempts: how often a connection was tried.
    """

    def __init__(self, patience: Patience, chance: random.Random) -> None:
        self.phase = Phase.WAITING
        self.fault: CameraFault | None = None
        self.reason = ""
        self.attempts = 0
        self._patience = patience
        self._chance = chance
        self._heard = False
        self._failures = 0
        self._renewals = 0
        self._since = self._faulty = -math.inf
        self._due = -math.inf
        self._picture = -math.inf
        self._good: float | None = None
        self._condition = _Condition(patience)

    @property
    def due(self) -> float:
        """When `tick` has something to do, unless something happens before."""
        if self.phase is Phase.WAITING:
            return self._due
        if self.phase is Phase.CONNECTING:
            return self._since + self._patience.connect + _GRACE
        if self.phase is Phase.STOPPED:
            return math.inf
        stalled = self._picture + self._patience.stall
        if self.fault not in _RENEWED:
            return stalled
        rarer = 2.0 ** min(self._renewals, _RAREST) if self.fault in _UNUSABLE else 1.0
        return min(stalled, max(self._since, self._faulty) + self._patience.renew * rarer)

    def tick(self, now: float) -> Answer:
        """Time has passed."""
        if now < self.due:
            return _NOTHING
        if self.phase is Phase.WAITING:
            return self._connect(now)
        if self.phase is Phase.CONNECTING:
            return self._lose(now, "hung", f"the attempt to connect hangs for {now - self._since:.1f} s", leave=True)
        if now >= self._picture + self._patience.stall:
            return self._lose(now, "stalled", f"no picture for {now - self._picture:.1f} s", leave=True)
        self._renewals += 1
        return self._connect(now, leave=True)

    def opened(self, now: float) -> Answer:
        """The connection stands."""
        if self.phase is Phase.CONNECTING:
            self.phase, self._since, self._picture = Phase.WATCHING, now, now
        return _NOTHING

    def failed(self, now: float, fault: CameraFault, reason: str) -> Answer:
        """The connection could not be made, or has ended; `reason` is a sentence without a full stop."""
        if self.phase not in (Phase.CONNECTING, Phase.WATCHING):
            return _NOTHING
        return self._lose(now, fault, reason)

    def picture(self, now: float, seen: Seen) -> Answer:
        """A picture has come over the connection that is open."""
        if self.phase is not Phase.WATCHING:
            return _NOTHING
        self._picture = now
        fault, reason = self._condition.judge(now, seen, self.fault)
        # A damaged picture alone is no sign that a camera is well.
        told = () if fault is None and seen.damaged else self._tell(now, fault, reason)
        if fault is None:
            self._good = now if self._good is None else self._good
            if now - self._good >= self._patience.longest_retry:
                self._failures = 0
        else:
            self._good = None
        usable = not seen.damaged and fault not in _UNUSABLE
        return Answer(usable=usable, told=(*told, *self._condition.changes(now, seen, quiet=fault is not None)))

    def stop(self) -> Answer:
        """Nobody wants pictures any more."""
        leave = self.phase in (Phase.CONNECTING, Phase.WATCHING)
        self.phase = Phase.STOPPED
        return Answer(leave=leave)

    def _connect(self, now: float, *, leave: bool = False) -> Answer:
        self.phase, self._since = Phase.CONNECTING, now
        self.attempts += 1
        return Answer(leave=leave, connect=True)

    def _lose(self, now: float, fault: CameraFault, reason: str, *, leave: bool = False) -> Answer:
        if fault == "denied" and self.fault != fault:
            self._failures = 0
        self.phase, self._due, self._good = Phase.WAITING, now + self._delay(fault), None
        self._failures += 1
        return Answer(leave=leave, told=self._tell(now, fault, reason))

    def _delay(self, fault: CameraFault) -> float:
        """Exponential back-off; the jitter takes at most half of it away."""
        patience = self._patience
        first, longest = patience.first_retry, patience.longest_retry
        if fault == "denied":
            first, longest = patience.denied_retry, _TENFOLD * patience.denied_retry
        return min(first * 2.0 ** min(self._failures, 60), longest) * self._chance.uniform(0.5, 1.0)

    def _tell(self, now: float, fault: CameraFault | None, reason: str) -> tuple[Told, ...]:
        """What is to be said where the fault is another one than the last one told."""
        if self._heard and fault == self.fault:
            return ()
        self._heard, self.fault, self.reason, self._faulty, self._renewals = True, fault, reason, now, 0
        if fault is None:
            return (Told("online"),)
        return (Told("stalled" if fault in _CONNECTED else "lost", reason, fault),)


class _Condition:
    """What a row of pictures says of the camera that sends them; it outlives connections."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._fresh = math.inf
        self._black: float | None = None
        self._repeats = 0
        self._damage: deque[tuple[float, bool]] = deque()
        self._slow: float | None = None
        self._size: tuple[int, int] | None = None
        self._rate = 0.0
        self._other_rate: float | None = None

    def judge(self, now: float, seen: Seen, fault: CameraFault | None) -> tuple[CameraFault | None, str]:
        """The worst that is wrong, with its sentence; `fault` is what was wrong before."""
        patience = self._patience
        share = self._damaged_share(now, damaged=seen.damaged)
        if not seen.damaged:
            self._note(now, seen)
        if self._black is not None and now - self._black >= patience.black:
            return "black", f"black pictures for {now - self._black:.1f} s"
        if now - self._fresh >= patience.freeze and self._repeats >= _FEWEST:
            return "frozen", f"the same picture for {now - self._fresh:.1f} s"
        if share >= (patience.damaged / 2 if fault == "damaged" else patience.damaged):
            return "damaged", f"{share:.0%} of the pictures of the last {patience.window:g} s are damaged"
        if self._is_slow(now, seen, fault):
            return "slow", f"pictures come at {seen.pace:.0%} of the speed at which they were taken"
        return None, ""

    def changes(self, now: float, seen: Seen, *, quiet: bool) -> tuple[Told, ...]:
        """What is otherwise than before; the rate is judged only while nothing is wrong."""
        told = []
        if not seen.damaged and seen.size != (0, 0):
            if self._size not in (None, seen.size):
                told.append(Told("changed", f"the picture's size is {_size(seen.size)}", what="size"))
            self._size = seen.size
        if seen.jump:
            told.append(Told("changed", f"its clock moved by {seen.jump:.1f} s against ours", what="clock"))
        if quiet or not seen.rate:
            self._other_rate = None
        elif self._rate_differs(now, seen.rate):
            told.append(Told("changed", f"{seen.rate:.1f} pictures/s after {self._rate:.1f}", what="rate"))
            self._rate, self._other_rate = seen.rate, None
        return tuple(told)

    def _note(self, now: float, seen: Seen) -> None:
        if not seen.black:
            self._black = None
        elif self._black is None:
            self._black = now
        # A black picture is the same as the last black one, and that is not what is wrong with it.
        if not seen.still or seen.black or math.isinf(self._fresh):
            self._fresh, self._repeats = now, 0
        else:
            self._repeats += 1

    def _damaged_share(self, now: float, *, damaged: bool) -> float:
        self._damage.append((now, damaged))
        while now - self._damage[0][0] > self._patience.window:
            self._damage.popleft()
        count = sum(bad for _, bad in self._damage)
        return count / len(self._damage) if count >= _FEWEST else 0.0

    def _is_slow(self, now: float, seen: Seen, fault: CameraFault | None) -> bool:
        limit = self._patience.slow
        if not seen.rate:
            # A new connection says nothing yet of its pace.
            return fault == "slow"
        if seen.pace >= ((1 + limit) / 2 if fault == "slow" else limit):
            self._slow = None
            return False
        self._slow = now if self._slow is None else self._slow
        return fault == "slow" or now - self._slow >= _SLOW_FOR

    def _rate_differs(self, now: float, rate: float) -> bool:
        """Whether the rate has been another one for long enough; the first one heard of is the usual one."""
        self._rate = self._rate or rate
        if 1 / _RATE_CHANGE <= rate / self._rate <= _RATE_CHANGE:
            self._other_rate = None
            return False
        self._other_rate = now if self._other_rate is None else self._other_rate
        return now - self._other_rate >= _RATE_FOR


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} from here on"
