"""What is written is read again, and a bad file ends in one sentence with the number of its line."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import SourceError, StoreError
from unbroken.datasets.motchallenge import (
    Rows,
    SequenceInfo,
    read_info,
    read_numbers,
    read_rows,
    read_warps,
    sequences,
    write_info,
    write_rows,
)


def test_results_survive_the_way_through_a_file(tmp_path):
    rng = np.random.default_rng(1)
    corner, size = rng.uniform(0, 500, (50, 2)).round(1), rng.uniform(1, 90, (50, 2)).round(1)
    rows = Rows(
        np.arange(50) // 5, np.arange(50) % 5, np.hstack([corner, corner + size]), np.full(50, 0.5), np.zeros((50, 0))
    )
    write_rows(tmp_path / "a.txt", rows)
    again = read_rows(tmp_path / "a.txt")
    np.testing.assert_array_equal(again.frames, rows.frames)
    np.testing.assert_array_equal(again.ids, rows.ids)
    np.testing.assert_allclose(again.boxes, rows.boxes, atol=1e-9)
    assert again.by_frame()[3].tolist() == [15, 16, 17, 18, 19]


def test_blanks_split_values_as_well(tmp_path):
    (tmp_path / "a.txt").write_text("1 2 3 4 5 6 1\n\n2  2  3 4\t5 6 1\n")
    rows = read_rows(tmp_path / "a.txt")
    assert rows.frames.tolist() == [1, 2]
    assert rows.boxes.tolist() == [[3, 4, 8, 10], [3, 4, 8, 10]]


def test_an_empty_file_holds_nobody(tmp_path):
    (tmp_path / "a.txt").write_text("\n")
    assert len(read_rows(tmp_path / "a.txt")) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,1,2,3,4,5,1\n\n1,2,x,3,4,5,1\n", "line 3: 'x' is not a number"),
        ("1,1,2,3,4,5,1\n1,2,3\n", "line 2: has 3 columns"),
        ("1,1,2,3\n", "line 1: has 4 columns"),
        ("1,1,2,3,4,5,1\n1,2,2,3,4,5,1,1\n", "line 2: has 8 columns where the first has 7"),
        ("1,1,2,3,4,5,1\n\n\n1,2,nan,3,4,5,1\n", "line 4: holds NaN"),
        ("1,1,2,3,-4,5,1\n", "line 1: the size is"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, said):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(StoreError, match=said):
        read_rows(tmp_path / "a.txt")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"a\.txt"):
        read_rows(tmp_path / "a.txt")


def test_warps_are_read_row_by_row(tmp_path):
    (tmp_path / "gmc.txt").write_text("2,1.5,0.25,-3,0,1,7.125\n3,1,0,0,0,1,0\n")
    warps = read_warps(tmp_path / "gmc.txt")
    assert sorted(warps) == [2, 3]
    np.testing.assert_array_equal(warps[2], [[1.5, 0.25, -3], [0, 1, 7.125]])


def test_a_sequence_and_its_tree(tmp_path):
    info = SequenceInfo("park", 12.5, 3, 640, 480, "img1", ".png")
    write_info(tmp_path / "park", info)
    (tmp_path / "empty").mkdir()
    assert read_info(tmp_path / "park") == info
    assert list(sequences(tmp_path)) == [tmp_path / "park"]
    (tmp_path / "park" / "seqinfo.ini").write_text("[Sequence]\nframeRate=fast\n")
    with pytest.raises(StoreError, match=r"seqinfo\.ini"):
        read_info(tmp_path / "park")


DECIMALS = st.from_regex(r"-?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})", fullmatch=True)
NUMBERS = st.one_of(
    DECIMALS, st.floats(allow_nan=False).map(repr), st.from_regex(r" ?[+-]?[0-9]{1,3} ?", fullmatch=True)
)
ODD = st.one_of(NUMBERS, st.text("0123456789.,-+e \t", max_size=6))


def in_file(folder, lines, end):
    path = folder / "a.txt"
    path.write_bytes(end.join(lines).encode())
    return path


@given(st.data(), st.sampled_from(["\n", "\r\n"]), st.sampled_from([DECIMALS, NUMBERS]))
def test_numbers_are_read_as_numpy_reads_them(tmp_path_factory, data, end, cells):
    width = data.draw(st.integers(2, 9))
    rows = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6))
    lines = [part for row in rows for part in [",".join(row)] + [""] * data.draw(st.integers(0, 1))]
    path = in_file(tmp_path_factory.mktemp("rows"), lines, end)
    expected = np.loadtxt(io.StringIO("\n".join(lines)), delimiter=",", ndmin=2, comments=None)
    np.testing.assert_array_equal(read_numbers(path, least=2), expected)


@given(st.lists(st.lists(ODD, min_size=1, max_size=3), min_size=1, max_size=4))
def test_what_numpy_refuses_is_refused_and_what_it_reads_is_read(tmp_path_factory, rows):
    lines = [",".join(row) for row in rows]
    path = in_file(tmp_path_factory.mktemp("rows"), lines, "\n")
    first = next((line for line in lines if line.strip()), "")
    if "," not in first:
        return
    try:
        expected = np.loadtxt(io.StringIO("\n".join(lines)), delimiter=",", ndmin=2, comments=None)
    except ValueError:
        with pytest.raises(StoreError, match=r"line \d+|as numbers"):
            read_numbers(path, least=1)
    else:
        np.testing.assert_array_equal(read_numbers(path, least=1), expected)


@pytest.mark.parametrize("cell", ["1.2.3", "1-2", "--1", "-", ".", "", "0x1", "1e"])
def test_half_a_number_is_no_number(tmp_path, cell):
    path = in_file(tmp_path, ["1,2,3", f"4,{cell},6"], "\n")
    with pytest.raises(StoreError, match="line 2"):
        read_numbers(path, least=3)
