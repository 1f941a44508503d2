"""Recordings: time comes from the container, every fault ends in one sentence, and what was good before it was used."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import SourceError
from unbroken.video.files import Blank, ImageFolder, VideoFile
from unbroken.video.opening import camera_names, expanded, open_recording
from unbroken.video.timing import Timeline


def write_video(path: Path, times: list[float], size: tuple[int, int] = (64, 48)) -> Path:
    """A real video whose n-th picture is grey level 40 * n, shown at times[n] seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=100)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.max_b_frames = 0
        for number, time in enumerate(times):
            image = np.full((size[1], size[0], 3), 40 * number % 250, dtype=np.uint8)
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def test_time_is_the_containers_so_a_varying_frame_rate_is_right(tmp_path):
    times = [0.0, 0.1, 0.2, 0.7, 0.75, 3.0]
    frames = list(VideoFile(write_video(tmp_path / "varying.mp4", times), "hall"))
    np.testing.assert_allclose([f.time for f in frames], times, atol=2e-3)
    assert [f.index for f in frames] == list(range(6))
    assert abs(int(frames[3].image.mean()) - 120) < 12


def test_a_missing_file_a_text_file_and_an_empty_file_each_say_so(tmp_path):
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "empty.mp4").touch()
    for name, sentence in [("gone.mp4", "no such file"), ("text.mp4", "cannot be opened"), ("empty.mp4", "cannot be")]:
        with pytest.raises(SourceError, match=sentence):
            open_recording(str(tmp_path / name), "hall")


def test_a_video_cut_off_in_the_middle_gives_its_good_frames_first(tmp_path):
    whole = write_video(tmp_path / "whole.avi", [n / 10 for n in range(60)], size=(320, 240))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    frames, seen = iter(VideoFile(cut, "hall")), []
    with pytest.raises(SourceError, match=r"is the file complete|frames before it were used"):
        seen.extend(frame.index for frame in frames)
    assert seen == list(range(len(seen)))
    assert 10 <= len(seen) < 60


def test_a_video_without_one_good_picture_is_an_error_not_an_empty_result(tmp_path):
    whole = write_video(tmp_path / "whole.avi", [0.0, 0.1])
    data = whole.read_bytes()
    start = data.index(b"movi") + 4
    whole.write_bytes(data[:start] + bytes(len(data) - start))
    with pytest.raises(SourceError, match=r"cannot be|no picture|damaged"):
        list(VideoFile(whole, "hall"))


def test_pictures_of_a_folder_come_in_natural_order(tmp_path):
    for number in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), np.full((8, 8, 3), number, np.uint8))
    frames = list(ImageFolder(tmp_path, "hall", frame_rate=5))
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 2, 10]
    assert [f.time for f in frames] == [0.0, 0.2, 0.4]


def test_a_broken_picture_in_a_folder_is_named(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8 broken")
    with pytest.raises(SourceError, match=r"1\.jpg"):
        list(ImageFolder(tmp_path, "hall"))


def test_a_camera_without_pictures_still_has_time():
    frames = list(Blank("hall", 3, 2.0))
    assert [(f.time, f.size) for f in frames] == [(0.0, (0, 0)), (0.5, (0, 0)), (1.0, (0, 0))]


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("nan")), st.just(float("inf"))), max_size=30))
def test_time_only_grows_whatever_the_stamps(stamps):
    timeline = Timeline(0.04)
    times = [timeline.seconds(stamp) for stamp in stamps]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))
    assert np.isfinite(times).all()


def test_when_time_jumps_back_the_recording_goes_on():
    timeline = Timeline(0.5)
    assert [timeline.seconds(t) for t in (0.0, 1.0, 0.0, 1.0, None)] == [0.0, 1.0, 1.5, 2.5, 3.0]
    assert timeline.mended == 2


def test_two_files_of_one_name_become_two_cameras():
    assert camera_names(["a/x.mp4", "b/x.mp4", "b/x_1.mp4"]) == ["x", "x_2", "x_1"]
    assert "secret" not in camera_names(["rtsp://user:secret@host/live"])[0]


def test_names_of_cameras_fit_files_however_addresses_look():
    """A video without end was called by its whole path, which is longer than a name may be; and two got one name."""
    long = f"loop:///films/{'deep/' * 30}hall.mp4", f"rtsp://10.0.0.7/{'token' * 30}/live"
    hall, stream = camera_names(long)
    assert hall == "hall"
    assert stream.endswith("token_live")
    assert len(stream) < 64
    assert camera_names(["x_2.mp4", "x.mp4", "y/x.mp4"]) == ["x_2", "x", "x_3"]


def test_a_folder_of_videos_stands_for_its_videos(tmp_path):
    for name in ("b.mp4", "a.mp4", "notes.txt"):
        (tmp_path / name).touch()
    assert [Path(p).name for p in expanded([str(tmp_path)], lambda _: False)] == ["a.mp4", "b.mp4"]
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match="no video"):
        expanded([str(tmp_path / "none")], lambda _: False)


def test_a_video_in_a_coding_that_nobody_knows_is_one_sentence(tmp_path):
    """A damaged byte in the name of the coding ended in an AttributeError: PyAV has no decoder to give there."""
    content = write_video(tmp_path / "good.avi", [0.0, 0.1, 0.2]).read_bytes()
    assert b"FMP4" in content
    (tmp_path / "strange.avi").write_bytes(content.replace(b"FMP4", b"ZZZ1"))
    with pytest.raises(SourceError, match=r"strange\.avi: nobody here can decode its pictures; is the file complete\?"):
        VideoFile(tmp_path / "strange.avi", "hall")
