"""People who already track bring a table and get one Global ID per row."""

import numpy as np
import pytest
from typer.testing import CliRunner

from tables_made import parquet, saved, walk
from unbroken.app.identify import identify, manager_by_name
from unbroken.app.tables import read_table
from unbroken.cli.main import app
from unbroken.core.errors import UnbrokenError
from unbroken.identity.fixed import FixedManager, FixedSettings


def test_each_row_gets_an_id_at_arrival_and_at_the_end(tmp_path):
    rows = walk()
    table = read_table(saved(tmp_path / "tracks.npz", **rows))
    named = identify(table, FixedManager(FixedSettings(same=0.3, different=0.3)))
    assert named.arrival.tolist() == named.final.tolist() == (rows["who"] + 1).tolist()


def test_the_default_manager_answers_each_row_and_the_same_again(tmp_path):
    table = read_table(saved(tmp_path / "tracks.npz", **walk(cameras=5)))
    first, again = (identify(table, manager_by_name("calibrated")) for _ in range(2))
    assert (first.arrival > 0).all()
    assert np.array_equal(first.final, again.final)
    assert first.events == again.events
    for track in np.unique(table.tracks):
        assert len(set(first.final[table.tracks == track].tolist())) == 1


def test_the_command_writes_two_ids_per_row_and_refuses_other_suffixes(tmp_path):
    file = saved(tmp_path / "tracks.npz", **walk())
    good = CliRunner().invoke(app, ["identify", str(file), "--output", str(tmp_path / "ids.npz"), "--policy", "fixed"])
    assert good.exit_code == 0, good.output
    with np.load(tmp_path / "ids.npz") as answer:
        assert sorted(answer.files) == ["arrival", "final"]
        assert answer["final"].shape == (72,)
    bad = CliRunner().invoke(app, ["identify", str(file), "--output", str(tmp_path / "ids.txt")])
    assert isinstance(bad.exception, UnbrokenError)
    assert "ends in .npz or .parquet" in str(bad.exception)


def test_a_wrong_name_for_the_answer_is_told_before_the_work_begins(tmp_path):
    bad = CliRunner().invoke(app, ["identify", str(tmp_path / "none.npz"), "--output", str(tmp_path / "ids.txt")])
    assert "ids.txt: ends in '.txt'" in str(bad.exception)


def test_a_name_without_a_suffix_gets_that_of_the_table(tmp_path):
    pytest.importorskip("pyarrow")
    for file in (saved(tmp_path / "tracks.npz", **walk()), parquet(tmp_path / "tracks.parquet", **walk())):
        told = CliRunner().invoke(app, ["identify", str(file), "--output", str(tmp_path / "ids"), "--policy", "fixed"])
        assert told.exit_code == 0, told.output
        assert (tmp_path / f"ids{file.suffix}").is_file()
