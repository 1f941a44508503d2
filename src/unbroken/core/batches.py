"""What enters the identity engine: numbered reports of cameras, and what people ask for by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

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
    """What the engine answers: one `Identities` per report, in their order, and what happened."""

    identities: tuple[Identities, ...]
    events: tuple[Event, ...]
