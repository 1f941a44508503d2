"""`unbroken bench wildtrack`: people on the ground plane of overlapping cameras, in metres.

(a) is the published protocol: the frames that a detector's answer is shipped for. (b) is robustness: the true boxes
of all frames and views, with Gaussian noise on both coordinates of the foot in shares of the box height, and boxes
missing at random.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from unbroken.bench.outcome import Options, Outcome
from unbroken.bench.parts import OWN_TRACKS, ground_parts
from unbroken.core.arrays import Floats, Ints
from unbroken.datasets.wildtrack import (
    FRAME_RATE,
    REGION,
    Positions,
    ViewBoxes,
    Wildtrack,
    read_detections,
    read_points,
    read_wildtrack,
)
from unbroken.evaluation.clear import clear
from unbroken.evaluation.identity import identity
from unbroken.evaluation.pairing import Trajectories, pair
from unbroken.geometry.plane import FootNoise, locate
from unbroken.geometry.regions import inside
from unbroken.identity.ground.births import clusters
from unbroken.identity.ground.paths import Paths, arrival_paths, final_paths
from unbroken.identity.ground.tracker import GroundTracker
from unbroken.identity.ground.values import GroundObservations, GroundResult, GroundSettings

_GAP = 1.0
"""Seconds out of sight that the answer at the end fills."""
_MARGIN = 2.0
"""Metres round the region in which foot points are still used: people are followed as they come in."""
_FUSED_POINT_NOISE = 0.2
"""Metres: standard deviation of a detector's ground points."""
_PUBLISHED = (
    ("EarlyBird (published)", 92.3, 89.5),
    ("TrackTacular (published)", 95.3, 91.8),
    ("ModTrack (published)", 95.5, 91.4),
    ("MV3DT (published)", 96.5, 93.1),
)
_NOTE = (
    "At 1 m, in the annotated 12 x 36 m. At arrival: as said at each instant; at the end: merges made, gaps filled. "
    "Published figures are those of WILDTRACK's own last 40 frames."
)
_LEVELS = ((0.02, 0.20), (0.05, 0.30))

Instants = dict[int, list[GroundObservations]]


@dataclass(frozen=True, slots=True)
class _Answer:
    """One row's answer: what it was scored on, and what it says."""

    method: str
    given: str
    frames: Ints
    paths: Paths


