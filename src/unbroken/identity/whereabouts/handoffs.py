"""Hand-offs between tracks of which nobody has seen the looks: what is learnt of transits, applied to a history."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.identity.history import History
from unbroken.identity.whereabouts.portals import Passages
from unbroken.identity.whereabouts.topology import Topology
from unbroken.identity.whereabouts.transits import (
    Links,
    Transits,
    TransitSettings,
    best_matching,
    learn_transits,
    matched,
)


@dataclass(frozen=True, slots=True)
class HandOff:
    """The track in slot `before` is followed by another one: log odds, and probability among all hand-offs."""

    before: int
    log_odds: float
    share: float


class HandOffs:
    """Learns transits as tracks come, and says which track follows which. One thread owns it."""

    def __init__(self, settings: TransitSettings) -> None:
        self.settings = settings
        self._model: Transits | None = None
        self._next = 0

    def window(self, history: History) -> Ints:
        """The slots that may still change hands, oldest first."""
        used = history.used[-self.settings.window :]
        kept: Ints = used[blind(history, used)]
        return kept

    def followed(self, history: History, topology: Topology, still_open: Set[int]) -> dict[int, HandOff]:
        """For each slot of the window that follows another one: which."""
        slots = self.window(history)
        passages = Passages(
            history.cameras[slots],
            history.starts[slots],
            history.ends[slots],
            history.boxes[slots],
            ~np.isin(history.numbers[slots], list(still_open)),
        )
        if self._model is None or history.count >= self._next:
            self._model = learn_transits(passages, self.settings)
            self._next = history.count + max(1, int(self.settings.growth * len(slots)))
        links = self._model.links(passages)
        odds = links.log_odds + self.settings.hold * _made(history, slots, links)
        odds[~_possible(history, slots, links, topology)] = -np.inf
        links = Links(links.before, links.after, odds)
        shares = matched(links, self.settings.passes)
        chosen = best_matching(links, shares, self.settings.least_share)
        rows = zip(links.before[chosen], links.after[chosen], odds[chosen], shares[chosen], strict=True)
        return {int(slots[after]): HandOff(int(slots[before]), float(odd), float(p)) for before, after, odd, p in rows}


def blind(history: History, slots: Ints) -> Bools:
    """(N,) which tracks have neither looks nor a place on the ground, but boxes."""
    looks = np.any(history.vectors[slots] != 0, axis=1)
    placed = np.isfinite(history.places[slots]).any(axis=(1, 2))
    found: Bools = np.isfinite(history.boxes[slots]).all(axis=(1, 2)) & ~looks & ~placed
    return found


def _made(history: History, slots: Ints, links: Links) -> Floats:
    """(M,) 1 where a pair is the same person already."""
    before, after = history.persons[slots[links.before]], history.persons[slots[links.after]]
    found: Floats = ((before == after) & (before > 0)).astype(np.float64)
    return found


def _possible(history: History, slots: Ints, links: Links, topology: Topology) -> Bools:
    """(M,) pairs that no given way forbids."""
    before, after = slots[links.before], slots[links.after]
    gap = history.starts[after] - history.ends[before]
    return topology.possible(history.cameras[before], history.cameras[after], gap)
