"""Truth and answers found side by side: files, MOTChallenge trees, folders of cameras, WILDTRACK's ground plane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from unbroken.core.arrays import Bools, Ints
from unbroken.core.errors import ConfigError, SourceError, StoreError
from unbroken.datasets.motchallenge import Rows, read_info, read_numbers, read_rows, sequences
from unbroken.evaluation.crosscam import across_cameras
from unbroken.evaluation.distractors import DISTRACTORS, MOT20_DISTRACTORS, without_distractors
from unbroken.evaluation.pairing import Pairing, Trajectories, pair

Metric = Literal["iou", "ground"]
_ANSWER_FOLDERS = ("", "data", "mvmhat_result", "pred", "result", "results")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One camera's truth and the answer to it.

    Attributes:
        name: of the sequence or camera.
        site: cameras of the same site share their ids; "" for a sequence of its own.
        truth: what is the case.
        result: what was answered.
        classes: (N,) MOTChallenge class of each truth row; all 1 where the truth has none.
        counts: (N,) whether the truth row is scored at all.
        distractors: classes that excuse an answer.
    """

    name: str
    site: str
    truth: Trajectories
    result: Trajectories
    classes: Ints
    counts: Bools
    distractors: tuple[int, ...] = ()

    def only(self, frames: Ints) -> Case:
        """The same with the given frames of the truth alone; the answer is expected to keep to them."""
        rows = np.flatnonzero(np.isin(self.truth.frames, frames))
        truth = _rows_of(self.truth, rows)
        return replace(self, truth=truth, classes=self.classes[rows], counts=self.counts[rows])

    def answered(self, rows: Rows) -> Case:
        """The same truth with another answer."""
        return replace(self, result=_trajectories(rows))

    def pairing(self, gate: float = 1.0) -> Pairing:
        """Truth and answer side by side; `gate` in metres, for the ground plane."""
        paired = pair(self.truth, self.result, gate)
        plain = not self.distractors and bool(self.counts.all())
        return paired if plain else without_distractors(paired, self.classes, self.counts, self.distractors)


def across(cases: list[Case], gate: float = 1.0) -> Pairing:
    """All cameras of a site as one: ids hold across cameras. Distractors are left out camera by camera."""
    truths, results = [], []
    for case in cases:
        kept = case.pairing(gate)
        truths.append(_rows_of(case.truth, np.sort(kept.truth_order)))
        results.append(_rows_of(case.result, np.sort(kept.result_order)))
    return pair(*across_cameras(truths, results), gate)


def sequence_case(folder: Path) -> Case:
    """The truth of a MOTChallenge sequence (`gt/gt.txt`), not yet answered.

    Raises:
        SourceError: there is none.
        StoreError: a line cannot be read.
    """
    path = folder / "gt" / "gt.txt"
    rows = read_rows(path)
    nobody = rows.select(np.zeros(0, dtype=np.int64))
    return Case(folder.name, "", _trajectories(rows), _trajectories(nobody), *_rules(rows, path))


def find_cases(truth: Path, result: Path, metric: Metric = "iou") -> list[Case]:
    """What is to be scored.

    `truth` is a file; a MOTChallenge tree or one sequence of it (`SEQ/gt/gt.txt`); a site (`gt/CAM.txt`) or a folder
    of sites; a folder of `NAME.txt`; or WILDTRACK. `result` is a file for a file, and a folder with `NAME.txt` or
    `SITE/CAM.txt` for a folder.

    Raises:
        SourceError: one of them, or the answer to a sequence, is not there.
        StoreError: a line cannot be read.
        ConfigError: the two do not fit each other.
    """
    for path in (truth, result):
        if not path.exists():
            raise SourceError(f"{path}: is not there; give a file or folder of tracks")
    if (truth / "annotations_positions").is_dir():
        return [_wildtrack(truth, result)]
    if truth.is_file() and result.is_dir():
        result = _answer(result, truth.stem)
    if truth.is_dir() and result.is_file():
        found = list(_files(truth))
        if len(found) != 1:
            raise ConfigError(f"{result}: is one file where {truth} holds {len(found)} sequences; give a folder")
        return [_case(found[0], result, metric)]
    if truth.is_file():
        return [_case(_Truth(truth.stem, "", truth), result, metric)]
    cases = [_case(item, _answer(result / item.folder, item.name), metric) for item in _files(truth)]
    if not cases:
        raise SourceError(
            f"{truth}: holds no gt/gt.txt, no gt/CAM.txt and no NAME.txt; give a folder with ground truth"
        )
    return cases


@dataclass(frozen=True, slots=True)
class _Truth:
    name: str
    site: str
    path: Path
    folder: str = ""
    length: int = 0
    window: Path | None = None


