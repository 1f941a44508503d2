"""`unbroken bench gallery`: a hundred thousand people x 512 numbers, searched exactly.

Two galleries: that of the fixed rule (`Vectors`: one unit vector a person, cosine), and that of the default manager
(`Gallery`: views, the calibrated projection of each, ratios). The latter is loaded in two ways: an engine's whole
state, as a site finds it when it starts, and bare vectors, which have to be projected anew. Each figure is the median
of some calls in turn, after one that is not counted; the reference is a plain matrix product of NumPy over the same
numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import TypeVar

import numpy as np

from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Features, Floats
from unbroken.identity.engine import Engine
from unbroken.identity.gallery import Gallery, GallerySettings, View
from unbroken.identity.history import Tracklet
from unbroken.identity.looks.calibration import CalibrationSettings, Likeness, learn_likeness
from unbroken.identity.looks.features import FeatureSettings
from unbroken.identity.looks.vectors import Vectors
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.recall import Remembered
from unbroken.storage.state import bytes_of_engine, engine_of_bytes

PEOPLE = 100_000
DIMENSION = 512
_TOGETHER = 64
_COLUMNS = ("gallery", "people", "one query, ms", "64 queries, ms", "an update, us", "load, s", "megabytes")
_GOALS: tuple[str | float | int, ...] = ("goal", PEOPLE, 10.0, 100.0, 50.0, 2.0, "-")

Row = tuple[str | float | int, ...]
_Kind = TypeVar("_Kind")


def run(options: Options) -> Outcome:
    """Time searches, updates and loading."""
    rng = np.random.default_rng(options.seed)
    people = PEOPLE // 10 if options.quick else PEOPLE
    features = _unit(rng, people)
    queries = _unit(rng, _TOGETHER)
    rounds = 5 if options.quick else 15
    rows = (
        _plain(features, queries, rounds),
        _vectors(features, queries, rounds),
        _calibrated(features, queries, rounds),
        _restored(features),
    )
    settings = {"rounds": rounds, "dimension": DIMENSION, **asdict(GallerySettings())}
    note = (
        "Exact, processor time, one thread where OMP_NUM_THREADS=1. Load: a file into a gallery that answers; one view "
        "a person. The reference does nothing but multiply, so it says what the machine gives."
    )
    return Outcome("gallery", _COLUMNS, (_GOALS, *rows), settings, options.seed, (note,))


def _plain(features: Features, queries: Features, rounds: int) -> Row:
    one = _milliseconds(lambda: features @ queries[0], rounds)
    many = _milliseconds(lambda: queries @ features.T, rounds)
    return "NumPy alone: features @ query", len(features), one, many, "-", "-", features.nbytes / 1e6


def _vectors(features: Features, queries: Features, rounds: int) -> Row:
    def load(path: Path) -> Vectors:
        stored, vectors = np.load(path), Vectors()
        for key, vector in enumerate(stored):
            vectors.put(key, vector)
        return vectors

    vectors, seconds = _loaded(features, load)
    one = _milliseconds(lambda: vectors.similarities(queries[:1]), rounds)
    many = _milliseconds(lambda: vectors.similarities(queries), rounds)
    updates = iter(range(10**9))
    update = _milliseconds(lambda: vectors.put(next(updates) * 7919 % len(features), queries[0]), 20 * rounds)
    return "fixed rule: Vectors", len(vectors), one, many, 1000 * update, seconds, features.nbytes / 1e6


def _calibrated(features: Features, queries: Features, rounds: int) -> Row:
    likeness = _fitted(features)

    def load(path: Path) -> Gallery:
        stored, gallery = np.load(path), Gallery()
        for number, vector in enumerate(stored):
            gallery.put(number + 1, (_view(number, vector),))
        gallery.recalibrate(likeness, len(likeness.between))
        return gallery

    gallery, seconds = _loaded(features, load)
    projected = likeness.project(queries, np.zeros(len(queries), dtype=np.int64))
    one = _milliseconds(lambda: gallery.ratios(projected[:1]), rounds)
    many = _milliseconds(lambda: gallery.ratios(projected), rounds)
    updates = iter(range(10**9))

    def update() -> None:
        number = next(updates) * 7919 % len(features)
        gallery.put(number + 1, (_view(number, queries[0], projected[0]),))

    moved = _milliseconds(update, 20 * rounds)
    return "default: Gallery, of bare vectors", len(gallery), one, many, 1000 * moved, seconds, gallery.bytes / 1e6


def _restored(features: Features) -> Row:
    """An engine that knows everybody, written and read."""
    tracks = tuple(Tracklet("a", number, float(number), number + 1.0, row) for number, row in enumerate(features))
    engine = Engine(CalibratedManager())
    engine.recall(Remembered(tracks, np.arange(1, len(features) + 1), len(features)))
    state = bytes_of_engine(engine)
    del engine, tracks
    with TemporaryDirectory() as folder:
        path = Path(folder) / "engine.state"
        path.write_bytes(state)
        start = process_time()
        found = engine_of_bytes(path.read_bytes(), Engine(CalibratedManager()))
        seconds = process_time() - start
    manager = found.manager
    assert isinstance(manager, CalibratedManager)
    return "default: an engine's whole state", manager.people, "-", "-", "-", seconds, len(state) / 1e6


def _fitted(features: Features) -> Likeness:
    """A calibration such as a site has, of people who are seen twice; its numbers do not matter here, its sizes do."""
    again = features[:2000] + 0.5 * features[-2000:][: len(features[:2000])]
    again /= np.linalg.norm(again, axis=1, keepdims=True)
    some = np.stack([features[:2000], again], axis=1).reshape(-1, features.shape[1])
    zeros = np.zeros(len(some), dtype=np.int64)
    return learn_likeness(some, zeros, np.arange(len(some)) // 2, CalibrationSettings(), FeatureSettings())


def _view(number: int, vector: Features, row: Floats | None = None) -> View:
    return View(number, 0, float(number), number + 1.0, vector, np.zeros(0) if row is None else row)


def _loaded(features: Features, load: Callable[[Path], _Kind]) -> tuple[_Kind, float]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, features)
        start = process_time()
        found = load(path)
        return found, process_time() - start


def _milliseconds(call: Callable[[], object], rounds: int) -> float:
    call()
    seconds = []
    for _ in range(rounds):
        start = process_time()
        call()
        seconds.append(process_time() - start)
    return 1000 * median(seconds)


def _unit(rng: np.random.Generator, count: int) -> Features:
    rows = rng.standard_normal((count, DIMENSION), dtype=np.float32)
    unit: Features = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
