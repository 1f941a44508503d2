"""The world: plan, cameras, people and their walks, all from one generator; and what is true in each picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints, frozen
from unbroken.core.errors import ConfigError
from unbroken.datasets.synthetic.cameras import Camera, hang_cameras
from unbroken.datasets.synthetic.figures import WEIGHTS, joints_of, radii_of, sizes_of
from unbroken.datasets.synthetic.people import Person, draw_people
from unbroken.datasets.synthetic.plans import FloorPlan, Rectangle, cameras_per_hall, make_plan
from unbroken.datasets.synthetic.settings import WorldSettings
from unbroken.datasets.synthetic.walks import Walks, walk

_NEAREST = 0.6
"""Metres before the lens below which nobody is listed."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A world with its whole truth.

    Attributes:
        settings: what it was made of.
        plan: areas, doors, furniture.
        cameras: in the order of their names.
        people: in the order of their numbers.
        walks: where everybody is at each instant.
    """

    settings: WorldSettings
    plan: FloorPlan
    cameras: tuple[Camera, ...]
    people: tuple[Person, ...]
    walks: Walks

    def camera(self, name: str) -> Camera:
        """The camera of that name.

        Raises:
            ConfigError: there is none.
        """
        for camera in self.cameras:
            if camera.name == name:
                return camera
        known = ", ".join(camera.name for camera in self.cameras)
        raise ConfigError(f"camera {name!r} is not in this world; choose one of {known}")

    def overlapping(self, first: str, second: str) -> bool:
        """Whether two cameras can see the same person at the same time."""
        return self.camera(first).area == self.camera(second).area


@dataclass(frozen=True, slots=True, eq=False)
class CameraTruth:
    """Who is in the pictures of one camera: R rows, picture by picture, nearest person first. Arrays are read-only.

    Attributes:
        camera: the name of the camera.
        frames: (R,) int, number of the picture from 0.
        persons: (R,) int, numbers of people from 1, the same in all cameras.
        boxes: (R, 4) xyxy pixels of the whole figure, hidden parts and parts out of the picture too.
        visible: (R, 4) xyxy pixels of the part that is to be seen, inside the picture; zeros where nothing is.
        visibility: (R,) share of the figure that is to be seen, 0..1.
        ground: (R, 2) metres.
        distances: (R,) metres from the camera along its axis.
        starts: (T + 1,) int: the rows of picture k are `starts[k]` to `starts[k + 1]`.
    """

    camera: str
    frames: Ints
    persons: Ints
    boxes: Floats
    visible: Floats
    visibility: Floats
    ground: Floats
    distances: Floats
    starts: Ints

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        count = len(self.frames)
        for name, shape in (("boxes", (count, 4)), ("visible", (count, 4)), ("visibility", (count,))):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64, shape, name))
        for name, shape in (("ground", (count, 2)), ("distances", (count,))):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64, shape, name))
        for name in ("frames", "persons", "starts"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.int64, (-1,), name))

    def rows(self, frame: int) -> slice:
        """The rows of one picture."""
        return slice(int(self.starts[frame]), int(self.starts[frame + 1]))


def make_world(settings: WorldSettings, rng: np.random.Generator) -> World:
    """Draw a world.

    Args:
        settings: what it is made of.
        rng: the only source of chance; its children draw the parts, so a part's change leaves the others as they are.
    """
    for_plan, for_cameras, for_people, for_walks = rng.spawn(4)
    counts = cameras_per_hall(settings.cameras, settings.layout)
    plan = make_plan(len(counts), for_plan)
    cameras = hang_cameras(plan, counts, settings.size, for_cameras)
    people = draw_people(settings.people, for_people)
    return World(settings, plan, cameras, people, walk(plan, people, settings, for_walks))


def figures_seen(world: World, camera: Camera) -> tuple[Ints, Ints, Floats, Floats]:
    """Frames (R,), people from 0 (R,), joints (R, 24, 3) and radii (R, 24) of all who are in the camera's area."""
    walks = world.walks
    frames, people = np.nonzero(walks.areas == camera.area)
    pose = np.stack([part[frames, people] for part in (walks.headings, walks.phases, walks.swings)], axis=1)
    sizes = sizes_of(world.people)[people]
    return frames, people, joints_of(walks.positions[frames, people], pose, sizes), radii_of(sizes)


