"""The floor plan: halls along a corridor, doors, furniture; all in metres, seen from above."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.datasets.synthetic.settings import Layout

OUTSIDE = -1
"""The area of somebody who is not in the building."""
CORRIDOR = 0
"""The area that all halls open to. No camera sees it."""
MARGIN = 0.35
"""How near to walls and furniture the middle of a person comes, metres."""
WALL_HEIGHT = 4.6
DOOR_HEIGHT = 2.3
_HALL = (12.0, 9.0)
_CORRIDOR_WIDTH = 3.0
_GAP = 1.0
_DOOR_WIDTH = 1.8


@dataclass(frozen=True, slots=True)
class Rectangle:
    """An upright rectangle on the floor, metres."""

    x0: float
    y0: float
    x1: float
    y1: float

    def grown(self, by: float) -> Rectangle:
        """Every side moved outwards by that many metres (inwards where negative)."""
        return Rectangle(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def holds(self, points: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Which of the points (..., 2) lie in it. NaN lies nowhere."""
        x, y = points[..., 0], points[..., 1]
        inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = (
            (x >= self.x0) & (x <= self.x1) & (y >= self.y0) & (y <= self.y1)
        )
        return inside

    def clamp(self, point: tuple[float, float]) -> tuple[float, float]:
        """The nearest point of the rectangle."""
        return min(max(point[0], self.x0), self.x1), min(max(point[1], self.y0), self.y1)

    def crossed(self, start: tuple[float, float], end: tuple[float, float]) -> bool:
        """Whether the straight way from `start` to `end` touches its inside (slab test)."""
        enter, leave = 0.0, 1.0
        for a, b, low, high in ((start[0], end[0], self.x0, self.x1), (start[1], end[1], self.y0, self.y1)):
            if abs(b - a) < 1e-12:
                if not low < a < high:
                    return False
                continue
            first, second = sorted(((low - a) / (b - a), (high - a) / (b - a)))
            enter, leave = max(enter, first), min(leave, second)
        return enter < leave


