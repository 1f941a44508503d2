"""Several cameras scored as one: each (camera, frame) is a frame of its own, and ids hold across cameras."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.evaluation.pairing import Trajectories


def across_cameras(
    truths: Sequence[Trajectories], results: Sequence[Trajectories]
) -> tuple[Trajectories, Trajectories]:
    """One truth and one result from those of several cameras, which are walked one after the other.

    HOTA and Identity do not depend on the order of frames. Switches and fragmentations do: they count changes within
    a camera, and at most one more per person and camera where the id differs from the one in the camera before.

    Args:
        truths: per camera; ids are global.
        results: per camera, in the same order.
    """
    known = [np.unique(np.concatenate([t.frames, r.frames])) for t, r in zip(truths, results, strict=True)]
    firsts = np.concatenate([[0], np.cumsum([len(frames) for frames in known])])
    return _stacked(truths, known, firsts), _stacked(results, known, firsts)


def _stacked(parts: Sequence[Trajectories], known: Sequence[Ints], firsts: Ints) -> Trajectories:
    filled = [number for number, part in enumerate(parts) if len(part)]
    if not filled:
        return Trajectories(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)))
    return Trajectories(
        np.concatenate([firsts[n] + np.searchsorted(known[n], parts[n].frames) for n in filled]),
        np.concatenate([parts[n].ids for n in filled]),
        np.concatenate([parts[n].places for n in filled]),
    )
