"""The supervisor: one camera's fault is one camera's fault, no result is lost at a stop, overload costs quality."""

import itertools
import threading
import time

import numpy as np

from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError, SourceLostError
from unbroken.core.events import CameraLost, CameraOnline, QualityChanged, StepFaulted
from unbroken.core.frames import Frame
from unbroken.identity.fixed import FixedManager
from unbroken.pipeline.camera import Camera, Economy
from unbroken.pipeline.health import Health
from unbroken.pipeline.intake import Intake, Lane, Retry
from unbroken.pipeline.overload import Limits, Load
from unbroken.pipeline.scheduler import Meter, Scheduler, SchedulerSettings
from unbroken.pipeline.site import Site
from unbroken.tracking.engine import Engine
from unbroken.tracking.sort import Sort

PICTURE = np.zeros((48, 64, 3), dtype=np.uint8)


class Pictures:
    """A source: so many pictures at a pace, then its end, or an error."""

    frame_rate, frame_count = 10.0, 0

    def __init__(self, camera, count=None, pause=0.0, error=None):
        self.camera = camera
        self._count, self._pause, self._error = count, pause, error

    def __iter__(self):
        for index in itertools.count() if self._count is None else range(self._count):
            time.sleep(self._pause)
            yield Frame(self.camera, index, index / 10, PICTURE)
        if self._error is not None:
            raise self._error

    def close(self):
        pass


class Walker:
    """A detector that sees one person who walks; it breaks on some cameras, and takes its time."""

    description = "walker"

    def __init__(self, breaks=(), cost=0.0):
        self.breaks, self.cost = set(breaks), cost

    def detect(self, frames):
        if self.breaks & {frame.camera for frame in frames}:
            raise ZeroDivisionError("a fault in the detector")
        time.sleep(self.cost * len(frames))
        return [Detections(np.array([[5.0 + f.index % 20, 5, 15 + f.index % 20, 40]]), np.array([0.9])) for f in frames]


class Outlet:
    """Keeps what it is given; `until` waits for it."""

    def __init__(self):
        self.results, self.events, self.changed = [], [], threading.Condition()

    def write(self, frame, result, events):
        assert frame.camera == result.camera
        with self.changed:
            self.results.append(result)
            self.events += events
            self.changed.notify_all()

    def hear(self, events):
        with self.changed:
            self.events += events
            self.changed.notify_all()

    def close(self):
        pass

    def until(self, met):
        with self.changed:
            assert self.changed.wait_for(lambda: met(self), 60)

    def count(self, camera):
        return sum(result.camera == camera for result in self.results)


class Running:
    """A site of cameras by name, stepped by a thread of its own."""

    def __init__(self, lanes, detector, economy=None, limits=None, before=(), identity=None):
        self.outlet, self.health = Outlet(), Health(time.time)
        self.intake = Intake(self.health)
        self._economy = economy or Economy()
        cameras = {lane.name: self.camera(lane.name) for lane in lanes}
        self.site = Site(cameras, dict.fromkeys(cameras, detector), None, identity, time.perf_counter)
        self.detector, self.renewed = detector, []
        self.scheduler = Scheduler(self.site, self.intake, [*before, self.outlet], self.health, self.renew)
        self.scheduler.settings = SchedulerSettings(limits or Limits(latency=30), gather=0.001, window=0.1, grace=0.0)
        self._lanes = lanes
        self.thread = threading.Thread(target=self.scheduler.run, daemon=True)

    def camera(self, name):
        return Camera(name, Engine(Sort(min_hits=1)), self._economy)

    def renew(self, name):
        self.renewed.append(name)
        self.site.add(self.camera(name), self.detector)

    def __enter__(self):
        for lane in self._lanes:
            self.intake.add(lane)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.scheduler.stop()
        self.thread.join(10)
        assert self.intake.close(10) == []
        assert not self.thread.is_alive()


def lane(name, live=True, **more):
    return Lane(name, lambda: Pictures(name, **more), live, retry=Retry(0.01, 0.01))


