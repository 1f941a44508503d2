"""Where the people of one picture stand: what zones and lines are asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats
from unbroken.core.results import FrameResult
from unbroken.core.tracks import TrackState
from unbroken.geometry.boxes import foot_points
from unbroken.geometry.plane import PERSON_HEIGHT, GroundView, ground_from_image

Key = tuple[str, int]
"""A track: its camera, and its id there."""


@dataclass(frozen=True, slots=True, eq=False)
class Feet:
    """The believed tracks of one picture, row by row.

    Attributes:
        camera: its name.
        time: seconds.
        keys: of the tracks.
        persons: Global IDs, -1 while undecided.
        seen: whether the track is seen in this picture, not merely predicted.
        pixels: (N, 2), the middle of the lower edge of each box.
        metres: (N, 2), the same on the ground; NaN where the camera is not calibrated.
        scale: (N,), pixels of a metre where each person stands, taken from the height of the box.
        rows: the row of each track.
        row_of: the row of each Global ID.
    """

    camera: str
    time: float
    keys: tuple[Key, ...]
    persons: tuple[int, ...]
    seen: Bools
    pixels: Floats
    metres: Floats
    scale: Floats
    rows: Mapping[Key, int]
    row_of: Mapping[int, int]

    @classmethod
    def of(cls, result: FrameResult, view: GroundView | None) -> Feet:
        """The feet of a picture; `view` says where its camera looks."""
        rows = np.flatnonzero(result.tracks.state != TrackState.TENTATIVE)
        boxes = result.tracks.boxes[rows]
        pixels = foot_points(boxes)
        keys = tuple((result.camera, track) for track in result.tracks.ids[rows].tolist())
        persons = tuple(result.identities.persons[rows].tolist())
        return cls(
            result.camera,
            result.time,
            keys,
            persons,
            result.tracks.state[rows] == TrackState.CONFIRMED,
            pixels,
            ground_from_image(view, pixels) if view is not None else np.full_like(pixels, np.nan),
            (boxes[:, 3] - boxes[:, 1]) / PERSON_HEIGHT,
            {key: row for row, key in enumerate(keys)},
            {person: row for row, person in enumerate(persons) if person > 0},
        )

    def places(self, camera: str) -> tuple[Floats, Floats]:
        """The points, and what a metre measures there: in pixels for a camera's name, on the ground for none."""
        return (self.pixels, self.scale) if camera else (self.metres, np.ones(len(self.keys)))
