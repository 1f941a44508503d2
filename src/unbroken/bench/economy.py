"""`unbroken bench economy`: what each saving spares, and what it costs in accuracy, alone and together.

A set is a folder of videos and truth files, paired as in `bench.detect`. The whole chain runs on each video: detector,
Re-ID, tracker, Global IDs. All settings go through the video together, picture by picture in turn, in one process with
one thread, so that they see the same machine; the video is decoded once for all of them, and decoding is not timed.

The baseline detects in every picture and computes a feature of every box that is not too doubtful (score >= 0.5); the
ratio of each row to it is the median over five stretches of the video, of processor time for detection, Re-ID and
tracking, and beside it of all the time that passed, Global IDs included. Every picture is scored, also those without
detection.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import cv2
import numpy as np

from unbroken.app.nets import build_detector, build_embedder
from unbroken.bench.detect import pairs
from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Ints
from unbroken.core.frames import Frame
from unbroken.core.ports import Detector, Embedder
from unbroken.core.results import FrameResult
from unbroken.datasets.motchallenge import Rows, read_rows, write_rows
from unbroken.detection.selection import DetectorSettings
from unbroken.evaluation.pairing import Trajectories, pair
from unbroken.evaluation.report import score
from unbroken.identity.policies import by_name as identity_by_name
from unbroken.pipeline.camera import Camera, Economy
from unbroken.pipeline.schedule import Schedule
from unbroken.pipeline.site import Site
from unbroken.tracking.registry import DEFAULT
from unbroken.tracking.registry import by_name as tracker_by_name
from unbroken.video.files import VideoFile

DETECTOR, SIZE, SCORE = "rtmdet_nano", 416, 0.1
EMBEDDER = "person-reidentification-retail-0288"
STRETCHES = 5
"""The parts of a video whose ratios are compared."""

BASELINE = Economy(every=1, early_rejection=2.0, unambiguous=0.0, feature_cache=1)
"""Everything is computed."""

SAVINGS: Mapping[str, Mapping[str, float | int]] = {
    "detect every 2nd frame": {"every": 2},
    "detect every 3rd frame": {"every": 3},
    "detect every 5th frame": {"every": 5},
    "early rejection": {"early_rejection": 0.95},
    "no Re-ID of the unambiguous": {"unambiguous": 0.2},
    "cached features": {"feature_cache": 5},
}
"""Each saving alone."""

_REID: Mapping[str, float | int] = {"early_rejection": 0.95, "unambiguous": 0.2, "feature_cache": 5, "refresh": 2.0}
TOGETHER: Mapping[str, Mapping[str, float | int]] = {
    "all for Re-ID": _REID,
    "together, every 2nd frame": {"every": 2, **_REID},
    "together, every 3rd frame": {"every": 3, **_REID},
}
"""Several savings at once."""

_QUICK = 200
_WARM = 5
_COLUMNS = (
    "setting", "video", "times the baseline", "with Global IDs, by the clock", "ms a frame", "HOTA", "HOTA lost",
    "IDF1", "IDF1 of Global IDs", "detector runs", "features computed", "features spared",
)  # fmt: skip


@dataclass(slots=True)
class _Lane:
    """A setting on its way through a video."""

    name: str
    site: Site
    results: list[FrameResult] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    passed: list[float] = field(default_factory=list)

    def watch(self, frame: Frame) -> None:
        """Take in one picture, and how long that took."""
        start = perf_counter()
        (result,), _ = self.site.step([frame])
        self.passed.append(perf_counter() - start)
        self.seconds.append(sum(result.timings[step] for step in ("detect", "embed", "track")))
        self.results.append(result)


def run(options: Options) -> Outcome:
    """Measure every saving on every video of the set."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        detector = build_detector(DETECTOR, [options.models], DetectorSettings(score=SCORE, size=SIZE))
        embedder = build_embedder(EMBEDDER, [options.models])
        rows: list[tuple[str | float | int, ...]] = []
        for video, truth in pairs(options.data):
            rows += _video_rows(_walked(video, _lanes(video, detector, embedder), options), truth, options)
    finally:
        cv2.setNumThreads(threads)
    settings = {
        "detector": detector.description,
        "embedder": embedder.description,
        "tracker": DEFAULT,
        "baseline": str(BASELINE),
        "quick": options.quick,
    }
    notes = (
        f"{DETECTOR} at {SIZE}, {EMBEDDER}, tracker {DEFAULT}; one thread; all settings in turn on each picture.",
        f"Ratios: medians over {STRETCHES} stretches; processor time of detect + Re-ID + track; no decoding.",
        "HOTA and IDF1 of the camera's own tracks over all pictures, also those without detection.",
    )
    return Outcome("economy", _COLUMNS, tuple(rows), settings, options.seed, notes)


