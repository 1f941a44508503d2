"""`unbroken bench multiview`: Global IDs in overlapping views, scored over all views at an IoU of 0.5.

Each (view, frame) is a frame of its own. The chain is that of the product: a tracker in each view, foot points by the
view's homography, ground tracks across views. The unit of the ground is found from the height of the people in the
boxes.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.bench.outcome import Options, Outcome
from unbroken.bench.parts import ground_parts
from unbroken.core.arrays import Ints
from unbroken.core.detections import Detections
from unbroken.core.errors import SourceError
from unbroken.datasets.motchallenge import Rows, write_rows
from unbroken.datasets.multiview import Boxes, Scene, read_scene, scenes
from unbroken.evaluation.clear import clear
from unbroken.evaluation.crosscam import across_cameras
from unbroken.evaluation.identity import identity
from unbroken.evaluation.pairing import Trajectories, pair
from unbroken.geometry.boxes import iou
from unbroken.geometry.plane import FootNoise, locate, metres_per_unit
from unbroken.identity.ground.boxes import WholeBoxes, whole_boxes
from unbroken.identity.ground.paths import final_persons
from unbroken.identity.ground.tracker import GroundTracker
from unbroken.identity.ground.values import GroundObservations, GroundResult, GroundSettings
from unbroken.tracking.registry import by_name

_TRACKER = "bytetrack"
"""The tracker in each view: one that does not guess across gaps, which the ground bridges better."""
_SHORT = 0.5
"""Seconds: a person's boxes in a view are kept if they add up to this."""

_NOTE = (
    "Scored over the frames of the detections. At arrival: as said at each instant; at the end: merged, boxes whole."
)

Row = tuple[str | float | int, ...]


def run(options: Options) -> Outcome:
    """Score the published answer, perfect ids and the project's own on every scene."""
    rows: list[Row] = []
    for folder in scenes(options.data):
        scene = read_scene(folder)
        if not scene.truth:
            raise SourceError(f"{folder / 'gt'}: holds no viewV.txt; the benchmark needs the truth of every view")
        rows += _rows(scene, options.output)
        rows += [] if options.quick else _ablation(scene)
    settings = {
        "tracker per view": _TRACKER,
        "ground": asdict(GroundSettings()),
        "foot": asdict(FootNoise()),
        "boxes": asdict(WholeBoxes()),
        "short": _SHORT,
    }
    columns = ("scene", "method", "IDF1", "IDP", "IDR", "MOTA", "switches", "ids", "people")
    return Outcome("multiview", columns, tuple(rows), settings, options.seed, (_NOTE,))


def _rows(scene: Scene, output: Path | None) -> list[Row]:
    truth = _truth(scene)
    answers: dict[str, list[Trajectories]] = {}
    if scene.published:
        answers["MvMHAT (published)"] = [_trajectories(boxes, boxes.ids) for boxes in scene.published]
    answers["perfect ids on the same boxes"] = [
        _trajectories(boxes, _true_ids(boxes, there)) for boxes, there in zip(scene.detections, truth, strict=True)
    ]
    arrival, final = follow(scene)
    answers["unbroken, at arrival"] = arrival
    answers["unbroken, at the end"] = final
    if output:
        for number, view in zip(scene.numbers, final, strict=True):
            ones = np.ones(len(view))
            write_rows(
                output / scene.name / f"view{number}.txt",
                Rows(view.frames, view.ids, view.places, ones, np.full((len(view), 3), -1.0)),
            )
    return [_scored(scene.name, method, truth, answer) for method, answer in answers.items()]


def _ablation(scene: Scene) -> list[Row]:
    """The answer at the end with each part off in turn."""
    truth = _truth(scene)
    return [
        _scored(scene.name, f"without {part}", truth, follow(scene, settings)[1])
        for part, settings in ground_parts().items()
    ]


def _truth(scene: Scene) -> list[Trajectories]:
    """The truth of the frames of the detections, per view."""
    first, last = _window(scene)
    return [_between(boxes, first, last) for boxes in scene.truth]


def follow(scene: Scene, settings: GroundSettings | None = None) -> tuple[list[Trajectories], list[Trajectories]]:
    """The project's answer per view: at arrival and at the end.

    Args:
        scene: what the detector saw.
        settings: of the ground; the defaults.
    """
    scale = metres_per_unit(scene.views, [boxes.boxes for boxes in scene.detections])
    views = [view.scaled(scale) for view in scene.views]
    located = [locate(view, boxes.boxes, FootNoise()) for view, boxes in zip(views, scene.detections, strict=True)]
    first, last = _window(scene)
    local = [_local_ids(boxes, (first, last), scene.frame_rate) for boxes in scene.detections]
    tracker, results, rows = GroundTracker(settings), [], []
    for frame in range(first, last + 1):
        now = [np.flatnonzero(boxes.frames == frame) for boxes in scene.detections]
        rows.append(now)
        observed = [
            GroundObservations(str(number), points[part], doubts[part], ids[part])
            for number, ((points, doubts), ids, part) in enumerate(zip(located, local, now, strict=True), 1)
        ]
        results.append(tracker.update(frame / scene.frame_rate, observed))
    return _collected(scene, rows, results, tracker)


