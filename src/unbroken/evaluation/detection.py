"""How good a detector is: average precision and the best F1 (PASCAL VOC, Everingham et al. 2010, all-point form)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats
from unbroken.core.errors import ContractError
from unbroken.geometry.boxes import iou


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """The scores of a detector on a set of pictures.

    Attributes:
        average_precision: the area under the precision-recall curve, precision made monotone, every point counted.
        f1: the best harmonic mean of precision and recall over all score thresholds.
        precision: at that threshold.
        recall: at that threshold.
        threshold: that threshold: detections with at least this score are kept.
        truths: how many boxes there were to find.
    """

    average_precision: float
    f1: float
    precision: float
    recall: float
    threshold: float
    truths: int


def detection_scores(
    truth: Sequence[Floats], boxes: Sequence[Floats], scores: Sequence[Floats], *, overlap: float = 0.5
) -> DetectionScores:
    """Score detections of one class.

    In each picture the detections, best first, take the truth box that overlaps them most among those still free;
    one that overlaps none by `overlap` is false. (VOC would let a taken box make a detection false; like COCO this
    looks at the free ones only.)

    Args:
        truth: per picture (T, 4) corners.
        boxes: per picture (N, 4) corners.
        scores: per picture (N,).
        overlap: the least intersection over union of a match.

    Raises:
        ContractError: the three lists are not equally long.
    """
    if not len(truth) == len(boxes) == len(scores):
        raise ContractError(f"{len(truth)} pictures with truth, {len(boxes)} with boxes, {len(scores)} with scores")
    count = sum(len(wanted) for wanted in truth)
    values = np.concatenate([np.zeros(0), *scores])
    hits = np.concatenate(
        [np.zeros(0, dtype=bool), *(_hits(*picture, overlap) for picture in zip(truth, boxes, scores, strict=True))]
    )
    if not count or not len(values):
        return DetectionScores(0.0, 0.0, 0.0, 0.0, 1.0, count)
    order = np.argsort(-values, kind="stable")
    found = np.cumsum(hits[order])
    recall = found / count
    precision = found / np.arange(1, len(order) + 1)
    ceiling = np.maximum.accumulate(precision[::-1])[::-1]
    area = float((np.diff(recall, prepend=0.0) * ceiling).sum())
    f1 = 2 * found / (count + np.arange(1, len(order) + 1))
    best = int(np.argmax(f1))
    return DetectionScores(
        area, float(f1[best]), float(precision[best]), float(recall[best]), float(values[order][best]), count
    )


def _hits(truth: Floats, boxes: Floats, scores: Floats, overlap: float) -> Bools:
    """Which detections of a picture find somebody. (N,)."""
    hits = np.zeros(len(boxes), dtype=bool)
    if not len(truth) or not len(boxes):
        return hits
    overlaps = iou(boxes, truth)
    for row in np.argsort(-scores, kind="stable"):
        column = int(np.argmax(overlaps[row]))
        if overlaps[row, column] >= overlap:
            hits[row] = True
            overlaps[:, column] = -1.0
    return hits
