"""Global IDs for people who already track: a table of tracks with features goes in, one Global ID per row comes out."""

from __future__ import annotations

import importlib.util
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Features, Floats, Ints
from unbroken.core.errors import ConfigError, StoreError
from unbroken.core.events import Event, PersonMerged, PersonSplit
from unbroken.core.sightings import Sightings
from unbroken.geometry.plane import FootNoise, GroundView, locate
from unbroken.identity.features import Bank, FeatureSettings
from unbroken.identity.fixed import FixedManager
from unbroken.identity.history import Tracklet
from unbroken.identity.manager import CalibratedManager

SEQUENCE_BREAK = 3600.0
"""Seconds put between recordings that have clocks of their own: nobody walks from one into the next at once."""

_GAP = 250
"""Frames without a box after which, in a file without track numbers, somebody's track ends."""

_RATE = 25.0
_LARGEST = 1e15
"""Seconds or counts beyond it are mistakes: whole numbers are exact up to here."""
_LARGEST_FEATURE = 1e12


def _no_boxes() -> Floats:
    return np.zeros((0, 4))


def _no_ground() -> Floats:
    return np.zeros((0, 2))


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """Rows of tracks, checked.

    Attributes:
        cameras: (N,) names of cameras.
        tracks: (N,) int64; a pair of camera and track is one track.
        times: (N,) float64, seconds.
        features: (N, D) float32 rows of unit length; D is 0 without Re-ID.
        boxes: (N, 4) x1, y1, x2, y2 in pixels; NaN (or left out) where they are not known.
        ground: (N, 2) metres; NaN (or left out) where they are not known.
    """

    cameras: NDArray[np.str_]
    tracks: Ints
    times: Floats
    features: Features
    boxes: Floats = field(default_factory=_no_boxes)
    ground: Floats = field(default_factory=_no_ground)

    def __post_init__(self) -> None:
        """Places that were left out are unknown."""
        for name, width in (("boxes", 4), ("ground", 2)):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.full((len(self.tracks), width), np.nan))

    def arrivals(self) -> list[Ints]:
        """The rows of each track, tracks in the order in which they arrive: by the time of their last row."""
        _, keys = np.unique(self.cameras, return_inverse=True)
        order = np.lexsort((np.arange(len(keys)), self.times, self.tracks, keys))
        changes = np.flatnonzero((np.diff(keys[order]) != 0) | (np.diff(self.tracks[order]) != 0)) + 1
        groups = np.split(order, changes) if len(order) else []
        return sorted(groups, key=lambda rows: (self.times[rows[-1]], int(rows.min())))


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


