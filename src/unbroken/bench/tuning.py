"""Search for better settings of a tracker on a user's own recordings, and see whether they hold on the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypedDict

import numpy as np

from unbroken.bench.recorded import Recorded, judge
from unbroken.core.errors import ConfigError, StoreError
from unbroken.core.files import writing
from unbroken.tracking.registry import by_name, parameters_of
from unbroken.tracking.settings import ranges

Settings = Mapping[str, float]


class Trial(TypedDict):
    """One line of the search's file: the settings that differ from the defaults, and their score."""

    settings: dict[str, float]
    score: float


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, and how.

    Attributes:
        tracker: its name.
        metric: what shall rise: a name of the report, or several joined by +.
        trials: how many settings are tried.
        seed: of split and search.
        motion: give the tracker the warps.
        wander: share of the trials drawn from the whole declared ranges; the others are near the best so far.
    """

    tracker: str
    metric: str = "HOTA+IDF1"
    trials: int = 50
    seed: int = 0
    motion: bool = True
    wander: float = 0.25


def split(recorded: list[Recorded], seed: int) -> tuple[list[Recorded], list[Recorded]]:
    """Sequences to fit on and sequences held out; a single one is cut in the middle.

    Raises:
        ConfigError: there is nothing to cut.
    """
    if len(recorded) > 1:
        order = np.random.default_rng([seed, 0]).permutation(len(recorded))
        middle = (len(recorded) + 1) // 2
        return [recorded[n] for n in order[:middle]], [recorded[n] for n in order[middle:]]
    if len(recorded[0].frames) < 2:
        raise ConfigError(f"{recorded[0].name}: has one frame; give at least two to fit and to check")
    middle = len(recorded[0].frames) // 2
    return [_part(recorded[0], slice(0, middle))], [_part(recorded[0], slice(middle, None))]


def search(
    plan: Search, fit: list[Recorded], path: Path, progress: Callable[[int, float], None]
) -> tuple[dict[str, float], list[float]]:
    """Try settings, best first guess the defaults, and write every trial to `path`, from which a broken run goes on.

    Args:
        plan: what is searched.
        fit: sequences to score on.
        path: JSON.
        progress: told the number of trials done and the best score.

    Returns:
        The best settings (only those that differ from the defaults), and the scores of all trials.

    Raises:
        StoreError: `path` holds a search of another kind, or cannot be written.
    """
    trials = _resumed(path, plan, fit)
    while len(trials) < plan.trials:
        tried = _drawn(plan, trials)
        trials.append({"settings": tried, "score": _score(plan, fit, tried)})
        content = {"search": _identity(plan, fit), "trials": trials}
        with writing(path):
            partial = path.with_suffix(".part")
            partial.write_text(json.dumps(content, indent=1) + "\n")
            partial.replace(path)
        progress(len(trials), max(trial["score"] for trial in trials))
    best = max(trials, key=lambda trial: trial["score"])
    return dict(best["settings"]), [trial["score"] for trial in trials]


def compared(
    plan: Search, sequences: list[Recorded], settings: Settings
) -> tuple[dict[str, float | int], dict[str, float | int]]:
    """The report of the defaults and of the given settings on the same sequences."""
    plain, _ = judge(sequences, lambda: by_name(plan.tracker), motion=plan.motion)
    tuned, _ = judge(sequences, lambda: by_name(plan.tracker, **settings), motion=plan.motion)
    return plain.summary(), tuned.summary()


def _score(plan: Search, fit: list[Recorded], settings: Settings) -> float:
    summary = judge(fit, lambda: by_name(plan.tracker, **settings), motion=plan.motion)[0].summary()
    names = plan.metric.split("+")
    unknown = [name for name in names if name not in summary]
    if unknown:
        raise ConfigError(f"metric {unknown[0]!r} is not known; choose among {', '.join(summary)}, joined by +")
    return float(sum(summary[name] for name in names)) / len(names)


def _drawn(plan: Search, trials: list[Trial]) -> dict[str, float]:
    """The settings of the next trial: the defaults first, then a few changed at a time."""
    kind = parameters_of(plan.tracker)
    known = ranges(kind)
    if not trials:
        return {}
    rng = np.random.default_rng([plan.seed, len(trials)])
    best = max(trials, key=lambda trial: trial["score"])
    settings = dict(best["settings"])
    defaults: dict[str, float] = {name: getattr(kind(), name) for name in known}
    for name in rng.choice(sorted(known), size=int(rng.integers(1, 4)), replace=False).tolist():
        low, high = known[name]
        now = settings.get(name, defaults[name])
        if rng.random() < plan.wander:
            value = float(rng.uniform(low, high))
        else:
            value = now * float(np.exp(rng.normal(0, 0.3))) if now > 0 else float(rng.uniform(0, 0.1)) * (high - low)
        value = min(max(value, low), high)
        settings[name] = round(value) if isinstance(defaults[name], int) else round(value, 5)
    return settings


def _resumed(path: Path, plan: Search, fit: list[Recorded]) -> list[Trial]:
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text())
        same = content["search"] == _identity(plan, fit)
        trials: list[Trial] = content["trials"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: is not a search that can go on ({error}); remove it or name another file") from error
    if not same:
        raise StoreError(f"{path}: holds a search with other settings or sequences; remove it or name another file")
    return trials


def _identity(plan: Search, fit: list[Recorded]) -> dict[str, object]:
    """What must be equal for a search to go on; more trials may be asked for."""
    return {**asdict(replace(plan, trials=0)), "sequences": [sequence.name for sequence in fit]}


def _part(sequence: Recorded, frames: slice) -> Recorded:
    numbers = sequence.frames[frames]
    return replace(
        sequence,
        frames=numbers,
        boxes=sequence.boxes[frames],
        warps=sequence.warps[frames],
        case=sequence.case.only(numbers),
    )
