"""Answers drawn into pictures: boxes with Global IDs, trails, the camera's name and the time."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import pairwise

import cv2
import numpy as np

from unbroken.core.arrays import Bools, Floats, Image, Ints
from unbroken.core.errors import ConfigError
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.core.sightings import IdentityState
from unbroken.core.tracks import TrackState
from unbroken.geometry.boxes import clipped, foot_points
from unbroken.render.colours import bgr, ink
from unbroken.render.text import Colour, Point, plate, plate_size, shade, text_width, write

PRESENT = 0.5
"""Seconds for which a predicted box is drawn like a seen one, so that boxes don't flicker where detectors skip."""

EPOCH = 1e9
"""Times from here on are seconds since 1970 (a live camera), smaller ones count from the start of a file."""


@dataclass(frozen=True, slots=True)
class DrawSettings:
    """What is drawn.

    Attributes:
        trail: seconds of a person's path that stay visible; 0 for none.
        caption: write the camera's name, the time and the number of people into the picture.
        coasting: draw predicted boxes (dashed) of people who are not seen in this picture.
        blur_heads: make heads unrecognisable.
    """

    trail: float = 2.0
    caption: bool = True
    coasting: bool = True
    blur_heads: bool = False

    def __post_init__(self) -> None:
        """Check once."""
        if not self.trail >= 0:
            raise ConfigError(f"trail: is {self.trail}; give seconds, 0 for none")


class Painter:
    """Draws the answers of one camera picture by picture; it remembers the trails."""

    def __init__(self, settings: DrawSettings | None = None) -> None:
        self._settings = settings or DrawSettings()
        self._trails: dict[int, deque[tuple[float, Point]]] = {}
        self._last: dict[int, float] = {}

    def paint(self, frame: Frame, result: FrameResult) -> Image:
        """A new picture with everything drawn in; `frame` stays as it is. Pictures come in the order of time."""
        image = frame.image.copy()
        if not image.size:
            return image
        if self._settings.blur_heads:
            blur_heads(image, result.tracks.boxes)
        self._follow(result)
        self._draw_trails(image, result)
        seen, free = self._present(result), 0
        if self._settings.caption:
            free = draw_caption(image, frame.camera, f"{clock(frame.time)} | {int(seen.sum())} seen")
        draw_tracks(image, result, seen, coasting=self._settings.coasting, free=free)
        return image

    def _present(self, result: FrameResult) -> Bools:
        """Row by row: whether the track is seen, or was a moment ago."""
        ids, states = result.tracks.ids.tolist(), result.tracks.state.tolist()
        self._last = {
            track: result.time if state == TrackState.CONFIRMED else self._last.get(track, -math.inf)
            for track, state in zip(ids, states, strict=True)
        }
        return np.array([result.time - self._last[track] <= PRESENT for track in ids], dtype=np.bool_)

    def _follow(self, result: FrameResult) -> None:
        """Forget trails of tracks that are gone and points that are too old."""
        feet = foot_points(result.tracks.boxes)
        present: dict[int, deque[tuple[float, Point]]] = {}
        for track, foot, state in zip(result.tracks.ids.tolist(), feet, result.tracks.state, strict=True):
            points = self._trails.get(track, deque())
            if state != TrackState.TENTATIVE:
                points.append((result.time, (round(foot[0]), round(foot[1]))))
            while points and not 0 <= result.time - points[0][0] <= self._settings.trail:
                points.popleft()
            present[track] = points
        self._trails = present

    def _draw_trails(self, image: Image, result: FrameResult) -> None:
        if not self._settings.trail:
            return
        persons = _persons(result)
        for track, person in zip(result.tracks.ids.tolist(), persons.tolist(), strict=True):
            draw_trail(image, list(self._trails[track]), bgr(person), self._settings.trail)


def draw_tracks(image: Image, result: FrameResult, seen: Bools, *, coasting: bool = True, free: int = 0) -> None:
    """Draw every track's box and label into `image`: far people first, so that near ones lie on top.

    Decided people get the colour of their Global ID, undecided ones a thin grey box; tracks that are not `seen` (N,)
    are dashed, or left out without `coasting`. No label is put above row `free` of the picture.
    """
    tracks, persons, states = result.tracks, _persons(result), result.identities.state
    thickness = max(2, round(_unit(image) * 1.6))
    for row in np.argsort(tracks.boxes[:, 3], kind="stable").tolist():
        if tracks.state[row] == TrackState.TENTATIVE or not (seen[row] or coasting):
            continue
        box, person = tracks.boxes[row], int(persons[row])
        corners = tuple(round(value) for value in box.tolist())
        if not seen[row]:
            _dashed(image, corners, bgr(person), max(1, thickness - 1))
        else:
            wide = thickness if person > 0 else max(1, thickness - 1)
            _outlined(image, corners, bgr(person), wide)
        if person > 0:
            sure = states[row] == IdentityState.CONFIRMED
            corner = (corners[0] - 1, corners[1])
            _label(image, corner, f"{person}" if sure else f"{person}?", bgr(person), free=free)


