"""The one writer, and the bus inside of its process: what is put is applied, stored, and only then answered.

What the site does when nothing can be stored (the disk is full, the database is gone):

- It goes on: people are followed, the engine decides, and every step waits in memory, in order, to be stored.
- It says so, once (`StorageLost`), and answers no Global ID meanwhile: tracks are undecided. So what was answered is
  never lost, and what is lost was never answered.
- It tries again, at first soon, then more and more rarely. Once everything that waited is stored, all that happened
  meanwhile is told in order, after a `StorageRestored`.
- When `held` steps wait, further ones are refused and counted, as if the cameras had been gone: memory is bounded.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from unbroken.core.batches import (
    NEWS,
    Answer,
    Batch,
    Command,
    Forget,
    Merge,
    Reply,
    Request,
    Split,
    Swap,
    Undo,
    Verdict,
)
from unbroken.core.errors import ContractError, StoreError
from unbroken.core.events import Event, StorageLost, StorageRestored
from unbroken.core.ports import Keeper
from unbroken.core.sightings import Identities, Sightings
from unbroken.identity.engine import Engine
from unbroken.pipeline.correspondent import Correspondent

Dump = Callable[[Engine], bytes]
Enter = Callable[[Batch], None]


@dataclass(frozen=True, slots=True)
class LastingSettings:
    """How often what.

    Attributes:
        snapshot: seconds between two snapshots.
        share: of the time that snapshots may take, at most: large galleries are written more rarely.
        poll: seconds between two looks for requests.
        first_retry: seconds before storing is tried again ...
        longest_retry: ... each time twice as many, up to this.
        held: steps that wait in memory while nothing can be stored.
        stop: seconds: a last snapshot is taken where the one before took less; the journal holds everything anyway.
    """

    snapshot: float = 300.0
    share: float = 0.02
    poll: float = 0.25
    first_retry: float = 0.1
    longest_retry: float = 5.0
    held: int = 3000
    stop: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A step that waits to be stored."""

    number: int
    batch: Batch
    verdict: Verdict
    replies: tuple[Reply, ...]


@dataclass(slots=True)
class _Trouble:
    """Something that fails now and is tried again, more and more rarely."""

    first: float
    longest: float
    wait: float = 0.0
    until: float = -math.inf

    @property
    def lasts(self) -> bool:
        """Whether it failed the last time."""
        return self.wait > 0

    def again(self, now: float) -> bool:
        """Failed: try again later. Whether this is news."""
        news = not self.lasts
        self.wait = min(2 * self.wait, self.longest) if self.lasts else self.first
        self.until = now + self.wait
        return news

    def over(self) -> bool:
        """It worked. Whether this is news."""
        news = self.lasts
        self.wait, self.until = 0.0, -math.inf
        return news


