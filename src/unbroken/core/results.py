"""All that is known of one picture once it has gone through the chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unbroken.core.detections import Detections
from unbroken.core.sightings import Identities
from unbroken.core.tracks import Tracks


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """Everything about one picture, without the picture.

    Attributes:
        camera: the name of the camera.
        index: the number of the picture in its source, from 0.
        time: seconds.
        size: width and height of the picture in pixels; (0, 0) where there is none.
        detections: empty where the detector did not run.
        tracks: the tracker's answer.
        identities: row by row for `tracks`.
        timings: seconds spent, by the name of the step.
        work: how much each step did and saved, by name: counts.
    """

    camera: str
    index: int
    time: float
    size: tuple[int, int]
    detections: Detections
    tracks: Tracks
    identities: Identities
    timings: Mapping[str, float]
    work: Mapping[str, int]