def draw_trail(image: Image, points: list[tuple[float, Point]], colour: Colour, length: float) -> None:
    """Draw a path of (time, (x, y)), oldest first, into `image`; it fades to nothing over `length` seconds."""
    if len(points) < 2:
        return
    thickness = max(2, round(_unit(image) * 2.5))
    places = np.array([place for _, place in points])
    x1, y1 = np.maximum(places.min(axis=0) - thickness - 1, 0).tolist()
    x2, y2 = (places.max(axis=0) + thickness + 2).tolist()
    part = image[y1:y2, x1:x2]
    if not part.size:
        return
    alpha = np.zeros(part.shape[:2], np.uint8)
    newest = points[-1][0]
    for (_, first), (time, second) in pairwise(points):
        strength = 1 - (newest - time) / length
        start, end = (first[0] - x1, first[1] - y1), (second[0] - x1, second[1] - y1)
        cv2.line(alpha, start, end, float(round(220 * strength)), thickness, cv2.LINE_AA)
    weight = alpha[:, :, None].astype(np.float32) / 255
    part[:] = (part * (1 - weight) + np.array(colour, np.float32) * weight).astype(np.uint8)


def draw_caption(image: Image, left: str, right: str) -> int:
    """Write two texts on a darkened bar along the upper edge of `image`; returns the height of the bar in pixels."""
    height = max(7, round(_unit(image) * 11))
    bar = round(height * 2.2)
    shade(image, (0, 0, image.shape[1], bar), 0.6)
    base = (bar + height) // 2
    white = (255, 255, 255)
    taken = write(image, left, (height, base), height, white)
    x = image.shape[1] - text_width(right, height) - height
    if x > taken + 2 * height:
        write(image, right, (x, base), height, (225, 225, 225))
    return bar


def blur_heads(image: Image, boxes: Floats, *, part: float = 0.22) -> None:
    """Make the upper `part` of each (N, 4) box in `image` unrecognisable: large blocks, then smoothed.

    Detectors cut boxes tightly, so the blurred area begins a little above the box.
    """
    height, width = image.shape[:2]
    heads = boxes.copy()
    tall = boxes[:, 3] - boxes[:, 1]
    heads[:, 3] = boxes[:, 1] + part * tall
    heads[:, 1] = boxes[:, 1] - 0.04 * tall
    for x1, y1, x2, y2 in np.round(clipped(heads, (width, height))).astype(int).tolist():
        area = image[y1:y2, x1:x2]
        if area.size:
            coarse = cv2.resize(area, (4, 3), interpolation=cv2.INTER_AREA)
            area[:] = cv2.resize(coarse, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)


def clock(time: float) -> str:
    """A time for people: `1:02:03.4` from the start of a file, `2026-05-01 12:00:00 UTC` for a live camera."""
    if time >= EPOCH:
        return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    tenths = round(abs(time) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    words = f"{hours}:{minutes:02d}:" if hours else f"{minutes}:"
    return f"{'-' if time < 0 else ''}{words}{rest / 10:04.1f}"


def _persons(result: FrameResult) -> Ints:
    """Global IDs row by row for the tracks."""
    return result.identities.persons


def _unit(image: Image) -> float:
    """How much larger than 640 x 480 a picture is drawn: lines and letters grow with it, but less than it."""
    return float(np.clip((min(image.shape[0], image.shape[1] * 0.75) / 480) ** 0.8, 0.6, 6))


def _outlined(image: Image, corners: tuple[int, ...], colour: Colour, thickness: int) -> None:
    """A box with a dark rim, so that it stands out on any ground."""
    first, second = corners[:2], corners[2:]
    cv2.rectangle(image, first, second, (20, 20, 20), thickness + 1, cv2.LINE_AA)
    cv2.rectangle(image, first, second, colour, thickness, cv2.LINE_AA)


def _dashed(image: Image, corners: tuple[int, ...], colour: Colour, thickness: int) -> None:
    x1, y1, x2, y2 = corners
    dash = max(4, round(_unit(image) * 6))
    outline = [((x1, y1), (x2, y1)), ((x2, y1), (x2, y2)), ((x2, y2), (x1, y2)), ((x1, y2), (x1, y1))]
    for start, end in outline:
        first, second = np.array(start, float), np.array(end, float)
        length = float(np.abs(second - first).sum())
        for begin in np.arange(0, max(length, 1), 2 * dash):
            stop = min(begin + dash, length)
            ends = [first + (second - first) * place / max(length, 1) for place in (begin, stop)]
            a, b = ((round(point[0]), round(point[1])) for point in ends)
            cv2.line(image, a, b, colour, thickness, cv2.LINE_AA)


def _label(image: Image, corner: Point, text: str, colour: Colour, *, free: int) -> None:
    """A plate that stands on the corner of a box; within it where there is no room above; never outside the picture."""
    height = max(8, round(_unit(image) * 11))
    wide, tall = plate_size(text, height)
    x = min(max(corner[0], 0), max(image.shape[1] - wide, 0))
    y = corner[1] - tall if corner[1] - tall >= free else max(corner[1], free)
    plate(image, text, (x, y), height, (colour, ink(colour)))