def identify(table: TrackTable, manager: CalibratedManager | FixedManager) -> Named:
    """Give each track its Global ID when it arrives, and follow the corrections to the end.

    The manager sees what a site sees: names of cameras, times, features. Corrections reach the rows only through the
    events that the manager announces, as they would reach any other client.
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


def read_table(path: Path, rate: float = _RATE) -> TrackTable:
    """Read a `.npz` or `.parquet` file of rows `camera`, `track`, `time` or `frame`, `features`.

    A file with `person`, `camera`, `sequence`, `frame` and no `track` is read as a set of labelled boxes: there a
    track is a maximal run of (person, camera, sequence) with gaps of at most 250 frames, and `person` is used for
    nothing else. Sequences are recordings with clocks of their own and are put one after another.

    Args:
        path: the file.
        rate: frames per second, where there are frames and no times.

    Raises:
        StoreError: the file cannot be read.
        ConfigError: a column is missing, has the wrong length, or holds NaN.
    """
    columns = _columns(path)
    for name in ("camera", "features"):
        if name not in columns:
            raise ConfigError(
                f"{path}: has no {name!r} (found: {', '.join(sorted(columns))}); see unbroken identify -h"
            )
    count = len(np.atleast_1d(columns["features"]))
    for name, column in columns.items():
        rows = len(np.atleast_1d(column))
        if rows != count:
            raise ConfigError(f"{path}: {name!r} has {rows} rows, 'features' {count}; give one per row")
    features = _unit(columns["features"], path)
    boxes, ground = (_places(columns, name, width, path) for name, width in (("box", 4), ("ground", 2)))
    if columns["camera"].ndim != 1:
        raise ConfigError(f"{path}: 'camera' has shape {columns['camera'].shape}; give one name per row")
    cameras = np.array([str(camera) for camera in columns["camera"].tolist()], dtype=np.str_)
    times, sequences = _times(columns, rate, path)
    if "track" in columns:
        tracks = _whole(columns["track"], "track", path)
    elif "person" in columns:
        tracks = cut_tracks(columns["person"], cameras, sequences, _whole(columns["frame"], "frame", path))
    else:
        raise ConfigError(f"{path}: has no 'track' (found: {', '.join(sorted(columns))}); see unbroken identify -h")
    return TrackTable(cameras, tracks, times, features, boxes, ground)


def placed(table: TrackTable, views: Mapping[str, GroundView]) -> TrackTable:
    """The table with ground points where a camera is calibrated, a box is known, and no ground point is."""
    ground = table.ground.copy()
    for name, view in views.items():
        rows = np.flatnonzero((table.cameras == name) & np.isnan(ground).any(axis=1))
        rows = rows[np.isfinite(table.boxes[rows]).all(axis=1)]
        ground[rows] = locate(view, table.boxes[rows], FootNoise())[0]
    return replace(table, ground=ground)


def _places(columns: Mapping[str, NDArray[np.generic]], name: str, width: int, path: Path) -> Floats:
    """A column of places, NaN where they are not known; none where the column is not there."""
    values = columns.get(name)
    if values is None or values.ndim != 2:
        return np.zeros((0, width))
    if values.shape[1] != width or values.dtype.kind not in "fiu":
        raise ConfigError(f"{path}: {name!r} is {values.dtype} {values.shape}; give numbers of shape (rows, {width})")
    places: Floats = values.astype(np.float64)
    places[~(np.abs(places) <= _LARGEST).all(axis=1)] = np.nan
    return places


def cut_tracks(persons: NDArray[np.generic], cameras: NDArray[np.str_], sequences: Ints, frames: Ints) -> Ints:
    """(N,) numbers of maximal runs of (person, camera, sequence) with gaps of at most 250 frames."""
    _, people = np.unique(persons, return_inverse=True)
    _, views = np.unique(cameras, return_inverse=True)
    order = np.lexsort((frames, sequences, views, people))
    keys = np.stack([people[order], views[order], sequences[order]])
    starts = np.any(np.diff(keys, axis=1) != 0, axis=0) | (np.diff(frames[order]) > _GAP)
    tracks = np.zeros(len(order), dtype=np.int64)
    tracks[order] = np.concatenate([[0], np.cumsum(starts)]) if len(order) else 0
    return tracks


def check_writable(path: Path) -> None:
    """Raise unless answers can be written in the form that the suffix names; hours may lie between this and writing.

    Raises:
        ConfigError: a suffix other than `.npz` and `.parquet`, or the package for it is missing.
    """
    if path.suffix not in (".npz", ".parquet"):
        raise ConfigError(f"{path}: ends in {path.suffix!r}; give a name that ends in .npz or .parquet")
    if path.suffix == ".parquet":
        _need_pyarrow()


def write_names(named: Named, path: Path) -> None:
    """Write `arrival` and `final`, one per row of what was read, as `.npz` or `.parquet` by the suffix.

    Raises:
        ConfigError: another suffix, or the package for it is missing.
        StoreError: the file cannot be written.
    """
    check_writable(path)
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


def _columns(path: Path) -> dict[str, NDArray[np.generic]]:
    if not path.is_file():
        raise StoreError(f"{path}: is not there; give a .npz or .parquet file")
    if path.suffix == ".parquet":
        return _parquet_columns(path)
    if not zipfile.is_zipfile(path):
        raise StoreError(
            f"{path}: cannot be read as .npz or .parquet (cut off, or another kind); see unbroken identify -h"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StoreError(f"{path}: cannot be read as .npz or .parquet ({reason}); see unbroken identify -h") from error


_DAMAGED = (
    OSError, ValueError, TypeError, AttributeError, EOFError, KeyError, RuntimeError, SyntaxError, MemoryError,
    struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
"""What NumPy and the zip reader below it raise for files that are cut off, changed or of another kind."""


def _parquet_columns(path: Path) -> dict[str, NDArray[np.generic]]:
    _need_pyarrow()
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"{path}: cannot be read as Parquet ({reason}); write it anew") from error
    columns: dict[str, NDArray[np.generic]] = {}
    for name in table.column_names:
        values = table[name].to_pylist()
        try:
            columns[name] = np.asarray(values)
        except ValueError as error:
            raise ConfigError(f"{path}: the rows of {name!r} differ in length; give the same number in each") from error
    return columns


def _need_pyarrow() -> None:
    if importlib.util.find_spec("pyarrow") is None:
        raise ConfigError("Parquet files need pyarrow; pip install 'unbroken[parquet]', or use .npz")


def _unit(values: NDArray[np.generic], path: Path) -> Features:
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise ConfigError(
            f"{path}: 'features' is {values.dtype} {values.shape}; give numbers of shape (rows, dimension)"
        )
    good = (np.abs(values.astype(np.float64)) <= _LARGEST_FEATURE).all(axis=1)
    if not good.all():
        raise ConfigError(
            f"{path}: row {int(np.argmin(good))} of 'features' holds NaN, infinity or a number beyond "
            f"{_LARGEST_FEATURE:g}; leave such rows out"
        )
    features = values.astype(np.float32)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    scaled: Features = features / np.maximum(norms, 1e-12)
    return scaled


def _times(columns: Mapping[str, NDArray[np.generic]], rate: float, path: Path) -> tuple[Floats, Ints]:
    """Seconds on one clock, and the number of the recording of each row."""
    name = "time" if "time" in columns else "frame"
    if name not in columns:
        raise ConfigError(f"{path}: has neither 'time' nor 'frame'; give one of them")
    values = columns[name]
    if values.ndim != 1 or values.dtype.kind not in "fiu" or not _sane(values):
        raise ConfigError(f"{path}: {name!r} is {values.dtype} {values.shape} or holds NaN; give one number per row")
    if rate <= 0:
        raise ConfigError(f"rate is {rate}; give frames per second above 0")
    seconds = values.astype(np.float64) / (rate if name == "frame" else 1.0)
    count = len(seconds)
    sequences = _whole(columns["sequence"], "sequence", path) if "sequence" in columns else np.zeros(count, np.int64)
    offset = 0.0
    for sequence in np.unique(sequences):
        mine = sequences == sequence
        seconds[mine] += offset
        offset = float(seconds[mine].max()) + SEQUENCE_BREAK
    return seconds, sequences


def _sane(values: NDArray[np.generic]) -> bool:
    """Whether all are numbers that seconds and counts can be."""
    return bool((np.abs(values.astype(np.float64)) <= _LARGEST).all())


def _whole(values: NDArray[np.generic], name: str, path: Path) -> Ints:
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise ConfigError(f"{path}: {name!r} is {values.dtype} {values.shape}; give one whole number per row")
    if values.dtype.kind != "i" and not (_sane(values) and np.array_equal(values, np.rint(values.astype(np.float64)))):
        raise ConfigError(f"{path}: {name!r} holds NaN or fractions; give whole numbers")
    return values.astype(np.int64)


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
