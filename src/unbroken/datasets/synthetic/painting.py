"""Pictures of a world: walking figures on the scenery of a camera, nearer ones over farther ones."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unbroken.core.arrays import Floats, Image, Ints
from unbroken.core.frames import Frame
from unbroken.datasets.synthetic.cameras import Camera
from unbroken.datasets.synthetic.figures import JOINT, joints_of, radii_of, sizes_of
from unbroken.datasets.synthetic.people import Colour, Person
from unbroken.datasets.synthetic.scenery import Scenery, draw_scenery, light_at
from unbroken.datasets.synthetic.world import World

Points = NDArray[np.int32]

_SHIFT = 4
"""Bits behind the point of the coordinates that OpenCV draws with."""
_NEAREST = 0.6
_TURNS = np.linspace(-np.pi / 2, np.pi / 2, 7)
_HALF_CIRCLE = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)
_ROUND = np.arange(12) * np.pi / 6
_CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Figure:
    """One person as one camera sees him, ready to be drawn.

    Attributes:
        person: who.
        pixels: (24, 2) of the joints.
        radii: (24,) pixels.
        shown: (24,) bool, joints on this side of the walls.
        face: (2,) pixels, the middle of the face.
        turned: cosine between the heading and the way to the camera: 1 faces it.
        left_first: whether the left side is farther away.
        light: brightness where he stands.
        depth: metres.
    """

    person: Person
    pixels: Floats
    radii: Floats
    shown: NDArray[np.bool_]
    face: Floats
    turned: float
    left_first: bool
    light: float
    depth: float

    def at(self, name: str) -> tuple[Floats, float]:
        """Place and radius of a joint."""
        number = JOINT[name]
        return self.pixels[number], float(self.radii[number])


class Painter:
    """Paints the pictures of one camera. Any picture can be asked for, in any order."""

    def __init__(self, world: World, name: str, rng: np.random.Generator) -> None:
        """Draw the scenery and what the camera does to colours.

        Args:
            world: what is to be seen.
            name: of the camera.
            rng: draws colour cast and noise.
        """
        self.world, self.camera = world, world.camera(name)
        self.scenery: Scenery = draw_scenery(world.plan, self.camera)
        settings = world.settings
        self._gains = np.exp(rng.normal(0, settings.cast, 3)) * np.exp(rng.normal(0, settings.cast / 2))
        width, height = settings.size
        self._noise = rng.normal(0, settings.noise, (height + 64, width + 64, 3)).astype(np.int16)
        self._offsets: Ints = rng.integers(0, 64, (settings.frames, 2))

    def frame(self, index: int) -> Frame:
        """Picture number `index` with its time."""
        return Frame(self.camera.name, index, float(self.world.walks.times[index]), self.picture(index))

    def picture(self, index: int) -> Image:
        """Picture number `index`: (H, W, 3) BGR."""
        image = self.scenery.image.copy()
        figures = _figures(self.world, self.camera, index)
        for figure in figures:
            _shadow(image, self.scenery, figure, self.world.settings.shadow)
        for figure in figures:
            _draw(image, figure)
            _put_behind_furniture(image, self.scenery, figure)
        return self._as_seen(image, index)

    def silhouettes(self, index: int) -> dict[int, tuple[int, int]]:
        """Pixels that each person's figure covers in a picture, alone and as it is: by number of the person."""
        figures = _figures(self.world, self.camera, index)
        owners = np.zeros(self.scenery.floor.shape, dtype=np.int64)
        alone = {}
        for figure in figures:
            covered = np.zeros_like(self.scenery.image)
            _draw(covered, figure)
            mask = covered.max(axis=2) > 4
            alone[figure.person.number] = int(mask.sum())
            mask &= self.scenery.furniture >= figure.depth
            owners[mask] = figure.person.number
        return {person: (count, int((owners == person).sum())) for person, count in alone.items()}

    def _as_seen(self, image: Image, index: int) -> Image:
        """The picture through the camera's electronics: gains, a faint flicker, noise."""
        flicker = 1.0 + 0.004 * np.sin(0.7 * index)
        levels = np.arange(256)[:, None] * self._gains * flicker
        table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)[None]
        seen = np.asarray(cv2.LUT(image, table), dtype=np.uint8)
        if not self.world.settings.noise:
            return seen
        y, x = self._offsets[index]
        height, width = image.shape[:2]
        return np.asarray(cv2.add(seen, self._noise[y : y + height, x : x + width], dtype=cv2.CV_8U), dtype=np.uint8)


