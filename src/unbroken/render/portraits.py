"""The best few pictures of each person in each camera, kept in a bounded room while a run goes on.

A picture is for people: it is good where somebody is alone, whole and large in it. How far the feature of a view can be
believed is another question, which `pipeline.quality` answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

import cv2
import numpy as np

from unbroken.core.arrays import Floats, Image
from unbroken.core.frames import Frame
from unbroken.core.ledger import NOBODY, Ledger
from unbroken.core.results import FrameResult
from unbroken.core.tracks import TrackState
from unbroken.geometry.boxes import areas, clipped, intersections
from unbroken.render.draw import blur_heads


@dataclass(frozen=True, slots=True)
class PortraitSettings:
    """Which pictures of people are kept.

    Attributes:
        per_camera: pictures of one person in one camera.
        height: pixels of a kept picture; smaller ones keep their size.
        blur: make heads unrecognisable.
        spacing: seconds between two pictures of one track.
        limit: pictures in memory at any time (about 5 kB each).
    """

    per_camera: int = 3
    height: int = 200
    blur: bool = False
    spacing: float = 1.0
    limit: int = 2000


@dataclass(frozen=True, slots=True)
class Portrait:
    """One kept picture.

    Attributes:
        camera: where it was taken.
        track: the camera's own id.
        time: seconds.
        quality: 0..1: large, sharp, not hidden, not cut off, well detected.
        jpeg: the picture.
        size: width and height in pixels.
    """

    camera: str
    track: int
    time: float
    quality: float
    jpeg: bytes
    size: tuple[int, int]


class Portraits:
    """Gathers portraits by track; whose they are is asked at the end (`Ledger`)."""

    def __init__(self, settings: PortraitSettings | None = None) -> None:
        self._settings = settings or PortraitSettings()
        self._kept: dict[tuple[str, int], list[Portrait]] = {}
        self._count = 0

    def note(self, frame: Frame, result: FrameResult, ledger: Ledger) -> None:
        """Take what is worth keeping from one picture."""
        if not frame.image.size or not len(result.tracks):
            return
        views = view_qualities(result.tracks.boxes, result.tracks.scores, frame.size)
        for row in np.flatnonzero(result.tracks.state == TrackState.CONFIRMED).tolist():
            key = (result.camera, int(result.tracks.ids[row]))
            if views[row] > self._needed(key, frame.time):
                self._keep(key, frame, result.tracks.boxes[row], float(views[row]))
        if self._count > self._settings.limit:
            self._prune(ledger)

    def _needed(self, key: tuple[str, int], time: float) -> float:
        """The quality that a view must beat: a quarter more than those near in time, and not much below the others."""
        kept = self._kept.get(key, [])
        near = [one.quality for one in kept if abs(time - one.time) < self._settings.spacing]
        if near:
            return 1.25 * max(near)
        return 0.7 * max((one.quality for one in kept), default=0.0)

    def _keep(self, key: tuple[str, int], frame: Frame, box: Floats, view: float) -> None:
        crop = cut_out(frame.image, box, blur=self._settings.blur)
        if min(crop.shape[:2]) < 8:
            return
        quality = view * sharpness(crop)
        if quality <= self._needed(key, frame.time):
            return
        before = self._kept.get(key, [])
        kept = [one for one in before if abs(frame.time - one.time) >= self._settings.spacing]
        kept.append(Portrait(*key, frame.time, quality, *encoded(crop, self._settings.height)))
        self._kept[key] = spread(kept, self._settings.per_camera)
        self._count += len(self._kept[key]) - len(before)

    def _prune(self, ledger: Ledger) -> None:
        """Keep the best of each person and camera, then the best of all."""
        best = [one for ones in self.by_person(ledger, keep_undecided=True).values() for one in ones]
        best.sort(key=attrgetter("quality"), reverse=True)
        self._kept = {}
        for portrait in best[: int(self._settings.limit * 0.8)]:
            self._kept.setdefault((portrait.camera, portrait.track), []).append(portrait)
        self._count = sum(map(len, self._kept.values()))

    def forget(self, ledger: Ledger) -> None:
        """Drop the portraits of people who have been forgotten."""
        self._kept = {key: kept for key, kept in self._kept.items() if not ledger.forgotten(*key)}
        self._count = sum(map(len, self._kept.values()))

    def by_person(self, ledger: Ledger, *, keep_undecided: bool = False) -> dict[int, list[Portrait]]:
        """The best portraits of each Global ID per camera, in the order of time; undecided tracks are -1 where kept."""
        grouped: dict[tuple[int, str], list[Portrait]] = {}
        for (camera, track), kept in self._kept.items():
            person = ledger.final(camera, track)
            if person != NOBODY or keep_undecided:
                grouped.setdefault((person, camera), []).extend(kept)
        result: dict[int, list[Portrait]] = {}
        for (person, _), portraits in sorted(grouped.items(), key=lambda one: (one[0][0], one[1][0].time)):
            count = len(portraits) if person == NOBODY else self._settings.per_camera
            best = sorted(portraits, key=attrgetter("quality"), reverse=True)[:count]
            result.setdefault(person, []).extend(sorted(best, key=attrgetter("time")))
        return result


def spread(portraits: list[Portrait], count: int) -> list[Portrait]:
    """At most `count` of them, far apart in time: of the two that are nearest to each other the worse one goes."""
    kept = sorted(portraits, key=attrgetter("time"))
    while len(kept) > count:
        if len(kept) == 2:
            return [max(kept, key=attrgetter("quality"))]
        gaps = [second.time - first.time for first, second in pairwise(kept)]
        place = gaps.index(min(gaps))
        kept.remove(min(kept[place : place + 2], key=attrgetter("quality")))
    return kept


def view_qualities(boxes: Floats, scores: Floats, size: tuple[int, int]) -> Floats:
    """(N,) in 0..1: how good a picture of each person can be, from boxes alone.

    The product of: detector score; height against 200 px; what other boxes leave free, squared; what lies inside of
    the picture, squared, and 0.6 for boxes that touch its edge.
    """
    whole = np.maximum(areas(boxes), 1.0)
    shared = intersections(boxes, boxes)
    np.fill_diagonal(shared, 0.0)
    free = 1 - np.minimum(shared.max(axis=1, initial=0.0) / whole, 1.0)
    inside = areas(clipped(boxes, size)) / whole
    width, height = size
    touches = (boxes[:, 0] <= 1) | (boxes[:, 1] <= 1) | (boxes[:, 2] >= width - 1) | (boxes[:, 3] >= height - 1)
    tall = np.minimum((boxes[:, 3] - boxes[:, 1]) / 200, 1.0)
    result: Floats = np.clip(scores, 0, 1) * tall * free**2 * inside**2 * np.where(touches, 0.6, 1.0)
    return result


def cut_out(image: Image, box: Floats, *, blur: bool = False) -> Image:
    """A copy of the picture inside of a box (4,), cut at the picture's edges."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = np.round(clipped(box[None], (width, height))[0]).astype(int).tolist()
    crop: Image = image[y1:y2, x1:x2].copy()
    if blur and crop.size:
        blur_heads(crop, (box - np.array([x1, y1, x1, y1], dtype=np.float64))[None])
    return crop


def sharpness(crop: Image) -> float:
    """0..1 from the variance of the Laplacian, 0.5 at 150: blurred by motion is low."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    variance = float(cv2.Laplacian(grey, cv2.CV_64F).var())
    return variance / (variance + 150.0)


def encoded(crop: Image, height: int) -> tuple[bytes, tuple[int, int]]:
    """A picture as JPEG, made smaller where it is higher than `height` pixels, and its size."""
    if crop.shape[0] > height:
        width = max(1, round(crop.shape[1] * height / crop.shape[0]))
        crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 82])
    return jpeg.tobytes(), (int(crop.shape[1]), int(crop.shape[0]))
