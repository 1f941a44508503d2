"""How people walk: errands from hall to hall, ways around furniture, room for each other, groups that stay together."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints, frozen
from unbroken.datasets.synthetic.people import Person
from unbroken.datasets.synthetic.plans import CORRIDOR, MARGIN, OUTSIDE, Door, FloorPlan, Rectangle
from unbroken.datasets.synthetic.settings import WorldSettings

Point = tuple[float, float]

_REACHED = 0.25
"""Metres from a turning point at which the next one is aimed at."""
_PERSONAL = 0.85
"""Metres within which people make room for each other."""
_EASE = 0.3
"""Seconds in which a walker takes up a new speed or direction."""
_STEP = 0.17
"""The longest step of the motion, seconds."""
_STRIDE = 0.83
"""Length of a double step as a share of the body height."""
_STAYS, _LEAVES = 0.2, 0.12
"""Chances that the next errand is in the same hall, and that it is to leave the building."""


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """Where everybody is at each of T instants. All arrays are read-only.

    Attributes:
        times: (T,) seconds.
        positions: (T, P, 2) metres; NaN while out of the building.
        headings: (T, P) radians, the direction that the body faces.
        phases: (T, P) radians, of the gait: a double step is 2 pi.
        swings: (T, P) 0 standing to 1 walking: how far legs and arms swing.
        areas: (T, P) int, the area of each position; -1 outside.
    """

    times: Floats
    positions: Floats
    headings: Floats
    phases: Floats
    swings: Floats
    areas: Ints

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for name in ("times", "positions", "headings", "phases", "swings"):
            values = getattr(self, name)
            object.__setattr__(self, name, frozen(values, np.float64, values.shape, name))
        object.__setattr__(self, "areas", frozen(self.areas, np.int64, self.areas.shape, "areas"))


_IDLE, _WALK, _DOOR, _WAIT, _GONE = range(5)
"""Kinds of legs: nothing to do; straight to a goal; straight through an opening; wait at a goal; be gone."""


@dataclass(frozen=True, slots=True)
class _Leg:
    """A part of a way."""

    kind: int
    goal: Point
    seconds: float = 0.0


@dataclass(slots=True)
class _Group:
    """People who walk together: they set off on the next errand when all have done the last and rested `pause`."""

    members: list[int]
    until: float
    area: int = OUTSIDE
    pause: float = 0.0
    resting: bool = True


@dataclass(slots=True)
class _Crowd:
    """Everybody's motion at one instant. `kinds`, `goals` and `waits` are those of the leg that each is on."""

    plan: FloorPlan
    people: Sequence[Person]
    pause: tuple[float, float]
    rng: np.random.Generator
    groups: list[_Group]
    group_of: Ints = field(init=False)
    speeds: Floats = field(init=False)
    legs: list[deque[_Leg]] = field(init=False)
    kinds: Ints = field(init=False)
    goals: Floats = field(init=False)
    waits: Floats = field(init=False)
    positions: Floats = field(init=False)
    velocities: Floats = field(init=False)
    spots: Floats = field(init=False)
    entrances: list[Door] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.people)
        self.group_of = np.zeros(count, dtype=np.int64)
        for number, group in enumerate(self.groups):
            self.group_of[group.members] = number
        self.speeds = np.array([person.speed for person in self.people])
        self.legs = [deque() for _ in range(count)]
        self.kinds = np.full(count, _IDLE)
        self.goals, self.spots = np.zeros((count, 2)), np.zeros((count, 2))
        self.waits = np.zeros(count)
        self.positions = np.full((count, 2), np.nan)
        self.velocities = np.zeros((count, 2))

    def step(self, now: float, dt: float) -> None:
        """Move everybody on by dt seconds."""
        busy = np.bincount(self.group_of[self.kinds != _IDLE], minlength=len(self.groups))
        for number in np.flatnonzero(busy == 0):
            self._rest_or_go(self.groups[number], now)
        offsets = self.goals - self.positions
        distances = np.hypot(offsets[:, 0], offsets[:, 1])
        walking, through = self.kinds == _WALK, self.kinds == _DOOR
        near = np.where(walking, np.maximum(_REACHED, self.speeds * dt), self.speeds * dt)
        with np.errstate(invalid="ignore"):
            there = (walking | through) & (distances <= near)
        going = (walking | through) & ~there
        wanted = np.zeros_like(self.positions)
        wanted[going] = offsets[going] * (self.speeds / np.maximum(distances, 1e-9))[going, None]
        for number in np.flatnonzero(there | ((self.kinds == _WAIT) & (now >= self.waits))):
            self._advance(int(number), now)
        self._move(wanted, through & going, dt)

    def _rest_or_go(self, group: _Group, now: float) -> None:
        if not group.resting:
            group.resting, group.until = True, now + group.pause
        elif now >= group.until:
            group.resting = False
            self._set_off(group)
            for member in group.members:
                self._advance(member, now)

    def _advance(self, number: int, now: float) -> None:
        """End the leg that a person is on and begin the next."""
        if self.kinds[number] == _WAIT and not np.isfinite(self.positions[number]).all():
            self.positions[number] = self.goals[number]
            self.velocities[number] = 0.0
        if not self.legs[number]:
            self.kinds[number] = _IDLE
            return
        leg = self.legs[number].popleft()
        self.kinds[number], self.goals[number], self.waits[number] = leg.kind, leg.goal, now + leg.seconds
        if leg.kind == _GONE:
            self.positions[number] = np.nan
            self.kinds[number] = _IDLE

    def _move(self, wanted: Floats, through: Bools, dt: float) -> None:
        """Take up the wanted velocities, make room for others, stay off walls and furniture."""
        present = np.isfinite(self.positions[:, 0])
        room = _room_for_others(self.positions, self.velocities)
        limit = 0.7 * self.speeds / np.maximum(np.hypot(room[:, 0], room[:, 1]), 1e-9)
        target = wanted + room * np.minimum(1.0, limit)[:, None]
        eased = self.velocities + (target - self.velocities) * min(1.0, dt / _EASE)
        before = self.positions
        after = before + np.where(through[:, None], wanted, eased) * dt
        held = present & ~through
        after[held] = self._kept_inside(after[held], before[held])
        self.velocities[present] = (after[present] - before[present]) / dt
        self.positions = after

    def _kept_inside(self, points: Floats, before: Floats) -> Floats:
        """The nearest places (N, 2) that are off the walls and off the furniture of the areas that people were in."""
        areas = self.plan.areas_of(before)
        sides = np.array([(area.x0, area.y0, area.x1, area.y1) for area in self.plan.areas])[areas]
        kept: Floats = np.clip(points, sides[:, :2] + MARGIN, sides[:, 2:] - MARGIN)
        kept[areas == OUTSIDE] = before[areas == OUTSIDE]
        for item in self.plan.furniture:
            block = item.base.grown(MARGIN - 0.02)
            for number in np.flatnonzero((areas == item.area) & block.holds(kept)):
                kept[number] = self._pushed_off(block, item.area, (float(kept[number, 0]), float(kept[number, 1])))
        return kept

    def _pushed_off(self, block: Rectangle, area: int, point: Point) -> Point:
        """The nearest side of a block that is not too near to a wall."""
        sides = ((block.x0, point[1]), (block.x1, point[1]), (point[0], block.y0), (point[0], block.y1))
        room = self.plan.areas[area].grown(0.01 - MARGIN)
        free = [side for side in sides if room.holds(np.array(side))]
        return min(free or sides, key=lambda side: math.dist(side, point))

    def _set_off(self, group: _Group) -> None:
        """Draw the group's next errand and lay out everybody's way."""
        outside = group.area == OUTSIDE
        if not outside and self.rng.random() < _LEAVES:
            self._leave(group)
            return
        entrance = self._entrance() if outside else None
        goal_area = self._next_hall(group.area)
        spots = self.plan.spots[goal_area]
        spot = spots[int(self.rng.integers(len(spots)))]
        for order, member in enumerate(group.members):
            place = self._beside(spot, goal_area)
            if entrance is not None:
                start, area = self._come_in(member, entrance, 0.9 * order)
            else:
                start, area = self._place(member), group.area
            self._lay_way(member, (start, area), (place, goal_area))
            self.spots[member] = spot
        group.area = goal_area
        group.pause = float(self.rng.uniform(*self.pause))

    def _leave(self, group: _Group) -> None:
        doors = [door for door in self.plan.doors if door.second == OUTSIDE]
        here = [door for door in doors if door.first == group.area] or doors
        door = here[int(self.rng.integers(len(here)))]
        for member in group.members:
            aside = float(self.rng.uniform(-0.4, 0.4))
            self._lay_way(member, (self._place(member), group.area), (door.threshold(door.first, aside), door.first))
            self._go_through(member, door, door.first, aside)
            self.legs[member].append(_Leg(_GONE, (0.0, 0.0)))
        group.area = OUTSIDE
        group.pause = float(self.rng.exponential(45.0)) + 5.0

    def _come_in(self, member: int, door: Door, delay: float) -> tuple[Point, int]:
        aside = float(self.rng.uniform(-0.4, 0.4))
        self.legs[member].append(_Leg(_WAIT, door.threshold(OUTSIDE, aside), delay))
        self._go_through(member, door, OUTSIDE, aside)
        return door.threshold(door.first, aside), door.first

    def _lay_way(self, member: int, start: tuple[Point, int], goal: tuple[Point, int]) -> None:
        """Append the legs from a place in one area to a place in another, through the corridor."""
        (here, area), (place, goal_area) = start, goal
        while area != goal_area:
            following = goal_area if area == CORRIDOR else CORRIDOR
            doors = self.plan.doors_between(area, following)
            door = doors[int(self.rng.integers(len(doors)))]
            aside = float(self.rng.uniform(-0.4, 0.4))
            self._walk(member, area, here, door.threshold(area, aside))
            self._go_through(member, door, area, aside)
            here, area = door.threshold(following, aside), following
        self._walk(member, area, here, place)

    def _walk(self, member: int, area: int, start: Point, goal: Point) -> None:
        self.legs[member].extend(_Leg(_WALK, point) for point in self.plan.way(area, start, goal))

    def _go_through(self, member: int, door: Door, area: int, aside: float) -> None:
        """Two legs: to the middle line of the opening's near side exactly, then straight through it."""
        other = door.second if area == door.first else door.first
        self.legs[member].append(_Leg(_DOOR, door.threshold(area, aside)))
        self.legs[member].append(_Leg(_DOOR, door.threshold(other, aside)))

    def _entrance(self) -> Door:
        """All entrances in turn, in an order that is drawn anew for each turn."""
        if not self.entrances:
            doors = [door for door in self.plan.doors if door.second == OUTSIDE]
            self.entrances = [doors[number] for number in self.rng.permutation(len(doors))]
        return self.entrances.pop()

    def _next_hall(self, area: int) -> int:
        halls = list(range(1, len(self.plan.areas)))
        others = [hall for hall in halls if hall != area]
        if area in halls and (not others or self.rng.random() < _STAYS):
            return area
        return others[int(self.rng.integers(len(others)))]

    def _beside(self, spot: Point, area: int) -> Point:
        room = self.plan.areas[area].grown(-MARGIN - 0.1)
        blocks = [item.base.grown(MARGIN + 0.1) for item in self.plan.furniture if item.area == area]
        angle, away = self.rng.uniform(0, 2 * math.pi), self.rng.uniform(0.5, 0.9)
        for turn in range(12):
            place = room.clamp(
                (spot[0] + away * math.cos(angle + turn * 0.52), spot[1] + away * math.sin(angle + turn * 0.52))
            )
            if not any(bool(block.holds(np.array(place))) for block in blocks):
                return place
        return spot

    def _place(self, member: int) -> Point:
        return float(self.positions[member, 0]), float(self.positions[member, 1])


