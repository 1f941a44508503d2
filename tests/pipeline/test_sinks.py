"""Files that results go to: valid at any moment, and right at the end although Global IDs come late."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scene import answer, walk
from unbroken.core.errors import StoreError
from unbroken.core.events import Evidence, PersonForgotten, PersonMerged, PersonSplit
from unbroken.core.frames import Frame
from unbroken.core.tracks import TrackState
from unbroken.pipeline.sinks import MotFiles, MotSettings, Sinks, TrackLines, TrackLog, json_line

BOX = [10.0, 20.0, 50.0, 120.0]
PERSONS = st.integers(1, 3)
WHY = st.just(Evidence(1, 4.0))
EVENTS = st.one_of(
    st.builds(PersonMerged, st.just(0.0), PERSONS, PERSONS, WHY).filter(lambda event: event.person != event.absorbed),
    st.builds(PersonSplit, st.just(0.0), PERSONS, PERSONS, st.tuples(st.tuples(st.just("door"), PERSONS)), WHY),
    st.builds(PersonForgotten, st.just(0.0), PERSONS, st.just("asked")),
)


def frame(index, camera="door", rate=10.0):
    return Frame(camera, index, index / rate, np.zeros((200, 300, 3), np.uint8))


def rows(path):
    return [[float(value) for value in line.split(",")] for line in path.read_text().splitlines()]


def written(folder, results, settings=None, events=()):
    sink = MotFiles(folder, settings)
    for number, (picture, result) in enumerate(results):
        sink.write(picture, result, events if number == len(results) - 1 else ())
    sink.close()
    return sink


def test_frames_count_from_one_and_boxes_are_left_top_width_height(tmp_path):
    written(tmp_path, [(frame(0), answer(frame(0), [BOX], [7], [3]))])
    assert (tmp_path / "door.txt").read_text() == "1,3,10.00,20.00,40.00,100.00,0.9000,-1,-1,-1\n"
    assert (tmp_path / "door.local.txt").read_text() == "1,7,10.00,20.00,40.00,100.00,0.9000,-1,-1,-1\n"


def test_a_late_decision_reaches_back_to_the_beginning_of_the_track(tmp_path):
    results = [(frame(i), answer(frame(i), [BOX], [7], [3 if i > 2 else -1])) for i in range(5)]
    written(tmp_path, results)
    assert [row[:2] for row in rows(tmp_path / "door.txt")] == [[i, 3] for i in range(1, 6)]


def test_live_answers_keep_what_was_known_at_each_picture(tmp_path):
    results = [(frame(i), answer(frame(i), [BOX], [7], [3 if i > 2 else -1])) for i in range(5)]
    written(tmp_path, results, MotSettings(answers="live"))
    assert [row[:2] for row in rows(tmp_path / "door.txt")] == [[4, 3], [5, 3]]


def test_a_run_that_is_killed_leaves_the_live_answers(tmp_path):
    sink = MotFiles(tmp_path)
    for i in range(3):
        sink.write(frame(i), answer(frame(i), [BOX], [7], [3 if i else -1]), ())
    assert [row[:2] for row in rows(tmp_path / "door.txt")] == [[2, 3], [3, 3]]
    assert len(rows(tmp_path / "door.local.txt")) == 3
    sink.close()


def test_a_merge_renames_earlier_rows(tmp_path):
    results = [(frame(i), answer(frame(i), [BOX], [i // 2 + 1], [i // 2 + 1])) for i in range(4)]
    written(tmp_path, results, events=[PersonMerged(0.3, 1, 2, Evidence(1, 4.0))])
    assert [row[1] for row in rows(tmp_path / "door.txt")] == [1, 1, 1, 1]


def test_nobody_is_written_twice_in_one_picture_when_two_tracks_turn_out_to_be_one_person(tmp_path):
    shifted = [value + 5 for value in BOX]
    both = [BOX, shifted]
    results = [
        (frame(0), answer(frame(0), both, [1, 2], [1, -1], scores=np.array([0.5, 0.9]))),
        (frame(1), answer(frame(1), both, [1, 2], [1, 2])),
        (frame(2), answer(frame(2), [shifted], [2], [1])),
    ]
    written(tmp_path, results, events=[PersonMerged(0.2, 1, 2, Evidence(1, 4.0))])
    answers = rows(tmp_path / "door.txt")
    assert [row[:3] for row in answers] == [[1, 1, 10], [2, 1, 10], [3, 1, 15]]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_decided_merged_split_and_forgotten_nobody_is_twice_in_a_picture(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("out")
    sink, known = MotFiles(folder), set()
    persons = st.sampled_from([-1, 1, 2, 3])
    for index in range(data.draw(st.integers(1, 6))):
        tracks = data.draw(st.lists(st.integers(1, 4), unique=True, max_size=4))
        who = [data.draw(persons) for _ in tracks]
        known |= {(index + 1, track) for track in tracks}
        result = answer(frame(index), [BOX] * len(tracks), tracks, who, scores=np.linspace(0.3, 0.9, len(tracks)))
        sink.write(frame(index), result, data.draw(st.lists(EVENTS, max_size=2)))
    sink.close()
    answers = rows(folder / "door.txt")
    seen = [(int(row[0]), int(row[1])) for row in answers]
    assert len(set(seen)) == len(seen)
    assert all(person > 0 for _, person in seen)
    assert {(int(row[0]), int(row[1])) for row in rows(folder / "door.local.txt")} == known
    assert len(seen) <= len(known)


def test_tracks_that_coast_are_written_for_a_moment_and_only_inside_of_the_picture(tmp_path):
    outside = [280.0, 20.0, 330.0, 120.0]
    states = [TrackState.CONFIRMED] + [TrackState.COASTING] * 5
    results = [
        (frame(i), answer(frame(i), [BOX, outside], [1, 2], [1, 2], state=np.array([s, s])))
        for i, s in enumerate(states)
    ]
    written(tmp_path, results, MotSettings(coast=0.25))
    assert [row[:2] for row in rows(tmp_path / "door.txt")] == [[1, 1], [1, 2], [2, 1], [3, 1]]


def test_tentative_tracks_are_not_written(tmp_path):
    result = answer(frame(0), [BOX], [1], [-1], state=np.array([TrackState.TENTATIVE]))
    written(tmp_path, [(frame(0), result)])
    assert rows(tmp_path / "door.local.txt") == []


def test_cameras_with_odd_names_get_files_of_their_own_inside_of_the_folder(tmp_path):
    names = ["../door", "door", "Door", "a/b", "door.local"]
    written(tmp_path / "out", [(frame(0, name), answer(frame(0, name), [BOX], [1], [1])) for name in names])
    assert len(list((tmp_path / "out").iterdir())) == 2 * len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_made_ends_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another folder"):
        written(tmp_path / "file" / "out", [(frame(0), answer(frame(0), [BOX], [1], [1]))])


def test_each_line_of_tracks_says_who_was_where(tmp_path):
    sink = TrackLines(tmp_path / "tracks.jsonl")
    results = [answer(frame(i), [BOX], [7], [3 if i else -1]) for i in range(2)]
    for i, result in enumerate(results):
        sink.write(frame(i), result, ())
    first, second = (json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines())
    assert (first["person"], first["state"], first["seen"]) == (None, "pending", "confirmed")
    assert second == {
        "schema": 1,
        "time": 0.1,
        "camera": "door",
        "frame": 1,
        "track": 7,
        "person": 3,
        "state": "confirmed",
        "confidence": 0.9,
        "box": BOX,
        "score": 0.9,
        "seen": "confirmed",
    }
    sink.close()
    sink.close()


def test_a_run_without_a_picture_leaves_empty_files_not_missing_ones(tmp_path):
    Sinks([TrackLines(tmp_path / "tracks.jsonl")]).close()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"tracks.jsonl": ""}


def test_lines_are_json_that_every_reader_takes():
    assert json_line({"a": float("inf"), "b": (1.5, [float("nan")])}) == '{"a":null,"b":[1.5,[null]]}\n'


def test_all_sinks_are_closed_although_one_of_them_fails(tmp_path):
    class Broken:
        def write(self, frame, result, events):
            """Take nothing."""

        def close(self):
            raise StoreError("disk full")

    lines = TrackLines(tmp_path / "tracks.jsonl")
    sinks = Sinks([lines, Broken()])
    for picture, result in walk("door", 2):
        sinks.write(picture, result, ())
    with pytest.raises(StoreError, match="disk full"):
        sinks.close()
    assert (tmp_path / "tracks.jsonl").read_text().count("\n") == 4
    with pytest.raises(ValueError, match="closed"):
        lines.write(picture, result, ())


def test_a_track_log_grows_over_restarts_and_ends_a_line_that_was_cut_off(tmp_path):
    path = tmp_path / "logs" / "tracks.jsonl"
    results = [(frame(i), answer(frame(i), [BOX], [7], [3])) for i in range(6)]
    for part in (results[:3], results[3:]):
        log = TrackLog(path)
        for picture, result in part:
            log.write(picture, result, ())
        log.close()
        with path.open("a") as file:
            file.write('{"schema":1,"time":0.2')
    lines = path.read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines if line.endswith("}")] == list(range(6))
    assert sum(not line.endswith("}") for line in lines) == 2


def test_a_track_log_is_put_aside_by_size_and_no_line_is_lost_until_the_oldest_goes(tmp_path):
    log = TrackLog(tmp_path / "tracks.jsonl", megabytes=0.001, rotations=3)
    for index in range(12):
        log.write(frame(index), answer(frame(index), [BOX], [7], [3]), ())
    files = [tmp_path / f"tracks.jsonl{end}" for end in (".3", ".2", ".1", "")]
    kept = [json.loads(line)["frame"] for file in files if file.exists() for line in file.read_text().splitlines()]
    assert kept == list(range(12 - len(kept), 12))
    assert all(file.stat().st_size < 2000 for file in files if file.exists())
    assert len(list(tmp_path.iterdir())) <= 4


def test_a_track_log_may_be_rewritten_between_two_pictures(tmp_path):
    path = tmp_path / "tracks.jsonl"
    log = TrackLog(path)
    log.write(frame(0), answer(frame(0), [BOX], [7], [3]), ())
    (tmp_path / "draft").write_text("")
    (tmp_path / "draft").replace(path)
    log.write(frame(1), answer(frame(1), [BOX], [7], [4]), ())
    assert [json.loads(line)["person"] for line in path.read_text().splitlines()] == [4]
