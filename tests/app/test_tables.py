"""Tables of tracks come in many forms, and what is wrong with one is a sentence."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from tables_made import parquet, people, saved, walk
from unbroken.app.tables import cut_tracks, read_table
from unbroken.core.errors import ConfigError, StoreError


def test_npz_and_parquet_are_read_alike(tmp_path):
    pytest.importorskip("pyarrow")
    rows = walk()
    one = read_table(saved(tmp_path / "tracks.npz", **rows))
    other = read_table(parquet(tmp_path / "tracks.parquet", **rows))
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
        ({"track": np.full(72, 0.5)}, "'track' is 0.5 in row 0; give whole numbers"),
        ({"time": np.full(72, np.inf)}, "'time' is inf in row 0; give one number per row"),
        ({"time": np.full(72, "noon")}, "one number per row"),
        ({"camera": np.zeros((72, 2))}, "one name per row"),
        ({"box": np.zeros((72, 3))}, "shape \\(rows, 4\\)"),
        ({"rate": np.zeros(3)}, "'rate' is float64 \\(3,\\)"),
        ({"rate": np.array(-1.0)}, "rate is -1.0"),
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


def test_a_file_of_another_kind_is_not_offered_to_be_unpickled(tmp_path):
    (tmp_path / "film.mp4").write_text("hello")
    with pytest.raises(StoreError, match="cannot be read as") as told:
        read_table(tmp_path / "film.mp4")
    assert "pickle" not in str(told.value)


def test_labelled_boxes_without_frames_have_no_tracks(tmp_path):
    rows = walk()
    rows["person"] = rows.pop("track")
    with pytest.raises(ConfigError, match="has no 'track'"):
        read_table(saved(tmp_path / "boxes.npz", **rows))


def test_frames_become_seconds_by_the_rate_of_the_file_or_the_one_given(tmp_path):
    rows = walk()
    rows["frame"] = (rows.pop("time") * 10).astype(int)
    plain = saved(tmp_path / "plain.npz", **rows)
    told = saved(tmp_path / "told.npz", **rows, rate=np.array(10))
    each = saved(tmp_path / "each.npz", **rows, rate=np.where(rows["camera"] == "cam0", 5.0, 10.0))
    assert read_table(plain).times[-1] == rows["frame"][-1] / 25
    assert read_table(plain, 10.0).times[-1] == read_table(told).times[-1] == rows["frame"][-1] / 10
    assert read_table(told, 20.0).times[-1] == rows["frame"][-1] / 20
    assert read_table(each).times[[1, -1]].tolist() == [rows["frame"][1] / 5, rows["frame"][-1] / 10]


def test_dates_become_seconds(tmp_path):
    rows = walk()
    noon = [datetime(2026, 11, 22, 12) + timedelta(seconds=second) for second in rows["time"].tolist()]
    plain = read_table(saved(tmp_path / "tracks.npz", **rows))
    dated = read_table(saved(tmp_path / "dated.npz", **(rows | {"time": np.array(noon, dtype="datetime64[ms]")})))
    assert np.allclose(np.diff(dated.times), np.diff(plain.times), atol=1e-5)
    pytest.importorskip("pyarrow")
    assert np.array_equal(read_table(parquet(tmp_path / "dated.parquet", **(rows | {"time": noon}))).times, dated.times)


def test_columns_that_nobody_asked_for_are_not_looked_at(tmp_path):
    table = read_table(saved(tmp_path / "tracks.npz", **walk(), model="osnet", note=np.zeros(3)))
    assert len(table.tracks) == 72


def test_names_of_cameras_may_be_bytes(tmp_path):
    rows = walk()
    table = read_table(saved(tmp_path / "tracks.npz", **(rows | {"camera": rows["camera"].astype("S")})))
    assert np.array_equal(table.cameras, rows["camera"])


def test_an_empty_table_is_no_fault(tmp_path):
    pytest.importorskip("pyarrow")
    rows = {name: values[:0] for name, values in walk().items()}
    for file in (saved(tmp_path / "none.npz", **rows), parquet(tmp_path / "none.parquet", **rows)):
        assert read_table(file).arrivals() == []


def test_a_missing_box_in_parquet_is_unknown_and_a_missing_name_a_fault(tmp_path):
    pytest.importorskip("pyarrow")
    rows = walk()
    boxes = [None if row % 2 else [1.0, 2.0, 30.0, 90.0] for row in range(72)]
    table = read_table(parquet(tmp_path / "tracks.parquet", **rows, box=boxes))
    assert np.isnan(table.boxes[1]).all()
    assert table.boxes[2].tolist() == [1, 2, 30, 90]
    for name in ("camera", "track"):
        file = parquet(tmp_path / f"{name}.parquet", **(rows | {name: [None, *rows[name].tolist()[1:]]}))
        with pytest.raises(ConfigError, match=f"'{name}' is empty in row 0"):
            read_table(file)
    file = parquet(tmp_path / "ragged.parquet", **(rows | {"features": [[1.0, 2.0], *([[1.0]] * 71)]}))
    with pytest.raises(ConfigError, match="rows of different length"):
        read_table(file)


def test_python_objects_are_refused_with_a_mend(tmp_path):
    rows = walk()
    with pytest.raises(StoreError, match="save arrays of plain numbers or text"):
        read_table(saved(tmp_path / "tracks.npz", **(rows | {"camera": rows["camera"].astype(object)})))
