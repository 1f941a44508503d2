"""`unbroken run` as a user runs it: a process, its log, its exit codes, and what survives when it is killed."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing

import pytest

from unbroken.testing.rtsp import RtspCamera
from walkers import write_walk

PATIENCE = 60


class Site:
    """`unbroken run` in a folder of its own."""

    def __init__(self, folder, cameras, more=""):
        self.folder = folder
        listed = "\n".join(f'[[cameras]]\nname = "{name}"\nsource = "{source}"' for name, source in cameras.items())
        (folder / "site.toml").write_text(f"{listed}\n[web]\nport = 0\n{more}")
        self.lines, self.changed = [], threading.Condition()

    def __enter__(self):
        command = [sys.executable, "-m", "unbroken", "run", "site.toml"]
        self.process = subprocess.Popen(command, cwd=self.folder, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip())
                self.changed.notify_all()

    def until(self, part, count=1):
        with self.changed:
            assert self.changed.wait_for(lambda: sum(part in line for line in self.lines) >= count, PATIENCE), (
                self.lines
            )
            return [line for line in self.lines if part in line][-1]

    def ended(self):
        code = self.process.wait(PATIENCE)
        self.reader.join()
        return code

    def events(self):
        path = self.folder / "events.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def when(self, met):
        """Wait until the events meet a condition."""
        end = time.monotonic() + PATIENCE
        while not met(self.events()):
            assert time.monotonic() < end, self.events()
            assert self.process.poll() is None, self.lines
            time.sleep(0.1)


def people(folder):
    """Global IDs that are known, and those that were merged into others."""
    with closing(sqlite3.connect(folder / "unbroken.db")) as database:
        return dict(database.execute("SELECT id, state FROM people").fetchall())


def test_it_says_where_it_is_runs_and_stops_in_good_order(tmp_path):
    video = write_walk(tmp_path / "walk.mp4", seconds=4.0)
    with Site(tmp_path, {"hall": f"loop://{video}"}, '[reid]\nmodel = "none"\n') as site:
        site.until("camera hall: online")
        url = site.until("the dashboard is at").split()[-1]
        with urllib.request.urlopen(f"{url}healthz", timeout=30) as answer:
            assert answer.status == 200
        site.when(lambda events: any(event["type"] == "camera_online" for event in events))
        site.process.send_signal(signal.SIGTERM)
        assert site.ended() == 0
    assert "stopped" in site.lines[-1]
    assert not any("Traceback" in line for line in site.lines)


def test_what_is_wrong_ends_in_one_sentence_and_a_code(tmp_path):
    video = write_walk(tmp_path / "walk.mp4", seconds=0.5)
    with Site(tmp_path, {"hall": str(video)}, '[detection]\nmodel = "gone.onnx"\n') as site:
        assert site.ended() == 4
    errors = [line for line in site.lines if "error" in line]
    assert len(errors) == 1
    assert "gone.onnx is not there" in errors[0]
    assert not any("Traceback" in line for line in site.lines)


def test_a_busy_port_of_the_dashboard_ends_in_one_sentence(tmp_path):
    video = write_walk(tmp_path / "walk.mp4", seconds=0.5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Site(tmp_path, {"hall": f"loop://{video}"}) as site:
            pass
        text = (tmp_path / "site.toml").read_text().replace("port = 0", f"port = {port}")
        (tmp_path / "site.toml").write_text(text)
        with site:
            assert site.ended() == 2
    assert any(f"port {port}" in line for line in site.lines)
    assert not any("Traceback" in line for line in site.lines)


def walkers(folder, since=0):
    """Who is who: the Global IDs that each walker of each camera was last given, from the lines of tracks."""
    found = {}
    path = folder / "tracks.jsonl"
    for line in path.read_text().splitlines()[since:] if path.exists() else ():
        if not line.endswith("}"):
            continue
        track = json.loads(line)
        middle = (track["box"][1] + track["box"][3]) / 2
        if track["person"] is not None:
            found[track["camera"], "first" if middle < 140 else "second"] = track["person"]
    return found


def test_global_ids_are_the_same_after_a_camera_and_after_the_process_was_killed(tmp_path):
    coded = [write_walk(tmp_path / f"{name}.mp4", codec="libx264") for name in "ab"]
    first, second = RtspCamera(coded[0]), RtspCamera(coded[1])
    first.start()
    second.start()
    addresses = {"door": first.address, "hall": second.address}
    more = '[outputs]\ntracks = "tracks.jsonl"\n'
    with Site(tmp_path, addresses, more) as site:
        site.when(lambda _: len(walkers(tmp_path)) == 4)
        second.stop()
        site.until("camera hall: ", 2)
        second.start()
        site.until("camera hall: online", 2)
        site.process.send_signal(signal.SIGKILL)
        site.ended()
    before, lines = walkers(tmp_path), len((tmp_path / "tracks.jsonl").read_text().splitlines())
    known = people(tmp_path)
    with Site(tmp_path, addresses, more) as site:
        site.when(lambda _: len(walkers(tmp_path, lines)) == 4)
        site.process.send_signal(signal.SIGTERM)
        assert site.ended() == 0
    first.stop()
    second.stop()
    assert walkers(tmp_path, lines) == before
    assert people(tmp_path) == known
    assert set(before.values()) == set(known)


@pytest.mark.slow
def test_a_site_that_hangs_says_where_begins_anew_and_goes_on(tmp_path):
    """A pipe that nobody reads takes the place of the file of tracks: writing to it never returns."""
    video, pipe = write_walk(tmp_path / "walk.mp4", seconds=4.0), tmp_path / "tracks.jsonl"
    os.mkfifo(pipe)
    more = '[outputs]\ntracks = "tracks.jsonl"\n[budget]\nhang = 5\n'
    with Site(tmp_path, {"hall": f"loop://{video}"}, more) as site:
        assert "in write (sinks.py" in site.until("the step 'answer' has been running for")
        pipe.unlink()
        site.until("camera hall: online", 2)
        site.when(lambda _: bool(walkers(tmp_path)))
        site.process.send_signal(signal.SIGTERM)
        assert site.ended() == 0
    assert any("the site begins anew" in line for line in site.lines)
