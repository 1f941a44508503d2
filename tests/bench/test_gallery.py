"""The bench of the gallery runs its real parts."""

from pathlib import Path

from unbroken.bench.gallery import run
from unbroken.bench.outcome import Options


def test_it_times_both_galleries_beside_plain_numpy() -> None:
    outcome = run(Options(Path(), Path(), quick=True))
    names = [str(row[0]) for row in outcome.rows]
    assert names[0] == "goal"
    assert len(outcome.rows) == 5
    for row in outcome.rows[1:]:
        assert row[1] == 10_000
        assert all(float(figure) > 0 for figure in row[2:] if figure != "-")
