"""Videos: every picture at its true time, any size, playable whatever happens."""

import subprocess
import sys

import av
import numpy as np
import pytest

from scene import picture
from unbroken.core.errors import ConfigError, StoreError
from unbroken.render.video import VideoSettings, VideoWriter, codec_for, letterboxed


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="bgr24")) for frame in container.decode(stream)
        ]
        return stream.codec_context.name, stream.codec_context.pix_fmt, frames


def flat(value, size=(320, 240)):
    return np.full((size[1], size[0], 3), value, np.uint8)


def test_a_video_is_h264_with_yuv420p_and_its_pictures_come_back(tmp_path):
    with VideoWriter(tmp_path / "a" / "b.mp4") as video:
        for index in range(10):
            video.write(picture((320, 240), seed=index), index / 10)
    name, layout, frames = decoded(tmp_path / "a" / "b.mp4")
    assert (name, layout, len(frames)) == ("h264", "yuv420p", 10)
    assert np.abs(frames[5][1].astype(int) - picture((320, 240), seed=5)).mean() < 6


@pytest.mark.parametrize("codec", ["auto", "mpeg4"])
def test_the_time_of_each_picture_is_kept(tmp_path, codec):
    times = [5.0, 5.04, 5.1, 5.5, 8.0, 8.0417]
    with VideoWriter(tmp_path / "a.mp4", VideoSettings(codec=codec)) as video:
        for number, time in enumerate(times):
            video.write(flat(number * 40), time)
    _, _, frames = decoded(tmp_path / "a.mp4")
    np.testing.assert_allclose([time for time, _ in frames], np.array(times) - 5, atol=1e-3)


def test_times_that_stand_still_go_back_or_jump_far_ahead_still_make_a_video_that_advances(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", VideoSettings(longest_gap=10)) as video:
        for time in [0, 0.1, 0.1, 0.05, 0.15, 7200, 7200.1]:
            video.write(flat(50), time)
    times = [time for time, _ in decoded(tmp_path / "a.mp4")[2]]
    assert np.all(np.diff(times) > 0)
    assert 10 < times[-1] < 11


def test_odd_sizes_and_pictures_of_another_size_fit_into_the_first_one(tmp_path):
    with VideoWriter(tmp_path / "a.mp4") as video:
        video.write(flat(200, (321, 241)), 0.0)
        video.write(flat(200, (240, 240)), 0.1)
        assert video.size == (322, 242)
    frames = [image for _, image in decoded(tmp_path / "a.mp4")[2]]
    assert frames[0].shape == frames[1].shape == (242, 322, 3)
    assert frames[0].min() > 180
    assert frames[1][120, 10].max() < 80
    assert frames[1][120, 160].min() > 180


def test_large_pictures_are_scaled_down_where_asked(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", VideoSettings(longest_side=640)) as video:
        video.write(flat(10, (1920, 1080)), 0.0)
        assert video.size == (640, 360)


def test_a_program_that_dies_leaves_what_was_written(tmp_path):
    code = """
import os, sys
from pathlib import Path
import numpy as np
from unbroken.render.video import VideoWriter
video = VideoWriter(Path(sys.argv[1]))
for index in range(200):
    video.write(np.full((120, 160, 3), index, np.uint8), index / 25)
os._exit(9)
"""
    process = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.mp4")], check=False)
    assert process.returncode == 9
    assert len(decoded(tmp_path / "a.mp4")[2]) > 50


def test_a_video_without_a_picture_leaves_no_file_and_closing_twice_is_no_error(tmp_path):
    video = VideoWriter(tmp_path / "a.mp4")
    video.close()
    assert not (tmp_path / "a.mp4").exists()
    video.write(flat(0), 0.0)
    video.close()
    video.close()
    assert len(decoded(tmp_path / "a.mp4")[2]) == 1


def test_a_place_that_cannot_be_written_and_a_codec_that_nobody_knows_end_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another folder"):
        VideoWriter(tmp_path / "file" / "a.mp4").write(flat(0), 0.0)
    with pytest.raises(ConfigError, match="use 'auto'"):
        codec_for("betamax")


def test_letterboxing_keeps_the_aspect_and_centres():
    image = letterboxed(flat(200, (100, 100)), (400, 200))
    inside = (image[100] == 200).all(axis=1).nonzero()[0]
    assert image.shape == (200, 400, 3)
    assert (inside.min(), inside.max()) == (100, 299)
