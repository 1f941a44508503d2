"""Who was seen where and when, as a picture: a row per person, a lane per camera, a bar while in view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from unbroken.core.arrays import Image
from unbroken.render.colours import bgr, ink
from unbroken.render.spans import Seen
from unbroken.render.text import plate, plate_size, shortened, text_width, write

_PAPER = 255
_INK = (50, 50, 50)
_FAINT = (150, 150, 150)
_GRID = (228, 228, 228)


@dataclass(frozen=True, slots=True)
class TimelineSettings:
    """How a timeline is drawn.

    Attributes:
        width: pixels.
        lane: height of one camera's lane in pixels.
        rows: how many people are drawn at most; the others are counted in a last line.
    """

    width: int = 1280
    lane: int = 16
    rows: int = 60


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where a time lies: pixels from the left edge."""

    left: int
    right: int
    start: float
    end: float

    def x(self, time: float) -> int:
        share = (time - self.start) / max(self.end - self.start, 1e-9)
        return round(self.left + (self.right - self.left) * min(max(share, 0.0), 1.0))


def draw_timeline(
    seen: Sequence[Seen], cameras: Sequence[str], title: str = "", settings: TimelineSettings | None = None
) -> Image:
    """All people: a row each, within it a lane per camera; the axis is in seconds from the first sighting.

    Args:
        seen: from `Spans.seen`, in any order.
        cameras: the lanes, from top to bottom.
        title: a heading; none where empty.
        settings: the sizes.

    Returns:
        (H, W, 3) BGR on white paper.
    """
    chosen = settings or TimelineSettings()
    persons = sorted({piece.person for piece in seen})
    shown = persons[: chosen.rows]
    lane = chosen.lane
    gap, top, bottom = lane // 2, 3 * lane if title else lane, 3 * lane
    row = lane * max(len(cameras), 1) + gap
    left = _left(persons, cameras, lane)
    rest = lane * 2 if len(persons) > len(shown) else 0
    height = top + row * max(len(shown), 1) + rest + bottom
    image: Image = np.full((height, chosen.width, 3), _PAPER, np.uint8)
    start = min((piece.start for piece in seen), default=0.0)
    axis = _Axis(left, chosen.width - lane * 2, start, max((piece.end for piece in seen), default=1.0))
    text = _letters(lane)
    if title:
        write(image, title, (lane, 2 * lane), text + 3, _INK)
    _draw_axis(image, axis, (top, height - bottom), text)
    for place, person in enumerate(shown):
        _draw_row(image, axis, top + place * row, lane, cameras, [one for one in seen if one.person == person])
    if rest:
        write(image, f"and {len(persons) - len(shown)} more", (lane, height - bottom), text, _FAINT)
    if not persons:
        write(image, "nobody was given a Global ID", (left, top + lane), text, _FAINT)
    return image


def draw_person(
    seen: Sequence[Seen], person: int, cameras: Sequence[str], settings: TimelineSettings | None = None
) -> Image:
    """One person's timeline, over the time in which anybody was seen, so that the pictures of all people compare."""
    chosen = settings or TimelineSettings()
    mine = [piece for piece in seen if piece.person == person]
    lane = chosen.lane
    height = lane * (3 + len(cameras) + 3)
    image: Image = np.full((height, chosen.width, 3), _PAPER, np.uint8)
    start = min((piece.start for piece in seen), default=0.0)
    end = max((piece.end for piece in seen), default=1.0)
    axis = _Axis(_left([person], cameras, lane), chosen.width - lane * 2, start, end)
    _draw_axis(image, axis, (3 * lane, height - 3 * lane), _letters(lane))
    total = sum(piece.end - piece.start for piece in mine)
    places = len({piece.camera for piece in mine})
    words = f"Person {person}: {total:.1f} s in view, {places} camera{'s' if places != 1 else ''}"
    write(image, words, (lane, 2 * lane), _letters(lane) + 3, _INK)
    _draw_row(image, axis, 3 * lane, lane, cameras, mine)
    return image


def nice_ticks(start: float, end: float, count: int) -> list[float]:
    """About `count` round numbers from `start` to `end`: steps of 1, 2 or 5 times a power of 10."""
    rough = max(end - start, 1e-9) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return _multiples(start, end, next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999))


def time_ticks(start: float, end: float, count: int) -> list[float]:
    """The same for seconds: from 10 on, steps that a clock has, 15 s to 1 d."""
    rough = max(end - start, 1e-9) / max(count, 1)
    if rough < 10 or rough > _LONG_STEPS[-1]:
        return nice_ticks(start, end, count)
    return _multiples(start, end, next(one for one in _LONG_STEPS if one >= rough * 0.999))


def _multiples(start: float, end: float, step: float) -> list[float]:
    first = math.ceil(start / step - 1e-9)
    ticks = []
    while (value := first * step) <= end + step * 1e-6:
        ticks.append(value)
        first += 1
    return ticks


_LONG_STEPS = [10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0]


def _letters(lane: int) -> int:
    return max(6, round(lane * 0.55))


def _left(persons: Sequence[int], cameras: Sequence[str], lane: int) -> int:
    """Room for the plates and the names of the cameras."""
    text = _letters(lane)
    plates = max((plate_size(str(person), text + 2)[0] for person in persons), default=0)
    names = max((min(text_width(name, text), 14 * text) for name in cameras), default=0)
    return lane + plates + lane // 2 + names + lane // 2


def _draw_axis(image: Image, axis: _Axis, rows: tuple[int, int], text: int) -> None:
    top, bottom = rows
    for tick in time_ticks(0, axis.end - axis.start, max(2, (axis.right - axis.left) // 90)):
        x = axis.x(axis.start + tick)
        cv2.line(image, (x, top - 2), (x, bottom + 4), _GRID, 1)
        words = f"{tick:g}"
        write(image, words, (x - text_width(words, text) // 2, bottom + 6 + 2 * text), text, _INK)
    words = "seconds"
    write(image, words, (axis.right - text_width(words, text), bottom + 10 + 4 * text), text, _FAINT)


def _draw_row(image: Image, axis: _Axis, top: int, lane: int, cameras: Sequence[str], pieces: Sequence[Seen]) -> None:
    text = _letters(lane)
    person = pieces[0].person if pieces else 0
    width = 0
    if pieces:
        width, _ = plate(image, str(person), (lane, top), text + 2, (bgr(person), ink(bgr(person))))
    names = lane + width + lane // 2
    for number, camera in enumerate(cameras):
        y = top + number * lane
        cv2.rectangle(image, (axis.left, y + 2), (axis.right, y + lane - 3), (246, 246, 246), cv2.FILLED)
        label = shortened(camera, text, axis.left - names - 2)
        here = [piece for piece in pieces if piece.camera == camera]
        write(image, label, (names, y + (lane + text) // 2), text, _INK if here else _FAINT)
        for piece in here:
            x1, x2 = axis.x(piece.start), max(axis.x(piece.end), axis.x(piece.start) + 2)
            cv2.rectangle(image, (x1, y + 2), (x2, y + lane - 3), bgr(person), cv2.FILLED)
    cv2.line(
        image,
        (lane, top + lane * len(cameras) + lane // 4),
        (axis.right, top + lane * len(cameras) + lane // 4),
        _GRID,
        1,
    )