@dataclass(frozen=True, slots=True)
class Door:
    """An opening in a wall: from area `first` to area `second`, which may be `OUTSIDE`.

    Attributes:
        first: an area.
        second: the area on the other side.
        centre: its middle, metres.
        step: unit vector from `first` to `second`.
    """

    first: int
    second: int
    centre: tuple[float, float]
    step: tuple[float, float]

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The two posts."""
        half, (x, y), (dx, dy) = _DOOR_WIDTH / 2, self.centre, self.step
        return (x - half * abs(dy), y - half * abs(dx)), (x + half * abs(dy), y + half * abs(dx))

    def threshold(self, area: int, aside: float) -> tuple[float, float]:
        """Where to stand before it in the given area, `aside` metres from its middle line."""
        sign = -1.0 if area == self.first else 1.0
        away = sign * (MARGIN + 0.1)
        (x, y), (dx, dy) = self.centre, self.step
        return x + away * dx + aside * abs(dy), y + away * dy + aside * abs(dx)


@dataclass(frozen=True, slots=True)
class Furniture:
    """A box that stands on the floor of an area and hides what is behind it.

    Attributes:
        area: where it stands.
        base: its place, metres.
        height: metres.
        kind: "bench", "planter" or "kiosk".
    """

    area: int
    base: Rectangle
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """Areas (the corridor first), doors, furniture and the places where people like to stay."""

    areas: tuple[Rectangle, ...]
    doors: tuple[Door, ...]
    furniture: tuple[Furniture, ...]
    spots: tuple[tuple[tuple[float, float], ...], ...]

    def areas_of(self, points: Floats) -> Ints:
        """The area of each point (..., 2); `OUTSIDE` where there is none."""
        found = np.full(points.shape[:-1], OUTSIDE, dtype=np.int64)
        for number, area in enumerate(self.areas):
            found[area.holds(points) & (found == OUTSIDE)] = number
        return found

    def walls(self) -> Floats:
        """The walls without their doors as segments (W, 4): x0, y0, x1, y1."""
        segments: list[tuple[float, float, float, float]] = []
        for area in self.areas:
            for y in (area.y0, area.y1):
                gaps = [(d.ends[0][0], d.ends[1][0]) for d in self.doors if d.step[0] == 0 and d.centre[1] == y]
                segments += [(a, y, b, y) for a, b in _rest(area.x0, area.x1, gaps)]
            for x in (area.x0, area.x1):
                gaps = [(d.ends[0][1], d.ends[1][1]) for d in self.doors if d.step[1] == 0 and d.centre[0] == x]
                segments += [(x, a, x, b) for a, b in _rest(area.y0, area.y1, gaps)]
        return np.array(sorted(set(segments)))

    def doors_between(self, first: int, second: int) -> list[Door]:
        """The doors that join two areas."""
        return [door for door in self.doors if {door.first, door.second} == {first, second}]

    def way(self, area: int, start: tuple[float, float], goal: tuple[float, float]) -> list[tuple[float, float]]:
        """The shortest way inside one area around its furniture: corners to turn at, then the goal."""
        blocks = [item.base.grown(MARGIN) for item in self.furniture if item.area == area]
        room = self.areas[area].grown(-MARGIN)
        corners = [corner for block in blocks for corner in _corners(block.grown(0.08))]
        nodes = [start, goal, *(corner for corner in corners if room.holds(np.array(corner)))]
        return _shortest(nodes, blocks)


def make_plan(halls: int, rng: np.random.Generator) -> FloorPlan:
    """Halls above and below a corridor in turn, each with two doors to it and one to the outside, furnished.

    Args:
        halls: how many.
        rng: draws furniture and favourite places.
    """
    columns = (halls + 1) // 2
    width, depth = _HALL
    length = columns * (width + _GAP) - _GAP
    areas = [Rectangle(0.0, 0.0, length, _CORRIDOR_WIDTH)]
    doors = [
        Door(CORRIDOR, OUTSIDE, (0.0, _CORRIDOR_WIDTH / 2), (-1.0, 0.0)),
        Door(CORRIDOR, OUTSIDE, (length, _CORRIDOR_WIDTH / 2), (1.0, 0.0)),
    ]
    for hall in range(1, halls + 1):
        left, above = ((hall - 1) // 2) * (width + _GAP), hall % 2 == 1
        near, far = (_CORRIDOR_WIDTH, _CORRIDOR_WIDTH + depth) if above else (0.0, -depth)
        areas.append(Rectangle(left, min(near, far), left + width, max(near, far)))
        away = 1.0 if above else -1.0
        doors += [Door(CORRIDOR, hall, (left + width * share, near), (0.0, away)) for share in (0.2, 0.8)]
        doors.append(Door(hall, OUTSIDE, (left + width / 2, far), (0.0, away)))
    furniture = [item for hall in range(1, halls + 1) for item in _furnished(hall, areas[hall], rng)]
    spots = tuple(_spots(number, area, furniture, rng) for number, area in enumerate(areas))
    return FloorPlan(tuple(areas), tuple(doors), tuple(furniture), spots)


def cameras_per_hall(cameras: int, layout: Layout) -> list[int]:
    """How many cameras each hall has, hall by hall."""
    pattern = {"mixed": (2, 1), "overlapping": (4,), "separate": (1,)}[layout]
    counts: list[int] = []
    while sum(counts) < cameras:
        counts.append(min(pattern[len(counts) % len(pattern)], cameras - sum(counts)))
    return counts


def _furnished(hall: int, area: Rectangle, rng: np.random.Generator) -> list[Furniture]:
    items = []
    kinds = (("bench", 1.8, 0.6, 0.45), ("planter", 0.8, 0.8, 0.95), ("kiosk", 1.0, 0.8, 1.15))
    centres = ((0.34, 0.5), (0.66, 0.55), (0.5, 0.4)) if rng.random() < 0.5 else ((0.66, 0.45), (0.34, 0.5), (0.5, 0.6))
    for (kind, width, depth, height), (across, along) in zip(kinds[:2], centres, strict=False):
        x = area.x0 + (across + rng.uniform(-0.05, 0.05)) * (area.x1 - area.x0)
        y = area.y0 + (along + rng.uniform(-0.08, 0.08)) * (area.y1 - area.y0)
        base = Rectangle(x - width / 2, y - depth / 2, x + width / 2, y + depth / 2)
        items.append(Furniture(hall, base, height, kind))
    kind, width, depth, height = kinds[2]
    corner = area.x0 + 0.1 if rng.random() < 0.5 else area.x1 - 0.1 - depth
    y = (area.y0 + area.y1) / 2 + rng.uniform(-1.0, 1.0)
    items.append(Furniture(hall, Rectangle(corner, y - width / 2, corner + depth, y + width / 2), height, kind))
    return items


def _spots(
    number: int, area: Rectangle, furniture: list[Furniture], rng: np.random.Generator
) -> tuple[tuple[float, float], ...]:
    """Favourite places of an area, clear of its furniture."""
    blocks = [item.base.grown(0.6) for item in furniture if item.area == number]
    room = area.grown(-1.0)
    spots: list[tuple[float, float]] = []
    while len(spots) < 6:
        spot = (float(rng.uniform(room.x0, room.x1)), float(rng.uniform(room.y0, room.y1)))
        if not any(bool(block.holds(np.array(spot))) for block in blocks):
            spots.append(spot)
    return tuple(spots)


def _rest(low: float, high: float, gaps: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """What is left of an interval without the gaps that lie in it."""
    inside = sorted((a, b) for a, b in gaps if low < (a + b) / 2 < high)
    starts = [low, *(b for _, b in inside)]
    ends = [*(a for a, _ in inside), high]
    return list(zip(starts, ends, strict=True))


def _corners(box: Rectangle) -> list[tuple[float, float]]:
    return [(box.x0, box.y0), (box.x0, box.y1), (box.x1, box.y0), (box.x1, box.y1)]


def _shortest(nodes: list[tuple[float, float]], blocks: list[Rectangle]) -> list[tuple[float, float]]:
    """Dijkstra from node 0 to node 1 over all pairs that see each other; the goal alone where nothing leads there."""
    best, came = {0: 0.0}, {0: 0}
    queue = [(0.0, 0)]
    while queue:
        cost, here = heapq.heappop(queue)
        if here == 1:
            break
        for there, point in enumerate(nodes):
            length = cost + math.dist(nodes[here], point)
            shorter = length < best.get(there, math.inf)
            if shorter and not any(block.crossed(nodes[here], point) for block in blocks):
                best[there], came[there] = length, here
                heapq.heappush(queue, (length, there))
    if 1 not in came:
        return [nodes[1]]
    way = [1]
    while came[way[-1]] != 0:
        way.append(came[way[-1]])
    return [nodes[node] for node in reversed(way)]
