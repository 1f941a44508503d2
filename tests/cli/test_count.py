"""`unbroken count`: tables to read and files to go on with."""

import csv
import json

from typer.testing import CliRunner

from unbroken.cli.main import app
from unbroken.core.events import LineCrossed, PersonAppeared, TrackStarted, ZoneEntered, ZoneLeft
from unbroken.outlets.lines import EventFile

EVENTS = [
    PersonAppeared(0.0, 4, "door", 1),
    ZoneEntered(1.0, "door", 1, 4, "till", 1),
    LineCrossed(2.0, "door", 1, 4, "gate", "out"),
    ZoneLeft(4.0, "door", 1, 4, "till", 3.0, "left", 1),
]


def counted(folder, events, *options):
    file = EventFile(folder / "events.jsonl", "shop")
    file.hear(events)
    file.close()
    return CliRunner().invoke(app, ["count", str(folder), *options])


def test_a_run_is_counted_and_the_counts_are_written(tmp_path):
    files = ["--json", str(tmp_path / "out" / "c.json"), "--csv", str(tmp_path / "out" / "c.csv")]
    result = counted(tmp_path, EVENTS, "--by", "all", *files)
    assert result.exit_code == 0
    assert "the site" in result.output
    assert "gate" in result.output
    rows = json.loads((tmp_path / "out" / "c.json").read_text())
    assert [(row["kind"], row["place"]) for row in rows] == [("site", ""), ("zone", "till"), ("line", "gate")]
    with (tmp_path / "out" / "c.csv").open(newline="") as file:
        assert [(row["place"], row["entries"], row["outs"]) for row in csv.DictReader(file)] == [
            ("", "1", ""),
            ("till", "1", ""),
            ("gate", "", "1"),
        ]


def test_a_run_without_people_says_so(tmp_path):
    result = counted(tmp_path, [TrackStarted(0.0, "door", 1)])
    assert result.exit_code == 0
    assert "nobody was anywhere" in result.output