def run(options: Options) -> Outcome:
    """Score the published protocol and the robustness to noise and misses."""
    data = read_wildtrack(options.data)
    answers = _protocol(options.data, data, quick=options.quick)
    every = np.unique(data.positions.frames)
    frames = every[: len(every) // 4] if options.quick else every
    for noise, missed in _LEVELS:
        answers += _robustness(data, frames, (noise, missed), options)
    rows = [_scored(answer, data.positions) for answer in answers]
    rows[:0] = [(name, "(a) published protocol", idf1, mota, "", "", "", "") for name, idf1, mota in _PUBLISHED]
    if options.output:
        for answer in answers:
            words = re.findall(r"\w+", f"{answer.given} {answer.method}")
            _save(options.output / f"{'_'.join(words)}.txt", answer)
    columns = ("method", "input", "IDF1", "MOTA", "switches", "misses", "false", "error (m)")
    settings = {"tracker": asdict(GroundSettings()), "foot": asdict(FootNoise()), "gap": _GAP}
    return Outcome("wildtrack", columns, tuple(rows), settings, options.seed, (_NOTE,))


def _protocol(folder: Path, data: Wildtrack, *, quick: bool) -> list[_Answer]:
    answers = []
    if (folder / "MVDeTr_test.json").exists():
        boxes = read_detections(folder, data.names)
        name, frames, observed = "(a) MVDeTr boxes", np.unique(boxes.frames), _observed(data, boxes)
        answers += _both(name, frames, observed)
        answers += [] if quick else _ablation(name, frames, observed)
    if (folder / "mvdet" / "test-demo.txt").exists():
        points = read_points(folder, data.names)
        answers += _both("(a) MVDet points", np.unique(points.frames), _from_points(points))
    return answers


def _robustness(data: Wildtrack, frames: Ints, level: tuple[float, float], options: Options) -> list[_Answer]:
    noise, missed = level
    observed = _observed(data, disturbed(data.boxes, noise, missed, options.seed))
    name = f"(b) noise {100 * noise:.0f} %, {100 * missed:.0f} % missed"
    fused = {frame: [_fused(views)] for frame, views in observed.items()}
    results, tracker = _follow(frames, fused)
    baseline = _Answer("fuse, then track", name, frames, final_paths(results, tracker, _GAP))
    return [
        baseline,
        *_both(name, frames, observed),
        *([] if options.quick else _ablation(name, frames, observed)),
    ]


def disturbed(boxes: ViewBoxes, noise: float, missed: float, seed: int) -> ViewBoxes:
    """The boxes with their feet moved by Gaussian noise and some left out.

    Args:
        boxes: true ones.
        noise: standard deviation of both coordinates, box heights.
        missed: share of boxes that are left out.
        seed: of both.
    """
    generator = np.random.default_rng(seed)
    kept = generator.random(len(boxes.frames)) >= missed
    heights = (boxes.boxes[:, 3] - boxes.boxes[:, 1])[:, None]
    shift = generator.normal(size=(len(heights), 2)) * noise * heights
    moved = boxes.boxes + np.concatenate([shift, shift], axis=1)
    return ViewBoxes(boxes.frames[kept], boxes.views[kept], boxes.ids[kept], moved[kept])


def _observed(data: Wildtrack, boxes: ViewBoxes) -> Instants:
    """Foot points near the region, per frame and camera."""
    parts: Instants = {int(frame): [] for frame in np.unique(boxes.frames)}
    near = REGION + _MARGIN * np.sign(REGION - REGION.mean(axis=0))
    for number, (name, view) in enumerate(data.cameras.items()):
        rows = np.flatnonzero(boxes.views == number)
        points, covariances = locate(view, boxes.boxes[rows], FootNoise())
        good = inside(points, near)
        rows, points, covariances = rows[good], points[good], covariances[good]
        for frame, views in parts.items():
            now = boxes.frames[rows] == frame
            views.append(GroundObservations(name, points[now], covariances[now]))
    return parts


def _from_points(points: Positions) -> Instants:
    doubt = _FUSED_POINT_NOISE**2 * np.eye(2)
    found: Instants = {}
    for frame in np.unique(points.frames).tolist():
        now = points.points[points.frames == frame]
        found[frame] = [GroundObservations("ground", now, np.broadcast_to(doubt, (len(now), 2, 2)))]
    return found


def _fused(views: list[GroundObservations]) -> GroundObservations:
    """The baseline: foot points of one instant put together before anything is tracked."""
    points = np.concatenate([view.points for view in views])
    covariances = np.concatenate([view.covariances for view in views])
    cameras = np.repeat(np.arange(len(views)), [len(view) for view in views])
    groups = clusters(points, covariances, cameras, GroundSettings().birth_gate, np.zeros((len(points), len(points))))
    empty = np.zeros((0, 2)), np.zeros((0, 2, 2))
    return GroundObservations(
        "fused",
        np.array([group.point for group in groups]) if groups else empty[0],
        np.array([group.covariance for group in groups]) if groups else empty[1],
    )


def _both(name: str, frames: Ints, observed: Instants) -> list[_Answer]:
    results, tracker = _follow(frames, observed)
    return [
        _Answer("unbroken, at arrival", name, frames, arrival_paths(results)),
        _Answer("unbroken, at the end", name, frames, final_paths(results, tracker, _GAP)),
    ]


def _ablation(name: str, frames: Ints, observed: Instants) -> list[_Answer]:
    """The answer at the end with each part off in turn; no camera has tracks of its own here."""
    answers = []
    for part, settings in ground_parts().items():
        if part != OWN_TRACKS:
            results, tracker = _follow(frames, observed, settings)
            answers.append(_Answer(f"without {part}", name, frames, final_paths(results, tracker, _GAP)))
    return answers


def _follow(
    frames: Ints, observed: Instants, settings: GroundSettings | None = None
) -> tuple[list[GroundResult], GroundTracker]:
    tracker = GroundTracker(settings)
    return [tracker.update(frame / FRAME_RATE, observed.get(frame, [])) for frame in frames.tolist()], tracker


def _scored(answer: _Answer, truth: Positions) -> tuple[str | float | int, ...]:
    there = np.isin(truth.frames, answer.frames)
    said = inside(answer.paths.points, _closed(REGION))
    pairing = pair(
        Trajectories(truth.frames[there], truth.ids[there], truth.points[there]),
        Trajectories(answer.frames[answer.paths.instants[said]], answer.paths.numbers[said], answer.paths.points[said]),
        gate=1.0,
    )
    events, ids = clear(pairing), identity(pairing)
    error = 2 * (1 - events.motp)
    return (
        answer.method,
        answer.given,
        100 * ids.idf1,
        100 * events.mota,
        events.switches,
        events.fn,
        events.fp,
        error,
    )


def _closed(region: Floats) -> Floats:
    """The region with its border inside."""
    return np.asarray(region + 1e-6 * np.sign(region - region.mean(axis=0)), dtype=np.float64)


def _save(path: Path, answer: _Answer) -> None:
    """`frame,id,x,y` in metres."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.column_stack([answer.frames[answer.paths.instants], answer.paths.numbers, answer.paths.points])
    np.savetxt(path, rows[np.lexsort((rows[:, 1], rows[:, 0]))], fmt=("%d", "%d", "%.3f", "%.3f"), delimiter=",")
