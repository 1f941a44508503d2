"""A table of tracks that somebody else has made, read from `.npz` or `.parquet` and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unbroken.app.columns import read_columns
from unbroken.core.arrays import Features, Floats, Ints
from unbroken.core.errors import ConfigError
from unbroken.geometry.plane import FootNoise, GroundView, locate

SEQUENCE_BREAK = 3600.0
"""Seconds put between recordings that have clocks of their own: nobody walks from one into the next at once."""

_GAP = 250
"""Frames without a box after which, in a file without track numbers, somebody's track ends."""

_RATE = 25.0
_NAMES = ("camera", "track", "time", "frame", "rate", "features", "box", "ground", "person", "sequence")
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


def read_table(path: Path, rate: float | None = None) -> TrackTable:
    """Read a `.npz` or `.parquet` file of rows `camera`, `track`, `time` or `frame`, `features`.

    A file with `person`, `camera`, `sequence`, `frame` and no `track` is read as a set of labelled boxes: there a
    track is a maximal run of (person, camera, sequence) with gaps of at most 250 frames, and `person` is used for
    nothing else. Sequences are recordings with clocks of their own and are put one after another. Columns of other
    names are not looked at.

    Args:
        path: the file.
        rate: frames per second, where there are frames and no times; by default as the file's `rate` says (one
            number, or one per row), or 25.

    Raises:
        StoreError: the file cannot be read.
        ConfigError: a column is missing, has the wrong length, or holds NaN.
    """
    columns = read_columns(path, _NAMES)
    cut = "track" not in columns and {"person", "frame"} <= set(columns)
    for name in ("camera", "features") if cut else ("camera", "features", "track"):
        if name not in columns:
            found = ", ".join(sorted(columns)) or "nothing of use"
            raise ConfigError(f"{path}: has no {name!r} (found: {found}); see unbroken identify -h")
    told = columns.pop("rate", np.array(_RATE))
    count = len(np.atleast_1d(columns["features"]))
    for name, column in columns.items():
        rows = len(np.atleast_1d(column))
        if rows != count:
            raise ConfigError(f"{path}: {name!r} has {rows} rows, 'features' {count}; give one per row")
    features = _unit(columns["features"], path)
    boxes, ground = (_places(columns, name, width, path) for name, width in (("box", 4), ("ground", 2)))
    cameras = _named(columns["camera"], path)
    times, sequences = _times(columns, _rates(told if rate is None else np.array(rate), count, path), path)
    if cut:
        tracks = cut_tracks(columns["person"], cameras, sequences, _whole(columns["frame"], "frame", path))
    else:
        tracks = _whole(columns["track"], "track", path)
    return TrackTable(cameras, tracks, times, features, boxes, ground)


def _rates(values: NDArray[np.generic], count: int, path: Path) -> Floats:
    """(1,) or (count,) frames per second."""
    values = np.atleast_1d(values)
    if values.shape not in ((1,), (count,)) or values.dtype.kind not in "fiu":
        raise ConfigError(f"{path}: 'rate' is {values.dtype} {values.shape}; give one number, or one per row")
    rates: Floats = values.astype(np.float64)
    if not (good := (rates > 0) & (rates <= _LARGEST)).all():
        raise ConfigError(f"rate is {rates[np.argmin(good)]}; give frames per second above 0")
    return rates


def _named(cameras: NDArray[np.generic], path: Path) -> NDArray[np.str_]:
    if cameras.ndim != 1:
        raise ConfigError(f"{path}: 'camera' has shape {cameras.shape}; give one name per row")
    if cameras.dtype.kind == "S":
        cameras = np.char.decode(cameras.astype(np.bytes_), "utf-8", "replace")
    return np.array([str(camera) for camera in cameras.tolist()], dtype=np.str_)


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


def _unit(values: NDArray[np.generic], path: Path) -> Features:
    if not len(values):
        return np.zeros((0, 0), dtype=np.float32)
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


def _times(columns: Mapping[str, NDArray[np.generic]], rates: Floats, path: Path) -> tuple[Floats, Ints]:
    """Seconds on one clock, and the number of the recording of each row."""
    name = "time" if "time" in columns else "frame"
    if name not in columns:
        raise ConfigError(f"{path}: has neither 'time' nor 'frame'; give one of them")
    values = columns[name]
    if values.dtype.kind == "M":
        values = np.where(np.isnat(values), np.nan, values.astype("datetime64[us]").astype(np.float64) / 1e6)
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise ConfigError(f"{path}: {name!r} is {values.dtype} {values.shape}; give one number per row")
    if not (sane := _sane(values)).all():
        row = int(np.argmin(sane))
        raise ConfigError(f"{path}: {name!r} is {values[row]} in row {row}; give one number per row, or leave it out")
    seconds = values.astype(np.float64) / (rates if name == "frame" else 1.0)
    count = len(seconds)
    sequences = _whole(columns["sequence"], "sequence", path) if "sequence" in columns else np.zeros(count, np.int64)
    offset = 0.0
    for sequence in np.unique(sequences):
        mine = sequences == sequence
        seconds[mine] += offset
        offset = float(seconds[mine].max()) + SEQUENCE_BREAK
    return seconds, sequences


def _sane(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which are numbers that seconds and counts can be."""
    return np.abs(values.astype(np.float64)) <= _LARGEST


def _whole(values: NDArray[np.generic], name: str, path: Path) -> Ints:
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise ConfigError(f"{path}: {name!r} is {values.dtype} {values.shape}; give one whole number per row")
    if values.dtype.kind != "i":
        whole = _sane(values) & (values == np.rint(values.astype(np.float64)))
        if not whole.all():
            row = int(np.argmin(whole))
            raise ConfigError(f"{path}: {name!r} is {values[row]} in row {row}; give whole numbers")
    return values.astype(np.int64)
