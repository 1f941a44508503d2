"""A live camera that is looked after, beside a real RTSP server: each fault is named, and mended, and nothing leaks."""

import itertools
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from unbroken.core.events import CameraChanged, CameraLost, CameraOnline, CameraStalled
from unbroken.testing.gst import GstCamera, missing
from unbroken.testing.rtsp import RtspCamera
from unbroken.testing.scenes import write_scenes
from unbroken.video.guarded import Guarding, LiveCamera
from unbroken.video.reconnect import Patience

USUAL = Patience(connect=10.0, stall=10.0, freeze=1.0, black=1.0, first_retry=0.1, longest_retry=0.5, renew=60.0)
"""Soon frozen and black, which pictures decide; late stalled, which a busy machine may decide."""
HASTY = replace(USUAL, connect=1.0, stall=1.0)
GENEROUS = 30.0
"""Seconds: nothing here takes so long; a test that fails ends."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def server(clips):
    with RtspCamera(clips["usual"], clips) as camera:
        yield camera


class Watched:
    """A live camera, what it told, and how to wait for it."""

    def __init__(self, address, **options):
        self.events = []
        self.changed = threading.Condition()
        guarding = Guarding(options.pop("patience", USUAL), **options.pop("guarding", {}))
        self.live = LiveCamera(address, "door", time.time, self._note, guarding=guarding, **options)

    def _note(self, event):
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def hears(self, kind, after=0, **fields):
        """The place behind the first event of that kind from `after` on; waits for it."""

        def place():
            for number, event in enumerate(self.events[after:], after + 1):
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                    return number
            return None

        with self.changed:
            assert self.changed.wait_for(place, GENEROUS), f"{kind.__name__} {fields} is not among {self.events}"
            return place()

    def __enter__(self):
        self.live.start()
        return self

    def __exit__(self, *_):
        self.live.close()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_frames_come_on_the_sites_clock_and_in_order(server, transport):
    with Watched(server.address, guarding={"transport": transport}) as door:
        before = time.time()
        frames = list(itertools.islice(door.live, 8))
    times = [frame.time for frame in frames]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))
    assert before - 5 < times[0] <= time.time()
    assert frames[0].size == (160, 120)
    assert [type(event) for event in door.events] == [CameraOnline]


@pytest.mark.parametrize("fault", ["black", "still"])
def test_pictures_without_news_are_told_and_left_out(server, fault):
    with Watched(server.address) as door:
        here = door.hears(CameraOnline)
        server.faults.scene = fault
        here = door.hears(CameraStalled, here, fault={"still": "frozen"}.get(fault, fault))
        server.faults.scene = "usual"
        door.hears(CameraOnline, here)
        assert door.live.health.unusable > 0


def test_damaged_pictures_are_counted_left_out_and_told(server):
    with Watched(server.address) as door:
        here = door.hears(CameraOnline)
        server.faults.damaged = 0.5
        here = door.hears(CameraStalled, here, fault="damaged")
        server.faults.damaged = 0.0
        door.hears(CameraOnline, here)
        health = door.live.health
        assert health.damaged > 0
        assert health.attempts == 1


def test_a_stream_that_comes_slower_than_it_was_taken_is_told(server):
    with Watched(server.address) as door:
        here = door.hears(CameraOnline)
        server.faults.slowness = 3.0
        here = door.hears(CameraStalled, here, fault="slow")
        server.faults.slowness = 1.0
        door.hears(CameraOnline, here)


def test_a_camera_that_accepts_and_never_answers_is_given_up_and_tried_again(server):
    server.faults.mute = True
    with Watched(server.address, patience=HASTY) as door:
        here = door.hears(CameraLost)
        server.faults.mute = False
        door.hears(CameraOnline, here)


def test_a_camera_that_hangs_up_at_once_is_tried_until_it_talks(server):
    server.faults.refusals = 3
    with Watched(server.address) as door:
        door.hears(CameraOnline, door.hears(CameraLost))
        assert door.live.health.attempts == 4


def test_a_silent_camera_is_stalled_and_comes_back(server):
    with Watched(server.address, patience=HASTY) as door:
        here = door.hears(CameraOnline)
        server.faults.silent = True
        here = door.hears(CameraStalled, here, fault="stalled")
        server.faults.silent = False
        door.hears(CameraOnline, here)
        assert door.live.health.attempts >= 2


def test_a_camera_whose_power_is_cut_is_lost_and_comes_back(server):
    with Watched(server.address) as door:
        here = door.hears(CameraOnline)
        server.stop()
        here = door.hears(CameraLost, here)
        here = door.hears(CameraLost, fault="unreachable")
        server.start()
        door.hears(CameraOnline, here)


def test_another_size_is_told_and_goes_on(server):
    with Watched(server.address) as door:
        here = door.hears(CameraOnline)
        server.faults.scene = "small"
        door.hears(CameraChanged, here, what="size")
        assert next(frame for frame in door.live if frame.size == (128, 96))


def test_a_clock_that_jumps_is_told_and_times_go_on(server):
    with Watched(server.address) as door:
        here = door.hears(CameraOnline)
        times = [frame.time for frame in itertools.islice(door.live, 3)]
        for jump in (1000.0, -500.0):
            server.faults.jump = jump
            here = door.hears(CameraChanged, here, what="clock")
            times += [frame.time for frame in itertools.islice(door.live, 3)]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))
    assert times[-1] <= time.time()


def test_a_trusted_clock_of_a_camera_tells_when_pictures_were_taken(server):
    server.faults.delay = 0.3
    with Watched(server.address, guarding={"trust_clock": True}) as door:
        settled(lambda: time.time() - door.live.take().time > 0.25)
    with Watched(server.address) as door:
        door.hears(CameraOnline)
        settled(lambda: abs(door.live.health.camera_skew + 0.4) < 0.2)
        settled(lambda: time.time() - door.live.take().time < 0.1)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3])
def test_whatever_a_camera_says_it_is_a_fault_and_no_more(server, share):
    server.faults.garbled = share
    with Watched(server.address, patience=replace(USUAL, first_retry=0.02, longest_retry=0.05)) as door:
        settled(lambda: door.live.health.attempts >= 8 or door.live.health.pictures > 15)
        server.faults.garbled = 0.0
        last = door.live.health.pictures
        settled(lambda: door.live.health.pictures > last + 5 and not door.live.health.fault)
    assert not any("Error:" in getattr(event, "reason", "") for event in door.events)


def test_a_wrong_password_is_named_and_not_hammered(server):
    server.credentials = "me:secret"
    with Watched(server.address.replace("://", "://me:wrong@")) as door:
        door.hears(CameraLost, fault="denied")
        assert "wrong" not in door.events[0].reason
        assert door.live.health.attempts == 1
    with Watched(server.address.replace("://", "://me:secret@")) as door:
        door.hears(CameraOnline)


def test_a_stream_that_is_not_there_and_a_host_that_nobody_knows_are_named(server):
    with Watched(server.address.replace("/live", "/other")) as door:
        door.hears(CameraLost, fault="missing")
    with Watched("rtsp://no-such-host.invalid/live") as door:
        door.hears(CameraLost, fault="unknown")


def test_a_video_plays_without_end(clips):
    with Watched(f"loop://{clips['usual']}") as hall:
        frames = list(itertools.islice(hall.live, 25))
    assert frames[-1].time - frames[0].time > 2.0
    assert [type(event) for event in hall.events] == [CameraOnline]


def test_many_reconnections_leave_no_thread_and_no_socket_behind(server):
    before, files = threading.active_count(), open_files()
    restless = replace(USUAL, first_retry=0.02, longest_retry=0.05)
    with Watched(server.address, patience=restless) as door:
        here = 0
        for _ in range(12):
            here = door.hears(CameraOnline, here)
            server.stop()
            here = door.hears(CameraLost, here)
            server.start()
        door.hears(CameraOnline, here)
        assert door.live.health.left_behind == 0
    server.stop()
    settled(lambda: threading.active_count() <= before)
    settled(lambda: open_files() <= files)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def settled(condition):
    """Wait until a condition holds."""
    end = time.monotonic() + GENEROUS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_closed_camera_gives_nothing_more_and_its_threads_go(server):
    others = set(threading.enumerate())
    with Watched(server.address) as door:
        door.hears(CameraOnline)
        assert {one.name for one in set(threading.enumerate()) - others} >= {"supervisor door", "reader door"}
        door.live.close()
        assert door.live.take() is None
        assert door.live.health.phase == "stopped"
        settled(lambda: not [one for one in set(threading.enumerate()) - others if one.name.endswith(" door")])


def test_a_reader_that_hangs_is_left_behind_and_counted(clips):
    hanging = threading.Event()

    class Hanging:
        """A decoder that never comes back."""

        frame_rate, finite = 0.0, False

        def pictures(self):
            hanging.wait()
            yield from ()

        def close(self):
            """Nothing is held."""

    guarding = {"left_behind": 2, "connect": lambda *_: Hanging()}
    with Watched("rtsp://never", guarding=guarding, patience=HASTY) as door:
        here = door.hears(CameraStalled, fault="stalled")
        here = door.hears(CameraLost, here, fault="hung")
        assert door.live.health.left_behind == 2
        hanging.set()
        door.hears(CameraLost, here, fault="ended")


@pytest.fixture(scope="module")
def gstreamer():
    why = missing()
    if why:
        pytest.skip(why)
    with GstCamera() as camera:
        yield camera


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_gstreamers_server_is_read_and_tells_its_calendar(gstreamer, transport):
    with Watched(gstreamer.address, guarding={"transport": transport}) as door:
        frames = list(itertools.islice(door.live, 5))
        assert frames[0].size == (160, 120)
        settled(lambda: abs(door.live.health.camera_skew) < 2.0)


def test_jpeg_over_rtsp_is_read_too(gstreamer):
    with GstCamera(coding="jpeg") as camera, Watched(camera.address) as door:
        frames = list(itertools.islice(door.live, 5))
    assert frames[0].size == (160, 120)


def test_gstreamers_server_asks_for_a_password(gstreamer):
    with GstCamera("me:secret") as camera:
        with Watched(camera.address.replace("://", "://me:wrong@")) as door:
            door.hears(CameraLost, fault="denied")
        with Watched(camera.address.replace("://", "://me:secret@")) as door:
            door.hears(CameraOnline)


@pytest.mark.parametrize(
    ("element", "name", "bad", "good", "fault"),
    [
        ("picture", "pattern", "checkers-8", "ball", "frozen"),
        ("picture", "pattern", "black", "ball", "black"),
        ("valve", "drop", "true", "false", "stalled"),
    ],
)
def test_faults_behind_gstreamers_encoder_are_named_and_end(gstreamer, element, name, bad, good, fault):
    with Watched(gstreamer.address, patience=HASTY) as door:
        here = door.hears(CameraOnline)
        gstreamer.set(element, name, bad)
        here = door.hears(CameraStalled, here, fault=fault)
        gstreamer.set(element, name, good)
        door.hears(CameraOnline, here)


def test_gstreamers_server_is_killed_and_comes_back(gstreamer):
    with Watched(gstreamer.address) as door:
        here = door.hears(CameraOnline)
        gstreamer.stop()
        here = door.hears(CameraLost, here)
        gstreamer.start()
        door.hears(CameraOnline, here)
