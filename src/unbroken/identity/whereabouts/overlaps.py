"""Which views overlap, where no calibration says so: whom somebody looks most like, is he there at the same time?

Where two views overlap, many tracks have their own person beside them in the other view: of all tracks there, the most
alike is one of the same instant far more often than chance would have it. Where they don't, it never is but by chance.
Only ranks are used, so nothing depends on what a likeness is worth, and no decision of the manager enters: views that
were once taken to overlap by mistake do not teach that they do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.identity.history import History


@dataclass(frozen=True, slots=True)
class OverlapSettings:
    """Settings of what ranks say.

    Attributes:
        share: of the tracks in one of two views that overlap, so many are people who stand in the other as well.
        tracks: the latest ones are looked at.
        least: tracks that another view must have shown for its most alike one to say anything.
    """

    share: float = 0.2
    tracks: int = 600
    least: int = 4


def overlap_odds(history: History, cameras: int, settings: OverlapSettings) -> Floats:
    """(C, C) nats for views that overlap, against views that do not, of C cameras; symmetric, 0 where nothing is known.

    A track is asked about each other camera: n of the N tracks there share an instant with it, so by chance the most
    alike is one of them with p = n / N; where the views overlap, with p + share (1 - p).
    """
    slots = history.with_looks
    slots = slots[history.settled[slots]][-settings.tracks :]
    odds = np.zeros((cameras, cameras))
    if not history.rows.shape[1]:
        return odds
    number = history.cameras[slots]
    alike = _alike(history.rows[slots], number)
    together = history.together(slots[:, None], slots)
    for camera in np.unique(number).tolist():
        there = np.flatnonzero(number == camera)
        if len(there) >= settings.least:
            told = _told(alike[:, there], together[:, there], settings.share)
            np.add.at(odds[:, camera], number, told / 2)
    np.fill_diagonal(odds, 0.0)
    found: Floats = odds + odds.T
    return found


def _told(alike: Floats, together: Bools, share: float) -> Floats:
    """(N, M) tracks against those of one camera -> (N,) nats that each adds."""
    chance = together.mean(axis=1)
    some = (chance > 0) & (chance < 1)
    best = together[np.arange(len(alike)), alike.argmax(axis=1)]
    found: Floats = np.where(best, np.log(1 - share + share / np.where(some, chance, 1.0)), np.log1p(-share)) * some
    return found


def _alike(rows: Floats, cameras: Ints) -> Floats:
    """(N, N) cosines of rows from which the mean of their camera is taken."""
    centred = rows.copy()
    for camera in np.unique(cameras).tolist():
        centred[cameras == camera] -= rows[cameras == camera].mean(axis=0)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    found: Floats = centred @ centred.T
    return found
