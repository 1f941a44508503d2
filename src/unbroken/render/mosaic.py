"""Several cameras in one picture, and below them a strip that says who is seen where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from unbroken.core.arrays import Image
from unbroken.core.errors import ConfigError
from unbroken.core.events import Event, PersonForgotten, PersonMerged
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.core.tracks import TrackState
from unbroken.render.colours import bgr, ink
from unbroken.render.draw import DrawSettings, Painter, clock
from unbroken.render.text import plate, plate_size, shortened, text_width, write
from unbroken.render.video import letterboxed

_GROUND = 24
_WHITE = (255, 255, 255)
_DIM = (130, 130, 130)
_PRESENT = 0.8
"""Seconds after the last sighting for which a person still counts as in view."""


@dataclass(frozen=True, slots=True)
class MosaicSettings:
    """How a mosaic is laid out.

    Attributes:
        width: pixels of the whole picture.
        stale: seconds without a picture after which a camera's tile is darkened and says so.
        remembered: seconds for which the strip keeps a person whom no camera sees.
        draw: how each camera's picture is drawn.
    """

    width: int = 1280
    stale: float = 3.0
    remembered: float = 20.0
    draw: DrawSettings = field(default_factory=DrawSettings)

    def __post_init__(self) -> None:
        """Check once."""
        if self.width < 160:
            raise ConfigError(f"mosaic width: is {self.width}; give at least 160 pixels")


class Mosaic:
    """The newest picture of each camera. Tiles have the aspect of the first picture that came."""

    def __init__(self, cameras: Sequence[str], settings: MosaicSettings | None = None) -> None:
        if not cameras:
            raise ConfigError("mosaic: has no camera; name at least one")
        self._settings = settings or MosaicSettings()
        self._cameras = tuple(cameras)
        self._painters = {camera: Painter(self._settings.draw) for camera in cameras}
        self._tiles: dict[str, tuple[float, Image]] = {}
        self._presence = Presence(self._cameras)
        self._columns, self._tile = layout(len(cameras), (16, 9), self._settings.width)

    def put(self, frame: Frame, result: FrameResult, events: Iterable[Event] = ()) -> None:
        """Take a camera's new picture. Cameras that were not named, and frames without a picture, show no tile."""
        self._presence.note(result, events)
        if frame.camera not in self._painters or not frame.image.size:
            return
        if not self._tiles:
            self._columns, self._tile = layout(len(self._cameras), frame.size, self._settings.width)
        small = scaled(frame, result, self._tile)
        number = self._cameras.index(frame.camera) + 1
        titled = replace(small[0], camera=f"{number}  {frame.camera}")
        painted = self._painters[frame.camera].paint(titled, small[1])
        self._tiles[frame.camera] = (frame.time, letterboxed(painted, self._tile))

    def picture(self, time: float) -> Image:
        """The whole mosaic as it stands at `time` seconds; always of one size once a picture has come."""
        width, height = self._tile
        rows = -(-len(self._cameras) // self._columns)
        strip = _strip_height(self._settings.width)
        image: Image = np.full((height * rows + strip, width * self._columns, 3), _GROUND, np.uint8)
        for place, camera in enumerate(self._cameras):
            row, column = divmod(place, self._columns)
            tile = self._tile_at(camera, time, (width, height))
            image[row * height : (row + 1) * height, column * width : (column + 1) * width] = tile
        for column in range(1, self._columns):
            image[: height * rows, column * width - 1 : column * width + 1] = _GROUND
        for row in range(1, rows):
            image[row * height - 1 : row * height + 1] = _GROUND
        self._presence.forget_before(time - self._settings.remembered)
        if rows * self._columns > len(self._cameras):
            draw_panel(image[(rows - 1) * height : rows * height, -width:], self._presence, time)
        draw_strip(image[height * rows :], self._presence, time)
        return image

    def _tile_at(self, camera: str, time: float, size: tuple[int, int]) -> Image:
        taken, tile = self._tiles.get(camera, (time, None))
        if tile is None:
            tile = np.full((size[1], size[0], 3), _GROUND, np.uint8)
            words = f"{camera}: no picture yet"
        elif time - taken > self._settings.stale:
            tile = (tile * 0.35).astype(np.uint8)
            words = f"no picture for {time - taken:.0f} s"
        else:
            return tile
        height = max(7, size[0] // 45)
        words = shortened(words, height, size[0] - 2 * height)
        write(tile, words, ((size[0] - text_width(words, height)) // 2, size[1] // 2), height, _WHITE)
        return tile


class Presence:
    """Which camera last saw each person when."""

    def __init__(self, cameras: Sequence[str]) -> None:
        self.cameras = tuple(cameras)
        self._last: dict[int, dict[str, float]] = {}

    def note(self, result: FrameResult, events: Iterable[Event] = ()) -> None:
        """Take in one picture."""
        for event in events:
            if isinstance(event, PersonMerged):
                self._last.setdefault(event.person, {}).update(self._last.pop(event.absorbed, {}))
            elif isinstance(event, PersonForgotten):
                self._last.pop(event.person, None)
        seen = (result.tracks.state == TrackState.CONFIRMED) & (result.identities.persons > 0)
        for person in result.identities.persons[seen].tolist():
            self._last.setdefault(person, {})[result.camera] = result.time

    def forget_before(self, time: float) -> None:
        """Drop people whom nobody has seen since `time`."""
        self._last = {person: seen for person, seen in self._last.items() if max(seen.values(), default=time) >= time}

    def people(self, time: float) -> list[tuple[int, dict[str, bool]]]:
        """(Global ID, {camera: in view at `time`}) of everybody remembered, for the cameras that have seen them."""
        return [
            (person, {camera: time - seen[camera] <= _PRESENT for camera in self.cameras if camera in seen})
            for person, seen in sorted(self._last.items())
        ]


def layout(count: int, picture: tuple[int, int], width: int) -> tuple[int, tuple[int, int]]:
    """How many columns, and the (width, height) of a tile, bring a grid of pictures closest to 16 : 9."""
    aspect = picture[0] / picture[1]

    def misfit(columns: int) -> float:
        rows = -(-count // columns)
        empty = columns * rows - count
        return float(abs(np.log(columns * aspect / rows / (16 / 9)))) + 0.3 * empty / count - 1e-6 * columns

    columns = min(range(1, count + 1), key=misfit)
    wide = width // columns // 2 * 2
    return columns, (wide, max(16, round(wide / aspect / 2) * 2))


def scaled(frame: Frame, result: FrameResult, size: tuple[int, int]) -> tuple[Frame, FrameResult]:
    """The same picture and tracks, made to fit into `size`: drawn after this, letters keep their size."""
    scale = min(size[0] / frame.size[0], size[1] / frame.size[1])
    inner = (max(1, round(frame.size[0] * scale)), max(1, round(frame.size[1] * scale)))
    image = cv2.resize(frame.image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    tracks = replace(result.tracks, boxes=result.tracks.boxes * scale)
    return replace(frame, image=image), replace(result, tracks=tracks, size=inner)


def draw_strip(strip: Image, presence: Presence, time: float) -> None:
    """Draw into `strip` a card per person: the Global ID and the numbers of the cameras, filled while in view."""
    letters = _strip_letters(strip.shape[1])
    pad = letters
    y = (strip.shape[0] - plate_size("0", letters)[1]) // 2
    words = clock(time)
    right = strip.shape[1] - pad - text_width(words, letters)
    write(strip, words, (right, (strip.shape[0] + letters) // 2), letters, _WHITE)
    x, people = pad, presence.people(time)
    people.sort(key=lambda one: (not any(one[1].values()), one[0]))
    for place, (person, cameras) in enumerate(people):
        if x + _card_width(cameras, person, letters) > right - 4 * pad:
            write(strip, f"+{len(people) - place}", (x, (strip.shape[0] + letters) // 2), letters, _DIM)
            break
        x = _card(strip, (x, y), letters, (person, cameras), presence.cameras) + pad


def draw_panel(tile: Image, presence: Presence, time: float) -> None:
    """Draw into a tile that no camera needs, in words: Global IDs and the cameras that see, or lately saw, them."""
    letters = max(8, tile.shape[1] // 48)
    x, y, row = 2 * letters, 2 * letters, round(letters * 2.4)
    write(tile, "Who is where", (x, y + letters), letters + 2, _WHITE)
    people = presence.people(time)
    room = max((tile.shape[0] - y - 2 * row) // row, 1)
    shown = people if len(people) <= room else people[: room - 1]
    for person, cameras in shown:
        y += row
        _line(tile, (x, y + row // 2), letters, (person, cameras))
    if len(people) > len(shown):
        write(tile, f"and {len(people) - len(shown)} more", (x, y + 2 * row), letters, _DIM)


def _line(tile: Image, corner: tuple[int, int], letters: int, who: tuple[int, dict[str, bool]]) -> None:
    """One person of the panel: the cameras in which it is in view first, then those in which it was."""
    person, cameras = who
    x, y = corner
    colour = bgr(person)
    x += max(plate(tile, str(person), (x, y), letters, (colour, ink(colour)))[0] + letters, 4 * letters)
    for camera, present in sorted(cameras.items(), key=lambda one: not one[1]):
        name = shortened(camera, letters, tile.shape[1] - x - letters)
        x += write(tile, name, (x, y + letters + letters // 3), letters, _WHITE if present else _DIM) + letters


def _card(
    strip: Image, corner: tuple[int, int], letters: int, who: tuple[int, dict[str, bool]], order: Sequence[str]
) -> int:
    """One person; returns where the card ends."""
    person, cameras = who
    colour = bgr(person)
    x, y = corner
    x += plate(strip, str(person), (x, y), letters, (colour, ink(colour)))[0] + letters // 3
    for number, camera in enumerate(order, start=1):
        if camera not in cameras:
            continue
        wide, tall = plate_size(str(number), letters)
        if cameras[camera]:
            cv2.rectangle(strip, (x, y), (x + wide - 1, y + tall - 1), colour, max(1, letters // 7))
        pad = (tall - letters) // 2
        write(strip, str(number), (x + pad, y + pad + letters - 1), letters, _WHITE if cameras[camera] else _DIM)
        x += wide + letters // 4
    return x


def _card_width(cameras: dict[str, bool], person: int, letters: int) -> int:
    numbers = (plate_size(str(number), letters)[0] + letters // 4 for number in range(1, len(cameras) + 1))
    return plate_size(str(person), letters)[0] + letters // 3 + sum(numbers)


def _strip_letters(width: int) -> int:
    return max(7, width // 100)


def _strip_height(width: int) -> int:
    return round(_strip_letters(width) * 3.4 / 2) * 2