def _figures(world: World, camera: Camera, index: int) -> list[_Figure]:
    """Everybody in the hall at one instant, farthest first."""
    walks = world.walks
    people = np.flatnonzero(walks.areas[index] == camera.area)
    if not len(people):
        return []
    headings, phases, swings = (part[index, people] for part in (walks.headings, walks.phases, walks.swings))
    sizes, positions = sizes_of(world.people)[people], walks.positions[index, people]
    joints = joints_of(positions, np.stack([headings, phases, swings], axis=1), sizes)
    forward = np.stack([np.cos(headings), np.sin(headings), np.zeros(len(people))], axis=1) * sizes[:, :1]
    faces = joints[:, 0] + 0.03 * forward - np.array([0.0, 0.0, 0.02])
    pixels, depths = camera.project(np.concatenate([joints, faces[:, None]], axis=1))
    radii = camera.focal * radii_of(sizes) / np.maximum(depths[:, :-1], 0.05)
    shown = np.asarray(world.plan.areas[camera.area].holds(joints[..., :2]))
    away = camera.position[:2] - positions
    turned = (np.stack([np.cos(headings), np.sin(headings)], axis=1) * away).sum(axis=1) / np.hypot(*away.T)
    light = light_at(world.plan.areas[camera.area], positions[:, 0], positions[:, 1])
    return [
        _Figure(
            world.people[people[row]], pixels[row, :-1], radii[row], shown[row], pixels[row, -1],
            float(turned[row]), bool(depths[row, 10] > depths[row, 11]), float(light[row]), float(depths[row, 3]),
        )
        for row in np.argsort(-depths[:, 3])
        if depths[row].min() > _NEAREST
    ]  # fmt: skip


def _shadow(image: Image, scenery: Scenery, figure: _Figure, darkness: float) -> None:
    """A soft ellipse on the floor under the feet."""
    (left, _), (right, _) = figure.at("left_ankle"), figure.at("right_ankle")
    reach = 3.2 * figure.radii[JOINT["pelvis"]]
    centre = (left + right) / 2
    half = np.array([reach + abs(left[0] - right[0]) / 2, 0.42 * reach + abs(left[1] - right[1]) / 2])
    x0, y0 = np.maximum(centre - half, 0).astype(int)
    x1, y1 = np.minimum(centre + half, [image.shape[1], image.shape[0]]).astype(int)
    if x1 <= x0 or y1 <= y0 or not darkness:
        return
    dx = (np.arange(x0, x1) + 0.5 - centre[0]) / half[0]
    dy = (np.arange(y0, y1) + 0.5 - centre[1]) / half[1]
    fall = np.maximum(0.0, 1.0 - dx[None, :] ** 2 - dy[:, None] ** 2) ** 1.5 * scenery.floor[y0:y1, x0:x1]
    part = image[y0:y1, x0:x1]
    part[:] = (part * (1.0 - darkness * fall)[..., None]).astype(np.uint8)


def _put_behind_furniture(image: Image, scenery: Scenery, figure: _Figure) -> None:
    """Paint the scenery again where furniture stands before the figure."""
    low = np.floor((figure.pixels - figure.radii[:, None]).min(axis=0)).astype(int) - 2
    high = np.ceil((figure.pixels + figure.radii[:, None]).max(axis=0)).astype(int) + 2
    x0, y0, x1, y1 = max(low[0], 0), max(low[1], 0), max(high[0], 0), max(high[1], 0)
    before = scenery.furniture[y0:y1, x0:x1] < figure.depth
    if before.any():
        image[y0:y1, x0:x1][before] = scenery.image[y0:y1, x0:x1][before]


def _draw(image: Image, figure: _Figure) -> None:
    """The figure, part by part from back to front."""
    sides = ("left", "right") if figure.left_first else ("right", "left")
    person = figure.person
    _arm(image, figure, sides[0])
    if person.bag and figure.turned >= 0:
        _bag(image, figure, person.bag)
    for side in sides:
        _leg(image, figure, side)
    _torso(image, figure)
    if person.bag and figure.turned < 0:
        _bag(image, figure, person.bag)
    _arm(image, figure, sides[1])
    _head(image, figure)


