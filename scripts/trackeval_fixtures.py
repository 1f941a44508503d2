"""Make `tests/evaluation/trackeval.json`: small random worlds, and what TrackEval says about them.

Run once with TrackEval installed; the tests compare with the frozen numbers and need no TrackEval.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from trackeval.datasets import MotChallenge2DBox
from trackeval.metrics import CLEAR, HOTA, Identity

TARGET = Path(__file__).parents[1] / "tests" / "evaluation" / "trackeval.json"
WORLDS = {"plain": 0.05, "crowd": 0.15, "hard": 0.35}


def truth_rows(rng: np.random.Generator, length: int, people: int) -> list[list[float]]:
    """People walk on straight lines and are away at times; some are distractors, some rows are marked."""
    rows = []
    for person in range(1, people + 1):
        start, step = rng.uniform([0, 0], [400, 200]), rng.normal(0, 6, 2)
        kind = int(rng.choice([1, 1, 1, 1, 7, 12, 3]))
        for frame in range(1, length + 1):
            if rng.random() < 0.12:
                continue
            x, y = np.round(start + frame * step, 1)
            mark = int(kind == 1 and rng.random() < 0.95)
            rows.append([frame, person, float(x), float(y), 40.0, 90.0, mark, kind, 1.0])
    return rows


def result_rows(rng: np.random.Generator, truth: list[list[float]], noise: float) -> list[list[float]]:
    """The truth with shaken boxes, misses, false boxes and ids that change hands."""
    names = {row[1]: int(row[1]) for row in truth}
    rows, fresh = [], 100
    for row in sorted(truth):
        if rng.random() < noise:
            continue
        if rng.random() < noise / 3:
            fresh += 1
            names[row[1]] = fresh
        shaken = np.round(np.array(row[2:6]) * (1 + rng.normal(0, noise / 4, 4)), 1)
        rows.append([row[0], names[row[1]], *map(float, shaken), 0.9, -1, -1, -1])
        if rng.random() < noise / 2:
            fresh += 1
            rows.append([row[0], fresh, *map(float, np.round(rng.uniform(0, 300, 2), 1)), 40.0, 90.0, 0.5, -1, -1, -1])
    return rows


def write(root: Path, worlds: dict[str, dict[str, list[list[float]]]]) -> None:
    """The worlds as MOTChallenge trees."""
    for name, world in worlds.items():
        (root / "gt" / name / "gt").mkdir(parents=True)
        (root / "trackers" / "made" / "data").mkdir(parents=True, exist_ok=True)
        for path, rows in (
            (root / "gt" / name / "gt" / "gt.txt", world["truth"]),
            (root / "trackers" / "made" / "data" / f"{name}.txt", world["result"]),
        ):
            path.write_text("".join(",".join(f"{value:g}" for value in row) + "\n" for row in rows))


def numbers(scores: dict[str, object]) -> dict[str, object]:
    """JSON can hold these."""
    return {name: np.asarray(value).tolist() for name, value in scores.items()}


def evaluated(root: Path, lengths: dict[str, int]) -> dict[str, dict[str, object]]:
    """What TrackEval says, per world and combined."""
    dataset = MotChallenge2DBox(
        {
            "GT_FOLDER": str(root / "gt"),
            "TRACKERS_FOLDER": str(root / "trackers"),
            "SEQ_INFO": lengths,
            "BENCHMARK": "MOT17",
            "SKIP_SPLIT_FOL": True,
            "PRINT_CONFIG": False,
        }
    )
    metrics = [HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False})]
    answers: dict[str, dict[str, dict[str, object]]] = {metric.get_name(): {} for metric in metrics}
    for name in lengths:
        data = dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data("made", name), "pedestrian")
        for metric in metrics:
            answers[metric.get_name()][name] = metric.eval_sequence(data)
    for metric in metrics:
        every = answers[metric.get_name()]
        every["combined"] = metric.combine_sequences(dict(every))
    return {name: {key: numbers(scores[name]) for key, scores in answers.items()} for name in [*lengths, "combined"]}


def main() -> None:
    """Make the file."""
    rng = np.random.default_rng(7)
    worlds = {}
    for name, noise in WORLDS.items():
        truth = truth_rows(rng, 30, 9)
        worlds[name] = {"truth": truth, "result": result_rows(rng, truth, noise)}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), worlds)
        scores = evaluated(Path(folder), dict.fromkeys(worlds, 30))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps({"worlds": worlds, "scores": scores}) + "\n")


if __name__ == "__main__":
    main()