def test_recordings_wait_and_every_picture_is_answered_in_order():
    with Running([lane("a", live=False, count=40), lane("b", live=False, count=25)], Walker()) as running:
        running.thread.join(20)
        assert not running.thread.is_alive()
    indices = {camera: [r.index for r in running.outlet.results if r.camera == camera] for camera in "ab"}
    assert indices == {"a": list(range(40)), "b": list(range(25))}
    assert running.health.snapshot().cameras["a"].state == "ended"
    assert running.health.snapshot().cameras["a"].dropped == 0


def test_live_cameras_drop_what_is_late_and_count_it():
    with Running([lane("a", pause=0.001)], Walker(cost=0.02)) as running:
        running.outlet.until(lambda outlet: outlet.count("a") >= 10)
    health = running.health.snapshot().cameras["a"]
    assert health.dropped > 0
    assert health.answered == len(running.outlet.results)
    assert health.frames - health.dropped - health.answered in (0, 1)
    indices = [result.index for result in running.outlet.results]
    assert indices == sorted(set(indices))


def test_a_fault_in_one_camera_is_told_once_and_the_others_go_on():
    lanes = [lane("good", pause=0.005), lane("bad", pause=0.005)]
    with Running(lanes, Walker(breaks={"bad"})) as running:
        running.outlet.until(lambda outlet: outlet.count("good") >= 20)
    faults = [event for event in running.outlet.events if isinstance(event, StepFaulted)]
    cameras = [fault.camera for fault in faults]
    assert cameras.count("bad") == 1
    assert set(cameras) <= {"bad", ""}
    assert len(cameras) <= 2
    assert "ZeroDivisionError: a fault in the detector" in faults[0].reason
    assert set(running.renewed) == {"bad"}
    assert running.outlet.count("bad") == 0
    assert running.health.snapshot().cameras["bad"].faults == len(running.renewed) > 1


def test_a_camera_that_breaks_is_opened_again_and_told_once_for_each_loss():
    with Running([lane("a", count=5, error=SourceLostError("the cable is cut"))], Walker()) as running:
        running.outlet.until(lambda outlet: sum(isinstance(e, CameraOnline) for e in outlet.events) >= 3)
    lost = [event for event in running.outlet.events if isinstance(event, CameraLost)]
    assert {event.reason for event in lost} == {"the cable is cut"}
    online = [event for event in running.outlet.events if isinstance(event, CameraOnline)]
    assert len(online) - len(lost) in (0, 1)


def test_what_a_source_raises_unexpectedly_is_a_lost_camera_too():
    with Running([lane("a", count=1, error=KeyError("decoder"))], Walker()) as running:
        running.outlet.until(lambda outlet: any(isinstance(e, CameraLost) for e in outlet.events))
    assert "KeyError" in next(event.reason for event in running.outlet.events if isinstance(event, CameraLost))


def test_overload_costs_looks_and_is_told_and_full_quality_comes_back():
    detector = Walker(cost=0.1)
    lanes = [lane("a", pause=0.1), lane("b", pause=0.1)]
    with Running(lanes, detector, limits=Limits(latency=30, most_every=4, patience=0.2)) as running:
        running.outlet.until(lambda o: any(isinstance(e, QualityChanged) and e.every > 1 for e in o.events))
        detector.cost = 0.0
        running.outlet.until(lambda o: isinstance(o.events[-1], QualityChanged) and o.events[-1].level == 0)
    changes = [event for event in running.outlet.events if isinstance(event, QualityChanged)]
    assert "too slow" in changes[0].reason
    assert "room again" in changes[-1].reason
    assert [change.level for change in changes[-2:]] == sorted((c.level for c in changes[-2:]), reverse=True)


def test_cameras_come_and_go_between_steps():
    with Running([lane("a", pause=0.005)], Walker()) as running:
        running.outlet.until(lambda outlet: outlet.count("a") >= 3)
        running.scheduler.do(lambda: running.site.add(running.camera("b"), running.detector))
        running.intake.add(lane("b", pause=0.005))
        running.outlet.until(lambda outlet: outlet.count("b") >= 3)
        running.intake.remove("a")
        running.scheduler.do(lambda: running.site.remove("a"))
        before = running.outlet.count("b")
        running.outlet.until(lambda outlet: outlet.count("b") >= before + 3)
        assert set(running.health.snapshot().cameras) == {"b"}


