"""The engine of a site that stood still: read from its last snapshot, or made anew from the tables."""

from __future__ import annotations

import logging

from unbroken.core.errors import StoreVersionError
from unbroken.core.ports import IdentityManager
from unbroken.identity.engine import Engine
from unbroken.storage.keeper import Store
from unbroken.storage.recollection import remembered
from unbroken.storage.state import engine_of_bytes

_LOG = logging.getLogger(__name__)


def engine_of(store: Store, manager: IdentityManager, model: str) -> Engine:
    """The engine as it was when its site stopped.

    What another version of the program has stored, and this one cannot read, is made anew from the tables; one
    warning in the log says so.

    Args:
        store: of the site.
        manager: as it would begin: its settings hold from here on.
        model: the fingerprint of the Re-ID net that is in use; empty without one.

    Raises:
        StoreError: what was stored is damaged, of another net or of another policy.
    """
    try:
        return read_engine(store, manager, model)
    except StoreVersionError as error:
        engine, said = rebuilt(store, manager)
        why = str(error).rpartition(";")[0] or str(error)
        _LOG.warning("%s: what was stored is of another version (%s); %s", store.database.name, why, said)
        return engine


def read_engine(store: Store, manager: IdentityManager, model: str) -> Engine:
    """The engine as its site has stored it; for the arguments see `engine_of`.

    Raises:
        StoreVersionError: another version has stored what this one cannot read.
        StoreError: what was stored is damaged, of another net or of another policy.
    """
    fresh, recovered = Engine(manager), store.recover()
    if recovered.state:
        return engine_of_bytes(recovered.state, fresh, model, recovered.batches)
    for batch in recovered.batches:
        fresh.apply(batch)
    return fresh


def rebuilt(store: Store, manager: IdentityManager) -> tuple[Engine, str]:
    """An engine that knows the people of the tables, and what was done, in one sentence.

    Raises:
        StoreError: the tables are damaged, or the manager cannot be made of them.
    """
    engine, known = Engine(manager), remembered(store.database, store.seal)
    engine.recall(known)
    people = len(set(known.persons.tolist()))
    return engine, (
        f"{people} people were made anew from {len(known.tracks)} tracks in the tables and keep their Global IDs; "
        "corrections from before cannot be undone any more"
    )
