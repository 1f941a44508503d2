"""The main job from Python."""

import subprocess
import sys

import numpy as np
import pytest

import unbroken
from unbroken.app.outputs import Outputs
from unbroken.app.track import track_site, until
from unbroken.app.wishes import settings_from
from unbroken.core.errors import ConfigError, SourceError
from unbroken.core.frames import Frame
from unbroken.pipeline.walk import Moment
from unbroken.testing.rtsp import RtspCamera
from walkers import RATE, write_walk


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_walk(tmp_path_factory.mktemp("video") / "hall.mp4")


def test_ten_lines_of_python_do_the_same(video):
    seen = {}
    for frame, result, events in unbroken.track(video, detector="motion", reid="colour", tracker="sort"):
        assert frame.camera == result.camera == "hall"
        assert isinstance(events, tuple)
        for person in result.identities.persons:
            seen.setdefault(int(person), []).append(frame.time)
    assert set(seen) - {-1}
    assert max(map(max, seen.values())) < 8


def test_every_frame_is_answered_once(video):
    indices = [answer.frame.index for answer in unbroken.track(video, reid="none", identity="none", every=4)]
    assert indices == list(range(8 * RATE))


def test_an_unknown_option_is_named_with_those_that_exist(video):
    with pytest.raises(ConfigError, match=r"option 'detektor' is not known; choose from detector"):
        next(unbroken.track(video, detektor="motion"))


def test_a_missing_file_is_told_before_anything_is_written(tmp_path):
    settings = settings_from([str(tmp_path / "gone.mp4")], {})
    with pytest.raises(SourceError, match="no such file"):
        track_site(settings, Outputs(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_run_can_be_cut_after_some_seconds_of_video():
    nothing = np.zeros((0, 0, 3), dtype=np.uint8)
    moments = [Moment((Frame("hall", number, 5 + number / 10, nothing),)) for number in range(50)]
    assert len(list(until(iter(moments), 2.0))) == 20
    assert len(list(until(iter(moments), 0))) == 50


def test_a_live_camera_is_tracked_and_its_loss_is_told(video, tmp_path):
    coded = write_walk(tmp_path / "coded.mp4", codec="libx264")
    with RtspCamera(coded) as camera:
        settings = settings_from([camera.address], {"reid": "none", "identity": "none"})

        def cut(sources):
            def watch(result):
                if result.index == 20:
                    camera.stop()

            return watch

        summary = track_site(settings, Outputs(tmp_path / "out", videos=False, report=False), watch=cut)
    assert sum(summary.frames.values()) >= 20
    assert len(summary.failures) == 1
    assert (tmp_path / "out" / "tracks.jsonl").exists()


def test_help_is_quick_to_load_because_nothing_heavy_is():
    heavy = "{'cv2', 'onnxruntime', 'av', 'scipy', 'pydantic'}"
    code = f"import sys, unbroken.cli.main; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