def walk(plan: FloorPlan, people: Sequence[Person], settings: WorldSettings, rng: np.random.Generator) -> Walks:
    """Everybody's walk through the building, picture by picture.

    Args:
        plan: where.
        people: who.
        settings: `rate`, `seconds`, `arrivals`, `grouped` and `pause` are read.
        rng: draws errands, doors and places.
    """
    crowd = _Crowd(plan, people, settings.pause, rng, _groups(len(people), settings, rng))
    dt, count = 1.0 / settings.rate, settings.frames
    inner = max(1, math.ceil(dt / _STEP - 1e-9))
    positions = np.empty((count, len(people), 2))
    gazes = np.full((count, len(people)), np.nan)
    for frame in range(count):
        for part in range(inner):
            crowd.step(frame * dt + part * dt / inner, dt / inner)
        positions[frame] = crowd.positions
        gazes[frame] = _gazes(crowd)
    return _with_gait(positions, gazes, people, plan, dt)


def _groups(count: int, settings: WorldSettings, rng: np.random.Generator) -> list[_Group]:
    """Everybody in a group of one to three, each with the second of its arrival."""
    order, groups = list(range(count)), []
    while order:
        size = int(rng.integers(2, 4)) if rng.random() < settings.grouped / 2 else 1
        members, order = order[:size], order[size:]
        groups.append(members)
    arrivals = rng.permutation(np.linspace(0.08, 1.0, len(groups))) * settings.arrivals
    return [_Group(members, float(arrival)) for members, arrival in zip(groups, arrivals, strict=True)]


