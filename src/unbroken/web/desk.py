"""What every answer of the web needs: the board, the health, the pictures, and who is counted and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from unbroken.pipeline.board import Board, BoardView
from unbroken.web.keys import Keys
from unbroken.web.pictures import Pictures
from unbroken.web.ports import Access, Accessed, Corrections, Health
from unbroken.web.words import Fields, camera_fields, latency_fields, line_fields, person_fields, zone_fields

_FRESH = 0.5
_MOST = 200
"""People of whom a page is told; `/api/people` has them all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may take.

    Attributes:
        watchers: pages and event streams that are open at a time.
        body: bytes of a request's body.
        message: bytes of a message from a page.
        events: that one answer holds.
        patience: seconds after which a page that takes no pictures is left.
    """

    watchers: int = 24
    body: int = 16_384
    message: int = 4096
    events: int = 1000
    patience: float = 60.0


@dataclass(slots=True)
class Desk:
    """The state of the web.

    Attributes:
        board: what is going on.
        health: whether the site does its work.
        keys: who may look.
        pictures: coded.
        accessed: is told of every access to personal data.
        clock: seconds since 1970.
        corrections: what people may change; `None` for nothing.
        history: what happened to a person earlier; `None` where nobody knows.
        rate: pictures per second and camera for those who watch.
        limits: what clients may take.
        watchers: how many pages and event streams are open.
        stopping: the server is about to end: whoever waits leaves.
        seen: when the board was last looked at for pages, and what it showed.
    """

    board: Board
    health: Health
    keys: Keys
    pictures: Pictures
    accessed: Accessed
    clock: Callable[[], float]
    corrections: Corrections | None = None
    history: Callable[[int], Sequence[Mapping[str, object]]] | None = None
    rate: float = 5.0
    limits: Limits = field(default_factory=Limits)
    watchers: int = 0
    stopping: bool = False
    seen: tuple[float, BoardView | None] = (0.0, None)

    async def log(self, connection: HTTPConnection, action: str, subject: str = "") -> None:
        """Tell whoever keeps the log of accesses, before the access happens.

        Raises:
            UnbrokenError: the access cannot be logged and so must not happen.
        """
        await run_in_threadpool(self.accessed, Access(self.clock(), client_of(connection), action, subject))

    def stop(self) -> None:
        """Let whoever waits leave."""
        self.stopping = True

    def view(self) -> BoardView:
        """The board as of half a second ago at most, or as of the newest event: many pages share one look at it."""
        seen, view = self.seen
        now = self.clock()
        if view is None or view.newest != self.board.latest or not 0 <= now - seen < _FRESH:
            view = self.board.view()
            self.seen = (now, view)
        return view

    def names(self) -> Mapping[int, str]:
        """The names that people were given."""
        return self.corrections.names() if self.corrections and self.corrections.names else {}

    @contextmanager
    def watching(self) -> Iterator[bool]:
        """One more watcher, until the block ends; `False` where there are too many already."""
        admitted = self.watchers < self.limits.watchers
        self.watchers += admitted
        try:
            yield admitted
        finally:
            self.watchers -= admitted


def client_of(connection: HTTPConnection) -> str:
    """The address that asks."""
    return f"{connection.client.host}:{connection.client.port}" if connection.client else "unknown"


def problems(desk: Desk, view: BoardView) -> list[str]:
    """Why the site does not do all of its work, one sentence each; empty where it does."""
    found = ["the run has ended"] if view.closed else []
    if not view.cameras:
        found.append("no camera is there")
    for camera in view.cameras:
        if camera.state != "online":
            found.append(f"camera {camera.name} is {camera.state}{': ' if camera.reason else ''}{camera.reason}")
    if view.storage:
        found.append(f"storage: {view.storage}")
    return [*found, *desk.health.problems()]


def site_fields(desk: Desk, view: BoardView) -> Fields:
    """What a page is told of the site, but for pictures and events."""
    names = desk.names()
    return {
        "at": round(view.at, 3),
        "started": round(view.started, 3),
        "ended": view.closed,
        "problems": problems(desk, view),
        "quality": view.quality,
        "cameras": [camera_fields(camera) for camera in view.cameras],
        "people": [person_fields(person, names) for person in view.people[:_MOST]],
        "zones": [zone_fields(zone) for zone in view.zones],
        "lines": [line_fields(line) for line in view.lines],
        "outlines": [asdict(outline) for outline in view.outlines],
        "latency": latency_fields(view),
        "events": view.newest,
        "corrections": {
            "commands": desk.corrections is not None,
            "names": desk.corrections is not None and desk.corrections.rename is not None,
        },
    }
