"""`unbroken bench soak`: a day of eight cameras on the identity chain with its storage, and whether anything grows.

An hour of a synthetic site is drawn once and lived 24 times. Every second person is a regular, who looks the same each
hour; the others look different in every hour, so new people keep coming and old ones are forgotten after an hour out of
sight. Each hour all cameras' trackers begin anew. The chain is what a running site has behind its trackers: numbering,
engine, manager, journal and snapshots in a SQLite database.

A day takes an hour or more. With `--output` each hour is kept as soon as it is over, with the database as it was then,
and a day that was interrupted goes on after the last hour that was whole.

Sizes are exact: bytes of the engine's whole state, people in the gallery, open tracks, bytes of the database. Memory is
the resident set of this process; time is processor time, which other work on the machine touches least.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from unbroken.app.lasting import lasting_of
from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Features, Floats
from unbroken.core.sightings import Sightings
from unbroken.datasets.synthetic import Observation, ObservationSettings, WorldSettings, make_world, observe
from unbroken.identity.gallery import GallerySettings
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings
from unbroken.pipeline.lasting import Lasting, LastingSettings
from unbroken.render.html import el
from unbroken.render.plots import Labels, line_plot
from unbroken.storage.keeper import Store, StoreSettings, open_store
from unbroken.storage.state import bytes_of_engine, size_of_engine

HOUR = WorldSettings(cameras=8, people=24, seconds=3600.0, rate=0.5, arrivals=60.0, pause=(3.0, 20.0))
"""An hour at default size."""
QUICK = WorldSettings(cameras=3, people=8, seconds=180.0, rate=0.5, arrivals=20.0, pause=(3.0, 10.0))
"""An "hour" of three minutes, for a first look and the tests."""
HOURS, FEW = 24, 6
"""How many are lived, at default size and for a first look."""
ALLOWED = 0.05
"""Share by which the last hour may be above the second."""

_MODEL = "synthetic"
_EVERY = 30
"""Steps from one look at the memory to the next; the median of an hour counts."""
_COLUMNS = (
    "hour", "MB resident", "ms a step", "ms, p95", "state kB", "people", "tracks", "database kB", "Global IDs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hour:
    """What one hour left behind: see `_COLUMNS`; seconds are of processor time.

    `first` is whether it was the first hour of its process, in which memory begins anew.
    """

    number: int
    resident: float
    median: float
    late: float
    state: int
    people: int
    tracks: int
    database: int
    given: int
    first: bool

    def row(self) -> tuple[str | float | int, ...]:
        """A line of the table."""
        sizes = (self.state / 1e3, self.people, self.tracks, self.database / 1e3, self.given)
        return (self.number, self.resident / 1e6, 1e3 * self.median, 1e3 * self.late, *sizes)


def run(options: Options) -> Outcome:
    """Live through a day, or through a few short hours, and compare the last hour with the second."""
    settings, count = (QUICK, FEW) if options.quick else (HOUR, HOURS)
    diary = Diary(options.output, _said(settings, options.seed)) if options.output else None
    hours = diary.read()[:count] if diary else []
    console = Console(stderr=True)
    for hour in lived(settings, count, options.seed, diary):
        hours.append(hour)
        console.print(" ".join(f"{name} {value:.5g}" for name, value in zip(_COLUMNS, hour.row(), strict=True)))
        if options.output:
            _plot(options.output / "soak.html", hours)
    said = {**_said(settings, options.seed), "hours": count}
    rows = tuple(hour.row() for hour in hours)
    return Outcome("soak", _COLUMNS, rows, said, options.seed, (_NOTE, *_growth(hours), *_interrupted(hours)))


_NOTE = (
    "Each hour 8 cameras' trackers begin anew; every second person is new in it, and forgotten after an hour unseen. "
    "ms: processor time of a step of all cameras, stored before it is answered."
)


@dataclass(frozen=True, slots=True)
class Diary:
    """Where the hours of a day are kept, so that an interruption costs no more than the hour that is under way.

    Attributes:
        folder: holds `soak.json` and the database as it was after the last hour.
        said: what the day is of; hours of another day are not gone on with.
    """

    folder: Path
    said: dict[str, object]

    def read(self) -> list[Hour]:
        """The hours that were lived; none where there are none of this day."""
        try:
            kept = json.loads((self.folder / "soak.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        known = [Hour(**hour) for hour in kept["hours"]] if kept["said"] == self.said else []
        return known if self.database(len(known)).exists() else []

    def database(self, hour: int) -> Path:
        """Where the database is as it was after an hour."""
        return self.folder / f"soak-{hour}.db"

    def write(self, hours: Sequence[Hour], keeper: Store) -> None:
        """Keep one hour more; whenever this is interrupted, `read` finds all hours before it."""
        last = len(hours)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.database(last).unlink(missing_ok=True)
        keeper.database.backup(self.database(last))
        text = json.dumps({"said": self.said, "hours": [asdict(hour) for hour in hours]})
        (self.folder / "soak.json.new").write_text(text, encoding="utf-8")
        (self.folder / "soak.json.new").replace(self.folder / "soak.json")
        self.database(last - 1).unlink(missing_ok=True)


def lived(settings: WorldSettings, count: int, seed: int, diary: Diary | None = None) -> Iterator[Hour]:
    """Hour after hour; with a diary, those that it does not hold yet."""
    hours = diary.read() if diary else []
    stream = _drawn(settings, seed)
    memory = ManagerSettings(gallery=GallerySettings(lifetime=settings.seconds))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unbroken-soak-")))
        if diary and hours:
            shutil.copyfile(diary.database(len(hours)), folder / "soak.db")
        keeper = open_store(str(folder / "soak.db"), StoreSettings(_MODEL))
        stack.callback(keeper.close)
        wanted = LastingSettings(snapshot=float("inf"))
        lasting = lasting_of(CalibratedManager(memory), keeper, _MODEL, wanted)
        before = len(hours)
        for number in range(before + 1, count + 1):
            rng = np.random.default_rng([seed, number])
            hour = _hour(number, lasting, _shifted(stream, settings, number, rng), keeper)
            hours.append(replace(hour, first=number == before + 1))
            if diary:
                diary.write(hours, keeper)
            yield hours[-1]


def _drawn(settings: WorldSettings, seed: int) -> list[tuple[Observation, ...]]:
    world = make_world(settings, np.random.default_rng(seed))
    return observe(world, ObservationSettings(patience=2.5 / settings.rate), np.random.default_rng([seed, 1]))


def _shifted(
    stream: Sequence[Sequence[Observation]], settings: WorldSettings, number: int, rng: np.random.Generator
) -> Iterator[list[Sightings]]:
    """The hour as it is lived for the nth time: later, and with strangers who look like nobody before."""
    width = stream[0][0].sightings.features.shape[1]
    mirror = np.where(rng.random(width) < 0.5, -1, 1).astype(np.float32)
    for reports in stream:
        yield [_later(report, (number - 1) * settings.seconds, mirror) for report in reports]


def _later(report: Observation, seconds: float, mirror: Features) -> Sightings:
    seen = report.sightings
    strange = (report.persons % 2 == 1)[:, None]
    return replace(seen, time=seen.time + seconds, features=np.where(strange, seen.features * mirror, seen.features))


def _hour(number: int, lasting: Lasting, steps: Iterator[list[Sightings]], keeper: Store) -> Hour:
    spent: list[float] = []
    resident: list[float] = []
    given: set[int] = set()
    for step in steps:
        start = time.process_time()
        answers, _ = lasting.observe(step)
        spent.append(time.process_time() - start)
        if len(spent) % _EVERY == 0:
            resident.append(_resident())
        given.update(person for one in answers for person in one.persons[one.persons > 0].tolist())
    for camera in list(lasting.engine.epochs):
        lasting.begin(camera)
    keeper.snapshot(bytes_of_engine(lasting.engine, _MODEL))
    manager = lasting.engine.manager
    assert isinstance(manager, CalibratedManager)
    size = sum(path.stat().st_size for path in keeper.database.files)
    seconds = np.array(spent)
    return Hour(
        number, float(np.median(resident)), float(np.median(seconds)), float(np.quantile(seconds, 0.95)),
        size_of_engine(lasting.engine), manager.people, manager.open_tracks, size, len(given), first=False,
    )  # fmt: skip


def _resident() -> float:
    """Bytes of this process in memory; NaN where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return float("nan")
    return float(pages * 4096)


