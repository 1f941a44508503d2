"""What whoever operates a running site is told: one line in the log for each thing that concerns him."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from unbroken.core.events import (
    AppearanceDoubted,
    CameraChanged,
    CameraLost,
    CameraOnline,
    CameraStalled,
    ClockCorrected,
    Event,
    QualityChanged,
    StepFaulted,
)
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult

LOG = logging.getLogger("unbroken.run")


class Telling:
    """A sink that writes the events of cameras and of the site itself into the log; people don't come into it."""

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Tell what went with a picture."""
        self.hear(events)

    def hear(self, events: Sequence[Event]) -> None:
        """Tell what went with none."""
        for event in events:
            level, line = line_of(event)
            if line:
                LOG.log(level, line)

    def close(self) -> None:
        """Nothing is held."""


def line_of(event: Event) -> tuple[int, str]:
    """The level and the line of an event; an empty line where it does not concern an operator."""
    if isinstance(event, CameraOnline):
        return logging.INFO, f"camera {event.camera}: online"
    if isinstance(event, (CameraStalled, CameraLost)):
        return logging.WARNING, f"camera {event.camera}: {event.reason}"
    if isinstance(event, CameraChanged):
        return logging.INFO, f"camera {event.camera}: {event.reason}"
    if isinstance(event, StepFaulted):
        where = f"camera {event.camera}" if event.camera else "the site"
        return logging.ERROR, f"{where}: a step broke: {event.reason}"
    if isinstance(event, ClockCorrected):
        return logging.WARNING, f"camera {event.camera}: {event.reason}"
    if isinstance(event, AppearanceDoubted):
        return logging.WARNING, f"looks: {event.reason}"
    if isinstance(event, QualityChanged):
        return logging.WARNING if event.level else logging.INFO, f"quality level {event.level}: {event.reason}"
    return logging.DEBUG, ""
