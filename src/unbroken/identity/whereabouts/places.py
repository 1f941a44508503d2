"""Where was he? What positions on the ground, or in the picture of one camera, say about two tracks.

After a gap of t seconds a person is expected around where he was last, with a spread that grows with t. Against it
stands a stranger, who may be anywhere on an area of the size of a hall. Seen at the same instant by two calibrated
cameras, one person has one position. Without calibration the same holds inside one camera, in units of the height of
the box, which stands for the height of a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.identity.history import History
from unbroken.identity.whereabouts.topology import gaps

_PERSON = 1.7
"""Metres: how tall a box is taken to be."""


@dataclass(frozen=True, slots=True)
class PlaceSettings:
    """Settings of the term of place.

    Attributes:
        spread: metres, standard deviation of the distance of two positions of one person at one instant.
        walk: metres per second by which it grows with the gap.
        area: square metres over which strangers are spread.
        floor: nats; a place never says more than that against somebody.
        instant: seconds; tracks last seen within it of each other are compared as simultaneous.
        fastest: metres per second that nobody exceeds ...
        slack: ... beyond this many metres of error.
        patience: seconds for which two places at one instant may be up to twice that far apart: hidden feet.
        reach: seconds; after that nobody is too far away to be the same person.
    """

    spread: float = 0.5
    walk: float = 1.0
    area: float = 100.0
    floor: float = -5.0
    instant: float = 1.0
    fastest: float = 6.0
    slack: float = 2.5
    patience: float = 1.0
    reach: float = 60.0


def place_odds(slots: Ints, slot: Ints | int, history: History, settings: PlaceSettings) -> Floats:
    """(N,) log-likelihood ratios that the track begins where each of `slots`, the latest of a person, has led to.

    `slot` is one track for all of `slots`, or one for each.
    """
    distance, gap = _apart(slots, slot, history, settings)
    variance = settings.spread**2 + (settings.walk * gap) ** 2
    odds = np.log(settings.area / (2 * np.pi * variance)) - distance**2 / (2 * variance)
    local = np.isfinite(odds) & (2 * np.pi * variance < settings.area)
    found: Floats = np.where(local, np.maximum(odds, settings.floor), 0.0)
    return found


def near_in_time(slots: Ints, slot: Ints | int, history: History, settings: PlaceSettings) -> Bools:
    """Which tracks are so close in time that `impossible` may say anything; all that share an instant are.

    Slots are broadcast: (N,) and one give (N,), (N,) and (M, 1) give (M, N).
    """
    after = history.starts.take(slots) <= history.ends[slot] + settings.reach
    found: Bools = after & (history.ends.take(slots) >= history.starts[slot] - settings.reach)
    return found


def impossible(slots: Ints, slot: Ints | int, history: History, settings: PlaceSettings) -> Bools:
    """(N,) which tracks cannot be the same person: too far away for the time between, or at the same instant.

    `slot` is one track for all of `slots`, or one for each.
    """
    distance, gap = _ground_distance(slots, slot, history, settings)
    found: Bools = np.isfinite(distance) & (distance > settings.slack + settings.fastest * gap)
    return found


def _apart(slots: Ints, slot: Ints | int, history: History, settings: PlaceSettings) -> tuple[Floats, Floats]:
    distance, gap = _ground_distance(slots, slot, history, settings)
    pictured = ~np.isfinite(distance) & (history.cameras[slots] == history.cameras[slot]) & (gap > 0)
    if pictured.any():
        here = np.broadcast_to(slot, slots.shape)[pictured]
        distance[pictured] = _picture_distance(slots[pictured], here, history)
    return distance, gap


def _picture_distance(slots: Ints, here: Ints, history: History) -> Floats:
    """(N,) metres, as far as the height of a box is that of a person; NaN where a box is not known."""
    then, now = history.boxes[slots, 1], history.boxes[here, 0]
    height = np.maximum(then[:, 3] - then[:, 1], now[:, 3] - now[:, 1])
    across = (then[:, 0] + then[:, 2] - now[:, 0] - now[:, 2]) / 2
    down = then[:, 3] - now[:, 3]
    found: Floats = _PERSON * np.hypot(across, down) / np.where(height > 0, height, np.nan)
    return found


def _ground_distance(slots: Ints, slot: Ints | int, history: History, settings: PlaceSettings) -> tuple[Floats, Floats]:
    """(N,) metres between the nearest known positions, NaN where there are none, and (N,) seconds between them."""
    ends = history.ends.take(slots)
    signed = gaps(history.starts.take(slots), ends, history.starts[slot], history.ends[slot])
    flat = history.places.reshape(-1, 2)
    way = flat.take(2 * slots + (signed >= 0), axis=0) - flat.take(2 * slot + (signed <= 0), axis=0)
    distance = np.sqrt(way[:, 0] * way[:, 0] + way[:, 1] * way[:, 1])
    distance[(signed == 0) & (np.abs(ends - history.ends[slot]) > settings.instant)] = np.nan
    return distance, np.abs(signed)
