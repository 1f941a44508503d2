"""Where pictures of all cameras are laid down and taken."""

import queue
import threading
from collections.abc import Iterator

import numpy as np

from unbroken.core.events import CameraStalled
from unbroken.core.frames import Frame
from unbroken.pipeline.health import Health
from unbroken.pipeline.intake import Intake, Intaken, Lane, Retry

LONG = 600.0


class Tap:
    """A live camera that gives a picture when it is told to."""

    frame_rate = 10.0
    frame_count = 0

    def __init__(self, camera: str) -> None:
        self.camera = camera
        self._times: queue.Queue[float] = queue.Queue()

    def shoot(self, time: float) -> None:
        self._times.put(time)

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        while (time := self._times.get()) >= 0:
            yield Frame(self.camera, number, time, np.zeros((4, 4, 3), dtype=np.uint8))
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


def test_nobody_waits_for_the_pictures_of_a_camera_that_has_stalled() -> None:
    """A camera that never ends but stalls held every picture of the others back for the time of a gathering."""
    taps = {name: Tap(name) for name in ("hall", "door")}
    intake = Intake(Health(lambda: 0.0))
    for name, tap in taps.items():
        intake.add(Lane(name, lambda tap=tap: tap, live=True, retry=Retry(), tells=True))
    for tap in taps.values():
        tap.shoot(1.0)
    names = set()
    while names != {"hall", "door"}:
        names |= {arrival.frame.camera for arrival in taken(intake, 2).arrivals}
    intake.tell(CameraStalled(2.0, "door", "no picture for 3 s"))
    assert not taken(intake, 0).arrivals
    taps["hall"].shoot(2.0)
    assert [arrival.frame.camera for arrival in taken(intake, 1).arrivals] == ["hall"]
    assert intake.close(30) == []
