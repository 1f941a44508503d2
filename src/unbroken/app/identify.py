"""Global IDs for people who already track: a table of tracks with features goes in, one Global ID per row comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unbroken.app.columns import need_pyarrow
from unbroken.app.tables import TrackTable
from unbroken.core.arrays import Ints
from unbroken.core.errors import ConfigError, StoreError
from unbroken.core.events import Event, PersonMerged, PersonSplit
from unbroken.core.sightings import Sightings
from unbroken.identity.fixed import FixedManager
from unbroken.identity.history import Tracklet
from unbroken.identity.looks.features import Bank, FeatureSettings
from unbroken.identity.manager import CalibratedManager


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """One Global ID per row of a table.

    Attributes:
        arrival: (N,) int64, as given when the row's track arrived.
        final: (N,) int64, after all corrections.
        events: what happened, in order.
    """

    arrival: Ints
    final: Ints
    events: list[Event]


def identify(
    table: TrackTable, manager: CalibratedManager | FixedManager, done: Callable[[], None] = lambda: None
) -> Named:
    """Give each track its Global ID when it arrives, and follow the corrections to the end.

    The manager sees what a site sees: names of cameras, times, features. Corrections reach the rows only through the
    events that the manager announces, as they would reach any other client. `done` is called after each track.
    After the last track everything is thought over once more.
    """
    groups = table.arrivals()
    step = _taking(manager) if isinstance(manager, CalibratedManager) else _observing(manager)
    at_arrival = np.full(len(groups), -1, dtype=np.int64)
    at_the_end = at_arrival.copy()
    place: dict[tuple[str, int], int] = {}
    everything: list[Event] = []
    for number, rows in enumerate(groups):
        tracklet = _tracklet(table, rows)
        place[tracklet.camera, tracklet.track] = number
        person, events = step(tracklet)
        at_arrival[number] = at_the_end[number] = person
        for event in events:
            _follow(event, at_the_end, place)
        everything += events
        done()
    corrections = manager.finish() if isinstance(manager, CalibratedManager) else []
    for event in corrections:
        _follow(event, at_the_end, place)
    everything += corrections
    arrival, final = np.full(len(table.tracks), -1, dtype=np.int64), np.full(len(table.tracks), -1, dtype=np.int64)
    for number, rows in enumerate(groups):
        arrival[rows], final[rows] = at_arrival[number], at_the_end[number]
    return Named(arrival, final, everything)


def _follow(event: Event, persons: Ints, place: Mapping[tuple[str, int], int]) -> None:
    if isinstance(event, PersonMerged):
        persons[persons == event.absorbed] = event.person
    elif isinstance(event, PersonSplit):
        persons[[place[track] for track in event.tracks]] = event.separated


def _tracklet(table: TrackTable, rows: Ints) -> Tracklet:
    feature = table.features[rows[0]]
    if len(feature):
        bank = Bank(FeatureSettings(views=64))
        for row in rows.tolist():
            bank.add(table.features[row], 1.0)
        feature = bank.vector
    ends = rows[[0, -1]]
    first, last = table.times[ends].tolist()
    where = str(table.cameras[rows[0]]), int(table.tracks[rows[0]])
    return Tracklet(*where, first, last, feature, table.ground[ends], table.boxes[ends])


def _taking(manager: CalibratedManager) -> Callable[[Tracklet], tuple[int, list[Event]]]:
    def step(tracklet: Tracklet) -> tuple[int, list[Event]]:
        (number,), events = manager.take([tracklet])
        return manager.person_of(int(number)), events

    return step


def _observing(manager: FixedManager) -> Callable[[Tracklet], tuple[int, list[Event]]]:
    ended: dict[str, list[int]] = {}

    def step(tracklet: Tracklet) -> tuple[int, list[Event]]:
        unknown = np.full((1, 2), np.nan), np.full((1, 2, 2), np.nan)
        tracks, boxes = np.array([tracklet.track]), np.zeros((1, 4))
        over = np.array(ended.get(tracklet.camera, []), dtype=np.int64)
        view = Sightings(
            tracklet.camera, tracklet.end, tracks, boxes, *unknown, tracklet.feature[None], np.ones(1), over
        )
        ended[tracklet.camera] = [tracklet.track]
        answers, events = manager.observe([view])
        return int(answers[0].persons[0]), events

    return step


def answer_path(path: Path, table: Path) -> Path:
    """Where the answer goes: without a suffix it gets that of the table, and it must be one that can be written.

    It is asked for before the work begins, for hours may lie between.

    Raises:
        ConfigError: a suffix other than `.npz` and `.parquet`, or the package for it is missing.
    """
    if not path.suffix:
        path = path.with_name(path.name + (".parquet" if table.suffix == ".parquet" else ".npz"))
    if path.suffix not in (".npz", ".parquet"):
        raise ConfigError(f"{path}: ends in {path.suffix!r}; give a name that ends in .npz or .parquet")
    if path.suffix == ".parquet":
        need_pyarrow()
    return path


def write_names(named: Named, path: Path) -> None:
    """Write `arrival` and `final`, one per row of what was read, as `.npz` or `.parquet` by the suffix.

    Raises:
        StoreError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npz":
            np.savez_compressed(path, arrival=named.arrival, final=named.final)
            return
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table({"arrival": named.arrival, "final": named.final}), path)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror or error}); give a folder you may write to"
        ) from error


def manager_by_name(policy: str) -> CalibratedManager | FixedManager:
    """A fresh manager with its defaults.

    Raises:
        ConfigError: there is none of that name.
    """
    if policy == "calibrated":
        return CalibratedManager()
    if policy == "fixed":
        return FixedManager()
    raise ConfigError(f"identity policy {policy!r} is not known; choose calibrated or fixed")
