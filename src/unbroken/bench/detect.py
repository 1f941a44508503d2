"""`unbroken bench detect`: detectors on real video with ground truth, accuracy and time.

A set is a folder of videos and truth files: `NAME_gt.txt` (MOTChallenge, frame 1 is the first picture) belongs to the
video whose name starts with `NAME`. Accuracy is counted on every fifth picture; detectors that learn while they watch
see all of them. All detectors take turns on the same pictures in one process, one thread, and their time is given as
a ratio to plain background subtraction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import cv2
import numpy as np

from unbroken.app.nets import build_detector
from unbroken.bench.outcome import Options, Outcome
from unbroken.core.arrays import Floats
from unbroken.core.detections import Detections
from unbroken.core.errors import ConfigError, ModelError
from unbroken.core.frames import Frame
from unbroken.core.ports import Detector
from unbroken.datasets.motchallenge import Rows, read_rows, write_rows
from unbroken.detection.motion_detector import MotionDetector
from unbroken.detection.selection import DetectorSettings
from unbroken.evaluation.detection import detection_scores
from unbroken.video.files import VIDEOS, VideoFile

STEP = 5
"""Every so many pictures are scored."""

_QUICK = 300
_NETS = (("rtmdet_nano", 320), ("rtmdet_nano", 416), ("yolox_nano", 416), ("person-detection-0200", 256))
_HOG: Any = getattr(cv2, "HOGDescriptor", None)  # OpenCV 5 has moved it out of the main modules
_BASELINE = "plain background subtraction"
_COLUMNS = ("detector", "video", "AP", "F1", "precision", "recall", "ms", "times the baseline")
_PUBLISHED: tuple[tuple[str, str, float, float | str, str, str, float, str], ...] = (
    ("HOG of OpenCV (published)", "vtest", 0.48, "-", "-", "-", 511.0, "-"),
    ("SSDLite (published)", "vtest", 0.56, "-", "-", "-", 50.0, "-"),
    ("20-line background subtraction (published)", "vtest", 0.62, 0.76, "-", "-", 3.0, "-"),
    ("RTMDet-nano 320 (published)", "vtest", 0.926, "-", "-", "-", 7.0, "-"),
    ("RTMDet-nano 416 (published)", "vtest", 0.935, "-", "-", "-", 10.0, "-"),
)


@dataclass(slots=True)
class _Lane:
    """A detector on its way through a video."""

    name: str
    detector: Detector
    every: int
    found: dict[int, Detections] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)

    def watch(self, number: int, frame: Frame) -> None:
        """Detect in the frame with this number, from 0, if it is due."""
        if number % self.every == 0:
            start = perf_counter()
            self.found[number] = self.detector.detect([frame])[0]
            self.seconds[number] = perf_counter() - start


def run(options: Options) -> Outcome:
    """Measure every detector that this machine can run on every video of the set."""
    notes = ["Times are medians per picture, all detectors in turn on each picture; OpenCV with one thread."]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        rows = [row for video, truth in pairs(options.data) for row in _video_rows(video, truth, options, notes)]
    finally:
        cv2.setNumThreads(threads)
    settings = {"iou": 0.5, "every": STEP, "quick": options.quick}
    return Outcome("detect", _COLUMNS, (*rows, *_PUBLISHED), settings, options.seed, tuple(dict.fromkeys(notes)))


def pairs(folder: Path) -> list[tuple[Path, Path]]:
    """The videos of a folder that have a truth file, with it: `NAME_gt.txt` belongs to the video `NAME*`.

    Raises:
        ConfigError: there is none.
    """
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEOS)
    truths = sorted(folder.glob("*_gt.txt"), key=lambda path: -len(path.stem))
    found = []
    for video in videos:
        truth = next((path for path in truths if video.stem.startswith(path.stem.removesuffix("_gt"))), None)
        if truth:
            found.append((video, truth))
    if not found:
        raise ConfigError(f"{folder}: no video has a truth file; put NAME_gt.txt beside NAME.mp4")
    return found


class PlainSubtraction:
    """The baseline: OpenCV's mixture of Gaussians, opened, closed, upright blobs by size."""

    def __init__(self) -> None:
        """Start with an empty background."""
        self._model = cv2.createBackgroundSubtractorMOG2(history=500, varThreshold=16, detectShadows=True)

    @property
    def description(self) -> str:
        """What it is, for the report."""
        return "cv2 MOG2, 20 lines"

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """The upright blobs of each frame."""
        return [self._blobs(frame) for frame in frames]

    def _blobs(self, frame: Frame) -> Detections:
        mask = cv2.compare(self._model.apply(frame.image), 200, cv2.CMP_GT)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((7, 3), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        blobs = stats[1:].astype(np.float64)
        blobs = blobs[(blobs[:, 4] > 100) & (blobs[:, 3] > blobs[:, 2])]
        boxes = np.column_stack([blobs[:, :2], blobs[:, :2] + blobs[:, 2:4]])
        return Detections(boxes, np.minimum(blobs[:, 4] / 2000, 1.0))


class _Hog:
    """OpenCV's own pedestrian detector, where the OpenCV has it."""

    def __init__(self) -> None:
        self._hog = _HOG()
        self._hog.setSVMDetector(_HOG.getDefaultPeopleDetector())

    @property
    def description(self) -> str:
        return "cv2.HOGDescriptor, default people detector"

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._people(frame) for frame in frames]

    def _people(self, frame: Frame) -> Detections:
        double = cv2.resize(frame.image, None, fx=2, fy=2)
        found, weights = self._hog.detectMultiScale(double, winStride=(8, 8), scale=1.05)
        if not len(found):
            return Detections.empty()
        boxes = np.asarray(found, dtype=np.float64) / 2
        scores = 1 / (1 + np.exp(-np.asarray(weights, dtype=np.float64).ravel()))
        return Detections(np.column_stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]), scores)


