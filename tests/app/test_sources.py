"""Cameras of a site become sources: live ones look after themselves and say how they are."""

import math
import time
from queue import Queue

import pytest

from unbroken.app.sources import measured, open_live, open_recorded
from unbroken.config.service import LiveSettings
from unbroken.config.site import CameraSettings
from unbroken.core.errors import ConfigError
from unbroken.core.events import CameraOnline
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
