"""A world without pictures: what detectors, Re-ID nets and trackers of stated quality would report of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from unbroken.core.arrays import Bools, Features, Floats, Ints, frozen
from unbroken.core.detections import Detections
from unbroken.core.errors import ConfigError
from unbroken.core.sightings import Sightings
from unbroken.datasets.synthetic.cameras import Camera
from unbroken.datasets.synthetic.world import CameraTruth, World, truth_of
from unbroken.geometry.boxes import clipped, iou
from unbroken.geometry.plane import GroundView, covariance_on_ground, ground_from_image

NOBODY = -1
"""The person of a false detection."""
LEAST_SEEN = 0.3
"""Share of a figure below which no detector finds it."""


@dataclass(frozen=True, slots=True)
class ObservationSettings:
    """How well the world is observed. The defaults are like a good detector, tracker and Re-ID net on indoor cameras.

    The shares of a feature are those of its expected square length; what is left of 1 is noise that each view draws
    anew. Two views have the expected cosine of the shares that they have in common. With the defaults: 0.60 the same
    and 0.24 different people in one camera, 0.46 and 0.16 in two, 0.72 within one track.

    Attributes:
        dimension: of the features.
        variety: in how many directions people differ; few make them look alike.
        blur: in how many directions the errors lie, the same ones first.
        common: share of a feature that everybody has.
        shift: share that everybody has in one camera: its colour cast.
        person: share that is the person's.
        angle: share of the person in one camera: the side from which it sees people.
        track: share of one passage through a view: pose, light.
        miss: chance to miss a fully visible person in a picture; hidden parts add to it.
        false: false tracks per camera and second, each a few seconds long.
        jitter: standard deviation of box edges and foot points, share of the box height.
        swap: chance per second that the tracks of two people who hide each other are exchanged.
        patience: seconds for which the tracker keeps a track without a detection.
        calibrated: whether the sightings have ground points.
    """

    dimension: int = 128
    variety: float = 11.0
    blur: float = 50.0
    common: float = 0.17
    shift: float = 0.08
    person: float = 0.32
    angle: float = 0.06
    track: float = 0.11
    miss: float = 0.05
    false: float = 0.004
    jitter: float = 0.02
    swap: float = 0.02
    patience: float = 1.5
    calibrated: bool = True

    def __post_init__(self) -> None:
        """Refuse shares and chances that are none."""
        for name in ("common", "shift", "person", "angle", "track", "miss"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} of the observations is {getattr(self, name)}; give a share from 0 to 1")
        if self.noise < 0:
            raise ConfigError(f"the shares of a feature sum to {1 - self.noise:.3f}; give shares that sum to at most 1")

    @property
    def noise(self) -> float:
        """The share of a feature that each view draws anew."""
        return 1.0 - self.common - self.shift - self.person - self.angle - self.track


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What one camera reports of one instant, and who it is in truth.

    Attributes:
        frame: the number of the instant, from 0.
        sightings: what goes to an identity manager: the tracks with a detection in this picture.
        persons: (S,) int, the true person of each row, `NOBODY` for false tracks.
        scores: (S,) of the detections.
    """

    frame: int
    sightings: Sightings
    persons: Ints
    scores: Floats

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        object.__setattr__(self, "persons", frozen(self.persons, np.int64, (-1,), "persons"))

    def detections(self) -> Detections:
        """The same rows as a detector with a Re-ID net would report them."""
        return Detections(self.sightings.boxes, self.scores, features=self.sightings.features)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """All rows of one camera before they are dealt out to pictures; `passage` numbers stays of people in the view."""

    frames: Ints
    persons: Ints
    tracks: Ints
    passage: Ints
    boxes: Floats
    feet: Floats
    visibility: Floats
    blend: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Looks:
    """What features are made of: (P, D) the people, (D,) what all have, (D,) scales of differences and of errors."""

    people: Floats
    common: Floats
    variety: Floats
    blur: Floats


