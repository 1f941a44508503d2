"""The multi-view benchmark: the known figures, and scenes of other shapes."""

import json
from pathlib import Path

import numpy as np
import pytest

from needs import data
from unbroken.bench.multiview import run
from unbroken.bench.outcome import Options
from unbroken.core.errors import SourceError
from unbroken.datasets.motchallenge import read_rows

HOMOGRAPHIES = [
    [[0.02, 0.0, 0.0], [0.0, 0.05, 0.0], [0.0, 0.005, -0.6]],
    [[-0.02, 0.0, 9.0], [0.0, 0.05, 0.3], [0.0, 0.005, -0.6]],
]


def walkers(folder: Path, frames: int = 60) -> Path:
    """Two people who walk apart, in two views that show them at mirrored places, with boxes 1.7 m tall."""
    (folder / "gt").mkdir(parents=True)
    (folder / "det").mkdir()
    calibration = {"homography": HOMOGRAPHIES, "frame_width": 640, "frame_height": 480}
    (folder / "calibration.json").write_text(json.dumps(calibration))
    for number, matrix in enumerate(HOMOGRAPHIES, 1):
        rows = [
            (frame, who, *foot(np.array(matrix), np.array(place)))
            for frame in range(frames)
            for who, place in ((1, (4 - frame / 40, 14.0)), (2, (6 + frame / 40, 16.0)))
        ]
        text = [f"{f},{{}},{u - 10:.2f},{v - 60:.2f},20,60,{{}},0,0,0" for f, _, u, v in rows]
        lines = [line.format(row[1], 0) for line, row in zip(text, rows, strict=True)]
        (folder / "gt" / f"view{number}.txt").write_text("\n".join(lines))
        (folder / "det" / f"view{number}.txt").write_text("\n".join(line.format(-1, 1) for line in text))
    return folder


def foot(matrix: np.ndarray, place: np.ndarray) -> np.ndarray:
    lifted = np.linalg.inv(matrix) @ [*place, 1.0]
    return lifted[:2] / lifted[2]


def test_two_people_in_two_views_keep_one_id_each(tmp_path: Path) -> None:
    outcome = run(Options(walkers(tmp_path / "yard"), tmp_path, tmp_path / "answers"))
    scores = {str(row[1]): float(row[2]) for row in outcome.rows}
    assert scores["perfect ids on the same boxes"] == 1.0
    assert scores["unbroken, at the end"] == 1.0
    assert "MvMHAT (published)" not in scores
    assert sum(method.startswith("without ") for method in scores) == 5
    answers = [read_rows(tmp_path / "answers" / "yard" / f"view{view}.txt") for view in (1, 2)]
    assert set(answers[0].ids) == set(answers[1].ids)
    assert len(set(answers[0].ids)) == 2


def test_a_scene_without_truth_is_one_sentence(tmp_path: Path) -> None:
    folder = walkers(tmp_path / "yard")
    for path in (folder / "gt").iterdir():
        path.unlink()
    with pytest.raises(SourceError, match="needs the truth"):
        run(Options(folder, tmp_path))


def test_the_published_answer_and_perfect_ids_have_the_scores_that_are_known() -> None:
    outcome = run(Options(data("data/multiview/epfl_lab"), Path()))
    scores = {str(row[1]): float(row[2]) for row in outcome.rows}
    assert scores["MvMHAT (published)"] == pytest.approx(0.518, abs=5e-4)
    assert scores["perfect ids on the same boxes"] == pytest.approx(0.779, abs=2e-3)
    assert scores["unbroken, at the end"] > 0.70
