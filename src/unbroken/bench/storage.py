"""`unbroken bench storage`: what a large gallery costs on disk: to load, to add to, to copy, to forget somebody."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path
from time import perf_counter, process_time, sleep

import numpy as np

from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Features
from unbroken.core.batches import Batch, Forget, Report, Verdict
from unbroken.core.events import PersonForgotten
from unbroken.core.sightings import Identities, IdentityState, Sightings
from unbroken.storage.keeper import Store, StoreSettings, open_store
from unbroken.storage.opening import connect
from unbroken.storage.queries import nearest
from unbroken.storage.sealing import AesGcm, Plain, Seal
from unbroken.storage.vectors import PURPOSE, known_vectors

PEOPLE, DIMENSION = 100_000, 512
_SEEN = 60
"""People in the pictures of one step."""
_STEPS = 50
_BETWEEN = 0.05
"""Seconds between two portions of an erasure; a running site does one every 0.25 s."""


def run(options: Options) -> Outcome:
    """Fill a database with people who are nobody, and measure."""
    people = 5_000 if options.quick else PEOPLE
    vectors = unit_vectors(people, DIMENSION, np.random.default_rng(options.seed))
    folder = Path(tempfile.mkdtemp(prefix="unbroken-storage-"))
    try:
        rows = _of_a_store(folder / "plain.db", vectors, Plain())
        sealed = folder / "sealed.db"
        fill(sealed, vectors, AesGcm(bytes(32)))
        rows.append(("load all vectors, encrypted", *timed(lambda: _load(sealed, AesGcm(bytes(32)))), ""))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    columns = (f"{people} people x {DIMENSION}", "seconds", "of the processor", "goal")
    return Outcome("storage", columns, tuple(rows), {"people": people}, options.seed, _NOTES)


_NOTES = (
    "SQLite, every commit on disk before it returns. The file has just been written: it is read from memory of the "
    "system, not from the disk. Loading is the median of 3.",
)


def unit_vectors(count: int, dimension: int, rng: np.random.Generator) -> Features:
    """Random rows of unit length."""
    vectors = rng.standard_normal((count, dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def fill(path: Path, vectors: Features, seal: Seal) -> None:
    """A database with one person, one track and one view per vector."""
    with closing(open_store(str(path), StoreSettings("bench", seal))) as store, store.database.transaction():
        numbers = range(1, len(vectors) + 1)
        store.database.many(
            "INSERT INTO people (id, name, state, first_seen, last_seen) VALUES (?, '', 'confirmed', ?, ?)",
            ((number, float(number), float(number)) for number in numbers),
        )
        store.database.many(
            "INSERT INTO tracks (id, camera, epoch, track, person, start_time, end_time) "
            "VALUES (?, 'hall', 1, ?, ?, ?, ?)",
            ((number, number, number, float(number), float(number)) for number in numbers),
        )
        store.database.many(
            "INSERT INTO features (track, time, quality, model, vector) VALUES (?, ?, 0.9, 'bench', ?)",
            (
                (number, float(number), seal.close(row.tobytes(), PURPOSE))
                for number, row in zip(numbers, vectors, strict=True)
            ),
        )


def timed(do: Callable[[], object], repeats: int = 3) -> tuple[float, float]:
    """Seconds by the clock and of the processor, the medians."""
    taken = []
    for _ in range(repeats):
        start = perf_counter(), process_time()
        do()
        taken.append((perf_counter() - start[0], process_time() - start[1]))
    clock, processor = np.median(taken, axis=0).tolist()
    return clock, processor


def _of_a_store(path: Path, vectors: Features, seal: Seal) -> list[tuple[str, float, float, str]]:
    rows = [("write them all at once", *timed(lambda: fill(path, vectors, seal), 1), "")]
    rows.append(("load all vectors", *timed(lambda: _load(path, seal)), "2"))
    with closing(connect(str(path))) as database:
        rows.append(("find by a vector, from the file", *timed(lambda: nearest(database, seal, vectors[7])), ""))
    with closing(open_store(str(path), StoreSettings("bench", seal))) as store:
        rows.append((f"keep a step of {_SEEN} people", *_kept(store, vectors), ""))
        rows.append(("copy the database", *timed(lambda: store.database.backup(path.with_suffix(".copy")), 1), ""))
        waits: list[tuple[float, float]] = []
        rows.append(
            ("forget one person, searched and proved", *timed(lambda: _forget(store, len(vectors), waits), 1), "")
        )
        rows.append(("of it, the writer stands still", *max(waits), ""))
    return rows


def _load(path: Path, seal: Seal) -> None:
    with closing(connect(str(path))) as database:
        known_vectors(database, seal)


def _kept(store: Store, vectors: Features) -> tuple[float, float]:
    """Seconds for a step, the medians."""
    steps = iter([_step(number, vectors) for number in range(_STEPS)])
    return timed(lambda: store.keep(*next(steps)), _STEPS)


def _step(number: int, vectors: Features) -> tuple[Batch, Verdict]:
    rows = np.arange(_SEEN)
    time, nowhere = float(len(vectors) + number), np.full((_SEEN, 2), np.nan)
    view = Sightings(
        "hall",
        time,
        rows + 1,
        np.tile([0.0, 0.0, 50.0, 120.0], (_SEEN, 1)),
        nowhere,
        np.full((_SEEN, 2, 2), np.nan),
        vectors[rows],
        np.full(_SEEN, 0.5),
        np.zeros(0, dtype=np.int64),
    )
    state = np.full(_SEEN, int(IdentityState.CONFIRMED))
    answer = Identities("hall", time, view.tracks, rows + 1, state, np.ones(_SEEN))
    return Batch(time, (Report(1, number, view),)), Verdict((answer,), ())


def _forget(store: Store, person: int, waits: list[tuple[float, float]]) -> None:
    """Forget somebody as a running site does, a portion after each step; `waits` gets what each takes."""
    batch = Batch(store.latest, (), (Forget(person, "bench"),))
    portions = chain(
        [lambda: store.keep(batch, Verdict((), (PersonForgotten(store.latest, person, "bench"),), ("",)))],
        [lambda: store.snapshot(b"")],
        repeat(store.advance),
    )
    for portion in portions:
        start = perf_counter(), process_time()
        more = portion()
        waits.append((perf_counter() - start[0], process_time() - start[1]))
        if more is False:
            return
        sleep(_BETWEEN)