def settings_of_rows(cost: float) -> dict[str, Economy]:
    """What is compared, by name; the baseline first.

    Args:
        cost: seconds of one detection on this machine; the budgets are shares of it.
    """
    savings = {name: replace(BASELINE, **changes) for name, changes in {**SAVINGS, **TOGETHER}.items()}  # type: ignore[arg-type]
    half, third = (Schedule(budget=cost / share) for share in (2, 3))
    return {
        "baseline": BASELINE,
        **savings,
        "budget of a detection per 2 frames": replace(BASELINE, schedule=half),
        "budget of a detection per 3 frames": replace(BASELINE, schedule=third),
        "together, budget per 2 frames": replace(savings["all for Re-ID"], schedule=half),
        "together, budget per 3 frames": replace(savings["all for Re-ID"], schedule=third),
    }


def _cost(detector: Detector, video: Path) -> float:
    """Seconds of processor time for one detection, once the net is warm: the median of the first pictures."""
    source, seconds = VideoFile(video, video.stem), []
    for frame in itertools.islice(source, 2 * _WARM):
        start = process_time()
        detector.detect([frame])
        seconds.append(process_time() - start)
    source.close()
    return median(seconds[_WARM:])


def _lanes(video: Path, detector: Detector, embedder: Embedder) -> list[_Lane]:
    camera, cost, lanes = video.stem, _cost(detector, video), []
    for name, economy in settings_of_rows(cost).items():
        cameras = {camera: Camera(camera, tracker_by_name(), economy)}
        lanes.append(_Lane(name, Site(cameras, {camera: detector}, embedder, identity_by_name(), process_time)))
    return lanes


def _walked(video: Path, lanes: list[_Lane], options: Options) -> list[_Lane]:
    """The lanes after the video."""
    source = VideoFile(video, video.stem)
    for number, frame in enumerate(source):
        if options.quick and number >= _QUICK:
            break
        for lane in lanes:
            lane.watch(frame)
    source.close()
    return lanes


def _video_rows(lanes: list[_Lane], truth: Path, options: Options) -> Iterator[tuple[str | float | int, ...]]:
    people = _true_people(read_rows(truth), len(lanes[0].results))
    best = 0.0
    for number, lane in enumerate(lanes):
        local, named = answers(lane.results)
        summary, whole = score(pair(people, local)).summary(), score(pair(people, named)).summary()
        best = summary["HOTA"] if number == 0 else best
        work: Counter[str] = Counter()
        for result in lane.results:
            work.update(result.work)
        video = lane.results[0].camera
        yield (
            lane.name,
            video,
            _ratio(lanes[0].seconds, lane.seconds),
            _ratio(lanes[0].passed, lane.passed),
            1000 * sum(lane.seconds) / len(lane.seconds),
            100 * summary["HOTA"],
            100 * (best - summary["HOTA"]),
            100 * summary["IDF1"],
            100 * whole["IDF1"],
            work["detector runs"],
            work["features computed"],
            sum(work[name] for name in work if name.startswith("features not") and not name.endswith("low score")),
        )
        if options.output:
            folder = options.output / lane.name.replace(",", "").replace(" ", "_")
            for suffix, rows in (("", named), (".local", local)):
                write_rows(folder / f"{video}{suffix}.txt", _as_rows(rows))


def answers(results: list[FrameResult]) -> tuple[Trajectories, Trajectories]:
    """What was answered for all pictures: with the camera's own ids, and with Global IDs for those that have one."""
    numbers = np.repeat([result.index + 1 for result in results], [len(result.tracks) for result in results])
    ids = np.concatenate([result.tracks.ids for result in results])
    persons: Ints = np.concatenate([result.identities.persons for result in results])
    boxes = np.concatenate([result.tracks.boxes for result in results])
    known = persons > 0
    return Trajectories(numbers, ids, boxes), Trajectories(numbers[known], persons[known], boxes[known])


def _ratio(baseline: list[float], other: list[float]) -> float:
    """How many times faster than the baseline: the median over the stretches of the video."""
    stretches = zip(np.array_split(baseline, STRETCHES), np.array_split(other, STRETCHES), strict=True)
    return median(float(slow.sum() / fast.sum()) for slow, fast in stretches)


def _true_people(rows: Rows, pictures: int) -> Trajectories:
    counted = rows.select(np.flatnonzero((rows.scores > 0) & (rows.frames <= pictures)))
    return Trajectories(counted.frames, counted.ids, counted.boxes)


def _as_rows(found: Trajectories) -> Rows:
    return Rows(found.frames, found.ids, found.places, np.ones(len(found)), np.zeros((len(found), 0)))
