"""The bench of scale drives the real manager over growing sites."""

from pathlib import Path

from unbroken.bench import scale
from unbroken.bench.outcome import Options


def test_each_size_has_a_row_and_the_exponents_are_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(scale, "FEW_PEOPLE", 60)
    monkeypatch.setattr(scale, "PEOPLE", (10, 40, 80))
    outcome = scale.run(Options(Path(), Path(), output=tmp_path, quick=True))
    assert [row[0] for row in outcome.rows] == [1, 4, 16, 8, 8, 8]
    assert [row[2] for row in outcome.rows] == [3, 12, 48, 8, 24, 24]
    assert all(float(row[3]) > 0 for row in outcome.rows)
    assert [note.split(" to ")[0] for note in outcome.notes] == ["cost grows as cameras", "cost grows as people"]
    assert (tmp_path / "scale.svg").read_text(encoding="utf-8").startswith("<svg")