def _growth(hours: Sequence[Hour]) -> tuple[str, ...]:
    """The last hour against the second, in sentences."""
    if len(hours) < 3:
        return ()
    second, last = hours[1], hours[-1]
    grown = {
        "resident memory": last.resident / second.resident - 1,
        "a step": last.median / second.median - 1,
        "the engine's state": last.state / second.state - 1,
    }
    return tuple(
        f"Hour {last.number} against hour 2: {name} {share:+.1%}, {'within' if share <= ALLOWED else 'beyond'} "
        f"{ALLOWED:.0%}."
        for name, share in grown.items()
    )


def _interrupted(hours: Sequence[Hour]) -> tuple[str, ...]:
    """Where a process ended and another went on, in a sentence."""
    later = [str(hour.number) for hour in hours[1:] if hour.first]
    if not later:
        return ()
    return (f"The day was interrupted: with hour {', '.join(later)} a new process began, and its memory anew.",)


def _plot(path: Path, hours: Sequence[Hour]) -> None:
    """Memory, time and sizes by the hour, as a page."""

    def line(values: Sequence[float]) -> Floats:
        return np.column_stack([[hour.number for hour in hours], values])

    memory = line_plot({"resident": line([hour.resident / 1e6 for hour in hours])}, Labels("memory", "hour", "MB"))
    steps = {"median": line([1e3 * hour.median for hour in hours]), "p95": line([1e3 * hour.late for hour in hours])}
    sizes = {
        "state": line([hour.state / 1e3 for hour in hours]),
        "database": line([hour.database / 1e3 for hour in hours]),
    }
    parts = [memory, line_plot(steps, Labels("processor time of a step", "hour", "ms"))]
    parts.append(line_plot(sizes, Labels("what is kept", "hour", "kB")))
    page = el("html", el("title", "A day"), el("body", el("h1", "A day of eight cameras"), *parts))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<!doctype html>{page}", encoding="utf-8")


def _said(settings: WorldSettings, seed: int) -> dict[str, object]:
    return {
        "cameras": settings.cameras, "people an hour": settings.people, "seconds an hour": settings.seconds,
        "reports per second and camera": settings.rate, "seed": seed,
    }  # fmt: skip
