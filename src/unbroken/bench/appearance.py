"""`unbroken bench appearance`: who is told apart by looks alone, on crops cut from video by its ground truth.

Every person is cut out every so often where hardly anybody covers him. Each crop is a query; those of the same person
from the same moment (5 seconds around it) are left out of its gallery. One camera has no colour cast against itself,
so the same is asked across casts: the gallery as other cameras would have coloured it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from unbroken.app.nets import build_embedder
from unbroken.appearance.colour import ColourEmbedder
from unbroken.bench.detect import pairs
from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Features, Floats, Image, Ints
from unbroken.core.errors import ModelError
from unbroken.core.ports import Embedder
from unbroken.datasets.motchallenge import Rows, read_rows
from unbroken.geometry.boxes import areas, intersections
from unbroken.video.files import VideoFile

EVERY_SECONDS, APART_SECONDS = 1.5, 5.0
"""Seconds between crops of a person, and between a query and those of the same person that it may find."""

_CASTS = 4
_NETS = (
    "osnet_x0_25_msmt17",
    "person-reidentification-retail-0288",
    "person-reidentification-retail-0287",
    "person-reidentification-retail-0277",
)


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """People cut out of a video.

    Attributes:
        images: N crops.
        persons: (N,).
        times: (N,) seconds.
    """

    images: list[Image]
    persons: Ints
    times: Floats


def run(options: Options) -> Outcome:
    """Ask every embedder that this machine can run, on every video of the set."""
    notes = [
        f"Each crop is a query; its own person within {APART_SECONDS:g} s is left out of the gallery.",
        f"Across casts: the mean over {_CASTS} random gains and gammas per channel on the gallery.",
    ]
    embedders: dict[str, Embedder] = {"built-in": ColourEmbedder()}
    for name in _NETS[: 2 if options.quick else None]:
        try:
            embedders[name] = build_embedder(name, [options.models])
        except ModelError as error:
            notes.append(f"{name} is left out: {error}")
    rows = []
    for video, truth in pairs(options.data):
        crops = cut(video, read_rows(truth))
        notes.append(f"{video.stem}: {len(crops.images)} crops of {len(np.unique(crops.persons))} people.")
        rows += [(name, video.stem, *_asked(embedder, crops, options.seed)) for name, embedder in embedders.items()]
    columns = ("embedder", "video", "rank-1", "mAP", "rank-1 across casts", "mAP across casts", "ms a crop")
    return Outcome("appearance", columns, tuple(rows), {"every_s": EVERY_SECONDS}, options.seed, tuple(notes))


def cut(video: Path, truth: Rows) -> Crops:
    """The people of a video, every so often, where nobody else covers more than a seventh of them."""
    images: list[Image] = []
    persons: list[int] = []
    times: list[float] = []
    due = -np.inf
    source = VideoFile(video, video.stem)
    for number, frame in enumerate(source):
        if frame.time < due:
            continue
        due = frame.time + EVERY_SECONDS
        rows = np.flatnonzero((truth.frames == number + 1) & (truth.scores > 0))
        for row in rows[_clear(truth.boxes[rows], frame.size)]:
            left, top, right, bottom = np.round(truth.boxes[row]).astype(int)
            images.append(frame.image[top:bottom, left:right])
            persons.append(int(truth.ids[row]))
            times.append(frame.time)
    source.close()
    return Crops(images, np.array(persons, dtype=np.int64), np.array(times))


def retrieval(queries: Features, gallery: Features, persons: Ints, times: Floats) -> tuple[float, float]:
    """Rank-1 and mean average precision of each query against all others, its own moment left out.

    Row n of `queries` and of `gallery` show the same crop. Who is nowhere else is not asked for.
    """
    similarity = queries @ gallery.T
    same = persons[:, None] == persons
    moment = same & (np.abs(times[:, None] - times) <= APART_SECONDS)
    first, precision = [], []
    for row in np.flatnonzero((same & ~moment).any(axis=1)):
        open_ = np.flatnonzero(~moment[row])
        hits = same[row, open_[np.argsort(-similarity[row, open_], kind="stable")]]
        first.append(hits[0])
        precision.append((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())
    return (float(np.mean(first)), float(np.mean(precision))) if first else (0.0, 0.0)


def recoloured(image: Image, random: np.random.Generator) -> Image:
    """A crop as a camera of other gains per channel (0.7 to 1.3), gamma (0.8 to 1.25) and black level would give it."""
    gains, gamma, black = random.uniform(0.7, 1.3, 3), random.uniform(0.8, 1.25), random.uniform(-8, 12)
    levels = 255 * (np.arange(256)[:, None] / 255 * gains) ** gamma + black
    table = np.clip(levels, 0, 255).astype(np.uint8)
    return np.stack([table[image[..., channel], channel] for channel in range(3)], axis=2)


def _asked(embedder: Embedder, crops: Crops, seed: int) -> tuple[float, float, float, float, float]:
    start = perf_counter()
    features = embedder.embed(crops.images)
    seconds = [(perf_counter() - start) / max(len(crops.images), 1)]
    casts = []
    for cast in range(_CASTS):
        images = [recoloured(image, np.random.default_rng((seed, cast))) for image in crops.images]
        start = perf_counter()
        gallery = embedder.embed(images)
        seconds.append((perf_counter() - start) / max(len(images), 1))
        casts.append(retrieval(features, gallery, crops.persons, crops.times))
    rank, precision = np.mean(casts, axis=0)
    plain = retrieval(features, features, crops.persons, crops.times)
    return (*plain, float(rank), float(precision), 1000 * median(seconds))


def _clear(boxes: Floats, size: tuple[int, int]) -> Ints:
    """Which boxes lie in the picture and are hardly covered by another."""
    shared = intersections(boxes, boxes)
    np.fill_diagonal(shared, 0.0)
    free = shared.max(axis=1, initial=0.0) < areas(boxes) / 7
    inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= size).all(axis=1)
    large = (boxes[:, 2:] - boxes[:, :2] >= 2).all(axis=1)
    return np.flatnonzero(free & inside & large)