def observe(world: World, settings: ObservationSettings, rng: np.random.Generator) -> list[tuple[Observation, ...]]:
    """What all cameras report, instant by instant: T tuples with one observation per camera, in the cameras' order.

    Args:
        world: the truth.
        settings: how well it is observed.
        rng: draws errors and features.
    """
    for_looks, *per_camera = rng.spawn(len(world.cameras) + 1)
    variety, blur = (_scale(count, settings.dimension) for count in (settings.variety, settings.blur))
    looks = _Looks(_drawn(variety, len(world.people), for_looks), np.eye(settings.dimension)[-1], variety, blur)
    streams = [
        _observed(world, camera, settings, (looks, generator))
        for camera, generator in zip(world.cameras, per_camera, strict=True)
    ]
    return list(zip(*streams, strict=True))


def _observed(
    world: World, camera: Camera, settings: ObservationSettings, chance: tuple[_Looks, np.random.Generator]
) -> list[Observation]:
    looks, rng = chance
    truth = truth_of(world, camera.name)
    people, ended = _followed(world, truth, settings, rng)
    false = _false_rows(world, camera, settings, (rng, int(people.tracks.max(initial=0))))
    for track, last in zip(*_lasts(false), strict=True):
        if last + 1 < world.settings.frames:
            ended[last + 1].append(int(track))
    rows = _joined(people, false)
    order = np.lexsort((rng.random(len(rows.frames)), rows.frames))
    rows = _Rows(*(getattr(rows, name)[order] for name in _Rows.__slots__))
    quality = rows.visibility * np.clip((rows.boxes[:, 3] - rows.boxes[:, 1]) / 110.0, 0.2, 1.0)
    features = _features(rows, quality, settings, (looks, rng))
    ground, covariance = _ground(camera, rows, settings)
    scores = np.clip(0.35 + 0.6 * rows.visibility + rng.normal(0, 0.05, len(quality)), 0.1, 0.99)
    starts = np.searchsorted(rows.frames, np.arange(world.settings.frames + 1))
    stream = []
    for frame, time in enumerate(world.walks.times):
        part = slice(starts[frame], starts[frame + 1])
        sightings = Sightings(
            camera.name, float(time), rows.tracks[part], rows.boxes[part], ground[part], covariance[part],
            features[part], quality[part], np.array(ended[frame], dtype=np.int64),
        )  # fmt: skip
        stream.append(Observation(frame, sightings, rows.persons[part], scores[part]))
    return stream


def _followed(
    world: World, truth: CameraTruth, settings: ObservationSettings, rng: np.random.Generator
) -> tuple[_Rows, list[list[int]]]:
    """The rows of people with the track ids of a tracker of the stated quality, and the ids ended at each picture."""
    height = truth.boxes[:, 3] - truth.boxes[:, 1]
    chance = (1 - settings.miss) * np.clip((truth.visibility - 0.15) / 0.5, 0, 1)
    detected = (rng.random(len(height)) < chance) & (truth.visibility >= LEAST_SEEN)
    noise = settings.jitter * height[:, None] * rng.normal(size=(len(height), 6))
    boxes = clipped(truth.boxes + noise[:, :4], world.camera(truth.camera).size)
    boxes = np.concatenate([boxes[:, :2], np.maximum(boxes[:, 2:], boxes[:, :2] + 1.0)], axis=1)
    pixels, _ = world.camera(truth.camera).project(np.column_stack([truth.ground, np.zeros(len(height))]))
    hidden = np.where(truth.visible[:, 3] < truth.boxes[:, 3] - 0.15 * height, 4.0, 1.0)
    tracks, passage, ended = _track_ids(world, truth, detected, (settings, rng))
    blend = _blended(truth)
    kept = detected
    rows = _Rows(
        truth.frames[kept], truth.persons[kept], tracks[kept], passage[kept], boxes[kept],
        np.column_stack([pixels + noise[:, 4:] * hidden[:, None], settings.jitter * height * hidden])[kept],
        truth.visibility[kept], blend[kept],
    )  # fmt: skip
    return rows, ended


