"""The doctor says in plain sentences what a machine and a site lack, and how to mend it."""

import os
import socket
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from unbroken.app.doctor import examine
from unbroken.app.machine import listening

TOPICS = {"unbroken", "python", "packages", "opencv", "video", "onnxruntime", "disk", "sqlite", "models", "clock"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("UNBROKEN_MODELS", raising=False)
    monkeypatch.chdir(tmp_path)
    writer = cv2.VideoWriter(str(tmp_path / "hall.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
    for _ in range(3):
        writer.write(np.full((120, 160, 3), 90, dtype=np.uint8))
    writer.release()
    return tmp_path


def looked(folder=None, text="", environment=None):
    site = None
    if text:
        site = folder / "site.toml"
        site.write_text('[[cameras]]\nname = "hall"\nsource = "hall.avi"\n' + text)
    return list(examine(environment or {}, site, patience=5.0))


def graded(lines, topic):
    return [(line.grade, line.text, line.mend) for line in lines if line.topic == topic]


def test_a_machine_that_runs_the_tests_has_what_it_needs(folder):
    lines = looked()
    assert {line.topic for line in lines} >= TOPICS
    assert [line for line in lines if line.grade == "fail"] == []
    assert all(line.text.endswith(".") and "\n" not in line.text for line in lines)
    assert all(line.mend for line in lines if line.grade != "ok")
    assert "h264, hevc, mjpeg" in graded(lines, "video")[0][1]
    assert sqlite3.sqlite_version in graded(lines, "sqlite")[0][1]
    assert {path.name for path in folder.iterdir()} - {"cache"} == {"hall.avi"}


def test_cameras_and_the_port_of_a_site_are_tried(folder):
    lines = looked(folder, "[web]\nport = 0\n")
    assert "Camera hall: 160 x 120 pixels" in graded(lines, "cameras")[0][1]
    assert graded(lines, "dashboard")[0][0] == "ok"
    assert [line for line in lines if line.grade == "fail"] == []


def test_a_port_that_is_taken_is_told(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ((grade, text, mend),) = graded(looked(folder, f"[web]\nport = {port}\n"), "dashboard")
    assert grade == "fail"
    assert str(port) in text
    assert "another web.port" in mend


class Answering(BaseHTTPRequestHandler):
    body = b""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    ("body", "grade", "words"),
    [
        (b'{"ready": true}', "ok", "A site runs already"),
        (b'{"ready": false}', "warn", "does not do all of its work"),
        (b"<html>", "fail", "cannot listen"),
        (b"[1]", "fail", "cannot listen"),
    ],
)
def test_a_site_that_runs_already_is_told_from_another_program(folder, body, grade, words):
    handler = type("Handler", (Answering,), {"body": body})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        line = listening("127.0.0.1", server.server_address[1])
        server.shutdown()
    assert line.grade == grade
    assert words in line.text


def test_every_error_of_the_site_file_is_a_line(folder):
    lines = looked(folder, '[web]\nport = 0\n[detection]\nmodel = "rtmdet_nan"\n[live]\nstal = 1\n')
    ((grade, text, _),) = graded(lines, "site")
    assert grade == "fail"
    assert "did you mean stall?" in text


def test_a_net_that_is_not_the_published_one_fails(folder):
    (folder / "rtmdet_nano.onnx").write_bytes(b"damaged")
    lines = looked(folder, '[web]\nport = 0\n[detection]\nmodel = "rtmdet_nano"\n[runtime]\nmodels = "."\n')
    ((grade, text, mend),) = graded(lines, "models")
    assert grade == "fail"
    assert "rtmdet_nano.onnx is not the published file" in text
    assert mend == "unbroken models fetch rtmdet_nano"


def test_a_folder_that_is_none_fails(folder):
    lines = looked(folder, '[web]\nport = 0\n[storage]\ndatabase = "hall.avi/people.db"\n')
    assert graded(lines, "disk")[0][0] == "fail"


def test_a_camera_that_does_not_answer_fails_without_its_password(folder, monkeypatch):
    monkeypatch.setenv("DOOR", "hunter2")
    text = '[[cameras]]\nname = "door"\nsource = "rtsp://u:${DOOR}@127.0.0.1:1/live"\n[web]\nport = 0\n'
    lines = looked(folder, text, {"DOOR": "hunter2"})
    ((grade, said, _),) = graded(lines, "site")
    assert grade == "fail"
    assert "camera door" in said
    assert "hunter2" not in str(lines)


def test_threads_that_compete_are_hinted_at(folder):
    (with_setting,) = graded(looked(environment={"OMP_NUM_THREADS": "1"}), "threads")
    assert "1" in with_setting[1]
    if (os.cpu_count() or 1) > 1:
        assert "OMP_NUM_THREADS=1" in graded(looked(), "threads")[0][2]