def _lanes(options: Options, notes: list[str]) -> list[_Lane]:
    """The detectors, each fresh; what cannot run here is noted."""
    makers: Mapping[str, tuple[int, Callable[[], Detector]]] = {
        _BASELINE: (1, PlainSubtraction),
        "built-in": (1, MotionDetector),
    }
    lanes = [_Lane(name, make(), every) for name, (every, make) in makers.items()]
    for name, size in _NETS:
        try:
            detector = build_detector(name, [options.models], DetectorSettings(score=0.05, size=size))
        except ModelError as error:
            notes.append(f"{name} is left out: {error}")
            continue
        lanes.append(_Lane(f"{name} {size}", detector, STEP))
    if _HOG:
        if not options.quick:
            lanes.append(_Lane("HOG of OpenCV", _Hog(), STEP))
    else:
        notes.append(f"OpenCV {cv2.__version__} has no HOGDescriptor in this build: its row is left out.")
    return lanes


def _video_rows(
    video: Path, truth: Path, options: Options, notes: list[str]
) -> Iterator[tuple[str, str, float, float, float, float, float, float]]:
    lanes = _lanes(options, notes)
    source = VideoFile(video, video.stem)
    pictures = 0
    for number, frame in enumerate(source):
        if options.quick and number >= _QUICK:
            break
        for lane in lanes:
            lane.watch(number, frame)
        pictures = number + 1
    source.close()
    wanted = _truth(read_rows(truth), range(0, pictures, STEP))
    base = lanes[0].seconds
    for lane in lanes:
        found = [lane.found[number] for number in wanted]
        score = detection_scores([*wanted.values()], [one.boxes for one in found], [one.scores for one in found])
        ratio = median(seconds / base[number] for number, seconds in lane.seconds.items())
        yield (
            lane.name,
            video.stem,
            score.average_precision,
            score.f1,
            score.precision,
            score.recall,
            1000 * median(lane.seconds.values()),
            ratio,
        )
        if options.output:
            _keep(lane, options.output / lane.name.replace(" ", "_") / f"{video.stem}.txt")


def _truth(rows: Rows, numbers: range) -> dict[int, Floats]:
    """The boxes of each picture, counted from 0; rows marked 0 do not count."""
    return {number: rows.boxes[(rows.frames == number + 1) & (rows.scores > 0)] for number in numbers}


def _keep(lane: _Lane, path: Path) -> None:
    """Write what a detector found as a MOTChallenge `det.txt`."""
    found = {number: detections for number, detections in lane.found.items() if len(detections)}
    frames = np.repeat(np.array([*found], dtype=np.int64) + 1, [len(one) for one in found.values()])
    boxes = np.concatenate([np.zeros((0, 4)), *(one.boxes for one in found.values())])
    scores = np.concatenate([np.zeros(0), *(one.scores for one in found.values())])
    write_rows(path, Rows(frames, np.full(len(frames), -1), boxes, scores, np.zeros((len(frames), 0))))
