"""JSON Lines: rotated, never joined with a line that was cut off, and not written twice."""

import json

import pytest

from outlet_made import sealed, started
from unbroken.core.errors import StoreError
from unbroken.outlets.courier import DeliveryError
from unbroken.outlets.envelope import Sealer
from unbroken.outlets.lines import EventFile, Lines, LinesSettings


def tracks(path):
    return [json.loads(line)["track"] for line in path.read_text().splitlines()]


def test_a_large_file_is_put_aside_and_the_oldest_of_those_goes(tmp_path):
    path = tmp_path / "events.jsonl"
    events = sealed(12)
    size = len(events[0].line())
    lines = Lines(path, LinesSettings(megabytes=3.5 * size / 1e6, rotations=2))
    for event in events:
        lines.deliver([event])
    lines.close()
    assert [one.name for one in lines.paths] == ["events.2.jsonl", "events.1.jsonl", "events.jsonl"]
    assert [tracks(one) for one in lines.paths] == [[4, 5, 6], [7, 8, 9], [10, 11, 12]]


def test_without_rotations_the_file_begins_anew(tmp_path):
    path = tmp_path / "events.jsonl"
    lines = Lines(path, LinesSettings(megabytes=1e-9, rotations=0))
    lines.deliver(sealed(3))
    lines.close()
    assert [one.name for one in tmp_path.iterdir()] == ["events.jsonl"]
    assert tracks(path) == [3]


def test_events_told_again_after_a_restart_are_not_written_twice(tmp_path):
    path = tmp_path / "events.jsonl"
    events = sealed(5)
    first = Lines(path)
    first.deliver(events[:4])
    first.close()
    second = Lines(path)
    second.deliver(events[2:])
    second.close()
    assert tracks(path) == [1, 2, 3, 4, 5]


def test_the_same_footage_again_is_written_again(tmp_path):
    path = tmp_path / "events.jsonl"
    for epoch in (1, 2):
        lines = Lines(path)
        lines.deliver([Sealer("shop", epoch).seal(started(1))])
        lines.close()
    assert [json.loads(line)["epoch"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_line_that_was_cut_off_does_not_spoil_the_next_one(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"schema":2,"id":"ab')
    lines = Lines(path)
    lines.deliver(sealed(1))
    lines.close()
    assert json.loads(path.read_text().splitlines()[1])["track"] == 1


def test_a_folder_that_is_gone_is_tried_again(tmp_path):
    (tmp_path / "out").write_text("in the way")
    lines = Lines(tmp_path / "out" / "events.jsonl")
    with pytest.raises(DeliveryError, match=r"events\.jsonl cannot be written"):
        lines.deliver(sealed(1))
    (tmp_path / "out").unlink()
    lines.deliver(sealed(1))
    lines.close()
    assert tracks(tmp_path / "out" / "events.jsonl") == [1]


def test_the_file_of_one_run_begins_anew_and_is_there_although_nothing_happened(tmp_path):
    path = tmp_path / "out" / "events.jsonl"
    for _ in range(2):
        file = EventFile(path, "shop")
        file.hear([started(1), started(2)])
        file.close()
        file.close()
    assert tracks(path) == [1, 2]
    assert [event["sequence"] for event in map(json.loads, path.read_text().splitlines())] == [1, 2]
    EventFile(path, "shop").close()
    assert path.read_text() == ""
    with pytest.raises(StoreError, match="choose another folder with --output"):
        EventFile(path / "events.jsonl", "shop")