def _track_ids(
    world: World, truth: CameraTruth, detected: Bools, chance: tuple[ObservationSettings, np.random.Generator]
) -> tuple[Ints, Ints, list[list[int]]]:
    """Track id and passage of each row of the truth (0 where it is not detected), and the ids ended per picture."""
    settings, rng = chance
    tracks, passage = np.zeros(len(detected), dtype=np.int64), np.zeros(len(detected), dtype=np.int64)
    ended: list[list[int]] = [[] for _ in range(world.settings.frames)]
    holder: dict[int, tuple[int, int, int]] = {}
    issued = 0
    for frame in range(world.settings.frames):
        for person, (track, _, last) in list(holder.items()):
            if (frame - last) / world.settings.rate > settings.patience:
                ended[frame].append(track)
                del holder[person]
        for row in range(truth.starts[frame], truth.starts[frame + 1]):
            person = int(truth.persons[row])
            if detected[row]:
                if person not in holder:
                    issued += 1
                    holder[person] = (issued, issued, frame)
                holder[person] = (*holder[person][:2], frame)
                tracks[row], passage[row] = holder[person][:2]
        for first, second in _tangled(truth, detected, frame):
            if rng.random() < settings.swap / world.settings.rate:
                one, other = holder[first], holder[second]
                holder[first], holder[second] = (other[0], *one[1:]), (one[0], *other[1:])
    return tracks, passage, ended


def _tangled(truth: CameraTruth, detected: Bools, frame: int) -> list[tuple[int, int]]:
    """Pairs of detected people of a picture whose boxes overlap by more than a third."""
    rows = np.arange(truth.starts[frame], truth.starts[frame + 1])
    rows = rows[detected[rows]]
    if len(rows) < 2:
        return []
    close = np.triu(iou(truth.boxes[rows], truth.boxes[rows]), 1) > 0.33
    return [(int(truth.persons[rows[a]]), int(truth.persons[rows[b]])) for a, b in zip(*np.nonzero(close), strict=True)]


def _blended(truth: CameraTruth) -> Ints:
    """The person (from 1) who hides each row most, 0 where nobody does: the crop shows him too."""
    blend = np.zeros(len(truth.frames), dtype=np.int64)
    for first, last in pairwise(truth.starts):
        if last - first > 1:
            overlap = np.tril(iou(truth.boxes[first:last], truth.boxes[first:last]), -1)
            most = overlap.argmax(axis=1)
            hidden = overlap[np.arange(last - first), most] > 0.15
            blend[first:last] = np.where(hidden, truth.persons[first:last][most], 0)
    return blend


def _false_rows(
    world: World, camera: Camera, settings: ObservationSettings, chance: tuple[np.random.Generator, int]
) -> _Rows:
    """False tracks: things that a detector takes for people for one to four seconds."""
    rng, issued = chance
    count = int(rng.poisson(settings.false * world.settings.seconds))
    width, height = camera.size
    frames, tracks, boxes = [], [], []
    for number in range(count):
        start = int(rng.integers(world.settings.frames))
        length = max(1, int(rng.uniform(1.0, 4.0) * world.settings.rate))
        tall = rng.uniform(40, 160)
        left, top = rng.uniform(0, width - tall * 0.4), rng.uniform(0, max(1.0, height - tall))
        span = np.arange(start, min(start + length, world.settings.frames))
        still = np.tile([left, top, left + tall * 0.4, top + tall], (len(span), 1))
        frames.append(span)
        tracks.append(np.full(len(span), issued + 1 + number))
        boxes.append(clipped(still + rng.normal(0, 1.5, still.shape), camera.size))
    return _assembled(frames, tracks, boxes)


