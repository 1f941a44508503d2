"""The speed table has a row per tracker, input and number of cameras, for any folder of sequences."""

import numpy as np
import pytest

from unbroken.bench import speed
from unbroken.bench.outcome import Options
from unbroken.core.errors import SourceError


def write_sequence(folder, people, frames=3):
    (folder / "det").mkdir(parents=True)
    rows = [
        f"{frame + 1},-1,{60 * number + frame},100,40,100,{0.9 - number / 1000:.3f},-1,-1,-1\n"
        for frame in range(frames)
        for number in range(people)
    ]
    (folder / "det" / "det.txt").write_text("".join(rows))


def test_every_tracker_is_timed_alone_and_for_many_cameras(tmp_path):
    write_sequence(tmp_path / "quiet", people=2)
    write_sequence(tmp_path / "full", people=50)
    outcome = speed.run(Options(tmp_path, tmp_path, quick=True))
    measured = [row for row in outcome.rows if "published" not in str(row[0])]
    assert {(row[0], row[2]) for row in measured} >= {(name, n) for name in ("sort", "ocsort") for n in (1, 16)}
    assert all(np.isfinite(row[3]) and row[3] > 0 for row in measured)
    assert all(len(row) == len(outcome.columns) for row in outcome.rows)
    assert "36 boxes a picture, 3 pictures" in outcome.notes[0]


def test_without_the_peer_the_table_says_so(tmp_path, monkeypatch):
    write_sequence(tmp_path / "one", people=3, frames=2)
    monkeypatch.setattr(speed.importlib.util, "find_spec", lambda name: None)
    outcome = speed.run(Options(tmp_path, tmp_path, quick=True))
    assert {row[5] for row in outcome.rows} == {"-"}
    assert "pyxtrackers is not installed" in outcome.notes[1]


def test_a_folder_without_boxes_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"no sequence has boxes; give a folder with SEQ/det/det\.txt"):
        speed.run(Options(tmp_path, tmp_path))
