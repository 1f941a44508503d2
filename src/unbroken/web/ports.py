"""What the web asks of others without knowing them: whether the site is well, and who corrects it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from unbroken.core.batches import Command, Reply


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric: its name without prefix, what it is, its values by labels; a name in `_total` only grows."""

    name: str
    meaning: str
    rows: tuple[tuple[Mapping[str, str], float], ...]

    @property
    def kind(self) -> str:
        """As Prometheus calls it."""
        return "counter" if self.name.endswith("_total") else "gauge"


class Health(Protocol):
    """Whether the site does its work; what events tell of cameras and storage is on the board already."""

    def problems(self) -> Sequence[str]:
        """One sentence for each thing that keeps the site from its work; empty where all is well."""

    def figures(self) -> Sequence[Figure]:
        """More numbers for `/metrics`."""


class Well:
    """The health of a site of which nothing is known but what is on the board."""

    def problems(self) -> Sequence[str]:
        """None."""
        return ()

    def figures(self) -> Sequence[Figure]:
        """None."""
        return ()


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody looked at personal data, or changed it.

    Attributes:
        at: seconds since 1970.
        client: the address that asked, `10.0.0.7:53122`.
        action: what was done: "people", "person", "events", "live", "picture", or a correction.
        subject: whom or what it was about: a Global ID, a camera; empty for everybody.
    """

    at: float
    client: str
    action: str
    subject: str = ""


Accessed = Callable[[Access], None]


def unlogged(access: Access) -> None:
    """Nobody keeps a log of accesses."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """What people may change by hand, and who does it.

    Attributes:
        submit: queues a command for the one writer, with who asks; returns the number of the request, or raises an
            UnbrokenError where it cannot.
        reply: what became of a request, by its number; `None` while it waits.
        rename: gives a person a name, or takes it away with an empty one.
        names: those that were given, by Global ID.
    """

    submit: Callable[[Command, str], int]
    reply: Callable[[int], Reply | None] | None = None
    rename: Callable[[int, str], None] | None = None
    names: Callable[[], Mapping[int, str]] | None = None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whom the web knows in a site.

    Attributes:
        health: says whether the site does its work.
        corrections: what people may change; `None` for nothing.
        accessed: is told of every access to personal data.
        history: what happened to a person before what is on the board, oldest first: each event with its `event`, its
            `time` and its other fields, as `events.jsonl` has them.
    """

    health: Health = field(default_factory=Well)
    corrections: Corrections | None = None
    accessed: Accessed = unlogged
    history: Callable[[int], Sequence[Mapping[str, object]]] | None = None