def _leg(image: Image, figure: _Figure, side: str) -> None:
    person = figure.person
    blue, green, red = person.lower
    cloth = (blue // 2, green // 2, red // 2) if person.skirt else person.lower
    _limb(image, figure, (f"{side}_ankle", f"{side}_toe"), (38, 36, 34), 1.0)
    _limb(image, figure, (f"{side}_knee", f"{side}_ankle"), cloth, 1.0)
    _limb(image, figure, (f"{side}_hip", f"{side}_knee"), person.lower, 1.0)


def _arm(image: Image, figure: _Figure, side: str) -> None:
    hand, radius = figure.at(f"{side}_hand")
    if figure.shown[JOINT[f"{side}_hand"]]:
        _fill(image, hand + _CIRCLE * radius, _lit(figure.person.skin, figure.light))
    _limb(image, figure, (f"{side}_elbow", f"{side}_hand"), figure.person.upper, 0.85)
    _limb(image, figure, (f"{side}_shoulder", f"{side}_elbow"), figure.person.upper, 0.85)


def _torso(image: Image, figure: _Figure) -> None:
    """Shirt or coat with its pattern, and the seat of the trousers or a skirt."""
    person, light = figure.person, figure.light
    if not figure.shown[[JOINT["chest"], JOINT["pelvis"]]].all():
        return
    hips = [figure.at(name) for name in ("left_hip", "right_hip", "pelvis")]
    if person.skirt:
        knees = [figure.at(name) for name in ("left_knee", "right_knee")]
        hips += [(place * 0.85 + figure.at("pelvis")[0] * 0.15, radius * 1.25) for place, radius in knees]
    _fill(image, _hull(hips), _lit(person.lower, light * 0.95))
    trunk = [figure.at(name) for name in ("left_shoulder", "right_shoulder", "chest", "pelvis")]
    _fill(image, _hull(trunk), _lit(person.upper, light * 0.86))
    inner = [(place - np.array([0.18 * radius, 0.0]), radius * 0.82) for place, radius in trunk]
    _fill(image, _hull(inner), _lit(person.upper, light))
    if person.pattern != "plain":
        _pattern(image, figure)


def _pattern(image: Image, figure: _Figure) -> None:
    """Stripes around the trunk, one broad band, or an open jacket over a shirt of another colour."""
    left, right, hip_left, hip_right = (
        figure.at(name)[0] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    )
    chest, radius = figure.at("chest")
    colour = _lit(figure.person.accent, figure.light)
    if figure.person.pattern == "jacket":
        if figure.turned > 0.1:
            neck, low = figure.at("neck")[0], figure.at("pelvis")[0]
            lean = (figure.face - figure.at("head")[0]) * 0.8
            _fill(
                image, _capsule(neck * 0.75 + chest * 0.25 + lean, low + lean, (0.28 * radius, 0.34 * radius)), colour
            )
        return
    levels, thickness = ((0.3,), 0.34) if figure.person.pattern == "band" else ((0.12, 0.38, 0.64), 0.12)
    for level in levels:
        ends = left + (hip_left - left) * level, right + (hip_right - right) * level
        middle = (ends[0] + ends[1]) / 2
        reach = abs(ends[0][0] - ends[1][0]) / 2 + 0.75 * figure.at("left_shoulder")[1]
        wide = np.array([max(reach, 0.85 * radius) - thickness * radius, 0.0])
        _fill(image, _capsule(middle - wide, middle + wide, (thickness * radius, thickness * radius)), colour)


def _bag(image: Image, figure: _Figure, colour: Colour) -> None:
    (high, radius), (low, _) = figure.at("back"), figure.at("low_back")
    _fill(image, _capsule(high, low, (radius, radius * 0.9)), _lit(colour, figure.light * 0.9))


def _head(image: Image, figure: _Figure) -> None:
    """Neck, hair, and the face on the side to which the person looks."""
    person, light = figure.person, figure.light
    head, radius = figure.at("head")
    if not figure.shown[JOINT["head"]]:
        return
    _limb(image, figure, ("neck", "head"), person.skin, 0.8)
    tall = np.array([0.0, 0.14 * radius])
    _fill(image, _capsule(head - tall, head + tall, (0.9 * radius, 0.82 * radius)), _lit(person.hair, light))
    if figure.turned > -0.35:
        face = head * 0.25 + figure.face * 0.75 + [0, 0.2 * radius]
        _fill(image, _capsule(face - tall, face + tall, (0.62 * radius, 0.58 * radius)), _lit(person.skin, light))


def _limb(image: Image, figure: _Figure, ends: tuple[str, str], colour: Colour, width: float) -> None:
    """A tapered limb with rounded ends, lit from one side. Limbs that are through a door are not drawn."""
    if not figure.shown[[JOINT[ends[0]], JOINT[ends[1]]]].all():
        return
    (first, start), (last, end) = (figure.at(name) for name in ends)
    radii = (start * width, end * width)
    _fill(image, _capsule(first, last, radii), _lit(colour, figure.light * 0.8))
    if start > 2.5:
        aside = np.array([-0.22 * start, 0.0])
        _fill(
            image, _capsule(first + aside, last + aside, (radii[0] * 0.7, radii[1] * 0.7)), _lit(colour, figure.light)
        )


def _capsule(first: Floats, last: Floats, radii: tuple[float, float]) -> Floats:
    """The outline of two discs and what lies between them."""
    way = last - first
    length = float(np.hypot(way[0], way[1]))
    x, y = (way / length) if length > 1e-6 else (0.0, 1.0)
    turn = np.array([[x, y], [-y, x]])
    cap = _HALF_CIRCLE @ turn
    outline: Floats = np.concatenate([last + cap * radii[1], first - cap * radii[0]])
    return outline


def _hull(discs: list[tuple[Floats, float]]) -> Floats:
    """The convex outline around discs."""
    points = np.concatenate([place + _CIRCLE * radius for place, radius in discs]).astype(np.float32)
    return np.asarray(cv2.convexHull(points)[:, 0], dtype=np.float64)


def _fill(image: Image, outline: Floats, colour: tuple[float, float, float]) -> None:
    points: Points = np.rint((outline - 0.5) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(image, points, colour, cv2.LINE_AA, _SHIFT)


def _lit(colour: Colour, light: float) -> tuple[float, float, float]:
    blue, green, red = (min(255.0, channel * light) for channel in colour)
    return blue, green, red
