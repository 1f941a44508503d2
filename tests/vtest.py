"""OpenCV's vtest as tests use it: its pictures, its people, and how well a detector finds them."""

from functools import lru_cache

import av
import numpy as np

from needs import data
from unbroken.core.frames import Frame
from unbroken.geometry.boxes import iou, xyxy_from_xywh


@lru_cache(maxsize=4)
def frames(step: int, count: int = 795) -> tuple[Frame, ...]:
    """Every `step`-th of the first `count` pictures."""
    with av.open(str(data("data/video/vtest_pets09_s2l1_480x360.mp4"))) as container:
        decoded = zip(range(count), container.decode(video=0), strict=False)
        return tuple(
            Frame("vtest", index, index / 10, picture.to_ndarray(format="bgr24"))
            for index, picture in decoded
            if index % step == 0
        )


@lru_cache(maxsize=1)
def truth() -> np.ndarray:
    """The rows of the ground truth in MOTChallenge form."""
    return np.loadtxt(data("data/video/vtest_gt.txt"), delimiter=",")


def people(frame: Frame) -> np.ndarray:
    """The boxes of the people in a picture."""
    rows = truth()
    return xyxy_from_xywh(rows[rows[:, 0] == frame.index + 1][:, 2:6])


def average_precision(seen, found) -> float:
    """Area under the precision envelope at IoU 0.5 over all pictures together."""
    hits, scores, total = [], [], 0
    for frame, detections in zip(seen, found, strict=True):
        wanted = people(frame)
        total += len(wanted)
        free = np.ones(len(wanted), dtype=bool)
        overlaps = iou(detections.boxes, wanted)
        for row in np.argsort(-detections.scores):
            best = np.argmax(np.where(free, overlaps[row], -1)) if free.any() else -1
            hit = best >= 0 and overlaps[row, best] >= 0.5 and free[best]
            if hit:
                free[best] = False
            hits.append(hit)
            scores.append(detections.scores[row])
    ordered = np.array(hits)[np.argsort(-np.array(scores), kind="stable")]
    recall = ordered.cumsum() / total
    precision = ordered.cumsum() / np.arange(1, len(ordered) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))
