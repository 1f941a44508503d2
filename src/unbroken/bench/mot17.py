"""`unbroken bench mot17`: trackers on recorded boxes of one camera, without pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from unbroken.app.recorded import LEAST_SCORE, follow
from unbroken.bench.outcome import Options, Outcome
from unbroken.bench.recorded import Recorded, every, judge, read_all, scored
from unbroken.datasets.motchallenge import Rows, write_rows
from unbroken.evaluation.pairing import Trajectories, assigned, pair
from unbroken.evaluation.report import Scores
from unbroken.tracking.registry import DEFAULT, by_name, parameters_of
from unbroken.tracking.settings import ranges

_COLUMNS = ("tracker", "camera motion", "HOTA", "DetA", "AssA", "MOTA", "IDF1", "switches", "frames/s of CPU")
_PUBLISHED: tuple[tuple[str | float | int, ...], ...] = (
    ("SORT, max_age 1 (published)", "-", 62.72, "", 61.7, 74.18, 70.56, 366, 430),
    ("SORT, max_age 30 (published)", "-", 66.36, "", 69.1, 74.61, 77.52, 232, 330),
    ("OC-SORT (published)", "-", 66.45, "", 69.1, 74.63, 77.86, 205, 321),
    ("ByteTrack (published)", "-", 67.80, "", 69.6, 77.79, 79.89, 170, 362),
    ("BoT-SORT without Re-ID (published)", "-", 67.91, "", 69.5, 77.63, 79.40, 347, 291),
    ("BoT-SORT without Re-ID (published)", "file", 68.63, "", 70.7, 78.41, 80.86, 155, 324),
    ("best idea on such boxes (published)", "file", 69.0, "", 72.3, 78.5, 81.7, 127, ""),
)
_WITHOUT: Mapping[str, Mapping[str, object]] = {
    "doubt under occlusion": {"occlusion_noise": 0.0},
    "camera motion from boxes": {"steady": False},
    "a lasting drift of the camera": {"drift_gain": 0.0},
    "rescue": {"rescue_limit": 0.0},
    "second pass over poor boxes": {"low_limit": 0.0},
    "noisier sizes": {"size_noise": 1.0},
}

_DRAWS, _SHAKE = 5, 0.1
"""How often, and by how much at most, the settings of the default are shaken."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One row: which tracker, how it is set, and what it is given."""

    label: str
    tracker: str
    motion: bool
    step: int = 1
    settings: Mapping[str, object] = field(default_factory=dict)
    folder: str = ""


def run(options: Options) -> Outcome:
    """Every tracker of the project, the default taken apart, and lower frame rates."""
    recorded = read_all(options.data)
    motion = any(sequence.warps for sequence in recorded)
    rows: list[tuple[str | float | int, ...]] = list(_PUBLISHED)
    for item in _runs(quick=options.quick, motion=motion):
        rows.append(_row(item, recorded, options.output))
    if not options.quick:
        rows += _shaken(recorded, motion=motion, seed=options.seed)
    rows.append(("perfect association of boxes >= 0.6", "", *_cells(_perfect(recorded)), ""))
    notes = (
        "Published rows were measured on data/mot17_half with the authors' own code.",
        "camera motion: what the tracker is given (gmc.txt); the default also sees it in the boxes.",
        f"Boxes with confidence >= {LEAST_SCORE}; MOTChallenge rules, TrackEval's definitions; one set of defaults.",
    )
    settings = {
        "sequences": [sequence.name for sequence in recorded],
        "defaults": str(parameters_of(DEFAULT)()),
    }
    return Outcome("mot17", _COLUMNS, tuple(rows), settings, options.seed, notes)


def _runs(*, quick: bool, motion: bool) -> Iterator[_Run]:
    given = (False, True) if motion else (False,)
    for name in ("sort", "ocsort", "bytetrack", "botsort") if not quick else ():
        for warp in given if name == "botsort" else (False,):
            yield _Run(name, name, warp, folder=f"{name}-motion" if warp else name)
    for warp in given:
        last = warp == given[-1]
        yield _Run(f"{DEFAULT} (default)", DEFAULT, warp, folder="." if last else f"{DEFAULT}-without-motion")
    if quick:
        return
    for warp in given:
        for idea, settings in _WITHOUT.items():
            yield _Run(f"{DEFAULT} without {idea}", DEFAULT, warp, settings=settings)
    for step in (2, 3, 6):
        for name in ("bytetrack", DEFAULT):
            for warp in given if name == DEFAULT else (False,):
                yield _Run(f"{name}, every {step}. frame", name, warp, step)