def _room_for_others(positions: Floats, velocities: Floats) -> Floats:
    """(P, 2) m/s away from everybody who is too near, and to the right of whom one meets."""
    offsets = positions[:, None] - positions[None]
    distances = np.hypot(offsets[..., 0], offsets[..., 1])
    with np.errstate(invalid="ignore"):
        near = (distances < _PERSONAL) & (distances > 1e-6)
    strength = np.where(near, (_PERSONAL - distances) / _PERSONAL, 0.0)
    unit = np.where(near[..., None], offsets / np.maximum(distances, 1e-6)[..., None], 0.0)
    closing = np.einsum("pqd,pqd->pq", unit, velocities[None] - velocities[:, None]) > 0
    aside = np.stack([unit[..., 1], -unit[..., 0]], axis=-1) * (near & closing)[..., None]
    pushes: Floats = ((unit + 0.8 * aside) * strength[..., None]).sum(axis=1)
    return 1.6 * pushes


def _gazes(crowd: _Crowd) -> Floats:
    """The direction that people who stand look in; NaN for all who have somewhere to go."""
    offsets = crowd.spots - crowd.positions
    gazes: Floats = np.where(crowd.kinds == _IDLE, np.arctan2(offsets[:, 1], offsets[:, 0]), np.nan)
    return gazes