def _files(root: Path) -> Iterator[_Truth]:
    """The truth files of a folder."""
    trees = [folder for folder in sequences(root) if (folder / "gt" / "gt.txt").exists()]
    for tree in trees:
        yield _Truth(tree.name, "", tree / "gt" / "gt.txt", length=read_info(tree).length)
    if trees:
        return
    sites = [folder for folder in [root, *sorted(root.iterdir())] if (folder / "gt").is_dir()]
    for site in sites:
        for path in sorted((site / "gt").glob("*.txt")):
            window = site / "det" / path.name
            below = "" if site == root else site.name
            yield _Truth(path.stem, site.name, path, below, window=window if window.exists() else None)
    if not sites:
        for path in sorted(root.glob("*.txt")):
            yield _Truth(path.stem, root.name, path)


def _answer(folder: Path, name: str) -> Path:
    for below in _ANSWER_FOLDERS:
        if (folder / below / f"{name}.txt").is_file():
            return folder / below / f"{name}.txt"
    raise SourceError(f"{folder}: holds no {name}.txt; give a folder with one answer per sequence")


def _case(item: _Truth, result: Path, metric: Metric) -> Case:
    if metric == "ground":
        truth, answer = _ground(item.path), _ground(result)
        return Case(item.name, item.site, truth, answer, np.ones(len(truth), np.int64), np.ones(len(truth), np.bool_))
    rows, answers = read_rows(item.path), read_rows(result)
    if item.length and len(answers) and not 1 <= answers.frames.min() <= answers.frames.max() <= item.length:
        wrong = answers.frames[(answers.frames < 1) | (answers.frames > item.length)][0]
        raise StoreError(f"{result}: names frame {wrong}, but seqinfo.ini gives frames 1 to {item.length}")
    if item.window:
        rows = _within(rows, read_rows(item.window))
    classes, counts, distractors = _rules(rows, item.path)
    try:
        truth = Trajectories(rows.frames, rows.ids, rows.boxes)
        return Case(item.name, item.site, truth, _trajectories(answers), classes, counts, distractors)
    except ValueError as error:
        raise StoreError(f"{item.path} or {result}: {error}") from error


def _rules(rows: Rows, path: Path) -> tuple[Ints, Bools, tuple[int, ...]]:
    """The class of each truth row, whether it counts, and which classes excuse an answer.

    Three forms are known: MOT16 to MOT20 (mark, class, visibility), MOT15 (mark, then -1, or a place in metres), and
    the multi-view sets (lost, occluded, generated, 0: ten columns of flags, where a lost row does not count). A class
    is a whole number from 1; places of people are not all whole numbers of metres.
    """
    ones = np.ones(len(rows), dtype=np.int64)
    extras = rows.extras
    if extras.shape[1] == 3 and np.isin(extras, (0, 1)).all() and np.isin(rows.scores, (0, 1)).all():
        return ones, rows.scores == 0, ()
    if not extras.shape[1] or (extras[:, 0] < 1).any() or (extras[:, 0] % 1).any():
        return ones, rows.scores != 0, ()
    crowded = "MOT20" in path.as_posix()
    return extras[:, 0].astype(np.int64), rows.scores != 0, MOT20_DISTRACTORS if crowded else DISTRACTORS


def _within(rows: Rows, window: Rows) -> Rows:
    """The truth of the frames in which there were boxes to answer from."""
    if not len(window):
        return rows
    return rows.select(np.flatnonzero((rows.frames >= window.frames.min()) & (rows.frames <= window.frames.max())))


def _trajectories(rows: Rows) -> Trajectories:
    return Trajectories(rows.frames, rows.ids, rows.boxes)


def _rows_of(trajectories: Trajectories, rows: Ints) -> Trajectories:
    return Trajectories(trajectories.frames[rows], trajectories.ids[rows], trajectories.places[rows])


def _ground(path: Path) -> Trajectories:
    """Points in metres: `frame,id,x,y`, or MOTChallenge 3D rows with x and y in columns 8 and 9."""
    table = read_numbers(path, least=4)
    points = table[:, 2:4] if table.shape[1] < 9 else table[:, 7:9]
    try:
        return Trajectories(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), points)
    except ValueError as error:
        raise StoreError(f"{path}: {error}") from error


def _wildtrack(truth: Path, result: Path) -> Case:
    """WILDTRACK: frames are counted from 0 in the order of its files; only frames from the first answered on count."""
    answer = _ground(_answer(result, "ground") if result.is_dir() else result)
    rows = []
    for frame, path in enumerate(sorted((truth / "annotations_positions").glob("*.json"))):
        try:
            people = json.loads(path.read_text())
            rows += [(frame, person["personID"], person["positionID"]) for person in people]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path}: cannot be read ({error}); give WILDTRACK's annotations") from error
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    if len(answer):
        table = table[(table[:, 0] >= answer.frames.min()) & (table[:, 0] <= answer.frames.max())]
    points = np.column_stack([-3.0 + 0.025 * (table[:, 2] % 480), -9.0 + 0.025 * (table[:, 2] // 480)])
    there = Trajectories(table[:, 0], table[:, 1], points)
    ones = np.ones(len(there), dtype=np.int64)
    return Case(truth.name, "", there, answer, ones, ones.astype(np.bool_))
