"""The still background of a camera: floor, walls, doors, windows and furniture, by casting one ray per pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Bools, Floats, Image
from unbroken.datasets.synthetic.cameras import Camera
from unbroken.datasets.synthetic.plans import DOOR_HEIGHT, OUTSIDE, WALL_HEIGHT, FloorPlan, Furniture, Rectangle

Field = NDArray[np.float32]
"""One number per ray."""

_FINER = 2
"""Rays per pixel in each direction."""
_FAR = np.float32(1e6)


@dataclass(frozen=True, slots=True, eq=False)
class Scenery:
    """What a camera sees when nobody is there.

    Attributes:
        image: (H, W, 3) BGR.
        floor: (H, W) uint8, 1 where the floor is seen: shadows fall on it.
        furniture: (H, W) float32, metres along the camera's axis to the furniture seen there; infinite elsewhere.
    """

    image: Image
    floor: Image
    furniture: Field


@dataclass(frozen=True, slots=True)
class _Style:
    """Colours of a hall (BGR)."""

    floor: tuple[int, int, int]
    wall: tuple[int, int, int]
    panel: tuple[int, int, int]
    planks: bool


_STYLES = (
    _Style((158, 192, 216), (222, 231, 236), (158, 176, 160), planks=True),
    _Style((192, 194, 190), (226, 222, 214), (168, 142, 112), planks=False),
    _Style((176, 186, 196), (214, 226, 232), (120, 150, 190), planks=False),
    _Style((150, 178, 196), (228, 228, 220), (150, 150, 170), planks=True),
)
_POSTERS = ((60, 90, 210), (170, 120, 40), (70, 150, 90), (50, 170, 220), (140, 80, 150))


@dataclass(slots=True)
class _Canvas:
    """The nearest surface of each ray so far: its distance in ray lengths, and its colour."""

    eye: Floats
    rays: NDArray[np.float32]
    reach: Field
    colour: NDArray[np.float32]

    def paint(self, reach: Field, valid: Bools, colours: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Bools:
        """Paint a surface where it is nearer than all before; `colours` maps its points (N, 3) to BGR (N, 3)."""
        nearer: Bools = valid & (reach > 1e-3) & (reach < self.reach)
        points = self.eye.astype(np.float32) + self.rays[nearer] * reach[nearer, None]
        self.colour[nearer] = colours(points)
        self.reach[nearer] = reach[nearer]
        return nearer


def light_at(area: Rectangle, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
    """Brightness on the floor of a hall under its four lamps: about 0.85 to 1.1."""
    light: NDArray[np.floating] = np.full(np.shape(x), 0.84, dtype=np.float32)
    for across in (0.27, 0.73):
        for along in (0.27, 0.73):
            dx = x - (area.x0 + across * (area.x1 - area.x0))
            dy = y - (area.y0 + along * (area.y1 - area.y0))
            light = light + 0.26 * np.exp(-(dx**2 + dy**2) / 5.0)
    return light


def draw_scenery(plan: FloorPlan, camera: Camera) -> Scenery:
    """Cast the rays of a camera into its hall."""
    width, height = camera.size
    canvas = _canvas(camera)
    area, style = plan.areas[camera.area], _STYLES[(camera.area - 1) % len(_STYLES)]
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = _paint_floor(canvas, area, style)
        _paint_walls(canvas, plan, camera.area, style)
        solid = np.zeros(canvas.reach.shape, dtype=np.bool_)
        for item in plan.furniture:
            if item.area == camera.area:
                solid |= _paint_furniture(canvas, item, area)
    floor &= ~solid
    image = np.clip(canvas.colour, 0, 255).astype(np.uint8)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    depth = np.where(solid, canvas.reach, np.inf).astype(np.float32)
    shape = (height, _FINER, width, _FINER)
    return Scenery(
        np.asarray(small, dtype=np.uint8),
        (floor.reshape(shape).mean(axis=(1, 3)) > 0.5).astype(np.uint8),
        np.where(solid.reshape(shape).mean(axis=(1, 3)) >= 0.5, depth.reshape(shape).min(axis=(1, 3)), np.inf).astype(
            np.float32
        ),
    )


def _canvas(camera: Camera) -> _Canvas:
    """Rays scaled so that their length along the camera's axis is 1: reach is depth."""
    width, height = camera.size
    u = (np.arange(width * _FINER) + 0.5) / _FINER - width / 2
    v = (np.arange(height * _FINER) + 0.5) / _FINER - height / 2
    across, down = np.meshgrid(u / camera.focal, v / camera.focal)
    local = np.stack([across, down, np.ones_like(across)], axis=-1)
    rays = (local @ camera.rotation).astype(np.float32)
    return _Canvas(camera.position, rays, np.full(across.shape, _FAR), np.full(rays.shape, 205, dtype=np.float32))