class Lasting:
    """The one writer: an engine and a keeper. One thread at a time uses it.

    It is a `Bus` for whoever sends numbered batches, and an identity manager for the cameras of its own process.

    Args:
        engine: as it was recovered; every camera that it knows begins a new epoch here.
        keeper: makes what was decided last.
        dump: the engine's state as bytes.
        clock: seconds, steadily growing: for retries, polls and snapshots; no answer depends on it.
        settings: how often what.
    """

    def __init__(
        self,
        engine: Engine,
        keeper: Keeper,
        dump: Dump,
        clock: Callable[[], float],
        settings: LastingSettings | None = None,
    ) -> None:
        self.engine = engine
        self.settings = settings or LastingSettings()
        self._keeper = keeper
        self._dump = dump
        self._clock = clock
        self._enter: Enter = _nowhere
        self._desk = Correspondent(self)
        self._numbers = 0
        self._waiting: deque[_Step] = deque()
        self._time = engine.time
        self._storing = _Trouble(self.settings.first_retry, self.settings.longest_retry)
        self._shooting = _Trouble(self.settings.longest_retry, self.settings.snapshot)
        self._refused = 0
        self._polled = self._shot = -math.inf
        self._cost = 0.0
        self._urgent = False

    def record(self, enter: Enter) -> None:
        """Have every batch told before it is applied, for a recording."""
        self._enter = enter

    def begin(self, camera: str) -> None:
        """The tracker of a camera begins anew, or the camera is gone: its open tracks end with the next step."""
        self._desk.begin(camera)

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, once they are stored, and what happened.

        While nothing can be stored everybody is undecided, and what happened is told later.

        Raises:
            ContractError: the sightings break their contract; nothing of them was applied.
        """
        return self._desk.observe(sightings)

    @property
    def epochs(self) -> Mapping[str, int]:
        """The last epoch of each camera that has reported."""
        return self.engine.epochs

    def put(self, batch: Batch) -> int | None:
        """Apply a batch, and what people ask for with it; `None` where too many wait to be stored already.

        Raises:
            ContractError: the batch breaks its contract; nothing of it was applied.
        """
        if len(self._waiting) >= self.settings.held:
            self._refused += 1
            return None
        requests = self._requests()
        self._time = max(self._time, batch.time)
        commands = (*batch.commands, *(one.command for one in requests))
        self._numbers += 1
        self._apply(self._numbers, replace(batch, time=self._time, commands=commands), requests)
        return self._numbers

    def take(self) -> tuple[Answer, ...]:
        """The answers to all that could be stored, after what people ask for between pictures was carried out."""
        answers = self._flush()
        requests = self._requests()
        if requests:
            self._apply(NEWS, Batch(self._time, (), tuple(one.command for one in requests)), requests)
            answers += self._flush()
        return tuple(answers)

    def correct(self, command: Command, time: float) -> list[Event]:
        """Carry a command out at once and store it.

        Raises:
            ContractError: it was refused; nothing has changed.
            StoreError: nothing can be stored; it will be carried out and told as soon as that is possible again.
        """
        self._time = max(self._time, time)
        told = _events(self._flush())
        verdict = self._apply(NEWS, Batch(self._time, (), (command,)), ())
        told += _events(self._flush())
        if verdict.refusals[0]:
            raise ContractError(verdict.refusals[0])
        if self._waiting:
            raise StoreError("nothing can be stored now; the command is carried out once that is possible again")
        return told

    def close(self) -> list[Event]:
        """Store what waits, and a last snapshot, which shortens the next start; returns what is left to tell.

        Raises:
            StoreError: it could not be stored; what waited was never answered.
        """
        self._storing.until = -math.inf
        told = _events(self._flush())
        if self._waiting:
            raise StoreError(f"{len(self._waiting)} steps could not be stored; nobody was told what they decided")
        if self._urgent or self._cost < self.settings.stop:
            self._snapshot()
        return told

    def _apply(self, number: int, batch: Batch, requests: Sequence[Request]) -> Verdict:
        """Let the engine decide; the verdict waits to be stored."""
        self._enter(batch)
        verdict = self.engine.apply(batch)
        pairs = zip(requests, verdict.refusals[len(batch.commands) - len(requests) :], strict=True)
        self._waiting.append(_Step(number, batch, verdict, tuple(_reply(one, refusal) for one, refusal in pairs)))
        return verdict

    def _requests(self) -> tuple[Request, ...]:
        """What people ask for, now and then; not while earlier answers wait, or it would be carried out twice."""
        now = self._clock()
        if self._waiting or now - self._polled < self.settings.poll:
            return ()
        self._polled = now
        try:
            return self._keeper.pending_commands()
        except StoreError:
            return ()

    def _flush(self) -> list[Answer]:
        """Store what waits, as far as that is possible now, and return what may be told."""
        told: list[Answer] = []
        held = len(self._waiting)
        if self._clock() < self._storing.until:
            return told
        try:
            while self._waiting:
                step = self._waiting[0]
                self._keeper.keep(step.batch, step.verdict, step.replies)
                self._waiting.popleft()
                told.append(Answer(step.number, step.verdict))
                self._urgent = self._urgent or _asked_to_forget(step)
        except StoreError as error:
            return told + self._lost(self._storing, f"{error}; nobody gets a Global ID until it works again")
        if held and self._storing.over():
            told.insert(0, _news(StorageRestored(self._time, held, self._refused)))
            self._refused = 0
        return told + self._snapshot_if_due()

    def _lost(self, trouble: _Trouble, reason: str) -> list[Answer]:
        return [_news(StorageLost(self._time, reason))] if trouble.again(self._clock()) else []

    def _snapshot_if_due(self) -> list[Answer]:
        """Shorten the next start: now and then, and at once after somebody was forgotten. Nothing hangs on it."""
        now = self._clock()
        due = self._urgent or now - self._shot >= max(self.settings.snapshot, self._cost / self.settings.share)
        if not due or now < self._shooting.until:
            return []
        try:
            self._snapshot()
        except StoreError as error:
            return self._lost(self._shooting, str(error))
        return [_news(StorageRestored(self._time, 0, 0))] if self._shooting.over() else []

    def _snapshot(self) -> None:
        start = self._clock()
        self._keeper.snapshot(self._dump(self.engine))
        self._shot = self._clock()
        self._cost, self._urgent = self._shot - start, False


def _news(event: Event) -> Answer:
    return Answer(NEWS, Verdict((), (event,)))


def _events(answers: Sequence[Answer]) -> list[Event]:
    return [event for answer in answers for event in answer.verdict.events]


def _asked_to_forget(step: _Step) -> bool:
    """Whether somebody waits for an erasure; retention, whose requests have numbers below 0, does not."""
    asked = step.batch.commands[len(step.batch.commands) - len(step.replies) :]
    pairs = zip(asked, step.replies, strict=True)
    return any(isinstance(command, Forget) and reply.done and reply.number >= 0 for command, reply in pairs)


def _reply(request: Request, refusal: str) -> Reply:
    return Reply(request.number, not refusal, refusal or _done(request.command))


def _done(command: Command) -> str:
    """What was done, in one sentence."""
    if isinstance(command, Merge):
        return f"person {command.absorbed} is person {command.person} from here on"
    if isinstance(command, Split):
        return f"{len(command.tracks)} tracks of person {command.person} are somebody of their own from here on"
    if isinstance(command, Swap):
        return "the two tracks have each other's person from here on"
    if isinstance(command, Undo):
        return f"the last correction of person {command.person} is taken back"
    return f"person {command.person} is forgotten"


def _nowhere(batch: Batch) -> None:
    """Nobody records."""
