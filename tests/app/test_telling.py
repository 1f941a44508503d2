"""What an operator reads in the log of what happens to cameras."""

import logging

import pytest

from unbroken.app.telling import line_of
from unbroken.core.events import (
    AppearanceDoubted,
    CameraChanged,
    CameraLost,
    CameraOnline,
    CameraStalled,
    ClockCorrected,
    TrackStarted,
)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (CameraOnline(1.0, "door"), (logging.INFO, "camera door: online")),
        (CameraStalled(1.0, "door", "the same picture for 3.0 s", "frozen"), (logging.WARNING, "the same picture")),
        (CameraLost(1.0, "door", "refuses name and password", "denied"), (logging.WARNING, "refuses name")),
        (AppearanceDoubted(1.0, "few", 3, 900, 0.1, "add cameras"), (logging.WARNING, "looks: add cameras")),
        (CameraChanged(1.0, "door", "20.0 pictures/s after 10.0", "rate"), (logging.INFO, "20.0 pictures/s")),
        (ClockCorrected(1.0, "door", 3.2, "its clock is ahead"), (logging.WARNING, "camera door: its clock is ahead")),
        (TrackStarted(1.0, "door", 7), (logging.DEBUG, "")),
    ],
)
def test_each_event_of_a_camera_has_its_line_and_its_level(event, line):
    level, text = line_of(event)
    assert level == line[0]
    assert line[1] in text
