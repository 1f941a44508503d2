"""`unbroken bench scale`: what a step of the default identity manager costs, by cameras and by people.

A site in the steady state: everybody was enrolled before, each camera shows a few people, and tracks begin and end
all the time. One row per size; the exponents are the slopes of log cost on log size over the larger half of the sizes,
where what a step costs anyway no longer hides them. Time is that of the processor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np

from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Features, Floats, Ints
from unbroken.core.sightings import Sightings
from unbroken.identity.history import Tracklet
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings
from unbroken.render.plots import Labels, line_plot

CAMERAS = (1, 4, 16, 64, 256)
PEOPLE = (10, 100, 1000, 10_000)
FEW_CAMERAS = 8
FEW_PEOPLE = 1000
_SHOWN = 3
_STAY = 10.0
"""Seconds that somebody stays in a view."""
_RATE = 2.0
_DIMENSION = 128
_COLUMNS = ("cameras", "people", "sightings a step", "ms a step", "ms, p95", "us a sighting")


def run(options: Options) -> Outcome:
    """Time steps over growing numbers of cameras, then of people."""
    cameras, people = (CAMERAS[:3], PEOPLE[:3]) if options.quick else (CAMERAS, PEOPLE)
    steps = 20 if options.quick else 60
    by_cameras = [_cost(count, FEW_PEOPLE, steps, options.seed) for count in cameras]
    by_people = [_cost(FEW_CAMERAS, count, steps, options.seed) for count in people]
    rows = [
        (count, known, count * _shown(count, known), *_figures(seconds, count * _shown(count, known)))
        for sizes, costs in (
            ([(count, FEW_PEOPLE) for count in cameras], by_cameras),
            ([(FEW_CAMERAS, count) for count in people], by_people),
        )
        for (count, known), seconds in zip(sizes, costs, strict=True)
    ]
    curves = {"cameras": _curve(cameras, by_cameras), "people": _curve(people, by_people)}
    notes = tuple(f"cost grows as {name} to the {_exponent(curve):.2f}" for name, curve in curves.items())
    if options.output:
        _plot(curves, options.output)
    settings = {"steps": steps, "rate": _RATE, "stay": _STAY, "dimension": _DIMENSION, **asdict(ManagerSettings())}
    return Outcome("scale", _COLUMNS, tuple(rows), settings, options.seed, notes)


def _cost(cameras: int, people: int, steps: int, seed: int) -> Floats:
    """(steps,) seconds that each step took, everybody known beforehand."""
    rng = np.random.default_rng([seed, cameras, people])
    looks = _unit(rng.normal(size=(people, _DIMENSION)))
    manager = _enrolled(looks, rng)
    seconds = []
    for sightings in islice(_stream(cameras, looks, rng), int(_STAY * _RATE) + steps):
        start = process_time()
        manager.observe(sightings)
        seconds.append(process_time() - start)
    return np.array(seconds[-steps:])


def _enrolled(looks: Features, rng: np.random.Generator) -> CalibratedManager:
    """A manager that knows everybody. Second thoughts begin afterwards."""
    settings = ManagerSettings()
    manager = CalibratedManager(replace(settings, corrections=replace(settings.corrections, revisits=0, candidates=0)))
    for number, look in enumerate(looks):
        time = -3600.0 + 3000.0 * number / len(looks)
        manager.take([Tracklet(f"camera{number % FEW_CAMERAS}", number, time, time + 5, _seen(look, rng))])
    manager.adopt(settings)
    return manager


def _stream(cameras: int, looks: Features, rng: np.random.Generator) -> Iterator[list[Sightings]]:
    """Steps of a site whose people change places every `_STAY` seconds, not all at once."""
    names = [f"camera{number}" for number in range(cameras)]
    shown = _shown(cameras, len(looks))
    places = cameras * shown
    persons = rng.permutation(len(looks))[:places]
    tracks = np.arange(places) + 10**6
    until = rng.uniform(0, _STAY, places)
    step = 0
    while True:
        time = step / _RATE
        over = np.flatnonzero(until <= time)
        gone = [tracks[over[over // shown == number]] for number in range(cameras)]
        elsewhere = np.setdiff1d(np.arange(len(looks)), np.delete(persons, over))
        persons[over], until[over] = rng.permutation(elsewhere)[: len(over)], time + _STAY
        tracks[over] = tracks.max() + 1 + np.arange(len(over))
        yield [
            _view((names[number], time, ended), (tracks[rows], persons[rows]), looks, rng)
            for number, ended in enumerate(gone)
            for rows in [slice(shown * number, shown * (number + 1))]
        ]
        step += 1


def _shown(cameras: int, people: int) -> int:
    """How many people a view shows: nobody is in two at once."""
    return min(_SHOWN, people // cameras)


def _view(
    told: tuple[str, float, Ints], who: tuple[Ints, Ints], looks: Features, rng: np.random.Generator
) -> Sightings:
    (name, time, ended), (tracks, persons) = told, who
    count = len(tracks)
    left = 100.0 * np.arange(count)
    boxes = np.column_stack([left, np.full(count, 50.0), left + 40, np.full(count, 170.0)])
    nowhere = np.full((count, 2), np.nan), np.full((count, 2, 2), np.nan)
    return Sightings(name, time, tracks.copy(), boxes, *nowhere, _seen(looks[persons], rng), np.ones(count), ended)


def _seen(looks: Features, rng: np.random.Generator) -> Features:
    """Unit rows as a camera sees them."""
    return _unit(looks + 0.4 * _unit(rng.normal(size=looks.shape)))


def _unit(rows: Floats | Features) -> Features:
    unit: Features = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return unit


def _figures(seconds: Floats, sightings: int) -> tuple[float, float, float]:
    usual = 1000 * median(seconds.tolist())
    return usual, 1000 * float(np.quantile(seconds, 0.95)), 1000 * usual / sightings


def _curve(sizes: Sequence[int], costs: Sequence[Floats]) -> Floats:
    """(S, 2) log10 of the size and log10 of the mean milliseconds of a step."""
    sized = np.column_stack([sizes, [1000 * float(cost.mean()) for cost in costs]])
    return np.asarray(np.log10(sized), dtype=np.float64)


def _exponent(curve: Floats) -> float:
    half = curve[len(curve) // 2 - 1 :]
    return float(np.polyfit(half[:, 0], half[:, 1], 1)[0])


def _plot(curves: dict[str, Floats], folder: Path) -> None:
    """`scale.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    least = min(float(curve[:, 1].min()) for curve in curves.values())
    shifted = {f"by {name}": curve - np.array([0.0, min(least, 0.0)]) for name, curve in curves.items()}
    labels = Labels("Cost of a step of the identity manager", "log10 of the size", "log10 of the cost")
    (folder / "scale.svg").write_text(str(line_plot(shifted, labels)), encoding="utf-8")