def _shaken(recorded: list[Recorded], *, motion: bool, seed: int) -> list[tuple[str | float | int, ...]]:
    """Lowest and highest of each score where every setting is shaken: what is luck and what is not."""
    plain, known = parameters_of(DEFAULT)(), ranges(parameters_of(DEFAULT))
    found = []
    for draw in range(_DRAWS):
        rng = np.random.default_rng([seed, draw])
        settings = {}
        for name, (low, high) in known.items():
            value = getattr(plain, name)
            if isinstance(value, float):
                settings[name] = min(max(value * float(rng.uniform(1 - _SHAKE, 1 + _SHAKE)), low), high)
        found.append(_cells(judge(recorded, partial(by_name, DEFAULT, **settings), motion=motion)[0]))
    table, given = np.array(found), "file" if motion else "-"
    return [
        (f"{DEFAULT}, all settings shaken by {_SHAKE:.0%}, {label} of {_DRAWS}", given, *row.tolist(), "")
        for label, row in (("lowest", table.min(axis=0)), ("highest", table.max(axis=0)))
    ]


def _row(item: _Run, recorded: list[Recorded], output: Path | None) -> tuple[str | float | int, ...]:
    sequences = [every(item.step, sequence) for sequence in recorded] if item.step > 1 else recorded
    start = time.process_time()
    answers = [follow(sequence, by_name(item.tracker, **item.settings), motion=item.motion) for sequence in sequences]
    seconds = time.process_time() - start
    if output and item.folder:
        for sequence, rows in zip(sequences, answers, strict=True):
            write_rows(output / item.folder / f"{sequence.name}.txt", rows)
    frames = sum(len(sequence.frames) for sequence in sequences)
    return (item.label, "file" if item.motion else "-", *_cells(scored(sequences, answers)), round(frames / seconds))


def _cells(scores: Scores) -> tuple[float | int, ...]:
    summary = scores.summary()
    percents = [100 * summary[name] for name in ("HOTA", "DetA", "AssA", "MOTA", "IDF1")]
    return (*percents, int(summary["IDSW"]))


def _perfect(recorded: list[Recorded]) -> Scores:
    """What the boxes allow: each box of confidence >= 0.6 that is a person has that person's id, the rest is gone."""
    answers = []
    for sequence in recorded:
        boxes = np.concatenate([people.boxes for people in sequence.boxes])
        scores = np.concatenate([people.scores for people in sequence.boxes])
        frames = np.repeat(sequence.frames, [len(people) for people in sequence.boxes])
        good = scores >= 0.6
        frames, boxes, scores = frames[good], boxes[good], scores[good]
        found = sequence.case.answered(Rows(frames, np.arange(len(frames)), boxes, scores, np.zeros((len(frames), 0))))
        answers.append(_with_true_ids(sequence, found.result))
    return scored(recorded, answers)


def _with_true_ids(sequence: Recorded, result: Trajectories) -> Rows:
    case = sequence.case
    scored_people = np.flatnonzero(case.counts & (case.classes == 1))
    truth = case.truth
    people = Trajectories(truth.frames[scored_people], truth.ids[scored_people], truth.places[scored_people])
    pairing = pair(people, result)
    ids = np.zeros(len(result), dtype=np.int64)
    close = pairing.similarity >= 0.5
    rows, columns = pairing.rows[close], pairing.columns[close]
    taken = assigned(pairing.frames[close], rows, columns, pairing.similarity[close])
    ids[pairing.result_order[columns[taken]]] = people.ids[pairing.truth_order[rows[taken]]]
    kept = np.flatnonzero(ids)
    return Rows(result.frames[kept], ids[kept], result.places[kept], np.ones(len(kept)), np.zeros((len(kept), 0)))
