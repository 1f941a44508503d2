"""Identities that survive a restart: the manager, what it knew, and the keeper put together."""

from __future__ import annotations

import time
from collections.abc import Callable

from unbroken.core.ports import IdentityManager, Keeper
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