def truth_of(world: World, name: str) -> CameraTruth:
    """Who is in the pictures of a camera, where, and how much of them is to be seen."""
    camera = world.camera(name)
    frames, people, joints, radii = figures_seen(world, camera)
    pixels, depths = camera.project(joints)
    reach = camera.focal * radii / np.maximum(depths, 0.05)
    boxes = _hulls(pixels, reach, np.ones(depths.shape, dtype=np.bool_))
    width, height = camera.size
    shown = (boxes[:, 2] > 0) & (boxes[:, 0] < width) & (boxes[:, 3] > 0) & (boxes[:, 1] < height)
    shown &= depths.min(axis=1) > _NEAREST
    order = np.flatnonzero(shown)
    distances = depths[:, 3]
    order = order[np.lexsort((distances[order], frames[order]))]
    frames, people, joints = frames[order], people[order], joints[order]
    pixels, reach, boxes = pixels[order], reach[order], boxes[order]
    starts = np.searchsorted(frames, np.arange(world.settings.frames + 1))
    seen = _in_sight(world, camera, joints, pixels)
    seen &= ~_behind_others(frames, boxes, pixels, reach)
    visible = np.clip(_hulls(pixels, reach, seen), 0, np.array([width, height, width, height]))
    ground = world.walks.positions[frames, people]
    parts = (boxes, visible, seen @ WEIGHTS, ground, distances[order])
    return CameraTruth(name, frames, people + 1, *parts, starts)


def _hulls(pixels: Floats, reach: Floats, which: Bools) -> Floats:
    """The upright boxes around discs (R, J, 2) with radii (R, J), of those that count; zeros where none does."""
    low = np.where(which[..., None], pixels - reach[..., None], np.inf).min(axis=1)
    high = np.where(which[..., None], pixels + reach[..., None], -np.inf).max(axis=1)
    some = np.any(which, axis=1, keepdims=True)
    return np.where(some, np.concatenate([low, high], axis=1), 0.0)


def _in_sight(world: World, camera: Camera, joints: Floats, pixels: Floats) -> Bools:
    """(R, J): joints inside the picture, on this side of the walls, not behind furniture."""
    seen = np.asarray(world.plan.areas[camera.area].holds(joints[..., :2]))
    for axis, limit in enumerate(camera.size):
        seen &= (pixels[..., axis] >= 0) & (pixels[..., axis] < limit)
    for item in world.plan.furniture:
        if item.area == camera.area:
            seen &= ~_hidden_by(camera.position, joints, item.base, item.height)
    return seen


def _hidden_by(eye: Floats, points: Floats, base: Rectangle, height: float) -> Bools:
    """Whether the way from the eye to each point (..., 3) goes through a box on the floor (slab test)."""
    rays = points - eye
    rays = np.where(np.abs(rays) < 1e-9, 1e-9, rays)
    first = (np.array([base.x0, base.y0, 0.0]) - eye) / rays
    second = (np.array([base.x1, base.y1, height]) - eye) / rays
    enter = np.minimum(first, second).max(axis=-1)
    leave = np.maximum(first, second).min(axis=-1)
    return cast("Bools", (enter < leave) & (leave > 0) & (enter < 1))


def _behind_others(frames: Ints, boxes: Floats, pixels: Floats, reach: Floats) -> Bools:
    """(R, J): joints inside the silhouette, taken as the discs around the joints, of somebody nearer.

    Rows are sorted by picture, nearest person first: rows `lag` apart that share a picture are a pair to look at.
    """
    hidden = np.zeros(reach.shape, dtype=np.bool_)
    for lag in range(1, int(np.bincount(frames).max(initial=1))):
        near = np.flatnonzero(frames[:-lag] == frames[lag:])
        apart = (boxes[near, :2] > boxes[near + lag, 2:]) | (boxes[near + lag, :2] > boxes[near, 2:])
        near = near[~apart.any(axis=1)]
        for part in np.array_split(near, len(near) // 2000 + 1):
            offsets = pixels[part + lag][:, :, None] - pixels[part][:, None]
            inside = (offsets**2).sum(axis=-1) < (1.25 * reach[part][:, None]) ** 2
            hidden[part + lag] |= inside.any(axis=2)
    return hidden
