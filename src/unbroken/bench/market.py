"""`unbroken bench market`: identity by appearance and time, on real features of people who pass six cameras."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from unbroken.app.identify import Named, identify, write_names
from unbroken.app.tables import TrackTable, read_table
from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Ints
from unbroken.core.errors import ConfigError
from unbroken.identity.fixed import FixedManager, FixedSettings
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings

_PUBLISHED = (
    ("threshold chosen on the answers (published)", 0.451),
    ("+ features normalised per camera (published)", 0.496),
    ("+ likelihood ratio fitted on labels (published)", 0.533),
    ("offline clustering with time, chosen on the answers (published)", 0.617),
)


def run(options: Options) -> Outcome:
    """Score the textbook rule, the default manager, and the default with each of its parts off.

    `--output` keeps `market.npz` with the default manager's `arrival` and `final`, one per box.
    """
    file = _file(options.data)
    table, persons = read_table(file), _persons(file)
    rows: list[tuple[str | float | int, ...]] = []
    for name, settings in _textbook().items():
        rows.append(_row(name, identify(table, FixedManager(settings)), persons))
    rows += [(name, score, score, "-") for name, score in _PUBLISHED]
    default = identify(table, CalibratedManager())
    rows.append(_row("default", default, persons))
    for name, parts in {} if options.quick else _ablations().items():
        rows.append(_row(f"default without {name}", identify(table, CalibratedManager(parts)), persons))
    if options.output:
        write_names(default, options.output / "market.npz")
    return Outcome(
        "market",
        ("manager", "IDF1 at arrival", "IDF1 at the end", "identities"),
        tuple(rows),
        settings=asdict(ManagerSettings()),
        seed=options.seed,
        notes=(_about(table, persons), "Published figures are of the 376 people of `market_stream`."),
    )


def idf1(persons: Ints, named: Ints) -> float:
    """Share of boxes with the right identity under the best one-to-one matching of people and identities.

    Truth and answer have the same boxes, so identity precision, recall and F1 are one number.
    """
    people, truth = np.unique(persons, return_inverse=True)
    identities, answer = np.unique(named, return_inverse=True)
    shared = np.zeros((len(people), len(identities)))
    np.add.at(shared, (truth, answer), 1)
    rows, columns = linear_sum_assignment(shared, maximize=True)
    return float(shared[rows, columns].sum() / max(len(persons), 1))


def _row(name: str, named: Named, persons: Ints) -> tuple[str | float | int, ...]:
    return name, idf1(persons, named.arrival), idf1(persons, named.final), len(np.unique(named.final))


def _textbook() -> dict[str, FixedSettings]:
    return {
        "textbook: distance < 0.5, moving average 0.9": FixedSettings(same=0.5, different=0.5),
        "textbook: distance < 0.7, moving average 0.9": FixedSettings(same=0.7, different=0.7),
        "textbook: distance < 0.17 (chosen on answers)": FixedSettings(same=0.17, different=0.17),
    }


def _ablations() -> dict[str, ManagerSettings]:
    base = ManagerSettings()
    return {
        "camera means": replace(base, features=replace(base.features, camera_shrinkage=1e9)),
        "whitening": replace(base, features=replace(base.features, ridge=1e6)),
        "learnt within-person spread": replace(base, calibration=replace(base.calibration, within_shrinkage=1e9)),
        "transit times": replace(base, topology=replace(base.topology, leave=1e-9, slow=0.8)),
        "corrections": replace(base, corrections=replace(base.corrections, revisits=0, candidates=0, passes=0)),
        "hindsight": replace(base, corrections=replace(base.corrections, passes=0)),
    }


def _file(data: Path) -> Path:
    if data.is_file():
        return data
    files = sorted(data.glob("*.npz"))
    if len(files) != 1:
        raise ConfigError(f"{data}: holds {len(files)} .npz files; give a folder with one, or the file itself")
    return files[0]


def _persons(file: Path) -> Ints:
    with np.load(file) as archive:
        if "person" not in archive.files:
            raise ConfigError(f"{file}: has no 'person'; a benchmark needs the truth, `unbroken identify` does not")
        persons: NDArray[np.int64] = archive["person"].astype(np.int64)
    return persons


def _about(table: TrackTable, persons: Ints) -> str:
    return (
        f"{len(np.unique(persons))} people, {len(np.unique(table.cameras))} cameras, {len(table.arrivals())} tracks, "
        f"{len(persons)} boxes. Labels cut tracks and score answers; the manager sees cameras, times and features."
    )
