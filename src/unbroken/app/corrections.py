"""What others than the one writer may do with the gallery of a running site: ask for corrections, name people, look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from unbroken.app.storage import NONE
from unbroken.config.site import SiteSettings
from unbroken.core.batches import Command, Reply
from unbroken.core.secrets import filled
from unbroken.storage import commands, migrations, queries
from unbroken.storage.database import Access, Database
from unbroken.storage.opening import connect

_FRESH = 2.0
"""Seconds for which names are not asked for again."""
_LONGEST = 400
"""Events that name a person and are looked at."""
_ABOUT = ("person", "absorbed", "separated")


class GalleryDesk:
    """The gallery of a site, for the dashboard. Each call has a connection of its own, so any thread may call.

    Args:
        address: of the database, with its secrets.
        clock: seconds since 1970.
    """

    def __init__(self, address: str, clock: Callable[[], float]) -> None:
        self._address = address
        self._clock = clock
        self._lock = threading.Lock()
        self._names: Mapping[int, str] = {}
        self._asked = float("-inf")

    def submit(self, command: Command, who: str) -> int:
        """Put a command into the queue of the one writer; returns the number of the request.

        Raises:
            StoreError: the database does not take it.
        """
        with self._opened("ask") as database:
            return commands.ask(database, command, who, self._clock())

    def reply(self, number: int) -> Reply | None:
        """What became of a request; `None` while it waits.

        Raises:
            StoreError: there is no such request.
        """
        with self._opened("read") as database:
            return commands.reply_to(database, number)

    def rename(self, person: int, name: str) -> None:
        """Call somebody by a name; an empty one takes it away.

        Raises:
            ConfigError: nobody has this Global ID, or the name is a number.
        """
        with self._opened("ask") as database:
            queries.rename(database, person, name)
        with self._lock:
            self._asked = float("-inf")

    def names(self) -> Mapping[int, str]:
        """The names that people were given, at most two seconds old."""
        with self._lock:
            if self._clock() - self._asked > _FRESH:
                with self._opened("read") as database:
                    self._names = queries.names(database)
                self._asked = self._clock()
            return self._names

    def history(self, person: int) -> Sequence[Mapping[str, object]]:
        """What happened to somebody, oldest first, with the evidence: each event with its `type` and its fields.

        Decisions for which he was weighed and not chosen are left out.
        """
        with self._opened("read") as database:
            found = queries.events_of(database, person, _LONGEST)
        about = [event for event in reversed(found) if person in (event.get(name) for name in _ABOUT)]
        return [{"type": event["type"], **_fields(event)} for event in about]

    @contextmanager
    def _opened(self, access: Access) -> Iterator[Database]:
        database = connect(self._address, access)
        try:
            migrations.check(database)
            yield database
        finally:
            database.close()


def _fields(event: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in event.items() if key not in ("id", "type")}


def gallery_desk(
    settings: SiteSettings, environment: Mapping[str, str], clock: Callable[[], float]
) -> GalleryDesk | None:
    """The gallery of a site; `None` where the site keeps none.

    Raises:
        ConfigError: a part of the database's address is not set.
    """
    if settings.storage.database == NONE:
        return None
    return GalleryDesk(filled(settings.storage.database, environment), clock)