def _paint_floor(canvas: _Canvas, area: Rectangle, style: _Style) -> Bools:
    reach = -np.float32(canvas.eye[2]) / canvas.rays[..., 2]

    def colours(points: NDArray[np.float32]) -> NDArray[np.float32]:
        x, y = points[:, 0], points[:, 1]
        shade = _planks(x, y) if style.planks else _tiles(x, y)
        edge = np.minimum.reduce([x - area.x0, area.x1 - x, y - area.y0, area.y1 - y])
        corner = 1 - 0.22 * np.exp(-np.maximum(edge, 0) / 0.25)
        return _tinted(style.floor, shade * corner * light_at(area, x, y))

    return canvas.paint(reach, canvas.rays[..., 2] < 0, colours)


def _planks(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    row = np.floor(y / 0.22)
    along = x / 1.6 + _hash(row, row * 0 + 3)
    tone = 0.9 + 0.16 * _hash(np.floor(along), row)
    seam = ((y / 0.22) % 1 < 0.05) | (along % 1 < 0.008)
    grain = 0.02 * np.sin(x * 9 + 40 * _hash(row, np.floor(along)) + 3 * np.sin(y * 60))
    return np.where(seam, 0.82, tone + grain).astype(np.float32)


def _tiles(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    column, row = np.floor(x / 0.75), np.floor(y / 0.75)
    tone = 0.94 + 0.09 * _hash(column, row)
    seam = ((x / 0.75) % 1 < 0.025) | ((y / 0.75) % 1 < 0.025)
    return np.where(seam, 0.84, tone).astype(np.float32)


def _paint_walls(canvas: _Canvas, plan: FloorPlan, number: int, style: _Style) -> None:
    """The four walls up to the ceiling. `along` is the coordinate that runs along a wall."""
    area = plan.areas[number]
    for axis, place in ((0, area.x0), (0, area.x1), (1, area.y0), (1, area.y1)):
        reach = (np.float32(place) - np.float32(canvas.eye[axis])) / canvas.rays[..., axis]
        height = canvas.eye[2] + reach * canvas.rays[..., 2]
        valid = (reach > 0) & (height >= 0) & (height <= WALL_HEIGHT)
        doors = [
            (sorted((door.ends[0][1 - axis], door.ends[1][1 - axis])), door.second == OUTSIDE)
            for door in plan.doors
            if abs(door.step[axis]) == 1 and door.centre[axis] == place and number in (door.first, door.second)
        ]
        low, high = (area.y0, area.y1) if axis == 0 else (area.x0, area.x1)

        def colours(
            points: NDArray[np.float32],
            along: int = 1 - axis,
            doors: list[tuple[list[float], bool]] = doors,
            span: tuple[float, float] = (low, high),
            lit: float = 0.95 if axis == 0 else 1.02,
        ) -> NDArray[np.float32]:
            return _wall(points[:, along], points[:, 2], (doors, span), style) * np.float32(lit)

        canvas.paint(reach, valid, colours)


def _wall(
    along: Field, height: Field, features: tuple[list[tuple[list[float], bool]], tuple[float, float]], style: _Style
) -> NDArray[np.float32]:
    """Paint, panelling, skirting, posters and doors of one wall."""
    doors, (low, high) = features
    edge = np.minimum(along - low, high - along)
    shade = (0.93 + 0.05 * height / WALL_HEIGHT) * (1 - 0.12 * np.exp(-np.maximum(edge, 0) / 0.3))
    colour = _tinted(style.wall, shade)
    panel = height < 1.0
    colour[panel] = _tinted(style.panel, shade[panel])
    colour[(height > 1.0) & (height < 1.05)] = _tinted(style.panel, np.float32(0.75))
    colour[height < 0.12] = _tinted(style.panel, np.float32(0.6))
    for number, share in enumerate((0.3, 0.5, 0.7)):
        centre = low + share * (high - low)
        if all(abs(centre - (first + last) / 2) > 1.8 for (first, last), _ in doors):
            _poster(colour, (along, height), centre, number + int(abs(low * 7 + high)))
    for (first, last), outside in doors:
        _door(colour, (along - first) / (last - first), height, outside=outside)
    return colour


def _poster(colour: NDArray[np.float32], point: tuple[Field, Field], centre: float, number: int) -> None:
    across, up = (point[0] - centre) / 0.55, (point[1] - 1.8) / 0.55
    inside = (np.abs(across) < 1) & (np.abs(up) < 1)
    frame = inside & ((np.abs(across) > 0.92) | (np.abs(up) > 0.92))
    first, second = _POSTERS[number % len(_POSTERS)], _POSTERS[(number * 3 + 1) % len(_POSTERS)]
    colour[inside] = _tinted(first, np.float32(1.0))
    colour[inside & (up < 0.4 * np.sin(3 * across + number) - 0.1)] = _tinted(second, np.float32(1.0))
    colour[inside & ((across - 0.35) ** 2 + (up - 0.4) ** 2 < 0.06)] = _tinted((235, 240, 245), np.float32(1.0))
    colour[frame] = _tinted((60, 62, 66), np.float32(1.0))


def _door(colour: NDArray[np.float32], across: Field, height: Field, *, outside: bool) -> None:
    """A double door; `across` runs from 0 to 1 over its opening. Doors to the outside have glass."""
    frame = (across > -0.05) & (across < 1.05) & (height < DOOR_HEIGHT + 0.08)
    leaf = (across > 0) & (across < 1) & (height < DOOR_HEIGHT)
    pane = leaf & (np.abs(np.abs(across - 0.5) - 0.25) < 0.17) & (height > (0.3 if outside else 1.1)) & (height < 2.1)
    colour[frame] = _tinted((96, 100, 106), np.float32(1.0))
    colour[leaf] = _tinted((108, 128, 150), np.float32(0.95))
    glow = (0.8 + 0.2 * height / DOOR_HEIGHT)[pane]
    colour[pane] = _tinted((240, 226, 208) if outside else (150, 156, 160), glow)
    colour[leaf & (np.abs(across - 0.5) < 0.012)] = _tinted((60, 66, 74), np.float32(1.0))


def _paint_furniture(canvas: _Canvas, item: Furniture, area: Rectangle) -> Bools:
    """A box: the side where a ray enters decides how it is lit."""
    low = np.array([item.base.x0, item.base.y0, 0.0])
    high = np.array([item.base.x1, item.base.y1, item.height])
    first = (low - canvas.eye).astype(np.float32) / canvas.rays
    second = (high - canvas.eye).astype(np.float32) / canvas.rays
    entries = np.minimum(first, second)
    side = entries.argmax(axis=-1)
    enter = np.take_along_axis(entries, side[..., None], axis=-1)[..., 0]
    valid = enter < np.maximum(first, second).min(axis=-1)
    light = float(light_at(area, np.array((low[0] + high[0]) / 2), np.array((low[1] + high[1]) / 2)))

    def colours(points: NDArray[np.float32]) -> NDArray[np.float32]:
        faces = side[valid & (enter > 1e-3) & (enter < canvas.reach)]
        return _furniture(item, points, faces) * np.float32(light)

    return canvas.paint(enter, valid, colours)


def _furniture(item: Furniture, points: NDArray[np.float32], faces: NDArray[np.int64]) -> NDArray[np.float32]:
    """Colours of a bench (wood), a planter (pot with leaves) or a kiosk (dark, with a screen)."""
    x, y, z = points.T
    shade = np.array([0.78, 0.88, 1.05], dtype=np.float32)[faces]
    if item.kind == "bench":
        slat = np.where((y * 9) % 1 < 0.12, 0.7, 1.0)
        colour = _tinted((70, 120, 170), shade * np.where(faces == 2, slat, np.where(z > 0.36, 1.0, 0.55)))
    elif item.kind == "planter":
        leaf = 0.55 + 0.6 * _hash(np.floor(x * 14 + 3 * np.sin(z * 21)), np.floor(z * 16 + y * 14))
        colour = _tinted((60, 135, 75), leaf * shade)
        pot = z < 0.42
        colour[pot] = _tinted((205, 208, 210), shade[pot])
    else:
        colour = _tinted((78, 70, 62), shade)
        screen = (faces < 2) & (z > 0.55) & (z < 1.0)
        colour[screen] = _tinted((200, 160, 70), np.float32(1.1))
        colour[faces == 2] = _tinted((160, 165, 170), np.float32(1.0))
    return colour


def _tinted(colour: tuple[int, int, int], shade: Field | np.float32) -> NDArray[np.float32]:
    """The colour times a brightness, per point where that is an array."""
    tinted: NDArray[np.float32] = np.asarray(shade, dtype=np.float32)[..., None] * np.array(colour, dtype=np.float32)
    return tinted


def _hash(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """A number in 0..1 for each pair of whole numbers, without a generator: texture must not depend on chance."""
    mixed = np.sin(first.astype(np.float64) * 12.9898 + second.astype(np.float64) * 78.233) * 43758.5453
    return (mixed - np.floor(mixed)).astype(np.float32)
