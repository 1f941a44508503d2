"""Who can have come from where: a graph of cameras with transit times, given, learnt while running, or both.

People are modelled as a chain of sightings. A person last seen at camera a is seen next at camera b after a signed
gap g with the intensity `p(b | a) f_ab(g)` per second (Makris, Ellis and Black, CVPR 2004; Javed et al., ICCV 2003
learn the same from tracks). Against it stands the rate at which camera b shows anybody at all. Their quotient is the
prior odds that the next track at b is this person; appearance multiplies them. Beside the transit there is a slow
return, for people who come back hours later: it is shared evenly among all who are known.

Gaps are binned on an asinh scale: fine around zero, a constant share of the gap far from it. A negative gap means
that the tracks overlap or arrive with cameras' clocks apart; the graph learns both as any other transit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from scipy.ndimage import convolve1d
from scipy.special import log_expit

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.core.errors import ConfigError

_KERNEL = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0


@dataclass(frozen=True, slots=True)
class TopologySettings:
    """Settings of the graph.

    Attributes:
        fastest: (from, to) -> seconds, given: nobody makes the way faster. Both directions are given apart.
        usual: (from, to) -> seconds that people usually take, given; both directions are given apart ...
        usual_weight: ... and as many links as that is worth.
        overlapping: pairs of cameras, given, whose views share ground: a person may be in both at once.
        apart: pairs of cameras, given, whose views share no ground: nobody is in both at once.
        unit: seconds; gaps below it are told apart linearly, above it by their ratio.
        bin: width of a bin in asinh units: the relative resolution of long gaps.
        longest: seconds; longer gaps share the last bin.
        early: seconds; before anything is learnt, gaps down to minus this are held possible (clocks apart, overlap).
        pooled_weight: links; a way's transit times are drawn to those of all ways as if that many had gone it.
        site_weight: links; all ways together are drawn to "any gap of the same magnitude" as if that many were known.
        way_weight: departures; the shares of the ways out of a camera are drawn to equal ones.
        leave: probability that somebody who is gone from a view comes soon to another, or to this one again.
        slow: share of tracks that are people who come back after long.
        newcomer: share of tracks that are people never seen ...
        crowd: ... and at first more: with n tracks known, at least crowd / (crowd + n).
        rate_window: seconds over which a camera's rate of tracks is measured.
        cell: metres, the side of the squares in which it is remembered where a calibrated camera sees people.
        cell_visits: sightings in a square until it belongs to a camera's view.
        cells_known: squares of two views until, none of them shared, the cameras count as apart.
        cells_shared: share of the squares of the lesser view that both must have: feet are misplaced now and then.
        apart_after: links between two cameras after which, none of them simultaneous, they count as apart.
        overlap_prior: nats for views that overlap before looks say anything: most pairs of cameras do not.
        apart_odds: nats against overlapping, with what looks say of two views, from which on they count as apart.
    """

    fastest: Mapping[tuple[str, str], float] = field(default_factory=dict)
    usual: Mapping[tuple[str, str], float] = field(default_factory=dict)
    usual_weight: float = 10.0
    overlapping: frozenset[frozenset[str]] = frozenset()
    apart: frozenset[frozenset[str]] = frozenset()
    unit: float = 2.0
    bin: float = 0.1
    longest: float = 2e5
    early: float = 30.0
    pooled_weight: float = 5.0
    site_weight: float = 20.0
    way_weight: float = 5.0
    leave: float = 0.9
    slow: float = 0.1
    newcomer: float = 0.25
    crowd: float = 40.0
    rate_window: float = 1200.0
    apart_after: int = 50
    overlap_prior: float = -1.0
    apart_odds: float = 4.0
    cell: float = 1.0
    cell_visits: int = 3
    cells_known: int = 8
    cells_shared: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        both = self.overlapping & self.apart
        if both:
            names = " and ".join(sorted(next(iter(both))))
            raise ConfigError(f"cameras {names} are given as overlapping and as apart; give one of them")


def gaps(first_start: Floats, first_end: Floats, then_start: Floats, then_end: Floats) -> Floats:
    """Signed seconds from one interval to another: 0 while they overlap, negative where `then` was over before."""
    after = np.maximum(then_start - first_end, 0.0)
    before = np.maximum(first_start - then_end, 0.0)
    signed: Floats = after - before
    return signed


class Topology:
    """The graph of cameras. Cameras are numbered in the order in which they first appear."""

    def __init__(self, settings: TopologySettings | None = None) -> None:
        self.settings = settings or TopologySettings()
        self._numbers: dict[str, int] = {}
        self._half = int(np.arcsinh(self.settings.longest / self.settings.unit) / self.settings.bin) + 1
        edges = np.sinh((np.arange(-self._half, self._half + 2) - 0.5) * self.settings.bin) * self.settings.unit
        self._widths = np.diff(edges)
        self._ways = np.zeros((0, 0), dtype=np.int64)
        self._log_shares = np.zeros((0, 0))
        self._log_times = np.zeros((1, len(self._widths)))
        self._fastest = np.zeros((0, 0))
        self._apart = np.zeros((0, 0), dtype=np.bool_)
        self._overlap_odds = np.zeros((0, 0))
        self._log_both = np.zeros((0, 0))
        self._ground: dict[int, Counter[tuple[int, int]]] = {}
        nothing = np.zeros(0, dtype=np.int64)
        self._links = (nothing, nothing, np.zeros(0), np.zeros(0))

    def number(self, camera: str) -> int:
        """The number of a camera; a new one is taken in."""
        if camera not in self._numbers:
            self._numbers[camera] = len(self._numbers)
            self._grow()
        return self._numbers[camera]

    @property
    def names(self) -> tuple[str, ...]:
        """The cameras, by number."""
        return tuple(self._numbers)

    def with_settings(self, settings: TopologySettings) -> Topology:
        """The same cameras, links and places under other settings."""
        if settings == self.settings:
            return self
        other = Topology(settings)
        other._numbers, other._links, other._ground = self._numbers, self._links, self._ground
        other._overlap_odds = self._overlap_odds
        other._grow()
        return other

    def learn(self, came_from: Ints, went_to: Ints, gap: Floats, weights: Floats, overlap_odds: Floats) -> None:
        """Replace what is known of transits and of views.

        Args:
            came_from: (L,) links by number of camera ...
            went_to: (L,) ... to number of camera ...
            gap: (L,) ... in so many seconds.
            weights: (L,) in 0..1, how sure each is.
            overlap_odds: (C, C) nats for views that overlap, as looks say (`overlaps`).
        """
        self._links = (came_from, went_to, gap, weights)
        self._overlap_odds = overlap_odds
        self._fit()

    def note_ground(self, camera: int, points: Floats) -> None:
        """Remember where a calibrated camera sees people: (N, 2) metres; rows of NaN are ignored."""
        cells = np.floor(points[np.isfinite(points).all(axis=1)] / self.settings.cell).astype(np.int64)
        seen = self._ground.setdefault(camera, Counter())
        seen.update(zip(cells[:, 0].tolist(), cells[:, 1].tolist(), strict=True))

    def log_intensity(self, came_from: Ints, went_to: Ints, gap: Floats) -> Floats:
        """(N,) log of `p(b | a) f_ab(gap)` per second; minus infinity where the way cannot be made."""
        times = self._log_times[self._ways[came_from, went_to], self._bin(gap)]
        found: Floats = self._log_shares[came_from, went_to] + times
        found += np.where(gap == 0, self._log_both[came_from, went_to], 0.0)
        found[~self.possible(came_from, went_to, gap)] = -np.inf
        return found

    def possible(self, came_from: Ints, went_to: Ints, gap: Floats) -> Bools:
        """(N,) which ways can be made in `gap` seconds."""
        found: Bools = ~((gap == 0) & self._apart[came_from, went_to])
        if self.settings.fastest:
            found &= (gap < 0) | (gap >= self._fastest[came_from, went_to])
        return found

    def apart(self, cameras: Ints | np.int64, others: Ints) -> Bools:
        """(N,) pairs of cameras in which nobody can be at once: given, or learnt; a camera and itself are one."""
        found: Bools = self._apart[cameras, others] | (cameras == others)
        return found

    def _bin(self, gap: Floats) -> Ints:
        place = np.rint(np.arcsinh(gap / self.settings.unit) / self.settings.bin).astype(np.int64)
        return np.minimum(np.maximum(place + self._half, 0), 2 * self._half)

    def _fit(self) -> None:
        came_from, went_to, gap, weights = self._with_the_usual()
        count = len(self._numbers)
        used, rows = np.unique(came_from * count + went_to, return_inverse=True)
        links = np.zeros((len(used), len(self._widths)))
        np.add.at(links, (rows, self._bin(gap)), weights)
        self._ways = np.zeros((count, count), dtype=np.int64)
        self._ways[used // count, used % count] = np.arange(1, len(used) + 1)
        per_way = np.zeros((count, count))
        per_way[used // count, used % count] = links.sum(axis=1)
        self._log_times = self._times(links)
        setting = self.settings
        out = per_way.sum(axis=1, keepdims=True)
        shares = (per_way + setting.way_weight / count) / (out + setting.way_weight)
        self._log_shares = np.log(setting.leave * shares)
        together = np.zeros((count, count))
        together[used // count, used % count] = links[:, self._half]
        settled = (per_way + per_way.T >= setting.apart_after) & (together + together.T < 0.5)
        shared, none = self._ground_in_common()
        odds = self._odds_of_looks(shared | self._given(setting.overlapping))
        settled |= none | (odds < -setting.apart_odds)
        self._apart = (settled | self._given(setting.apart)) & ~self._given(setting.overlapping)
        self._log_both = np.minimum(log_expit(odds) + np.log(2.0), 0.0)

    def _with_the_usual(self) -> tuple[Ints, Ints, Floats, Floats]:
        """The links that are known, and those that what is given counts for."""
        numbers, usual = self._numbers, self.settings.usual
        given = [(numbers[a], numbers[b], seconds) for (a, b), seconds in usual.items() if {a, b} <= numbers.keys()]
        if not given:
            return self._links
        came_from, went_to = np.array([way[:2] for way in given], dtype=np.int64).T
        gap, weights = np.array([way[2] for way in given]), np.full(len(given), self.settings.usual_weight)
        known = self._links
        return (
            np.concatenate([known[0], came_from]),
            np.concatenate([known[1], went_to]),
            np.concatenate([known[2], gap]),
            np.concatenate([known[3], weights]),
        )

    def _ground_in_common(self) -> tuple[Bools, Bools]:
        """(C, C) pairs of calibrated cameras that saw people on the same square metre; that saw many and never did."""
        count, least = len(self._numbers), self.settings.cell_visits
        shared, none = np.zeros((2, count, count), dtype=np.bool_)
        used = {
            camera: {cell for cell, visits in cells.items() if visits >= least}
            for camera, cells in self._ground.items()
        }
        for one, other in combinations(sorted(used), 2):
            many = min(len(used[one]), len(used[other])) >= self.settings.cells_known
            both = len(used[one] & used[other]) > self.settings.cells_shared * min(len(used[one]), len(used[other]))
            shared[one, other] = shared[other, one] = both
            none[one, other] = none[other, one] = many and not both
        return shared, none

    def _odds_of_looks(self, known: Bools) -> Floats:
        """(C, C) what looks say of views that overlap, 0 for those that are known to and for a camera and itself."""
        count, told = len(self._numbers), len(self._overlap_odds)
        odds = np.full((count, count), self.settings.overlap_prior)
        odds[:told, :told] += self._overlap_odds
        odds[known | np.eye(count, dtype=np.bool_)] = 0.0
        return odds

    def _times(self, links: Floats) -> Floats:
        """(W, bins) weights of links -> (W + 1, bins) log densities per second; row 0 is for ways never gone."""
        setting = self.settings
        smooth = convolve1d(links, _KERNEL, axis=1, mode="constant") if len(links) else links
        possible = np.arange(len(self._widths)) >= self._bin(np.array([-setting.early]))[0]
        pooled = smooth.sum(axis=0) + setting.site_weight * possible / possible.sum()
        pooled /= pooled.sum()
        known = links.sum(axis=1, keepdims=True)
        times = (smooth + setting.pooled_weight * pooled) / (known + setting.pooled_weight)
        logged: Floats = np.log(np.maximum(np.vstack([pooled, times]), 1e-12) / self._widths)
        return logged

    def _given(self, pairs: frozenset[frozenset[str]]) -> Bools:
        given = np.zeros((len(self._numbers), len(self._numbers)), dtype=np.bool_)
        for pair in pairs:
            numbers = [self._numbers[name] for name in pair if name in self._numbers]
            if len(numbers) == 2:
                given[numbers, numbers[::-1]] = True
        return given

    def _grow(self) -> None:
        count = len(self._numbers)
        self._fastest = np.zeros((count, count))
        for (start, end), seconds in self.settings.fastest.items():
            if start in self._numbers and end in self._numbers:
                self._fastest[self._numbers[start], self._numbers[end]] = seconds
        self._fit()