def _with_gait(positions: Floats, gazes: Floats, people: Sequence[Person], plan: FloorPlan, dt: float) -> Walks:
    """Headings, phases and swings that go with the positions."""
    steps = np.zeros_like(positions)
    steps[1:] = np.nan_to_num(positions[1:] - positions[:-1])
    lengths = np.hypot(steps[..., 0], steps[..., 1])
    strides = np.array([_STRIDE * person.height for person in people])
    phases = np.cumsum(2 * math.pi * lengths / strides, axis=0) + np.arange(len(people)) * 1.7
    swings = _smoothed(np.minimum(1.0, lengths / dt / 0.9), 0.25 / dt)
    walking = lengths / dt > 0.25
    aims = np.where(walking[..., None], steps / np.maximum(lengths, 1e-9)[..., None], 0.0)
    looks = ~walking & np.isfinite(gazes)
    aims[looks] = np.column_stack([np.cos(gazes[looks]), np.sin(gazes[looks])])
    headings = _turning(aims, dt)
    times = np.arange(len(positions), dtype=np.float64) * dt
    return Walks(times, positions, headings, phases, swings, plan.areas_of(positions))


def _smoothed(values: Floats, frames: float) -> Floats:
    """Exponential smoothing along the first axis."""
    share, result = 1.0 / max(1.0, frames), values.copy()
    for frame in range(1, len(values)):
        result[frame] = result[frame - 1] + share * (values[frame] - result[frame - 1])
    return result


def _turning(aims: Floats, dt: float) -> Floats:
    """Headings that follow the aims (T, P, 2) within about a third of a second."""
    share = min(1.0, dt / 0.3)
    current = np.tile(np.array([1.0, 0.0]), (aims.shape[1], 1))
    headings = np.empty(aims.shape[:2])
    for frame, aim in enumerate(aims):
        fresh = np.hypot(aim[:, 0], aim[:, 1]) > 0
        current[fresh] += share * (aim[fresh] - current[fresh])
        norms = np.hypot(current[:, 0], current[:, 1])
        turned = norms < 0.05
        current[turned] = np.where(fresh[turned, None], aim[turned], current[turned])
        current /= np.maximum(np.hypot(current[:, 0], current[:, 1]), 1e-9)[:, None]
        headings[frame] = np.arctan2(current[:, 1], current[:, 0])
    return headings
