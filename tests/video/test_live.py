"""Live cameras, read from a real RTSP server: always the newest picture, and every fault has its name."""

import itertools
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from unbroken.core.errors import SourceError, SourceLostError, SourceStalledError
from unbroken.testing.rtsp import RtspCamera
from unbroken.video.capture import Picture
from unbroken.video.live import NewestFrame, Stream
from unbroken.video.opening import open_source


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Two seconds of H.264 at 20 frames/s."""
    path = tmp_path_factory.mktemp("rtsp") / "moving.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"g": "10", "bf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 20)
        rng = np.random.default_rng(0)
        background = rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)
        for number in range(40):
            picture = av.VideoFrame.from_ndarray(np.roll(background, 4 * number, axis=1), format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, 20)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def test_a_stream_gives_pictures_with_growing_times_on_the_sites_clock(recording):
    with RtspCamera(recording) as camera:
        source = open_source(camera.address, "door", time.monotonic)
        before = time.monotonic()
        assert source.frame_rate == pytest.approx(20.0)
        frames = list(itertools.islice(source, 15))
        source.close()
    times = [frame.time for frame in frames]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))
    assert before - 5 < times[0] < time.monotonic()
    assert frames[0].size == (160, 120)


def test_a_slow_reader_sees_the_newest_picture_and_the_drops_are_counted(recording):
    with RtspCamera(recording) as camera:
        source = Stream(camera.address, "door", time.monotonic)
        frames = iter(source)
        first = next(frames)
        time.sleep(1.0)
        next(frames)
        later = next(frames)
        source.close()
    assert later.time - first.time > 0.5
    assert source.slot.dropped >= 5


def test_a_camera_that_freezes_with_its_connection_open_is_stalled(recording):
    with RtspCamera(recording) as camera:
        source = Stream(camera.address, "door", time.monotonic, patience=1.0)
        frames = iter(source)
        next(frames)
        camera.faults.silent = True
        with pytest.raises(SourceError, match=r"no picture|connection broke"):
            list(itertools.islice(frames, 100))
        source.close()


def test_a_camera_whose_power_is_cut_is_lost(recording):
    camera = RtspCamera(recording)
    camera.start()
    source = Stream(camera.address, "door", time.monotonic, patience=2.0)
    frames = iter(source)
    next(frames)
    camera.stop()
    with pytest.raises((SourceLostError, SourceStalledError)):
        list(itertools.islice(frames, 100))
    source.close()


def test_a_camera_that_is_not_there_is_named_without_its_password():
    with pytest.raises(SourceLostError, match=r"rtsp://127\.0\.0\.1:9/live: cannot be reached") as caught:
        Stream("rtsp://user:secret@127.0.0.1:9/live", "door", time.monotonic, patience=1.0)
    assert "secret" not in str(caught.value)


def test_the_slot_keeps_the_newest_and_gives_its_end():
    slot = NewestFrame()
    picture = Picture(np.zeros((2, 2, 3), np.uint8))
    for number in range(3):
        slot.put(float(number), picture)
    assert slot.take(0.1)[0] == 2.0
    assert slot.dropped == 2
    slot.finish(SourceLostError("gone"))
    with pytest.raises(SourceLostError, match="gone"):
        slot.take(0.1)