def _assembled(frames: Sequence[Ints], tracks: Sequence[Ints], boxes: Sequence[Floats]) -> _Rows:
    frame = np.concatenate([np.zeros(0, dtype=np.int64), *frames])
    track = np.concatenate([np.zeros(0, dtype=np.int64), *tracks])
    box = np.concatenate([np.zeros((0, 4)), *boxes])
    feet = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3], 0.1 * (box[:, 3] - box[:, 1])])
    count = len(frame)
    nobody = np.full(count, NOBODY)
    empty = np.zeros(count, dtype=np.int64)
    return _Rows(frame, nobody, track, track, box, feet, np.full(count, 0.6), empty)


def _joined(first: _Rows, second: _Rows) -> _Rows:
    return _Rows(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in _Rows.__slots__))


def _lasts(rows: _Rows) -> tuple[Ints, Ints]:
    """The tracks of false rows and the last picture of each."""
    tracks = np.unique(rows.tracks)
    return tracks, np.array([rows.frames[rows.tracks == track].max() for track in tracks], dtype=np.int64)


def _scale(directions: float, dimension: int) -> Floats:
    """(D,) standard deviations along the axes of feature space: they decay so that about so many directions count.

    For variances exp(-2 i / n) the participation ratio (sum v)^2 / sum v^2 tends to n. The last axis stays free for
    what all features have in common.
    """
    variances = np.exp(-2.0 * np.arange(dimension) / directions)
    variances[-1] = 0.0
    scale: Floats = np.sqrt(variances / variances.sum())
    return scale


def _drawn(scale: Floats, count: int, rng: np.random.Generator) -> Floats:
    """(count, D) unit vectors around zero."""
    drawn = rng.normal(size=(count, len(scale))) * scale
    if count > 2:
        drawn -= drawn.mean(axis=0)
    unit: Floats = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def _features(
    rows: _Rows, quality: Floats, settings: ObservationSettings, chance: tuple[_Looks, np.random.Generator]
) -> Features:
    """(R, D) unit rows."""
    looks, rng = chance
    count, dimension = len(rows.frames), len(looks.common)
    shift, gain = _drawn(looks.blur, 1, rng)[0], np.exp(rng.normal(0, 0.1, dimension))
    angles = _drawn(looks.variety, len(looks.people), rng)
    passages = _drawn(looks.blur, int(rows.passage.max(initial=0)) + 3, rng)
    strangers = _drawn(looks.variety, len(passages), rng)
    known = rows.persons > 0
    person = np.where(known[:, None], looks.people[rows.persons - 1], strangers[rows.passage])
    hidden = np.where(rows.blend > 0, 0.5 * (1 - rows.visibility), 0.0)[:, None]
    person = np.sqrt(1 - hidden) * person + np.sqrt(hidden) * looks.people[rows.blend - 1]
    angle = np.where(known[:, None], angles[rows.persons - 1], 0.0)
    noise = _drawn(looks.blur, count, rng) * (1.0 + 0.3 * (1 - quality))[:, None]
    parts = (
        (settings.common, looks.common), (settings.shift, shift), (settings.person, person),
        (settings.angle, angle), (settings.track, passages[rows.passage]), (settings.noise, noise),
    )  # fmt: skip
    mixed = sum((np.sqrt(share) * part for share, part in parts), np.zeros((count, dimension))) * gain
    unit: Features = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _ground(camera: Camera, rows: _Rows, settings: ObservationSettings) -> tuple[Floats, Floats]:
    """Ground points (R, 2) of the noisy foot points, and their covariance (R, 2, 2) by the homography's Jacobian."""
    count = len(rows.frames)
    if not settings.calibrated:
        return np.full((count, 2), np.nan), np.full((count, 2, 2), np.nan)
    view = GroundView.from_homography(camera.ground_from_image, camera.size)
    pixels, deviations = rows.feet[:, :2], np.repeat(rows.feet[:, 2:], 2, axis=1)
    return ground_from_image(view, pixels), covariance_on_ground(view, pixels, deviations)
