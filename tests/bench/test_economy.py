"""The economy of the chain: every saving goes through the same video, spares what it says, and is scored."""

import shutil

from needs import data
from unbroken.bench import economy
from unbroken.bench.outcome import Options
from unbroken.datasets.motchallenge import read_rows


def test_each_saving_is_compared_with_everything_computed(tmp_path, monkeypatch):
    monkeypatch.setattr(economy, "_QUICK", 12)
    folder = tmp_path / "any"
    folder.mkdir()
    shutil.copy(data("data/video/vtest_pets09_s2l1_480x360.mp4"), folder / "square.mp4")
    shutil.copy(data("data/video/vtest_gt.txt"), folder / "square_gt.txt")
    outcome = economy.run(Options(folder, data("models"), tmp_path / "out", quick=True))
    rows = {row[0]: dict(zip(outcome.columns, row, strict=True)) for row in outcome.rows}
    assert set(rows) == set(economy.settings_of_rows(1.0))
    baseline, third = rows["baseline"], rows["detect every 3rd frame"]
    assert (baseline["times the baseline"], baseline["HOTA lost"], baseline["features spared"]) == (1, 0, 0)
    assert (baseline["detector runs"], third["detector runs"]) == (12, 4)
    assert 2 <= rows["budget of a detection per 3 frames"]["detector runs"] <= 8
    assert third["features computed"] < baseline["features computed"]
    assert rows["no Re-ID of the unambiguous"]["features spared"] > 0
    local = read_rows(tmp_path / "out" / "detect_every_3rd_frame" / "square.local.txt")
    assert set(local.frames.tolist()) == set(range(1, 13))
