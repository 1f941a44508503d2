"""The service: cameras come and go, answers go out, and a stop loses nothing."""

import json
import socket
import threading

import pytest

from unbroken.app.run import Service, run_site
from unbroken.config.reading import checked
from unbroken.core.errors import ConfigError
from unbroken.testing.rtsp import RtspCamera
from walkers import write_walk


def site(tmp_path, sources, **more):
    cameras = [{"name": name, "source": str(source)} for name, source in sources.items()]
    outputs = {
        "events": str(tmp_path / "events.jsonl"),
        "tracks": str(tmp_path / "tracks.jsonl"),
        "spool": str(tmp_path / "spool"),
    }
    quick = {"first_retry": 0.05, "longest_retry": 0.2}
    content = {"cameras": cameras, "outputs": outputs, "reid": {"model": "none"}, "live": quick}
    return checked({**content, "web": {"on": False}, "storage": {"database": "none"}, **more}, "test")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def events(tmp_path, kind, camera):
    return [one for one in lines(tmp_path / "events.jsonl") if one["type"] == kind and one["camera"] == camera]


class Told(list):
    """What an operator is told; `until` waits for a line."""

    def __init__(self):
        super().__init__()
        self.changed = threading.Condition()

    def __call__(self, line):
        with self.changed:
            self.append(line)
            self.changed.notify_all()

    def until(self, part, count=1):
        with self.changed:
            assert self.changed.wait_for(lambda: sum(part in line for line in self) >= count, 30), list(self)


def test_a_recording_runs_to_its_end_and_every_picture_is_answered(tmp_path):
    video = write_walk(tmp_path / "hall.mp4")
    services = []
    run_site(site(tmp_path, {"hall": video}), Told(), 0.0, services.append)
    health = services[0].health.snapshot().cameras["hall"]
    answered = {line["frame"] for line in lines(tmp_path / "tracks.jsonl")}
    assert health.frames == health.answered == 80
    assert (health.dropped, health.faults, health.waiting) == (0, 0, 0)
    assert max(answered) == 79
    assert events(tmp_path, "track_started", "hall")


def test_a_camera_that_is_not_there_is_tried_again_and_the_others_run(tmp_path):
    coded = write_walk(tmp_path / "coded.mp4", codec="libx264")
    late, told = RtspCamera(coded, port=free_port()), Told()
    with RtspCamera(coded) as first, Service(site(tmp_path, {"one": first.address, "two": late.address}), told):
        told.until("camera one: online")
        told.until("camera two: ")
        with late:
            told.until("camera two: online")
    assert len(events(tmp_path, "camera_lost", "two")) == 1
    assert events(tmp_path, "camera_lost", "one") == []


def test_a_site_without_a_camera_that_is_on_says_so(tmp_path):
    settings = site(tmp_path, {}, cameras=[{"name": "hall", "source": "hall.mp4", "on": False}])
    with pytest.raises(ConfigError, match="every camera is switched off"):
        run_site(settings, Told(), 0.0, lambda _: None)
