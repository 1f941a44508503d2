"""People who walk from camera to camera along corridors that nobody sees, for tests of hand-offs without looks."""

from __future__ import annotations

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.identity.history import Tracklet
from unbroken.identity.whereabouts.portals import Passages

DOORS = np.array([[60.0, 60.0], [250.0, 230.0]])
"""Where the two doors of every view are, pixels."""
_SECONDS = (15.0, 40.0, 25.0)
"""The usual way from the second door of a view to the first of the next."""


def walked(seed: int, people: int, every: float = 25.0) -> tuple[Passages, Ints]:
    """People come in at the first of four views about `every` seconds and go on, most of them, to the next.

    Returns:
        Their passages in the order of their ends, and who each is.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(1, people + 1):
        time, speed, side = person * every + rng.normal(0, 5), np.exp(rng.normal(0, 0.15)), rng.normal(0, 30)
        for camera in range(4):
            seconds = 12 * speed * np.exp(rng.normal(0, 0.05))
            places = DOORS + np.array([side, 0.0])
            boxes = np.column_stack([places - np.array([12, 55]), places + np.array([12, 0])])
            rows.append((camera, time, time + seconds, person, boxes))
            if camera == 3 or rng.random() < 0.2:
                break
            time += seconds + _SECONDS[camera] * speed * np.exp(rng.normal(0, 0.08))
            side = 0.8 * side + rng.normal(0, 18)
    rows.sort(key=lambda row: row[2])
    cameras, starts, ends, persons = (np.array([row[part] for row in rows]) for part in range(4))
    boxes = np.array([row[4] for row in rows])
    return Passages(cameras, starts, ends, boxes, np.ones(len(rows), dtype=np.bool_)), persons


def tracklets(passages: Passages) -> list[Tracklet]:
    """The passages as tracks without features."""
    nothing, nowhere = np.zeros(0, dtype=np.float32), np.full((2, 2), np.nan)
    return [
        Tracklet(f"cam{camera}", number, float(start), float(end), nothing, nowhere, boxes)
        for number, (camera, start, end, boxes) in enumerate(
            zip(passages.cameras.tolist(), passages.starts, passages.ends, passages.boxes, strict=True)
        )
    ]


def links_of(passages: Passages, persons: Ints) -> set[tuple[int, int]]:
    """Pairs of rows that follow each other under one name."""
    order = np.lexsort((passages.starts, persons))
    before, after = order[:-1], order[1:]
    same = persons[before] == persons[after]
    return set(zip(before[same].tolist(), after[same].tolist(), strict=True))
