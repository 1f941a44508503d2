"""The main job from Python."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import unbroken
from unbroken.app.outputs import Outputs
from unbroken.app.track import track_site, until
from unbroken.app.wishes import settings_from
from unbroken.core.errors import ConfigError, SourceError
from unbroken.core.events import CameraLost, CameraOnline
from unbroken.core.frames import Frame
from unbroken.pipeline.walk import Moment
from unbroken.testing.rtsp import RtspCamera
from unbroken.testing.scenes import write_scenes
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


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    return write_walk(tmp_path_factory.mktemp("coded") / "coded.mp4", codec="libx264")


class Heard:
    """A sink that acts when a camera is lost, without waiting for a picture of another one, and sees it come back."""

    def __init__(self, act):
        self.lost = self.back = False
        self._act = act

    def write(self, frame, result, events):
        self.hear(events)

    def hear(self, events):
        if not self.lost and any(isinstance(event, CameraLost) for event in events):
            self.lost = True
            self._act()
        self.back = self.back or (self.lost and any(isinstance(event, CameraOnline) for event in events))

    def close(self):
        """Nothing is held."""


def test_a_live_camera_that_goes_away_is_told_and_comes_back(coded, tmp_path):
    """Ctrl-C comes when it has come back."""
    with RtspCamera(coded) as camera:
        settings = settings_from([camera.address], {"reid": "none", "identity": "none"})
        heard = Heard(camera.start)

        def watch(result):
            if heard.back:
                raise KeyboardInterrupt
            if not heard.lost:
                camera.stop()

        outputs = Outputs(tmp_path / "out", videos=False, report=False)
        summary = track_site(settings, outputs, watch=lambda _: watch, sinks=[heard])
    assert summary.interrupted
    assert summary.failures == {}
    told = [json.loads(line)["type"] for line in (tmp_path / "out" / "events.jsonl").read_text().splitlines()]
    cameras = [kind for kind in told if kind.startswith("camera_")]
    assert cameras[:2] == ["camera_online", "camera_lost"]
    assert cameras[-1] == "camera_online"
    for line in (tmp_path / "out" / "tracks.jsonl").read_text().splitlines():
        json.loads(line)


def test_a_live_camera_that_stays_away_is_a_failure_of_the_run(coded, tmp_path):
    with RtspCamera(coded) as camera:
        settings = settings_from([camera.address], {"reid": "none", "identity": "none"})
        heard = Heard(lambda: None)
        outputs = Outputs(tmp_path / "out", videos=False, report=False)
        summary = track_site(settings, outputs, 3.0, watch=lambda _: lambda _: camera.stop(), sinks=[heard])
    assert heard.lost
    assert list(summary.failures) == [settings.cameras[0].name]
    assert not summary.interrupted


def test_a_live_camera_that_cannot_be_reached_is_told_before_anything_is_written(tmp_path):
    settings = settings_from(["rtsp://me:secret@127.0.0.1:9/live"], {"reid": "none", "identity": "none"})
    with pytest.raises(SourceError, match=r"^rtsp://127\.0\.0\.1:9/live: cannot be reached") as caught:
        track_site(settings, Outputs(tmp_path / "out"))
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_recording_on_a_server_is_played_once(tmp_path):
    write_scenes(tmp_path)
    with served(tmp_path) as address:
        settings = settings_from([f"{address}/usual.mp4"], {"reid": "none", "identity": "none"})
        summary = track_site(settings, Outputs(tmp_path / "out", videos=False, report=False))
    assert 0 < sum(summary.frames.values()) <= 20
    assert summary.failures == {}
    assert not summary.interrupted


@contextmanager
def served(folder):
    """A folder over HTTP."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_help_is_quick_to_load_because_nothing_heavy_is():
    heavy = "{'cv2', 'onnxruntime', 'av', 'scipy', 'pydantic'}"
    code = f"import sys, unbroken.cli.main; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
