"""Whatever a camera is called, its files stay in the folder that they belong to."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.names import file_stem


@given(st.text(max_size=300))
def test_a_stem_is_one_plain_part_of_a_path(camera):
    stem = file_stem(camera)
    assert Path(stem).name == stem
    assert stem not in ("", ".", "..")
    assert len(stem) <= 120


@given(st.lists(st.text(max_size=5), max_size=8))
def test_cameras_never_share_a_stem(cameras):
    stems = []
    for camera in cameras:
        stems.append(file_stem(camera, taken=stems))
    assert len({stem.lower() for stem in stems}) == len(cameras)
