"""Where pictures of all cameras are laid down and taken."""

import queue
import threading
import time
from collections.abc import Iterator

import numpy as np

from unbroken.core.errors import SourceError
from unbroken.core.events import CameraLost, CameraOnline, CameraStalled
from unbroken.core.frames import Frame
from unbroken.pipeline.health import Health
from unbroken.pipeline.intake import Intake, Intaken, Lane, Retry, as_they_come

LONG = 600.0


class Tap:
    """A live camera that gives a picture when it is told to."""

    frame_rate = 10.0
    frame_count = 0

    def __init__(self, camera: str) -> None:
        self.camera = camera
        self._times: queue.Queue[float] = queue.Queue()

    def shoot(self, moment: float) -> None:
        self._times.put(moment)

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        while (moment := self._times.get()) >= 0:
            yield Frame(self.camera, number, moment, np.zeros((4, 4, 3), dtype=np.uint8))
            number += 1

    def close(self) -> None:
        self._times.put(-1.0)


def taken(intake: Intake, cameras: int) -> Intaken:
    """What is taken when so many cameras have laid a picture down, without waiting for others for ever."""
    found: list[Intaken] = []
    thread = threading.Thread(target=lambda: found.append(intake.take(LONG, LONG)), daemon=True)
    thread.start()
    thread.join(30)
    assert found, f"take waits for more than {cameras} cameras"
    return found[0]


def lain(health: Health, counts: dict[str, int]) -> None:
    """Wait until each camera has laid so many pictures down: one that is taken alone is waited for from then on."""
    end = time.monotonic() + 30
    while any(health.snapshot().cameras[name].frames < count for name, count in counts.items()):
        assert time.monotonic() < end, f"the pictures {counts} never came"
        time.sleep(0.01)


def test_nobody_waits_for_the_pictures_of_a_camera_that_has_stalled() -> None:
    """A camera that never ends but stalls held every picture of the others back for the time of a gathering."""
    taps = {name: Tap(name) for name in ("hall", "door")}
    health = Health(lambda: 0.0)
    intake = Intake(health)
    for name, tap in taps.items():
        intake.add(Lane(name, lambda tap=tap: tap, live=True, retry=Retry(), tells=True))
        tap.shoot(1.0)
    lain(health, dict.fromkeys(taps, 1))
    assert {arrival.frame.camera for arrival in taken(intake, 2).arrivals} == {"hall", "door"}
    intake.tell(CameraStalled(2.0, "door", "no picture for 3 s"))
    assert not taken(intake, 0).arrivals
    taps["hall"].shoot(2.0)
    assert [arrival.frame.camera for arrival in taken(intake, 1).arrivals] == ["hall"]
    assert intake.close(30) == []


class Film:
    """A recording with given times that may break at its end."""

    frame_rate = 10.0
    frame_count = 0

    def __init__(self, camera: str, times: list[float], error: SourceError | None = None):
        self.camera, self._times, self._error = camera, times, error

    def __iter__(self) -> Iterator[Frame]:
        for index, moment in enumerate(self._times):
            yield Frame(self.camera, index, moment, np.zeros((4, 4, 3), dtype=np.uint8))
        if self._error:
            raise self._error

    def close(self) -> None:
        """Nothing is held."""


def test_a_recording_beside_others_that_breaks_is_left_and_the_others_lose_nothing() -> None:
    intake = Intake(Health(lambda: 0.0))
    films = [Film("broken", [0.0, 0.1], SourceError("broken.mp4: damaged")), Film("good", [0.0, 0.1, 0.2, 0.3])]
    for film in films:
        intake.add(Lane(film.camera, lambda film=film: film, live=False, retry=None))
    moments = list(as_they_come(intake))
    seen = [frame.camera for moment in moments for frame in moment.frames]
    assert (seen.count("good"), seen.count("broken")) == (4, 2)
    events = [event for moment in moments for event in moment.events]
    assert {event.camera for event in events if isinstance(event, CameraOnline)} == {"broken", "good"}
    assert [event.reason for event in events if isinstance(event, CameraLost)] == ["broken.mp4: damaged"]


def test_live_cameras_are_walked_for_as_long_as_is_said_even_where_none_sends_any_more() -> None:
    tap = Tap("hall")
    intake = Intake(Health(lambda: 0.0))
    intake.add(Lane("hall", lambda: tap, live=True, tells=True))
    tap.shoot(1.0)
    moments = list(as_they_come(intake, 0.2))
    assert [frame.time for moment in moments for frame in moment.frames] == [1.0]
    assert intake.close(30) == []


def test_a_camera_that_ends_by_itself_ends_the_walk() -> None:
    tap = Tap("hall")
    intake = Intake(Health(lambda: 0.0))
    intake.add(Lane("hall", lambda: tap, live=True, tells=True))
    tap.shoot(1.0)
    tap.close()
    assert sum(len(moment.frames) for moment in as_they_come(intake)) == 1
