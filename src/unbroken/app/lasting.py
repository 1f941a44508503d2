"""Identities that survive a restart: the manager, what it knew, and the keeper put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from unbroken.app.rebuilding import engine_of
from unbroken.app.storage import keeper_of
from unbroken.config.site import SiteSettings
from unbroken.core.events import (
    CameraChanged,
    CameraLost,
    CameraOnline,
    CameraStalled,
    Event,
    LineCrossed,
    QualityChanged,
    StepFaulted,
    ZoneEntered,
    ZoneLeft,
)
from unbroken.core.frames import Frame
from unbroken.core.ports import Embedder, IdentityManager, Sink
from unbroken.core.results import FrameResult
from unbroken.identity.engine import Engine
from unbroken.pipeline.lasting import Lasting, LastingSettings
from unbroken.pipeline.recorder import Recorded, Recording
from unbroken.storage.copies import RECORDING, note_copy
from unbroken.storage.facts import highest_person
from unbroken.storage.keeper import Store
from unbroken.storage.state import bytes_of_engine


def lasting_of(
    manager: IdentityManager,
    keeper: Store,
    model: str = "",
    settings: LastingSettings | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Lasting:
    """An identity manager that goes on where the last run was stopped, or killed.

    The last snapshot is read, and what was stored after it is applied under the settings of then. From there on the
    settings of `manager` hold, and a new snapshot says so. Where another version has stored what this one cannot read,
    the people are made anew from the tables.

    Args:
        manager: as it would begin.
        keeper: what is left of the last run.
        model: the fingerprint of the Re-ID net; empty without one.
        settings: how often what.
        clock: seconds, steadily growing.

    Raises:
        StoreError: what was stored is damaged, of another net or of another policy, or nothing can be stored.
    """
    engine = engine_of(keeper, manager, model)

    def dump(engine: Engine) -> bytes:
        return bytes_of_engine(engine, model)

    keeper.snapshot(dump(engine))
    return Lasting(engine, keeper, dump, clock, settings)


class Notes:
    """A sink that stores what happens beside identities: to cameras, at zones and lines, to the site itself.

    Args:
        keeper: of the site; called by the thread that steps it.
    """

    def __init__(self, keeper: Store) -> None:
        self._keeper = keeper

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Store what goes with a picture.

        Raises:
            StoreError: it could not be stored.
        """
        self.hear(events)

    def hear(self, events: Sequence[Event]) -> None:
        """Store what goes with none.

        Raises:
            StoreError: it could not be stored.
        """
        kept = [event for event in events if isinstance(event, NOTED)]
        if kept:
            self._keeper.note(kept)

    def close(self) -> None:
        """The memory closes the database."""


NOTED = (
    CameraOnline, CameraStalled, CameraLost, CameraChanged, ZoneEntered, ZoneLeft, LineCrossed, StepFaulted,
    QualityChanged,
)  # fmt: skip
"""Events that no identity manager makes and that are worth keeping; tracks are kept by what is reported of them."""


class Memory:
    """What a running site remembers beyond its end: its identity manager and the database behind it.

    Args:
        settings: of the site.
        manager: as it would begin; `None` for a site without Global IDs.
        embedder: whose features are kept; `None` without.
        environment: where the key is, and what the address names.

    Attributes:
        keeper: the database; `None` without.
        identity: gives the Global IDs; what it answers is stored where the site has a database.
        model: the fingerprint of the Re-ID net; empty without one.

    Raises:
        ConfigError: the key or a part of the address is not set.
        StoreError: the database cannot be used.
    """

    def __init__(
        self,
        settings: SiteSettings,
        manager: IdentityManager | None,
        embedder: Embedder | None,
        environment: Mapping[str, str],
    ) -> None:
        self.model = model = embedder.fingerprint if embedder is not None else ""
        self.keeper = None if manager is None else keeper_of(settings, model, environment)
        self.identity = manager
        self._lasting: Lasting | None = None
        if manager is not None and self.keeper is not None:
            wanted = LastingSettings(snapshot=settings.storage.snapshot)
            self._lasting = lasting_of(manager, self.keeper, model, wanted)
            self.identity = self._lasting

    def recorded(self, manager: IdentityManager, recording: Recording) -> IdentityManager:
        """The identity manager, which tells a recording all that enters it; with what it knows already."""
        if self._lasting is None:
            return Recorded(manager, recording)
        if self.keeper is not None:
            note_copy(self.keeper.database, recording.folder, RECORDING, time.time())
            self.keeper.before_erasing(recording.part)
        recording.begin_with(bytes_of_engine(self._lasting.engine, self.model))
        self._lasting.record(recording.enter)
        return self._lasting

    @property
    def highest(self) -> int:
        """The highest Global ID that was ever given; 0 without a database."""
        return 0 if self.keeper is None else highest_person(self.keeper.database)

    @property
    def sinks(self) -> list[Sink]:
        """What has to be told of results and events, before anybody else."""
        return [] if self.keeper is None else [Notes(self.keeper)]

    def close(self) -> list[Event]:
        """Store what waits and close the database; returns what is left to tell.

        Raises:
            StoreError: something could not be stored; nobody was told of it.
        """
        try:
            return [] if self._lasting is None else self._lasting.close()
        finally:
            if self.keeper is not None:
                self.keeper.close()
