"""Connections beside RTSP: multipart JPEG and videos over HTTP, videos without end; and what each failure is."""

import itertools
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from unbroken.testing.scenes import write_scenes
from unbroken.video.capture import CaptureError, Connecting, open_capture, without_password


class QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


class Cameras(BaseHTTPRequestHandler):
    """`/video` is a multipart stream of JPEG at 20 pictures per second, as cheap cameras send it."""

    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        if self.path != "/video":
            self.send_error({"/secret": 401, "/forbidden": 403}.get(self.path, 404))
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(200):
            image = np.full((48, 64, 3), number, np.uint8)
            data = cv2.imencode(".jpg", image)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data + b"\r\n")
            except OSError:
                return
            time.sleep(0.05)


@pytest.fixture
def serve():
    """Serve with a handler; the address without a path."""
    servers = []

    def begin(handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def stop():
    event = threading.Event()
    yield event
    event.set()


HOW = Connecting(connect=5.0, read=5.0)


def test_multipart_jpeg_has_pictures_and_no_stamps_of_its_own(serve, stop):
    capture = open_capture(f"{serve(Cameras)}/video", HOW, stop)
    pictures = list(itertools.islice(capture.pictures(), 5))
    capture.close()
    assert [picture.stamp for picture in pictures] == [None] * 5
    assert pictures[0].image().shape == (48, 64, 3)
    assert pictures[0].luma().shape == (48, 64)


@pytest.mark.parametrize(("path", "fault"), [("secret", "denied"), ("forbidden", "denied"), ("other", "missing")])
def test_what_an_http_camera_refuses_is_named(serve, stop, path, fault):
    with pytest.raises(CaptureError) as caught:
        open_capture(f"{serve(Cameras)}/{path}", HOW, stop)
    assert caught.value.fault == fault


def test_a_video_on_a_web_server_plays_at_its_own_pace_and_ends(serve, stop, tmp_path):
    write_scenes(tmp_path)
    address = serve(partial(QuietFiles, directory=str(tmp_path)))
    capture = open_capture(f"{address}/usual.mp4", HOW, stop)
    begin = time.monotonic()
    pictures = list(capture.pictures())
    capture.close()
    assert capture.finite
    assert len(pictures) == 20
    assert time.monotonic() - begin > 1.5


def test_a_video_without_end_goes_on_with_growing_stamps(stop, tmp_path):
    capture = open_capture(f"loop://{write_scenes(tmp_path)['quick']}", HOW, stop)
    stamps = [picture.stamp for picture in itertools.islice(capture.pictures(), 45)]
    capture.close()
    assert np.allclose(np.diff(stamps), 0.05, atol=0.001)


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("loop://nowhere.mp4", "missing"),
        ("97", "unreachable"),
        ("rtsp://127.0.0.1:9/live", "unreachable"),
        ("http://no-such-host.invalid/video", "unknown"),
    ],
)
def test_what_is_not_there_is_named(stop, address, fault):
    with pytest.raises(CaptureError) as caught:
        open_capture(address, HOW, stop)
    assert caught.value.fault == fault


def test_an_address_is_told_without_its_password():
    assert without_password("rtsp://me:p@ss@10.0.0.7/live") == "rtsp://10.0.0.7/live"
    with pytest.raises(CaptureError) as caught:
        open_capture("rtsp://me:secret@127.0.0.1:9/live", HOW, threading.Event())
    assert "secret" not in str(caught.value)