def test_a_stop_hands_on_the_step_that_runs():
    with Running([lane("a", pause=0.001)], Walker(cost=0.1)) as running:
        running.outlet.until(lambda outlet: outlet.count("a") >= 1)
    assert running.health.snapshot().cameras["a"].answered == len(running.outlet.results)


class Broken(Outlet):
    """An outlet whose disk is full."""

    def write(self, frame, result, events):
        raise OSError("no space left on device")

    hear = write


def test_an_outlet_that_breaks_does_not_keep_the_others_from_theirs_and_is_told():
    with Running([lane("a", pause=0.005)], Walker(), before=[Broken()]) as running:
        running.outlet.until(lambda outlet: outlet.count("a") >= 20)
    faults = [event.reason for event in running.outlet.events if isinstance(event, StepFaulted)]
    assert faults == ["OSError: no space left on device"]


def test_who_asks_is_told_what_the_scheduler_is_at():
    detector = Walker(cost=0.05)
    with Running([lane("a", pause=0.001)], detector) as running:
        running.outlet.until(lambda outlet: outlet.count("a") >= 2)
        while (doing := running.scheduler.doing)[0] != "detect":
            time.sleep(0.001)
    assert doing[1] >= 0


def test_of_each_camera_no_more_pictures_are_looked_at_than_wished():
    running = Running([lane("a", live=False, count=60)], Walker())
    running.intake.rate = 5.0
    with running:
        running.thread.join(20)
    assert [result.index for result in running.outlet.results] == list(range(0, 60, 2))


class Asking(Outlet):
    """Asks, in the middle of each step, for how many of 40 crops there is time, and says that a crop takes 2 s."""

    def __init__(self):
        super().__init__()
        self.rooms, self.scheduler = [], None

    def write(self, frame, result, events):
        self.rooms.append(self.scheduler.room(40))
        self.scheduler.embedded(10, 20.0)
        self.scheduler.embedded(0, 5.0)


def test_crops_are_put_off_when_the_oldest_live_picture_would_wait_too_long():
    asking = Asking()
    running = Running([lane("a", pause=0.005)], Walker(), limits=Limits(latency=30), before=[asking])
    asking.scheduler = running.scheduler
    with running:
        running.outlet.until(lambda outlet: outlet.count("a") >= 3)
    assert asking.rooms[0] == 40
    assert all(1 <= room <= 30 * 0.75 / 2 for room in asking.rooms[1:])


def test_load_is_what_was_spent_since_the_last_look():
    meter = Meter(10.0)
    assert meter.load(10.5, 1.0) is None
    for latency in (0.1, 0.2, 0.4):
        meter.step(0.2, {"detect": 0.1, "embed": 0.05, "track": 0.05})
        meter.answered(latency)
    load = meter.load(11.0, 1.0)
    np.testing.assert_allclose([load.busy, load.detect, load.embed], [0.6, 0.3, 0.15])
    assert load.latency in (0.2, 0.4)
    assert meter.load(12.0, 1.0) == Load(0.0, 0.0, 0.0, 0.0)


class Refusing(FixedManager):
    """Refuses what one camera says."""

    def observe(self, sightings):
        if any(one.camera == "bad" for one in sightings):
            raise ContractError("camera bad: features have 3 numbers, those before 5")
        return super().observe(sightings)


def test_sightings_that_break_their_contract_are_told_and_the_other_cameras_are_answered():
    lanes = [lane("good", pause=0.005), lane("bad", pause=0.005)]
    with Running(lanes, Walker(), identity=Refusing()) as running:
        running.outlet.until(lambda outlet: min(outlet.count("good"), outlet.count("bad")) >= 10)
    faults = [event for event in running.outlet.events if isinstance(event, StepFaulted)]
    assert [(fault.camera, fault.reason[:11]) for fault in faults] == [("bad", "camera bad:")]
    assert all((one.identities.persons == -1).all() for one in running.outlet.results if one.camera == "bad")
