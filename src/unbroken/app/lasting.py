"""Identities that survive a restart: the manager, what it knew, and the keeper put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from unbroken.app.storage import keeper_of
from unbroken.config.site import SiteSettings
from unbroken.core.events import Event
from unbroken.core.ports import Embedder, IdentityManager, Keeper
from unbroken.identity.engine import Engine
from unbroken.pipeline.lasting import Lasting, LastingSettings
from unbroken.storage.state import bytes_of_engine, engine_of_bytes


def lasting_of(
    manager: IdentityManager,
    keeper: Keeper,
    model: str = "",
    settings: LastingSettings | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Lasting:
    """An identity manager that goes on where the last run was stopped, or killed.

    The last snapshot is read, and what was stored after it is applied under the settings of then. From there on the
    settings of `manager` hold, and a new snapshot says so.

    Args:
        manager: as it would begin.
        keeper: what is left of the last run.
        model: the fingerprint of the Re-ID net; empty without one.
        settings: how often what.
        clock: seconds, steadily growing.

    Raises:
        StoreError: what was stored is damaged, of another net or of another policy, or nothing can be stored.
    """
    recovered = keeper.recover()
    engine = Engine(manager)
    if recovered.state:
        engine = engine_of_bytes(recovered.state, engine, model, recovered.batches)
    else:
        for batch in recovered.batches:
            engine.apply(batch)

    def dump(engine: Engine) -> bytes:
        return bytes_of_engine(engine, model)

    keeper.snapshot(dump(engine))
    return Lasting(engine, keeper, dump, clock, settings)


class Memory:
    """What a running site remembers beyond its end: its identity manager and the database behind it.

    Args:
        settings: of the site.
        manager: as it would begin; `None` for a site without Global IDs.
        embedder: whose features are kept; `None` without.
        environment: where the key is, and what the address names.

    Attributes:
        identity: gives the Global IDs; what it answers is stored where the site has a database.

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
        model = embedder.fingerprint if embedder is not None else ""
        self.keeper = None if manager is None else keeper_of(settings, model, environment)
        self.identity = manager
        self._lasting: Lasting | None = None
        if manager is not None and self.keeper is not None:
            wanted = LastingSettings(snapshot=settings.storage.snapshot)
            self._lasting = lasting_of(manager, self.keeper, model, wanted)
            self.identity = self._lasting

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
