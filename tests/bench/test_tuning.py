"""A search goes on where it was broken off, stays in the declared ranges, and is checked on what it has not seen."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from unbroken.bench.recorded import read_all
from unbroken.bench.tuning import Search, search, split
from unbroken.cli.main import app
from unbroken.core.errors import StoreError
from unbroken.tracking.registry import parameters_of
from unbroken.tracking.settings import ranges


@pytest.fixture
def tree(tmp_path):
    """Two short sequences of people who walk, with noisy boxes."""
    rng = np.random.default_rng(2)
    for name in ("one", "two"):
        folder = tmp_path / "set" / name
        (folder / "gt").mkdir(parents=True)
        (folder / "det").mkdir()
        rows = [(f, p, 90 * p + 4 * f, 50, 40, 100) for f in range(1, 21) for p in range(1, 5)]
        (folder / "gt" / "gt.txt").write_text("\n".join(f"{f},{p},{x},{y},{w},{h},1,1,1" for f, p, x, y, w, h in rows))
        noisy = [(f, -1, x + rng.normal(0, 6), y, w, h, rng.uniform(0.3, 1)) for f, _, x, y, w, h in rows]
        (folder / "det" / "det.txt").write_text("\n".join(",".join(f"{v:.2f}" for v in row) for row in noisy))
    return tmp_path / "set"


def test_a_broken_search_goes_on_as_if_it_had_not_been(tree, tmp_path):
    fit, _ = split(read_all(tree), 0)
    whole = search(Search("bytetrack", trials=6), fit, tmp_path / "a.json", lambda *_: None)
    search(Search("bytetrack", trials=3), fit, tmp_path / "b.json", lambda *_: None)
    again = search(Search("bytetrack", trials=6), fit, tmp_path / "b.json", lambda *_: None)
    assert whole == again
    assert whole[1][0] <= max(whole[1])
    known = ranges(parameters_of("bytetrack"))
    for trial in json.loads((tmp_path / "a.json").read_text())["trials"]:
        assert all(known[name][0] <= value <= known[name][1] for name, value in trial["settings"].items())


def test_a_search_of_something_else_is_not_overwritten(tree, tmp_path):
    fit, _ = split(read_all(tree), 0)
    search(Search("bytetrack", trials=1), fit, tmp_path / "a.json", lambda *_: None)
    with pytest.raises(StoreError, match="other settings"):
        search(Search("sort", trials=1), fit, tmp_path / "a.json", lambda *_: None)


def test_nothing_is_both_fitted_and_held_out(tree):
    recorded = read_all(tree)
    for parts in (split(recorded, 1), split(recorded[:1], 1)):
        fit, held_out = ([(s.name, f) for s in part for f in s.frames.tolist()] for part in parts)
        assert not set(fit) & set(held_out)
        assert fit
        assert held_out


def test_the_command_shows_both_halves(tree, tmp_path):
    out = CliRunner().invoke(app, ["tune", str(tree), "--trials", "3", "--output", str(tmp_path / "t.json")])
    assert out.exit_code == 0, out.exception
    assert "held out" in out.output
