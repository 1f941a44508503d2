"""`unbroken bench crash`: a site whose process is killed at random instants, again and again.

A process of its own takes in the reports of synthetic cameras, which outlive it: engine, journal, snapshots, people who
are forgotten now and then. It acknowledges each step through a pipe once the step has been kept. It is killed with
SIGKILL, looked at, and started again; the cameras send again what was not acknowledged, and some of what was. Then the
same stream goes through a process that nobody kills, and every answer and every row is compared.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from signal import SIGKILL
from time import monotonic, perf_counter
from typing import NamedTuple

import numpy as np

from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Features
from unbroken.core.batches import Batch, Forget, Report, Verdict
from unbroken.core.sightings import IdentityState
from unbroken.core.wire import bytes_of_verdict
from unbroken.datasets.synthetic import Observation, ObservationSettings, WorldSettings, make_world, observe
from unbroken.identity.engine import Engine
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings
from unbroken.storage.database import Database
from unbroken.storage.keeper import Store, StoreSettings, open_store
from unbroken.storage.opening import connect
from unbroken.storage.state import bytes_of_engine, engine_of_bytes

_WORLD = WorldSettings(cameras=4, people=12, seconds=120.0, rate=5.0, arrivals=20.0)
_LOOKS = ObservationSettings(dimension=32)
_DATABASE = "UNBROKEN_BENCH_DATABASE"
"""The environment variable with the address of an empty PostgreSQL database; without it, it is SQLite."""
_ROWS = (
    "SELECT * FROM people",
    "SELECT camera, epoch, track, person, start_time, end_time FROM tracks",
    "SELECT camera, epoch, tracks.track, time, quality, model, vector FROM features "
    "JOIN tracks ON tracks.id = features.track",
    "SELECT time, type, camera, person, body FROM events",
    "SELECT mentions.person, time, type, body FROM mentions JOIN events ON events.id = mentions.event",
)
"""What is compared: without the ids of rows, of which a server leaves some out after a transaction that was cut off."""


@dataclass(frozen=True, slots=True)
class CrashSettings:
    """How hard it is made.

    Attributes:
        kills: how often the process is killed.
        shortest: seconds under load before a kill, at least; `longest`: at most. The instant is drawn evenly.
        snapshot: steps between snapshots.
        forget: steps between people who are forgotten: those of Global ID 1, 2, 3 and so on.
        again: steps that the cameras send again although they were acknowledged.
        start: the first step of the stream: at the very beginning the halls are empty.
        seed: of the world and of the instants.
        database: the address of an empty database; empty: a SQLite file.
    """

    kills: int = 200
    shortest: float = 0.0
    longest: float = 1.0
    snapshot: int = 16
    forget: int = 40
    again: int = 3
    start: int = 60
    seed: int = 0
    database: str = ""


class Acknowledged(NamedTuple):
    """What the process has said of a step: a digest of all identities, and the Global IDs that are confirmed."""

    step: int
    digest: str
    confirmed: frozenset[int]


@dataclass(slots=True)
class Found:
    """What was found wrong, and what was done.

    Attributes:
        answers: by step, as first acknowledged.
        confirmed: identities in them that were confirmed: persons, counted once per step.
        lost: Global IDs that were acknowledged as confirmed and are not in the database after a kill.
        changed: steps that were answered otherwise when they came again.
        broken: sentences of the database's check of itself.
        restarts: seconds from opening the database to the first answer.
    """

    answers: dict[int, Acknowledged] = field(default_factory=dict)
    confirmed: int = 0
    lost: int = 0
    changed: int = 0
    broken: list[str] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)


class Stream:
    """The reports of the cameras, without end: the same two minutes again and again, with other tracks."""

    def __init__(self, settings: CrashSettings) -> None:
        self.settings = settings
        world = make_world(_WORLD, np.random.default_rng(settings.seed))
        self._steps = observe(world, _LOOKS, np.random.default_rng([settings.seed, 1]))
        tracks = [one.sightings.tracks for step in self._steps for one in step if len(one.sightings)]
        self._tracks = int(max(int(numbers.max()) for numbers in tracks)) + 1

    def batch(self, step: int) -> Batch:
        """The batch of a step, the same whenever it is asked for."""
        day, moment = divmod(step, len(self._steps))
        reports = tuple(self._report(one, step, day) for one in self._steps[moment])
        orders = (Forget(step // self.settings.forget, "bench"),) if self.forgets(step) else ()
        return Batch(max(report.sightings.time for report in reports), reports, orders)

    def forgets(self, step: int) -> int:
        """Who is forgotten in a step; 0: nobody."""
        return step // self.settings.forget if step and step % self.settings.forget == 0 else 0

    def _report(self, one: Observation, step: int, day: int) -> Report:
        view, shift = one.sightings, day * self._tracks
        later = view.time + day * _WORLD.seconds
        looks = self._of_another_day(view.features, step) if day else view.features
        return Report(
            1, step, replace(view, time=later, tracks=view.tracks + shift, ended=view.ended + shift, features=looks)
        )

    def _of_another_day(self, features: Features, step: int) -> Features:
        """Nobody looks quite the same again: the search for what was forgotten must not find another day."""
        noise = np.random.default_rng([self.settings.seed, step]).normal(0, 0.02, features.shape)
        seen = features.any(axis=1, keepdims=True)
        changed = np.where(seen, features + noise, 0.0)
        norms = np.linalg.norm(changed, axis=1, keepdims=True)
        return (changed / np.where(norms > 0, norms, 1.0)).astype(np.float32)


def run(options: Options) -> Outcome:
    """Kill, restart, compare."""
    settings = CrashSettings(
        kills=20 if options.quick else 200, seed=options.seed, database=os.environ.get(_DATABASE, "")
    )
    folder = Path(tempfile.mkdtemp(prefix="unbroken-crash-"))
    try:
        rows = measured(settings, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Outcome("crash", ("what", "count"), rows, {}, options.seed, _NOTES)


_NOTES = (
    "Instants are drawn evenly from 0 to 1 s of load after each restart; the load is as many steps as the machine "
    "can take, with snapshots every 16 steps and a person forgotten every 40.",
    "Rows that differ: people, tracks, features, events and mentions, compared with a process that nobody killed.",
    f"It is SQLite, or the database whose address is in the environment variable {_DATABASE}.",
)


def measured(settings: CrashSettings, folder: Path) -> tuple[tuple[str, float | int], ...]:
    """The rows of the table."""
    stream = Stream(settings)
    address = settings.database or str(folder / "killed.db")
    found = killed(stream, address)
    differing = compared(stream, found, address, folder / "calm.db")
    with closing(connect(address)) as database:
        twice = len(_enrolled_twice(database)) + len(_back_again(database))
    return (
        ("kills", settings.kills),
        ("steps acknowledged", len(found.answers)),
        ("confirmed identities acknowledged", found.confirmed),
        ("of these lost", found.lost),
        ("answers that changed when asked again", found.changed),
        ("duplicate Global IDs", twice),
        ("failed checks of the database", len(found.broken)),
        ("answers unlike those of an undisturbed run", differing[0]),
        ("rows unlike those of an undisturbed run", differing[1]),
        ("restart, median ms", 1e3 * float(np.median(found.restarts))),
        ("restart, longest ms", 1e3 * max(found.restarts)),
    )


def killed(stream: Stream, address: str) -> Found:
    """Run the process again and again, kill it each time, and look at what it has left; the last run ends by itself."""
    settings, found = stream.settings, Found()
    rng = np.random.default_rng([settings.seed, 2])
    for _ in range(settings.kills):
        life = float(rng.uniform(settings.shortest, settings.longest))
        for acknowledged in _one_life(stream, address, life, found):
            _take(acknowledged, found)
        _look(address, found, stream)
    last = max(found.answers, default=settings.start - 1)
    with closing(open_store(address, StoreSettings("made"))) as store:
        engine = restored(store)
        for step in range(_resumed(found, settings), last + settings.again):
            _take(kept(store, engine, stream, step), found)
    return found


def compared(stream: Stream, found: Found, address: str, calm: Path) -> tuple[int, int]:
    """How many answers, and how many rows, differ from those of a process that nobody kills."""
    differing = 0
    with closing(open_store(str(calm), StoreSettings("made"))) as store:
        engine = restored(store)
        for step in range(stream.settings.start, max(found.answers) + 1):
            differing += kept(store, engine, stream, step).digest != found.answers[step].digest
        with closing(connect(address)) as other:
            rows = sum(len(set(store.database.query(wanted)) ^ set(other.query(wanted))) for wanted in _ROWS)
    return differing, rows


def serve(address: str, first: int, stream: Stream, pipe: Connection) -> None:
    """The process: take the stream in from a step on, as fast as it goes, until it is killed."""
    pipe.send("here")
    start = perf_counter()
    store = open_store(address, StoreSettings("made"))
    engine = restored(store)
    for step in count(first):
        acknowledged = kept(store, engine, stream, step)
        if step == first:
            pipe.send(perf_counter() - start)
        pipe.send(acknowledged)


def restored(store: Store) -> Engine:
    """The engine as it was after the last batch that was kept."""
    fresh, recovered = Engine(CalibratedManager(ManagerSettings(memory=512))), store.recover()
    if recovered.state:
        return engine_of_bytes(recovered.state, fresh, store.model, recovered.batches)
    for batch in recovered.batches:
        fresh.apply(batch)
    return fresh


def kept(store: Store, engine: Engine, stream: Stream, step: int) -> Acknowledged:
    """Take one step in: decided, kept, and only then acknowledged."""
    batch = stream.batch(step)
    verdict = engine.apply(batch)
    store.keep(batch, verdict)
    if (step + 1) % stream.settings.snapshot == 0 or batch.commands:
        store.snapshot(bytes_of_engine(engine, store.model))
    store.advance()
    digest = hashlib.sha256(bytes_of_verdict(Verdict(verdict.identities, ()))).hexdigest()
    return Acknowledged(step, digest, _confirmed(verdict))


def _confirmed(verdict: Verdict) -> frozenset[int]:
    return frozenset(
        int(person)
        for one in verdict.identities
        for person in one.persons[one.state == int(IdentityState.CONFIRMED)].tolist()
    )


def _resumed(found: Found, settings: CrashSettings) -> int:
    """The first step that the cameras send after a restart: a few are sent again."""
    return max(max(found.answers, default=settings.start - 1) + 1 - settings.again, settings.start)


def _one_life(stream: Stream, address: str, life: float, found: Found) -> Iterator[Acknowledged]:
    """Start the process, let it work for some seconds, kill it; what it has acknowledged."""
    first = _resumed(found, stream.settings)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=(address, first, stream, theirs))
    process.start()
    theirs.close()
    ours.recv()
    deadline = monotonic() + life
    with suppress(EOFError):
        while (left := deadline - monotonic()) > 0 and ours.poll(left):
            yield from _heard(ours.recv(), found)
    process.kill()
    process.join()
    if process.exitcode != -SIGKILL:
        found.broken.append(f"the process ended by itself with code {process.exitcode}")
    with suppress(EOFError, OSError):
        while True:
            yield from _heard(ours.recv(), found)
    ours.close()


def _heard(message: object, found: Found) -> Iterator[Acknowledged]:
    if isinstance(message, Acknowledged):
        yield message
    elif isinstance(message, float):
        found.restarts.append(message)


def _take(acknowledged: Acknowledged, found: Found) -> None:
    before = found.answers.setdefault(acknowledged.step, acknowledged)
    found.changed += before.digest != acknowledged.digest
    if before is acknowledged:
        found.confirmed += len(acknowledged.confirmed)


def _look(address: str, found: Found, stream: Stream) -> None:
    """Whether the database is sound, and whoever was acknowledged last is still in it."""
    if not found.answers:
        return
    with closing(connect(address)) as database:
        found.broken += database.check()
        known = {row[0] for row in database.query("SELECT id FROM people")}
    last = max(found.answers)
    forgotten = {stream.forgets(step) for step in (last, last + 1)}
    found.lost += len(found.answers[last].confirmed - known - forgotten)


def _enrolled_twice(database: Database) -> list[tuple[object, ...]]:
    return list(
        database.query("SELECT person FROM events WHERE type = 'person_enrolled' GROUP BY person HAVING COUNT(*) > 1")
    )


def _back_again(database: Database) -> list[tuple[object, ...]]:
    """People who were forgotten and are known all the same."""
    return list(
        database.query("SELECT id FROM people WHERE id IN (SELECT person FROM events WHERE type = 'person_forgotten')")
    )
