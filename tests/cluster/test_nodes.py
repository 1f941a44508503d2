"""Real processes: two nodes and a writer give the Global IDs of one process, and a kill of any loses nothing."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from node_process import CAMERAS, SECRET, world_steps
from unbroken.app.build import embedder_of, service_identity
from unbroken.app.lasting import lasting_of
from unbroken.app.storage import keeper_of
from unbroken.config.reading import read_site
from walkers import write_walk

TESTS = Path(__file__).parents[1]
PLACES = {"edge1": ("cam1", "cam2"), "edge2": ("cam3", "cam4")}
PATIENCE = 60.0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Machines:
    """A site file in a folder, and the processes of its writer and nodes."""

    def __init__(self, folder, running, sources, wait=30.0):
        self.folder, self.address = folder, f"127.0.0.1:{free_port()}"
        node_of = {camera: node for node, cameras in PLACES.items() for camera in cameras}
        cameras = "\n".join(
            f'[[cameras]]\nname = "{name}"\nsource = "{source}"\nnode = "{node_of[name]}"'
            for name, source in sources.items()
        )
        self.site = folder / "site.toml"
        self.site.write_text(
            f"""{cameras}
            [bus]
            nodes = ["edge1", "edge2"]
            listen = "{self.address}"
            writer = "{self.address}"
            secret = "{SECRET}"
            wait = {wait}
            [web]
            on = false
            """,
            encoding="utf-8",
        )
        self.settings = read_site(self.site)
        self.model = embedder_of(self.settings).fingerprint
        paths = os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])
        self.environment = {**os.environ, SECRET: "a secret of the tests", "PYTHONPATH": paths}
        self.running = running

    def start(self, *command):
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, *command], env=self.environment, cwd=self.folder, stdout=log, stderr=log
            )
        self.running.append(process)
        return process

    def writer(self):
        return self.start("-m", "unbroken", "run", str(self.site))

    def world_node(self, node, first=0):
        script = str(TESTS / "node_process.py")
        answers = str(self.folder / f"{node}.answers")
        return self.start(script, self.address, node, self.model, str(first), answers, *PLACES[node])

    def answers(self, node):
        path = self.folder / f"{node}.answers"
        whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
        return [json.loads(line) for line in whole.splitlines()]

    def until(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.02)

    def ends(self, process):
        self.until(lambda: process.poll() is not None)
        assert process.returncode == 0, (self.folder / "log").read_text()

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self, process):
        process.terminate()
        self.ends(process)

    def tracks(self):
        return tracks_in(self.folder / "unbroken.db")


def tracks_in(path):
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT camera, epoch, track, person FROM tracks").fetchall()
    return {(camera, epoch, track): person for camera, epoch, track, person in rows}


@pytest.fixture
def started():
    """What tests have started ends with them."""
    processes = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def machines(tmp_path, started):
    return Machines(tmp_path, started, dict.fromkeys(CAMERAS, "nowhere.mp4"))


def in_one_process(machines, folder):
    """The same world, observed by one process with the same settings."""
    folder.mkdir()
    storage = machines.settings.storage.model_copy(update={"database": str(folder / "unbroken.db")})
    settings = machines.settings.model_copy(update={"storage": storage})
    keeper = keeper_of(settings, machines.model, {})
    lasting = lasting_of(service_identity(settings), keeper, machines.model)
    for step in world_steps():
        lasting.observe(sorted(step, key=lambda view: view.camera))
    lasting.close()
    keeper.close()
    return tracks_in(folder / "unbroken.db")


def test_two_nodes_and_a_writer_that_is_killed_give_the_ids_of_one_process(machines, tmp_path):
    writer = machines.writer()
    nodes = [machines.world_node(node) for node in PLACES]
    machines.until(lambda: len(machines.answers("edge1")) > 40)
    machines.kill(writer)
    acknowledged = [line for node in PLACES for line in machines.answers(node)]
    writer = machines.writer()
    for node in nodes:
        machines.ends(node)
    machines.stop(writer)
    found = machines.tracks()
    assert found == in_one_process(machines, tmp_path / "one")
    assert len(set(found.values())) > 3
    for camera, epoch, rows in acknowledged:
        assert all((camera, epoch, track) in found for track, person in rows if person > 0)
    lines = [len(machines.answers(node)) for node in PLACES]
    assert lines == [len(world_steps()) * 2] * 2


def test_a_node_that_is_killed_goes_on_in_a_new_epoch_and_what_was_acknowledged_stays(machines):
    writer = machines.writer()
    first, second = machines.world_node("edge1"), machines.world_node("edge2")
    machines.until(lambda: len(machines.answers("edge2")) > 40)
    machines.kill(second)
    acknowledged = machines.answers("edge2")
    second = machines.world_node("edge2", first=len(acknowledged) // 2 + 1)
    machines.ends(first)
    machines.ends(second)
    machines.stop(writer)
    found = machines.tracks()
    assert {(camera, epoch) for camera, epoch, _ in found} >= {("cam1", 1), ("cam3", 1), ("cam3", 2)}
    assert all(epoch == 1 for camera, epoch, _ in found if camera in PLACES["edge1"])
    last = {(camera, epoch, track): person for camera, epoch, rows in acknowledged for track, person in rows}
    for key, person in last.items():
        assert person < 0 or key in found


def test_the_command_line_runs_a_site_on_three_machines(tmp_path, started):
    """Two nodes with a real video each, and a writer: its events tell of both cameras, and of what nodes met."""
    video = write_walk(tmp_path / "walk.mp4", seconds=5.0)
    site = Machines(tmp_path, started, {"cam1": video, "cam3": video}, wait=1.0)
    writer = site.writer()
    nodes = [site.start("-m", "unbroken", "run", str(site.site), "--node", node) for node in PLACES]
    for node in nodes:
        site.ends(node)
    site.stop(writer)
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert any(event["type"] == "new" for event in events)
    for kind in ("camera_online", "track_started"):
        assert {event["camera"] for event in events if event["type"] == kind} == {"cam1", "cam3"}, kind
    assert {camera for camera, _, _ in site.tracks()} == {"cam1", "cam3"}
    assert len({event["id"] for event in events}) == len(events)


def test_a_node_that_is_not_listed_is_told_which_are(machines):
    process = machines.start("-m", "unbroken", "run", str(machines.site), "--node", "edge3")
    machines.until(lambda: process.poll() is not None)
    assert process.returncode == 2
    assert "there is no node 'edge3'; the nodes are edge1, edge2" in (machines.folder / "log").read_text()
