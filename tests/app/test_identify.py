"""People who already track bring a table and get one Global ID per row."""

import numpy as np
import pytest
from typer.testing import CliRunner

from unbroken.app.identify import cut_tracks, identify, manager_by_name, read_table
from unbroken.cli.main import app
from unbroken.core.errors import ConfigError, StoreError, UnbrokenError
from unbroken.identity.fixed import FixedManager, FixedSettings


def people(count=6, dimension=32, seed=3):
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def walk(count=6, cameras=3, boxes=4):
    """Each person walks through all cameras, one after another."""
    looks, noise = people(count), np.random.default_rng(0)
    columns = {"camera": [], "track": [], "time": [], "features": [], "who": []}
    for camera in range(cameras):
        for person in range(count):
            for box in range(boxes):
                columns["camera"].append(f"cam{camera}")
                columns["track"].append(100 * camera + person)
                columns["time"].append(60.0 * camera + 7 * person + box)
                columns["features"].append(looks[person] + 0.05 * noise.normal(size=looks.shape[1]))
                columns["who"].append(person)
    return {name: np.array(values) for name, values in columns.items()}


def saved(path, **columns):
    np.savez(path, **columns)
    return path


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


def test_npz_and_parquet_are_read_alike(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = walk()
    columns = {name: list(values) for name, values in rows.items()}
    parquet.write_table(arrow.table(columns), tmp_path / "tracks.parquet")
    one, other = read_table(saved(tmp_path / "tracks.npz", **rows)), read_table(tmp_path / "tracks.parquet")
    assert np.array_equal(one.tracks, other.tracks)
    assert np.allclose(one.features, other.features)
    assert np.array_equal(one.cameras, other.cameras)


def test_labels_cut_tracks_at_gaps_of_more_than_250_frames_and_at_each_recording():
    persons = np.array([7, 7, 7, 7, 8, 7])
    cameras = np.array(["1", "1", "1", "1", "1", "2"])
    sequences = np.array([1, 1, 1, 2, 1, 1])
    frames = np.array([0, 250, 501, 502, 10, 20])
    tracks = cut_tracks(persons, cameras, sequences, frames)
    assert tracks[0] == tracks[1]
    assert len(set(tracks.tolist())) == 5


def test_tracks_arrive_by_their_last_row_and_recordings_one_after_another(tmp_path):
    table = read_table(
        saved(
            tmp_path / "boxes.npz",
            person=[1, 1, 2, 3],
            camera=[1, 1, 1, 1],
            sequence=[1, 1, 1, 2],
            frame=[0, 100, 50, 5],
            features=people(4),
        )
    )
    assert [rows.tolist() for rows in table.arrivals()] == [[2], [0, 1], [3]]
    assert table.times[3] > table.times[1] + 3000


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"features": np.full((72, 4), np.nan)}, "row 0 of 'features' holds NaN"),
        ({"features": np.zeros(72)}, "give numbers of shape"),
        ({"track": np.full(72, 0.5)}, "whole numbers"),
        ({"time": np.full(72, np.inf)}, "one number per row"),
        ({"time": np.zeros(71)}, "'time' has 71 rows, 'features' 72"),
    ],
)
def test_a_bad_column_is_one_sentence_that_names_it(tmp_path, change, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_table(saved(tmp_path / "tracks.npz", **(walk() | change)))


@pytest.mark.parametrize("missing", ["camera", "track", "time", "features"])
def test_a_missing_column_is_named(tmp_path, missing):
    rows = walk()
    del rows[missing]
    with pytest.raises(ConfigError, match=missing):
        read_table(saved(tmp_path / "tracks.npz", **rows))


def test_a_file_that_is_no_table_is_one_sentence(tmp_path):
    (tmp_path / "tracks.npz").write_bytes(b"nothing")
    (tmp_path / "tracks.parquet").write_bytes(b"nothing")
    for name in ("tracks.npz", "tracks.parquet", "nowhere.npz"):
        with pytest.raises(StoreError, match=name.split(".")[0]):
            read_table(tmp_path / name)


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


def test_a_file_of_another_kind_is_not_offered_to_be_unpickled(tmp_path):
    (tmp_path / "film.mp4").write_text("hello")
    with pytest.raises(StoreError, match="cannot be read as") as told:
        read_table(tmp_path / "film.mp4")
    assert "pickle" not in str(told.value)
