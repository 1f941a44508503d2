"""Counting what lies in files: each event once, per hour and day of the clock, damaged lines left out."""

import json
from datetime import datetime

import pytest

from unbroken.app.counting import count_events, edges_between
from unbroken.core.errors import ConfigError
from unbroken.core.events import LineCrossed, PersonAppeared, ZoneEntered, ZoneLeft
from unbroken.outlets.envelope import Sealer
from unbroken.outlets.lines import EventFile, Lines, LinesSettings

MONDAY = datetime(2026, 11, 16, 9, 30).astimezone().timestamp()
DAY = [
    PersonAppeared(MONDAY, 4, "door", 1),
    ZoneEntered(MONDAY + 60, "door", 1, 4, "till", 1),
    LineCrossed(MONDAY + 90, "door", 1, 4, "gate", "in"),
    ZoneLeft(MONDAY + 3660, "door", 1, 4, "till", 3600.0, "left", 1),
    ZoneEntered(MONDAY + 86400, "door", 9, 5, "till", 2),
]


def written(path, events=DAY):
    file = EventFile(path, "shop")
    file.hear(events)
    file.close()
    return path


def test_hours_and_days_are_those_of_the_clock(tmp_path):
    path = written(tmp_path / "events.jsonl")
    hours = [count for count in count_events(path, "hour").zones if count.place == "till"]
    assert [datetime.fromtimestamp(count.start).strftime("%d %H:%M") for count in hours[:2]] == ["16 09:00", "16 10:00"]
    assert [(count.entries, count.exits, count.inside) for count in hours[:3]] == [(1, 0, 1), (0, 1, 0), (0, 0, 0)]
    days = [count for count in count_events(path, "day").zones if count.place == "till"]
    assert [(count.entries, count.exits, count.people, count.dwell) for count in days[:1]] == [(1, 1, 1, 3600.0)]
    assert (days[1].entries, days[1].inside) == (1, 1)


def test_days_are_as_long_as_the_clock_makes_them():
    edges = edges_between(MONDAY, MONDAY + 6 * 86400, "day")
    assert len(edges) == 8
    assert all(datetime.fromtimestamp(edge).strftime("%H:%M") == "00:00" for edge in edges)


def test_footage_counts_from_its_start(tmp_path):
    path = written(tmp_path / "events.jsonl", [ZoneEntered(4000.0, "door", 1, 4, "till", 1)])
    counts = count_events(path, "hour")
    assert not counts.live
    assert [(count.start, count.end, count.entries) for count in counts.zones] == [(3600.0, 7200.0, 1)]


def test_an_event_that_was_delivered_twice_counts_once_and_a_damaged_line_is_told(tmp_path):
    path = written(tmp_path / "events.jsonl")
    path.write_text(path.read_text() * 2 + '{"schema":2,"id"')
    counts = count_events(tmp_path, "all")
    assert counts.damaged == 1
    assert [count.entries for count in counts.zones if count.place == "till"] == [2]
    assert [(count.ins, count.outs) for count in counts.lines] == [(1, 0)]


def test_a_site_counts_what_was_put_aside_too(tmp_path):
    sealer = Sealer("site", 1)
    lines = Lines(tmp_path / "events.jsonl", LinesSettings(megabytes=0.0005))
    for event in DAY:
        lines.deliver([sealer.seal(event)])
    lines.close()
    assert len(lines.paths) > 1
    (tmp_path / "site.toml").write_text('[[cameras]]\nname = "door"\nsource = "door.mp4"\n')
    assert (
        count_events(tmp_path / "site.toml", "all").zones == count_events(written(tmp_path / "one.jsonl"), "all").zones
    )


def test_rows_are_flat_and_hold_json_alone(tmp_path):
    rows = count_events(written(tmp_path / "events.jsonl"), "all").rows()
    assert [(row["kind"], row["place"]) for row in rows] == [("site", ""), ("zone", "till"), ("line", "gate")]
    assert json.loads(json.dumps(rows, allow_nan=False))[0]["dwell"] is None


@pytest.mark.parametrize("name", ["missing.jsonl", "empty.jsonl", "other.jsonl", "site.toml"])
def test_nothing_to_count_is_said_in_a_sentence(tmp_path, name):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "other.jsonl").write_text('{"schema":1,"event":"track_started"}\n')
    (tmp_path / "site.toml").write_text('[[cameras]]\nname = "door"\nsource = "door.mp4"\n')
    with pytest.raises(ConfigError, match=name):
        count_events(tmp_path / name, "all")