def _collected(
    scene: Scene, rows: list[list[Ints]], results: list[GroundResult], tracker: GroundTracker
) -> tuple[list[Trajectories], list[Trajectories]]:
    """Numbers of foot points as boxes with ids, view by view."""
    final = final_persons(results, tracker)
    answers: tuple[list[Trajectories], list[Trajectories]] = ([], [])
    for view, boxes in enumerate(scene.detections):
        order = np.concatenate([now[view] for now in rows])
        picked = boxes_of(boxes, order)
        at_arrival = np.concatenate([result.persons[view] for result in results])
        at_end = np.concatenate([persons[view] for persons in final])
        answers[0].append(_known(picked, at_arrival))
        numbers, counts = np.unique(at_end, return_counts=True)
        short = numbers[counts < _SHORT * scene.frame_rate]
        kept = _known(picked, np.where(np.isin(at_end, short), -1, at_end))
        answers[1].append(_whole(kept, scene.frame_rate))
    return answers


def _whole(answer: Trajectories, frame_rate: float) -> Trajectories:
    """The answer with the boxes of each person made whole."""
    boxes = answer.places.copy()
    for number in np.unique(answer.ids):
        rows = np.flatnonzero(answer.ids == number)
        boxes[rows] = whole_boxes(answer.frames[rows] / frame_rate, boxes[rows], WholeBoxes())
    return Trajectories(answer.frames, answer.ids, boxes)


def boxes_of(boxes: Boxes, rows: Ints) -> Boxes:
    """The given rows, in that order."""
    return Boxes(boxes.frames[rows], boxes.ids[rows], boxes.boxes[rows], boxes.scores[rows])


def _local_ids(boxes: Boxes, window: tuple[int, int], frame_rate: float) -> Ints:
    """The id that the view's own tracker gives each box; -1 for none."""
    tracker = by_name(_TRACKER)
    ids = np.full(len(boxes.frames), -1, dtype=np.int64)
    for frame in range(window[0], window[1] + 1):
        rows = np.flatnonzero(boxes.frames == frame)
        scores = np.clip(boxes.scores[rows], 0, 1)
        tracks = tracker.update(Detections(boxes.boxes[rows], scores), frame / frame_rate)
        seen = tracks.rows >= 0
        ids[rows[tracks.rows[seen]]] = tracks.ids[seen]
    return ids


def _window(scene: Scene) -> tuple[int, int]:
    frames = np.concatenate([boxes.frames for boxes in scene.detections])
    if not len(frames):
        raise SourceError(f"{scene.name}: its det/viewV.txt hold no box; give the boxes of a detector")
    return int(frames.min()), int(frames.max())


def _between(boxes: Boxes, first: int, last: int) -> Trajectories:
    rows = np.flatnonzero((boxes.frames >= first) & (boxes.frames <= last))
    return Trajectories(boxes.frames[rows], boxes.ids[rows], boxes.boxes[rows])


def _trajectories(boxes: Boxes, ids: Ints) -> Trajectories:
    return Trajectories(boxes.frames, ids, boxes.boxes)


def _known(boxes: Boxes, ids: Ints) -> Trajectories:
    rows = np.flatnonzero(ids > 0)
    return Trajectories(boxes.frames[rows], ids[rows], boxes.boxes[rows])


def _true_ids(boxes: Boxes, truth: Trajectories) -> Ints:
    """Each box with the id of the truth that it matches; ids of their own for those that match nobody."""
    ids = -1 - np.arange(len(boxes.frames), dtype=np.int64)
    for frame in np.unique(boxes.frames).tolist():
        rows, there = np.flatnonzero(boxes.frames == frame), np.flatnonzero(truth.frames == frame)
        overlap = iou(boxes.boxes[rows], truth.places[there])
        first, second = linear_sum_assignment(np.where(overlap >= 0.5, overlap, 0), maximize=True)
        good = overlap[first, second] >= 0.5
        ids[rows[first[good]]] = truth.ids[there[second[good]]]
    return ids


def _scored(scene: str, method: str, truth: list[Trajectories], answer: list[Trajectories]) -> Row:
    pairing = pair(*across_cameras(truth, answer))
    ids, events = identity(pairing), clear(pairing)
    people, named = pairing.shape
    return (scene, method, ids.idf1, ids.idp, ids.idr, events.mota, events.switches, named, people)
