"""A process that is killed while it keeps what it decides loses nothing that it has acknowledged."""

from pathlib import Path

import pytest

from unbroken.bench.crash import CrashSettings, measured

WRONG = (
    "of these lost",
    "answers that changed when asked again",
    "duplicate Global IDs",
    "failed checks of the database",
    "answers unlike those of an undisturbed run",
    "rows unlike those of an undisturbed run",
)


@pytest.mark.parametrize("seed", [0])
def test_killed_at_any_instant_it_goes_on_as_if_nothing_had_happened(tmp_path: Path, seed: int) -> None:
    settings = CrashSettings(kills=4, shortest=0.2, longest=0.5, snapshot=16, forget=40, start=150, seed=seed)
    rows = dict(measured(settings, tmp_path))
    assert rows["kills"] == 4
    assert rows["confirmed identities acknowledged"] > 0
    assert [rows[name] for name in WRONG] == [0] * len(WRONG)
