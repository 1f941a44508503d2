"""`unbroken bench speed`: pictures per second of the trackers alone, beside the C of pyxtrackers.

The boxes are those of the folder's fullest sequence, of each picture the 36 with the highest scores. Tracker and peer
get the same boxes in turn in one process; time is that of the processor, so that a busy machine disturbs less. "Values"
go in as `Detections`, checked before, as in a pipeline; "arrays" are checked on the way in, as at the public door. Many
cameras are stepped together as a `Fleet`, the peer's trackers one after another. A first, untimed round lets numba
compile. `UNBROKEN_KERNELS=numpy` gives the figures without it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Floats
from unbroken.core.detections import Detections
from unbroken.core.errors import SourceError
from unbroken.datasets.motchallenge import read_rows, sequences
from unbroken.geometry.kernels import compiled
from unbroken.tracking import by_name, doors
from unbroken.tracking.engine import Engine
from unbroken.tracking.fleet import Fleet
from unbroken.tracking.registry import DEFAULT, parameters_of

CAMERAS = 16
PEOPLE = 36

_LEAST_SCORE = 0.1
_RATE = 30.0
_COLUMNS = ("tracker", "input", "cameras", "pictures/s", "pyxtrackers, pictures/s", "ratio")
_PEERS: dict[str, Callable[[Any], Any]] = {
    "sort": lambda peers: peers.Sort(max_age=30, min_hits=3, iou_threshold=0.3),
    "bytetrack": lambda peers: peers.BYTETracker(track_thresh=0.6, match_thresh=0.9, track_buffer=30),
    "ocsort": lambda peers: peers.OCSort(det_thresh=0.6),
}
_PUBLISHED: tuple[tuple[str | float | int, ...], ...] = (
    ("SORT, authors' Python (published)", "arrays", 1, 330.0, "-", "-"),
    ("ByteTrack, authors' Python (published)", "arrays", 1, 362.0, "-", "-"),
    ("OC-SORT, authors' Python (published)", "arrays", 1, 321.0, "-", "-"),
)

Pictures = Sequence[Floats]


def run(options: Options) -> Outcome:
    """Time every tracker alone and for 16 cameras."""
    pictures = _fullest(options.data)[: 100 if options.quick else None]
    rounds = 3 if options.quick else 7
    installed = importlib.util.find_spec("pyxtrackers") is not None
    peers = importlib.import_module("pyxtrackers") if installed else None
    notes = [f"{PEOPLE} boxes a picture, {len(pictures)} pictures, median of {rounds} rounds in turn, processor time"]
    kernels = "NumPy" if compiled() is None else "numba"
    if not installed:
        notes.append("pyxtrackers is not installed, so there is no ratio: the extra peers brings it")
    notes.append("compiled by numba" if compiled() else "NumPy alone: the extra fast compiles the arithmetic")
    rows: list[tuple[str | float | int, ...]] = []
    for name in dict.fromkeys((*_PEERS, "botsort", DEFAULT)):
        for kind, cameras in (("values", 1), ("arrays", 1), ("values", CAMERAS)):
            if cameras > 1 and type(by_name(name)) is not Engine:
                continue
            peer = _peer_lap(peers, name, pictures, cameras) if installed and name in _PEERS else None
            rows.append((name, kind, cameras, *_compare(_lap(name, kind, pictures, cameras), peer, rounds)))
    settings = {"boxes": PEOPLE, "cameras": CAMERAS, "rounds": rounds, "least score": _LEAST_SCORE, "kernels": kernels}
    return Outcome("speed", _COLUMNS, (*rows, *_PUBLISHED), settings, options.seed, tuple(notes))


def _fullest(folder: Path) -> list[Floats]:
    """The pictures of the sequence with most boxes a picture: (N, 5) x1, y1, x2, y2, score each."""
    best: list[Floats] = []
    for sequence in sequences(folder):
        rows = read_rows(sequence / "det" / "det.txt")
        good = rows.select((rows.scores >= _LEAST_SCORE).nonzero()[0])
        frames = good.by_frame()
        pictures = [np.column_stack([good.boxes[of], good.scores[of]]) for of in frames.values()]
        if pictures and np.mean([len(p) for p in pictures]) > np.mean([len(p) for p in best] or [0]):
            best = pictures
    if not best:
        raise SourceError(f"{folder}: no sequence has boxes; give a folder with SEQ/det/det.txt and SEQ/seqinfo.ini")
    return [np.ascontiguousarray(picture[np.argsort(-picture[:, 4], kind="stable")[:PEOPLE]]) for picture in best]


def _compare(ours: Callable[[], float], theirs: Callable[[], float] | None, rounds: int) -> tuple[float | str, ...]:
    """Pictures per second of both and the median of the ratios; `-` where there is no peer."""
    ours()
    if theirs is None:
        return median(ours() for _ in range(rounds)), "-", "-"
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    return (
        median(own for own, _ in pairs),
        median(peer for _, peer in pairs),
        median(own / peer for own, peer in pairs),
    )


def _lap(name: str, kind: str, pictures: Pictures, cameras: int) -> Callable[[], float]:
    """A function that runs new trackers over the pictures once and says how many pictures they did a second."""
    values = [Detections(picture[:, :4], picture[:, 4]) for picture in pictures]

    def lap_of_arrays() -> float:
        tracker = doors.Tracker(name, frame_rate=_RATE)
        start = process_time()
        for picture in pictures:
            tracker.update(picture)
        return len(pictures) / (process_time() - start)

    def lap_of_values() -> float:
        tracker = by_name(name)
        start = process_time()
        for index, detections in enumerate(values):
            tracker.update(detections, index / _RATE)
        return len(values) / (process_time() - start)

    def lap_together() -> float:
        fleet = Fleet(parameters_of(name)(), cameras)
        start = process_time()
        for index in range(len(values)):
            fleet.update([values[(index + camera) % len(values)] for camera in range(cameras)], index / _RATE)
        return cameras * len(values) / (process_time() - start)

    if cameras > 1:
        return lap_together
    return lap_of_arrays if kind == "arrays" else lap_of_values


def _peer_lap(peers: Any, name: str, pictures: Pictures, cameras: int) -> Callable[[], float]:
    """The same for the peer."""

    def lap() -> float:
        trackers = [_PEERS[name](peers) for _ in range(cameras)]
        start = process_time()
        for index in range(len(pictures)):
            for camera, tracker in enumerate(trackers):
                tracker.update(pictures[(index + camera) % len(pictures)])
        return cameras * len(pictures) / (process_time() - start)

    return lap
