"""What enters the identity engine: numbered reports of cameras, and what people ask for by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from unbroken.core.events import Event
from unbroken.core.sightings import Identities, Sightings


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """One `Sightings` with its number: the same number never counts twice.

    Attributes:
        epoch: counts the starts of a camera's tracker, from 1; local track ids begin anew with each.
        number: of the report within the epoch of its camera, from 0, growing.
        sightings: what was seen.
    """

    epoch: int
    number: int
    sightings: Sightings


@dataclass(frozen=True, slots=True)
class Merge:
    """`absorbed` is `person`, says somebody."""

    person: int
    absorbed: int


@dataclass(frozen=True, slots=True)
class Split:
    """The named tracks (camera, track) are not `person` but somebody of their own."""

    person: int
    tracks: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Swap:
    """Two tracks (camera, track) have each other's person."""

    first: tuple[str, int]
    second: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Undo:
    """Take the last correction back that changed this person."""

    person: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Erase a person everywhere; `reason` says who or what asked for it."""

    person: int
    reason: str


Command: TypeAlias = Merge | Split | Swap | Undo | Forget


@dataclass(frozen=True, slots=True)
class Batch:
    """What the engine takes in at once: first the commands, then the reports of one step.

    Attributes:
        time: seconds, of the latest report, or when the commands were given.
        reports: at most one per camera.
        commands: in the order in which they were given.
    """

    time: float
    reports: tuple[Report, ...] = ()
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What the engine answers.

    Attributes:
        identities: one per report, in their order.
        events: what happened, in its order.
        refusals: one per command, in their order: why it was refused, in one sentence; empty where it was done.
    """

    identities: tuple[Identities, ...]
    events: tuple[Event, ...]
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What comes back over a bus.

    Attributes:
        number: that `Bus.put` gave to the batch; `NEWS` where no batch is answered and only something is told.
        verdict: stored already, so whoever has it may tell it.
    """

    number: int
    verdict: Verdict


NEWS: Final = -1


@dataclass(frozen=True, slots=True)
class Request:
    """A command that waits for the one writer.

    Attributes:
        number: of the request, growing; its answer names it.
        time: seconds since 1970, when it was asked for.
        who: who asked.
        command: what is asked for.
    """

    number: int
    time: float
    who: str
    command: Command


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request: `done`, or refused; `text` is one sentence either way."""

    number: int
    done: bool
    text: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a keeper still has from the last run: applying `batches` to `state` gives what was last answered.

    Attributes:
        state: the bytes last given to `Keeper.snapshot`; empty where there are none: begin with a fresh manager.
        batches: kept since, in their order.
    """

    state: bytes = b""
    batches: tuple[Batch, ...] = ()
