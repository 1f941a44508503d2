import pytest
from rich.table import Table

from unbroken.cli.wide import wide_console


def test_a_table_in_a_pipe_breaks_no_names(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table(*(f"a long heading {number}" for number in range(4)))
    table.add_row(*["epfl_terrace, without the cameras"] * 4)
    wide_console().print(table)
    told = capsys.readouterr().out
    assert told.count("epfl_terrace, without the cameras") == 4


@pytest.mark.parametrize("columns", ["60", "90"])
def test_who_says_how_wide_is_heard(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert wide_console().width == int(columns)
