"""The built-in detector: people as what moves before a fixed camera. It needs no weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from unbroken.core.arrays import Floats, Image
from unbroken.core.detections import Detections
from unbroken.core.frames import Frame
from unbroken.detection.background import SOLID, Background, BackgroundSettings
from unbroken.detection.perspective import Perspective, PerspectiveLearner
from unbroken.detection.selection import EVERYTHING, Candidates, DetectorSettings, kept
from unbroken.detection.silhouettes import Silhouette, people_in, presence, silhouettes
from unbroken.geometry.boxes import clipped

_GHOST, _STANDING_GHOST = 0.42, 0.5
"""What is less present than this is a ghost; who stands still must be surely there, for ghosts do not move."""


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """How the motion detector works.

    Attributes:
        working_pixels: greater pictures are scaled down to this many pixels.
        least_height: of a person, as a part of the picture's height.
        least_score: people with lower scores are left out.
        background: how the background is learnt.
    """

    working_pixels: int = 172_800
    least_height: float = 0.04
    least_score: float = 0.05
    background: BackgroundSettings = field(default_factory=BackgroundSettings)


class MotionDetector:
    """Finds people by background subtraction, one background per camera, for cameras that stand still.

    Scores say how much a silhouette looks like one person: its height against what the perspective of this camera
    predicts, how full and how wide it is, and whether its outline is really in the picture. Groups are taken apart
    with people of the expected size. See `background`, `perspective` and `silhouettes` for the ideas and sources.
    """

    def __init__(self, settings: MotionSettings | None = None, wanted: DetectorSettings | None = None) -> None:
        """Know no camera yet; `wanted` says what is reported of what is found, as for nets."""
        self._settings = settings or MotionSettings()
        self._wanted = wanted or EVERYTHING
        self._cameras: dict[str, _Camera] = {}

    @property
    def description(self) -> str:
        """What it is, for the report."""
        return f"built-in motion detector (background, perspective; no weights), OpenCV {cv2.__version__}"

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """The people in each frame. Frames of one camera must come in the order of time.

        A frame without pixels has nobody in it. A picture of another size starts a camera anew.
        """
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: Frame) -> Detections:
        width, height = frame.size
        if width < 8 or height < 8:
            return Detections.empty()
        scale = min(math.sqrt(self._settings.working_pixels / (width * height)), 1.0)
        size = (max(round(width * scale), 8), max(round(height * scale), 8))
        camera = self._cameras.get(frame.camera)
        if camera is None or camera.size != size:
            camera = self._cameras[frame.camera] = _Camera(size, self._settings)
        small = frame.image if size == (width, height) else cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
        found = camera.people(small, frame.time)
        boxes = clipped(found[:, :4] * np.array([width / size[0], height / size[1]] * 2), (width, height))
        least = max(self._settings.least_score, self._wanted.score)
        good = (found[:, 4] >= least) & (boxes[:, 2:] - boxes[:, :2] > 1).all(axis=1)
        people = np.zeros(int(good.sum()), dtype=np.int64)
        return kept(Candidates(boxes[good], np.clip(found[good, 4], 0.0, 1.0), people), (width, height), self._wanted)


class _Camera:
    """What is known of one camera at one size."""

    def __init__(self, size: tuple[int, int], settings: MotionSettings) -> None:
        self.size = size
        self._least_height = settings.least_height * size[1]
        self._background = Background(settings.background)
        self._perspective = PerspectiveLearner(size[1])

    def people(self, image: Image, time: float) -> Floats:
        """(N, 5): corners and scores, in pixels of the working picture."""
        evidence = self._background.observe(cv2.GaussianBlur(image, (3, 3), 0), time)
        ghosts = np.zeros_like(evidence)
        held = np.zeros_like(evidence)
        found = [np.zeros((0, 5))]
        for piece in silhouettes(evidence, self._least_height):
            real = presence(piece, *self._background.luma)
            standing = piece.mean(self._background.lasting) > 0.7 * SOLID
            if real < (_STANDING_GHOST if standing else _GHOST):
                ghosts[piece.window] |= piece.inside
            elif piece.inside.shape[0] > 1.6 * self._least_height:
                held[piece.window] |= piece.inside
            people = self._read(piece, clear=real > 0.55 and not standing)
            people[:, 4] *= np.clip((real - 0.3) / 0.25, 0.05, 1.0)
            found.append(people)
        people = np.concatenate(found)
        self._background.learn(_cover(people, held), cv2.dilate(ghosts, np.ones((5, 5), np.uint8)))
        return people

    def _read(self, piece: Silhouette, *, clear: bool) -> Floats:
        """The people of a silhouette, (N, 5); one who walks alone, clear and whole teaches the perspective."""
        box = piece.trimmed()
        width, height = box[2:] - box[:2]
        fullness = piece.fullness(box)
        known = self._perspective.known
        expected = known.height(box[3]) if known else height
        alone = height > 0.6 * expected and 0.2 < width / height < 0.55
        if piece.whole and clear and fullness > 0.4 and alone and height > 1.6 * self._least_height:
            self._perspective.add(box[3], height, width)
        if known is None:
            upright = height > self._least_height and 0.2 < width / height < 0.75
            return np.array([[*box, 0.4 * fullness]]) if upright else np.zeros((0, 5))
        if 0.75 < height / expected < 1.3 and 0.4 < width / (known.aspect * expected) < 1.5:
            return _one_person(box, fullness, known)
        if height > 1.7 * expected and alone:
            return np.array([[*box, 0.4 * fullness]])
        people = people_in(piece, known, least_height=self._least_height)
        return people if len(people) or not alone else np.array([[*box, 0.4 * fullness]])


def _one_person(box: Floats, fullness: float, perspective: Perspective) -> Floats:
    """The box half way between what is seen and what is expected, (1, 5) with its score."""
    width, height = box[2:] - box[:2]
    expected = perspective.height(box[3])
    slim = perspective.aspect * expected
    score = math.exp(-1.5 * abs(math.log(height / expected))) * min(fullness / 0.55, 1) * min(width / (0.8 * slim), 1)
    centre, half, tall = (box[0] + box[2]) / 2, (width + slim) / 4, (height + expected) / 2
    return np.array([[centre - half, box[3] - tall, centre + half, box[3], score]])


def _cover(people: Floats, held: Image) -> Image:
    """(H, W), not 0 in and closely around the boxes and where `held` is not 0."""
    cover: Image = cv2.dilate(held, np.ones((5, 5), np.uint8))
    size = people[:, 2:4] - people[:, :2]
    corners = np.concatenate([people[:, :2] - size * [0.2, 0.1], people[:, 2:4] + size * [0.2, 0.1]], axis=1)
    for left, top, right, bottom in np.maximum(corners, 0).astype(int):
        cover[top:bottom, left:right] = 255
    return cover
