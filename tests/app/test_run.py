"""The service: cameras come and go, answers go out, and a stop loses nothing."""

import json
import logging
import socket
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from unbroken.app.replay import replay, settings_of
from unbroken.app.run import Course, Service, mixed, reload, run_site
from unbroken.app.telling import LOG
from unbroken.config.changes import SiteFile, changes_between
from unbroken.config.reading import checked, read_site
from unbroken.core.errors import ConfigError, HaltError
from unbroken.pipeline.board import Board
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


def until(true):
    """Wait for what another thread does."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def events(tmp_path, kind, camera):
    return [one for one in lines(tmp_path / "events.jsonl") if one["type"] == kind and one["camera"] == camera]


class Told(logging.Handler):
    """What an operator is told; `until` waits for a line."""

    def __init__(self):
        super().__init__()
        self.lines, self.changed = [], threading.Condition()

    def emit(self, record):
        with self.changed:
            self.lines.append(record.getMessage())
            self.changed.notify_all()

    def until(self, part, count=1):
        with self.changed:
            assert self.changed.wait_for(lambda: sum(part in line for line in self.lines) >= count, 30), self.lines


@pytest.fixture
def told():
    handler, before = Told(), LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    yield handler
    LOG.setLevel(before)
    LOG.removeHandler(handler)


def test_a_recording_runs_to_its_end_and_every_picture_is_answered(tmp_path):
    video = write_walk(tmp_path / "hall.mp4")
    service = Service(site(tmp_path, {"hall": video}))
    run_site(service, Course())
    health = service.health.snapshot().cameras["hall"]
    answered = {line["frame"] for line in lines(tmp_path / "tracks.jsonl")}
    assert health.frames == health.answered == 80
    assert (health.dropped, health.faults, health.waiting) == (0, 0, 0)
    assert max(answered) == 79
    assert events(tmp_path, "track_started", "hall")


def test_a_camera_that_is_not_there_is_tried_again_and_the_others_run(tmp_path, told):
    coded = write_walk(tmp_path / "coded.mp4", codec="libx264")
    late = RtspCamera(coded, port=free_port())
    with RtspCamera(coded) as first, Service(site(tmp_path, {"one": first.address, "two": late.address})):
        told.until("camera one: online")
        told.until("camera two: ")
        late.start()
        told.until("camera two: online")
    late.stop()
    assert len(events(tmp_path, "camera_lost", "two")) == 1
    assert events(tmp_path, "camera_lost", "one") == []


def test_a_site_without_a_camera_that_is_on_says_so(tmp_path):
    settings = site(tmp_path, {}, cameras=[{"name": "hall", "source": "hall.mp4", "on": False}])
    with pytest.raises(ConfigError, match="every camera is switched off"):
        Service(settings)


def test_a_camera_that_breaks_comes_back_and_its_loss_is_told_at_once(tmp_path, told):
    coded = write_walk(tmp_path / "coded.mp4", codec="libx264")
    with RtspCamera(coded) as only, Service(site(tmp_path, {"door": only.address})) as service:
        told.until("camera door: online")
        only.stop()
        told.until("camera door: ", 2)
        until(lambda: service.health.snapshot().cameras["door"].state == "lost")
        only.start()
        told.until("camera door: online", 2)
    assert len(events(tmp_path, "camera_lost", "door")) == 1


def test_cameras_are_added_changed_and_switched_off_while_the_site_runs(tmp_path, told):
    loops = [write_walk(tmp_path / f"{name}.mp4", seconds=3.0) for name in "ab"]
    sources = {name: f"loop://{path}" for name, path in zip("ab", loops, strict=True)}
    before, after = site(tmp_path, {"a": sources["a"]}), site(tmp_path, sources)
    off = after.model_copy(update={"cameras": (after.cameras[0].model_copy(update={"on": False}), after.cameras[1])})
    board = Board(["a"], time.time)
    with Service(before, [board]) as service:
        told.until("camera a: online")
        service.apply(changes_between(before, after))
        told.until("camera b: online")
        service.apply(changes_between(after, off))
        told.until("camera a is switched off")
        assert set(service.health.snapshot().cameras) == {"b"}
        assert [camera.name for camera in board.view().cameras] == ["b"]
        service.apply(changes_between(off, after))
        told.until("camera a: online", 2)


def test_a_file_that_became_wrong_leaves_the_settings_in_force(tmp_path, told):
    video, file = write_walk(tmp_path / "a.mp4", seconds=2.0), tmp_path / "site.toml"
    text = f'[[cameras]]\nname = "a"\nsource = "loop://{video}"\n[reid]\nmodel = "none"\n[outputs]\nevents = ""\n'
    file.write_text(text)
    settings = read_site(file)
    watched = SiteFile(file, settings)
    with Service(settings) as service:
        file.write_text(text + "[budget]\nlatency = 5\n")
        reload(service, watched)
        told.until("budget.latency is 5")
        file.write_text(text + "[budget]\nlatency = 500\n")
        reload(service, watched)
        told.until("budget is changed")
        assert service.settings.budget.latency == 500


def test_what_a_site_knows_outlives_it(tmp_path):
    video = write_walk(tmp_path / "hall.mp4")
    kept = {"storage": {"database": str(tmp_path / "site.db")}, "reid": {"model": "colour"}}
    for _ in range(2):
        run_site(Service(site(tmp_path, {"hall": video}, **kept)), Course())
        with sqlite3.connect(tmp_path / "site.db") as database:
            people = {row[0] for row in database.execute("SELECT id FROM people")}
        given = {line["person"] for line in lines(tmp_path / "tracks.jsonl") if line["person"]}
        assert given
        assert given <= people
    service = Service(site(tmp_path, {"hall": video}, **kept))
    assert service.identity.engine.epochs == {"hall": 2}
    with service:
        pass


def test_a_tracker_that_nobody_knows_shows_before_a_camera_is_opened(tmp_path):
    settings = site(tmp_path, {"hall": "rtsp://127.0.0.1:1/live"}, tracking={"tracker": "gone"})
    with pytest.raises(ConfigError, match="gone"):
        Service(settings)


class Hanging:
    """A sink that waits for ever in the middle of a step."""

    def __init__(self):
        self.go = threading.Event()

    def write(self, frame, result, events):
        self.go.wait()

    def close(self):
        self.go.set()


def test_a_step_that_hangs_is_named_and_ends_the_site(tmp_path):
    video = write_walk(tmp_path / "a.mp4", seconds=2.0)
    settings = site(tmp_path, {"a": f"loop://{video}"}, storage={"database": str(tmp_path / "site.db")})
    budget = settings.budget.model_copy(update={"hang": 0.2})
    with pytest.raises(HaltError, match=r"the step 'answer' has been running for \d+ s in _answer \(scheduler.py"):
        run_site(Service(settings.model_copy(update={"budget": budget}), [Hanging()]), Course(seconds=60))


class Wrong:
    """A sink of a plug-in with a fault."""

    def write(self, frame, result, events):
        raise ZeroDivisionError("in a plug-in")

    def close(self):
        pass


def test_a_sink_that_breaks_is_told_and_events_of_the_site_are_stored(tmp_path, told):
    video = write_walk(tmp_path / "a.mp4", seconds=2.0)
    database = tmp_path / "site.db"
    settings = site(tmp_path, {"a": f"loop://{video}"}, storage={"database": str(database)})
    with Service(settings, [Wrong()]):
        told.until("the site: a step broke: ZeroDivisionError: in a plug-in")
    with closing(sqlite3.connect(database)) as rows:
        kinds = [kind for (kind,) in rows.execute("SELECT type FROM events ORDER BY id")]
    assert kinds[:1] == ["camera_online"]
    assert "step_faulted" in kinds


@pytest.mark.parametrize("database", ["none", "site.db"])
def test_what_a_site_records_is_replayed_to_the_same_events_also_from_the_middle_of_its_life(tmp_path, database):
    video = write_walk(tmp_path / "hall.mp4", 5.0)
    stored = {"database": "none" if database == "none" else str(tmp_path / database)}
    for start in ("first", "second"):
        (tmp_path / "events.jsonl").unlink(missing_ok=True)
        service = Service(site(tmp_path, {"hall": video}, storage=stored, reid={"model": "colour"}))
        service.record(tmp_path / start)
        run_site(service, Course())
        told = [(one["type"], one["id"]) for one in lines(tmp_path / "events.jsonl")]
        again = tmp_path / f"{start}.jsonl"
        replay(tmp_path / start, settings_of(tmp_path / start, None, ()), again, lambda _: None)
        assert {"person_enrolled", "new", "end"} & {kind for kind, _ in told}
        assert [(one["type"], one["id"]) for one in lines(again)] == told


def test_a_recording_beside_live_cameras_is_pointed_out(tmp_path):
    both = site(tmp_path, {"hall": "hall.mp4", "door": "rtsp://10.0.0.7/live"}).cameras
    (line,) = mixed(both)
    assert line.startswith("camera hall: a recording beside live cameras")
    assert "write loop://hall.mp4" in line
    assert mixed(both[:1]) == mixed(both[1:]) == []
