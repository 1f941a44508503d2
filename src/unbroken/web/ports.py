"""What the web asks of others without knowing them: whether the site is well, and who corrects it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from unbroken.core.batches import Command


class Health(Protocol):
    """Whether the site does its work; cameras are on the board already."""

    def problems(self) -> Sequence[str]:
        """One sentence for each thing that keeps the site from its work; empty where all is well."""

    def figures(self) -> Mapping[str, float]:
        """Numbers for `/metrics`, by name: letters, digits and `_`; a name that ends in `_total` only grows."""


class Well:
    """The health of a site of which nothing is known but its cameras."""

    def problems(self) -> Sequence[str]:
        """None."""
        return ()

    def figures(self) -> Mapping[str, float]:
        """None."""
        return {}


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
        submit: queues a command for the one writer; raises an UnbrokenError where it cannot.
        rename: gives a person a name, or takes it away with an empty one.
        names: those that were given, by Global ID.
    """

    submit: Callable[[Command], None]
    rename: Callable[[int, str], None] | None = None
    names: Callable[[], Mapping[int, str]] | None = None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whom the web knows in a site.

    Attributes:
        health: says whether the site does its work.
        corrections: what people may change; `None` for nothing.
        accessed: is told of every access to personal data.
    """

    health: Health = field(default_factory=Well)
    corrections: Corrections | None = None
    accessed: Accessed = unlogged
