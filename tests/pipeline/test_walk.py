"""Several sources in the order of time: nothing is lost, and one that breaks leaves the others alone."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import SourceError, SourceStalledError
from unbroken.core.events import CameraLost, CameraOnline, CameraStalled
from unbroken.core.frames import Frame
from unbroken.pipeline.walk import in_step, usual_window

NOTHING = np.zeros((0, 0, 3), dtype=np.uint8)


class Recording:
    """A source with given times that may break at its end."""

    def __init__(self, camera: str, times: list[float], error: SourceError | None = None, frame_rate: float = 10):
        self.camera, self.times, self.error, self.frame_rate, self.frame_count = camera, times, error, frame_rate, 0

    def __iter__(self) -> Iterator[Frame]:
        for index, time in enumerate(self.times):
            yield Frame(self.camera, index, time, NOTHING)
        if self.error:
            raise self.error

    def close(self) -> None:
        """Nothing is held."""


times = st.lists(st.floats(0, 100), max_size=30, unique=True).map(sorted)


@given(st.lists(times, min_size=1, max_size=4), st.floats(0.001, 1))
def test_every_frame_comes_once_and_moments_follow_time(recordings, window):
    sources = [Recording(str(number), stamps) for number, stamps in enumerate(recordings)]
    moments = list(in_step(sources, window))
    for number, stamps in enumerate(recordings):
        assert [f.time for m in moments for f in m.frames if f.camera == str(number)] == stamps
    starts = [m.frames[0].time for m in moments if m.frames]
    assert starts == sorted(starts)
    for moment in moments:
        cameras = [frame.camera for frame in moment.frames]
        assert len(set(cameras)) == len(cameras)
        assert all(frame.time - moment.frames[0].time < window for frame in moment.frames)


def test_cameras_of_different_rates_meet_where_their_times_meet():
    fast, slow = Recording("fast", [0, 0.1, 0.2, 0.3], frame_rate=10), Recording("slow", [0, 0.2], frame_rate=5)
    window = usual_window([fast, slow])
    assert window == 0.05
    together = [[f.camera for f in m.frames] for m in in_step([fast, slow], window)]
    assert together == [["fast", "slow"], ["fast"], ["fast", "slow"], ["fast"]]


def test_a_camera_whose_clock_is_known_to_be_ahead_comes_that_much_later():
    north, east = Recording("north", [0.0, 0.1, 0.2, 0.3, 0.4]), Recording("east", [0.0, 0.1, 0.2])
    moments = list(in_step([north, east], 0.05, {"east": 0.2}))
    met = {frame.index: moment.frames[0].index for moment in moments for frame in moment.frames[1:]}
    assert met == {0: 2, 1: 3, 2: 4}


def test_a_source_that_breaks_is_named_and_the_others_lose_nothing():
    broken = Recording("broken", [0.0, 0.1], SourceError("broken.mp4: damaged"))
    silent = Recording("silent", [0.0], SourceStalledError("no picture for 3 s"))
    good = Recording("good", [0.0, 0.1, 0.2, 0.3, 0.4])
    moments = list(in_step([broken, silent, good], 0.01))
    seen = [f.camera for m in moments for f in m.frames]
    assert (seen.count("good"), seen.count("broken"), seen.count("silent")) == (5, 2, 1)
    events = [event for moment in moments for event in moment.events]
    assert {e.camera for e in events if isinstance(e, CameraOnline)} == {"broken", "silent", "good"}
    assert [(e.camera, e.reason) for e in events if isinstance(e, CameraLost)] == [("broken", "broken.mp4: damaged")]
    assert [e.camera for e in events if isinstance(e, CameraStalled)] == ["silent"]
