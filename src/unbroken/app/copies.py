"""People who are forgotten are taken out of the copies that this program has made: recordings, backups, exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unbroken.app.build import identity_of, service_identity
from unbroken.app.rebuilding import engine_of
from unbroken.app.replay import engine_of_recording, settings_of, views_of
from unbroken.config.site import SiteSettings
from unbroken.core.batches import Batch, Forget, Verdict
from unbroken.core.errors import StoreError, UnbrokenError
from unbroken.core.events import PersonForgotten
from unbroken.pipeline.leaving import Leaver, rewrite, take_out
from unbroken.pipeline.recorder import STATE, about
from unbroken.storage.copies import BACKUP, RECORDING, Copy
from unbroken.storage.erasure import Gone, begun
from unbroken.storage.keeper import StoreSettings, open_store
from unbroken.storage.sealing import seal_from
from unbroken.storage.state import bytes_of_engine

_REASON = "forgotten in the site of this backup"


def erased_in_copies(
    settings: SiteSettings, environment: Mapping[str, str], gone: Sequence[Gone], copies: Sequence[Copy]
) -> list[str]:
    """Take people out of every copy that can be reached.

    Returns:
        One sentence for each copy that they were taken out of, or that could not be reached.

    Raises:
        StoreError: one is there and cannot be changed; the others were.
    """
    told, failed = [], []
    for copy in copies:
        if not copy.place.exists():
            told.append(f"the {copy.kind} {copy.place} of {copy.day} is not there any more; remove it where it went")
            continue
        try:
            told.append(_erased_in(copy, settings, environment, gone))
        except UnbrokenError as error:
            failed.append(f"the {copy.kind} {copy.place} of {copy.day}: {error}")
    if failed:
        raise StoreError("; ".join(failed))
    return [line for line in told if line]


def _erased_in(copy: Copy, settings: SiteSettings, environment: Mapping[str, str], gone: Sequence[Gone]) -> str:
    if copy.kind == RECORDING:
        leavers = [Leaver(frozenset(one.persons), frozenset(one.tracks)) for one in gone]
        changed = _state_without(copy, leavers) + take_out(copy.place, leavers)
        return f"{changed} files of the recording {copy.place} rewritten" if changed else ""
    if copy.kind == BACKUP:
        _erase_in_backup(copy, settings, environment, gone)
        return f"taken out of the backup {copy.place}"
    return f"the export {copy.place} of {copy.day} was left as it is; remove it"


def _state_without(copy: Copy, leavers: Sequence[Leaver]) -> int:
    """Let the engine with which a recording begins forget people; how many files were changed."""
    path = copy.place / STATE
    manager = identity_of(settings_of(copy.place, None, ()), len(views_of(copy.place)))
    engine = engine_of_recording(copy.place, manager) if path.exists() else None
    if engine is None:
        return 0
    persons = sorted(person for one in leavers for person in one.persons)
    verdict = engine.apply(Batch(engine.time, (), tuple(Forget(person, _REASON) for person in persons)))
    if all(verdict.refusals):
        return 0
    rewrite(path, bytes_of_engine(engine, str(about(copy.place).get("model", ""))))
    return 1


def _erase_in_backup(copy: Copy, settings: SiteSettings, environment: Mapping[str, str], gone: Sequence[Gone]) -> None:
    """Forget people in a backup as its site would have, and prove it.

    Raises:
        StoreError: it cannot be opened, or something of them is left.
    """
    manager = service_identity(settings)
    if manager is None:
        raise StoreError("the site has no identity policy by which it can be opened; remove it")
    store = open_store(str(copy.place), StoreSettings(None, seal_from(settings.storage.key, environment)))
    try:
        engine = engine_of(store, manager, store.model)
        for person in (person for one in gone for person in one.persons):
            batch = Batch(store.latest, (), (Forget(person, _REASON),))
            verdict = engine.apply(batch)
            if verdict.refusals[0]:
                verdict = Verdict((), (PersonForgotten(batch.time, person, _REASON),), ("",))
            store.keep(batch, verdict)
        store.snapshot(bytes_of_engine(engine, store.model))
        store.finish()
        if begun(store.database):
            raise StoreError("something of them is left in it; see the log, or remove it")
    finally:
        store.close()
