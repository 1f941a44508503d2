"""Cameras of a site become sources: live ones look after themselves and say how they are."""

import json
import math
import time
from queue import Queue

import pytest

from unbroken.app.sources import in_metres, measured, open_live, open_recorded
from unbroken.config.service import LiveSettings
from unbroken.config.site import CameraSettings
from unbroken.core.errors import ConfigError, SourceError
from unbroken.core.events import CameraOnline
from unbroken.geometry.boxes import foot_points
from unbroken.geometry.plane import pixels_per_metre
from unbroken.testing.rtsp import RtspCamera
from unbroken.testing.scenes import write_scenes


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("clips"))["usual"]


def test_a_live_camera_of_a_site_is_read_with_a_password_from_the_environment(clip, monkeypatch):
    monkeypatch.setenv("DOOR_PASSWORD", "secret")
    told = Queue()
    with RtspCamera(clip, credentials="me:secret") as server:
        camera = CameraSettings(name="door", source=server.address.replace("//", "//me:${DOOR_PASSWORD}@"))
        source = open_live(camera, LiveSettings(transport="udp"), time.time, told.put).source
        frame = next(iter(source))
        skew, counts = measured(source)
        assert isinstance(told.get(timeout=30), CameraOnline)
        source.close()
    assert frame.camera == "door"
    assert abs(skew) < 1.0
    assert counts["attempts_total"] == 1
    assert counts["received_total"] >= 1


def test_a_password_that_is_not_set_is_named():
    camera = CameraSettings(name="door", source="rtsp://me:${NO_SUCH_PASSWORD}@127.0.0.1/live")
    with pytest.raises(ConfigError, match="NO_SUCH_PASSWORD"):
        open_live(camera, LiveSettings(), time.time, lambda _: None)


def test_a_recording_says_nothing_of_itself(clip):
    source = open_recorded(CameraSettings(name="hall", source=str(clip))).source
    skew, counts = measured(source)
    source.close()
    assert math.isnan(skew)
    assert counts == {}


def test_recorded_boxes_with_a_homography_of_a_scene_are_a_camera(tmp_path):
    """The layout of multi-view sets as it is: boxes per view, one file with all homographies, a unit of its own."""
    upright = [[0.02, 0.0, 0.0], [0.0, 0.05, 0.0], [0.0, 0.005, -0.6]]
    content = {"homography": [upright, upright], "frame_width": 640, "frame_height": 480}
    (tmp_path / "calibration.json").write_text(json.dumps(content))
    cameras = []
    for number in (1, 2):
        boxes = tmp_path / f"view{number}.txt"
        boxes.write_text("".join(f"{frame},-1,300,300,30,80,0.9,-1,-1,-1\n" for frame in (5, 6, 9)))
        calibration = f"{tmp_path / 'calibration.json'}#{number}"
        cameras.append(CameraSettings(name=f"view{number}", source=str(boxes), calibration=calibration, frame_rate=10))
    opened = {camera.name: open_recorded(camera) for camera in cameras}
    found = in_metres(opened, cameras)["view2"]
    assert [frame.time for frame in found.source][-1] == pytest.approx(0.8)
    assert found.recorded is not None
    assert found.recorded.frames.tolist() == [5, 6, 9]
    assert found.view is not None
    tall = 80 / pixels_per_metre(found.view, foot_points(found.recorded.boxes))
    assert tall == pytest.approx(1.7)


def test_recorded_boxes_that_are_not_there_are_named(tmp_path):
    with pytest.raises(SourceError, match=r"view1\.txt"):
        open_recorded(CameraSettings(name="one", source=str(tmp_path / "view1.txt")))
