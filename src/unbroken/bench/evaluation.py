"""`unbroken bench evaluation`: the scores beside TrackEval's, and how long each took."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Ints
from unbroken.datasets.answers import find_cases
from unbroken.datasets.motchallenge import Rows, read_info, read_rows, sequences, write_rows
from unbroken.evaluation.report import combined, score
from unbroken.geometry.boxes import iou

_NAMES = ("HOTA", "AssA", "MOTA", "IDF1", "IDSW")
_TIMED = (
    "processor time of both, all threads: reading truth and tracks, MOTChallenge's rules, HOTA at 19 similarities, "
    "CLEAR and Identity; loading of the packages, writing and printing left out"
)


def run(options: Options) -> Outcome:
    """Score the same tracks with both, in turn, from the files to the numbers."""
    with tempfile.TemporaryDirectory() as scratch:
        results = options.output or Path(scratch)
        for folder in sequences(options.data):
            write_rows(results / f"{folder.name}.txt", _plain_tracks(read_rows(folder / "det" / "det.txt")))
        peers: dict[str, Callable[[Path, Path], dict[str, float]]] = {"unbroken": _ours}
        notes: tuple[str, ...] = (_TIMED,)
        if importlib.util.find_spec("trackeval"):
            importlib.import_module("trackeval")
            peers["TrackEval"] = _theirs
        else:
            notes = (
                _TIMED,
                "TrackEval is not installed: pip install unbroken[peers]",
            )
        rounds = 1 if options.quick else 5
        scores, seconds = _in_turn(peers, rounds, (options.data, results))
    base = seconds.get("TrackEval", seconds["unbroken"])
    rows = tuple(_row(name, scores[name], seconds[name], base) for name in peers)
    columns = ("evaluator", *_NAMES, "processor seconds (median)", "times as fast as TrackEval")
    return Outcome("evaluation", columns, rows, {"rounds": rounds}, options.seed, notes)


def _row(name: str, scores: dict[str, float], seconds: float, base: float) -> tuple[str | float, ...]:
    return (name, *(scores[key] for key in _NAMES), seconds, base / seconds)


def _in_turn(
    peers: dict[str, Callable[[Path, Path], dict[str, float]]], rounds: int, folders: tuple[Path, Path]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    scores: dict[str, dict[str, float]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, evaluate in peers.items():
            start = time.process_time()
            scores[name] = evaluate(*folders)
            seconds[name].append(time.process_time() - start)
    return scores, {name: median(taken) for name, taken in seconds.items()}


def _plain_tracks(detections: Rows) -> Rows:
    """Boxes of some confidence, linked greedily by overlap with the frame before: tracks with honest faults."""
    rows = detections.select(np.flatnonzero(detections.scores >= 0.5))
    ids = np.zeros(len(rows), dtype=np.int64)
    before: Ints = np.zeros(0, dtype=np.int64)
    fresh = 0
    for now in rows.by_frame().values():
        overlaps = iou(rows.boxes[now], rows.boxes[before])
        while overlaps.size and overlaps.max() > 0.3:
            row, column = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
            ids[now[row]] = ids[before[column]]
            overlaps[row], overlaps[:, column] = 0, 0
        for row in now[ids[now] == 0]:
            fresh += 1
            ids[row] = fresh
        before = now
    return Rows(rows.frames, ids, rows.boxes, rows.scores, rows.extras)


def _ours(data: Path, results: Path) -> dict[str, float]:
    summary = combined([score(case.pairing()) for case in find_cases(data, results)]).summary()
    return {name: float(summary[name]) for name in _NAMES}


def _theirs(data: Path, results: Path) -> dict[str, float]:
    """TrackEval's own reader, rules and metrics."""
    datasets = importlib.import_module("trackeval.datasets")
    metrics = importlib.import_module("trackeval.metrics")
    lengths = {folder.name: read_info(folder).length for folder in sequences(data)}
    settings = {
        "GT_FOLDER": str(data),
        "TRACKERS_FOLDER": str(results.parent),
        "TRACKERS_TO_EVAL": [results.name],
        "TRACKER_SUB_FOLDER": "",
        "SEQ_INFO": lengths,
        "BENCHMARK": "MOT17",
        "SKIP_SPLIT_FOL": True,
        "PRINT_CONFIG": False,
    }
    quiet = {"PRINT_CONFIG": False}
    judges = [metrics.HOTA(), metrics.CLEAR(quiet), metrics.Identity(quiet)]
    found: dict[str, float] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = datasets.MotChallenge2DBox(settings)
        prepared = {
            name: dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data(results.name, name), "pedestrian")
            for name in lengths
        }
        for judge in judges:
            scores = judge.combine_sequences({name: judge.eval_sequence(seq) for name, seq in prepared.items()})
            found.update({name: float(np.mean(scores[name])) for name in _NAMES if name in scores})
    return found
