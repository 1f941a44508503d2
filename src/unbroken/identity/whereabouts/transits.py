"""Who came out where somebody went in: hand-offs from times and places alone, learnt without a single sure link.

People who leave at portal A come out at portal B with a probability and after a time, which makes the arrivals at B a
superposition of new ones and delayed departures (transit times by co-occurrence: Makris, Ellis and Black, CVPR 2004;
unknown correspondences: Tieu, Dalley and Grimson, ICCV 2005). Nothing links a departure to an arrival at first, so both
are estimated in turn (EM): the transit model weighs all pairs, belief propagation turns the weights into marginals of
a one-to-one matching (Williams and Lau, IEEE TAES 2014), and the marginals teach the transit model. It starts where
the arrivals match the departures best for one common delay.

Two things sharpen it: who walks slowly through a view is slow behind it (the time in the view, against others on the
same path, predicts the gap and the time in the next view), and who leaves on the left comes in on one side (the place
within the portal left predicts that in the portal entered). Both are regressions per way, drawn to "says nothing", so
a way that three people have gone stays modest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import ndtr

from unbroken.core.arrays import Floats, Ints
from unbroken.identity.whereabouts.portals import Doors, Passages, Portals, learn_portals

_LEAST = 1e-12
_SHORTEST = 0.1
"""Seconds: gaps below it are one gap."""
_DELAYS = 40
_AGAINST = -5.0
"""Nats: side and pace never say more than that against a pair."""


@dataclass(frozen=True, slots=True)
class TransitSettings:
    """Settings of hand-offs without looks.

    Attributes:
        longest: seconds; nobody is looked for after a longer gap.
        reach: box heights within which places of entry and exit are one portal.
        spread: prior standard deviation of the log of a way's transit time ...
        spread_weight: ... and how many links it is worth.
        ridge: links that the priors of the regressions are worth: that side and pace say nothing.
        most: share of people who leave at a portal that its ways explain at most.
        least_gain: nats by which a way must explain the arrivals better than chance to be tried.
        least_share: the marginal probability that a link must have to be made.
        hold: nats by which a link that has been made is preferred to others.
        rounds: of learning.
        passes: of belief propagation.
        window: the latest tracks; older ones teach nothing and keep who they are.
        growth: the model is learnt again when the number of tracks has grown by this share.
    """

    longest: float = 300.0
    reach: float = 2.0
    spread: float = 0.3
    spread_weight: float = 4.0
    ridge: float = 3.0
    most: float = 0.9
    least_gain: float = 3.0
    least_share: float = 0.5
    hold: float = 0.5
    rounds: int = 12
    passes: int = 20
    window: int = 400
    growth: float = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """M pairs that may be one person, in the order of time.

    Attributes:
        before: (M,) rows of the passages.
        after: (M,) rows.
        log_odds: (M,) that they are one person, against nobody coming out and somebody new coming in.
    """

    before: Ints
    after: Ints
    log_odds: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """W = K * K ways between K portals; way `a * K + b` leads from a to b.

    Attributes:
        shares: (W,) probability that who leaves at a comes to b this way.
        gap: (W, 3) log seconds at the middle, and its slopes on side and pace; `gap_spread` (W,) around it.
        side: (W, 2) side entered for the middle, and its slope on the side left; `side_spread` (W,) around it.
        pace: (W, 2) the same of the pace in the next view; `pace_spread` (W,) in units of the portals' own.
    """

    shares: Floats
    gap: Floats
    gap_spread: Floats
    side: Floats
    side_spread: Floats
    pace: Floats
    pace_spread: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Transits:
    """What is known of how people get about.

    Attributes:
        settings: of all this.
        portals: where they come in and go out.
        ways: from portal to portal.
        rates: (K,) people per second who come in and came from nowhere.
    """

    settings: TransitSettings
    portals: Portals
    ways: Ways
    rates: Floats

    def links(self, passages: Passages) -> Links:
        """Which tracks may follow which."""
        doors = self.portals.doors(passages)
        return self._weighed(passages, doors, _pairs(passages, doors, self.settings))

    def _weighed(self, passages: Passages, doors: Doors, pairs: Links) -> Links:
        ways, before, after = self.ways, pairs.before, pairs.after
        of = doors.exits[before] * len(self.portals) + doors.entries[after]
        side, pace = doors.went[before], np.nan_to_num(doors.paces[before])
        log_gap = _log_gap(passages, pairs)
        expected = ways.gap[of, 0] + ways.gap[of, 1] * side + ways.gap[of, 2] * pace
        score = _normal(log_gap - expected, ways.gap_spread[of]) - log_gap
        expected = ways.side[of, 0] + ways.side[of, 1] * side
        score += _told(doors.came[after], expected, ways.side_spread[of], 1.0)
        expected, usual = ways.pace[of, 0] + ways.pace[of, 1] * pace, self.portals.pace_spread
        score += _told(doors.paces[after], expected, ways.pace_spread[of] * usual, usual)
        score += np.log(np.maximum(ways.shares[of], _LEAST)) - np.log(self.rates[doors.entries[after]])
        return Links(before, after, score - self._stayed(passages, doors)[before])

    def _stayed(self, passages: Passages, doors: Doors) -> Floats:
        """(N,) log probability that who left has come out nowhere by now."""
        ways, count = self.ways, len(self.portals)
        since = np.log(np.maximum(passages.ends.max() - passages.ends, _SHORTEST))
        of = doors.exits[:, None] * count + np.arange(count)
        gone = ways.shares[of] * ndtr((since[:, None] - ways.gap[of, 0]) / (2 * ways.gap_spread[of]))
        found: Floats = np.log(1 - np.minimum(gone.sum(axis=1), self.settings.most))
        return found


def learn_transits(passages: Passages, settings: TransitSettings) -> Transits:
    """Learn how people get about from tracks of which nobody knows who is who. All tracks must know their boxes."""
    portals = learn_portals(passages, settings.reach)
    doors = portals.doors(passages)
    pairs = _pairs(passages, doors, settings)
    span = float(passages.ends.max() - passages.starts.min()) + 1.0
    rates = _rates(np.full(len(passages), 0.5), doors, (len(portals), span))
    model = Transits(settings, portals, _first_ways(passages, doors, pairs, (settings, len(portals))), rates)
    for _ in range(settings.rounds if len(pairs.before) else 0):
        weighed = model._weighed(passages, doors, pairs)
        shares = matched(weighed, settings.passes)
        ways = _learnt(passages, doors, pairs, (shares, portals, settings))
        unexplained = np.ones(len(passages)) - np.bincount(pairs.after, shares, minlength=len(passages))
        rates = _rates(unexplained, doors, (len(portals), span))
        model = Transits(settings, portals, ways, rates)
    return model


def _rates(new: Floats, doors: Doors, given: tuple[int, float]) -> Floats:
    """(K,) people per second who come in new, from the (N,) share of each track that is; never 0."""
    count, span = given
    return np.asarray((np.bincount(doors.entries, new, minlength=count) + 0.5) / span, dtype=np.float64)


def matched(links: Links, passes: int) -> Floats:
    """(M,) marginals of a one-to-one matching in which anybody may stay alone, by belief propagation.

    Args:
        links: pairs, with the log odds of the pair against both being alone.
        passes: of messages, to and fro.
    """
    before, after = links.before, links.after
    odds = np.exp(np.minimum(links.log_odds, 50.0))
    back = np.ones(len(odds))
    for _ in range(passes):
        carried = odds * back
        forth = odds / (1 + np.bincount(before, carried)[before] - carried)
        back = 1 / (1 + np.bincount(after, forth)[after] - forth)
    carried = odds * back
    found: Floats = carried / (1 + np.bincount(before, carried)[before])
    return found


def best_matching(links: Links, shares: Floats, least: float) -> Ints:
    """Indices into the links: the one-to-one matching with the greatest sum of log odds, less what is unlikely.

    Args:
        links: pairs.
        shares: (M,) marginals.
        least: the marginal below which a pair is not made.
    """
    lefts, left = np.unique(links.before, return_inverse=True)
    rights, right = np.unique(links.after, return_inverse=True)
    worth = np.zeros((len(lefts), len(rights)))
    worth[left, right] = np.maximum(links.log_odds, 0.0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    chosen = np.zeros(worth.shape, dtype=np.bool_)
    chosen[rows, columns] = worth[rows, columns] > 0
    found: Ints = np.flatnonzero(chosen[left, right] & (shares >= least))
    return found


def _pairs(passages: Passages, doors: Doors, settings: TransitSettings) -> Links:
    """Whoever came in after somebody has left, not too long after."""
    gaps = passages.starts[None] - passages.ends[:, None]
    possible = (gaps > 0) & (gaps <= settings.longest) & passages.ended[:, None]
    possible &= (doors.exits >= 0)[:, None] & (doors.entries >= 0)[None]
    before, after = np.nonzero(possible)
    return Links(before, after, np.zeros(len(before)))


def _log_gap(passages: Passages, pairs: Links) -> Floats:
    found: Floats = np.log(np.maximum(passages.starts[pairs.after] - passages.ends[pairs.before], _SHORTEST))
    return found


def _normal(residual: Floats, spread: Floats | float) -> Floats:
    found: Floats = -0.5 * (residual / spread) ** 2 - np.log(spread * np.sqrt(2 * np.pi))
    return found


def _told(value: Floats, expected: Floats, spread: Floats, usual: float) -> Floats:
    """(M,) log ratio of a value under its prediction and under what is usual; 0 where it is not known."""
    ratio = np.nan_to_num(_normal(value - expected, spread) - _normal(value, usual))
    found: Floats = np.maximum(ratio, _AGAINST)
    return found


def _untrodden(count: int, settings: TransitSettings) -> Ways:
    ways = count * count
    flat = np.zeros((ways, 2))
    spread = np.full(ways, settings.spread)
    return Ways(np.zeros(ways), np.zeros((ways, 3)), spread, flat, np.ones(ways), flat.copy(), np.ones(ways))


def _first_ways(passages: Passages, doors: Doors, pairs: Links, given: tuple[TransitSettings, int]) -> Ways:
    """Each way, together with its way back, has the delay at which arrivals match departures best, or none."""
    settings, count = given
    delays = np.log(np.geomspace(1.0, settings.longest, _DELAYS))
    left, came = np.bincount(doors.exits, minlength=count), np.bincount(doors.entries, minlength=count)
    of = doors.exits[pairs.before] * count + doors.entries[pairs.after]
    span = float(passages.ends.max() - passages.starts.min()) + 1.0
    log_gap = _log_gap(passages, pairs)
    gains: dict[int, Floats] = {}
    ways = _untrodden(count, settings)
    for way in np.unique(of).tolist():
        one, other = divmod(way, count)
        mine = of == way
        ways.shares[way] = share = 0.5 * min(1.0, came[other] / left[one])
        seen = _arrivals(log_gap[mine], pairs.after[mine], delays, settings.spread) * span / came[other]
        gains[way] = np.log(1 - share * left[one] / came[other] + share * seen).sum(axis=0)
    for way, gain in gains.items():
        one, other = divmod(way, count)
        both = gain + gains.get(other * count + one, np.zeros(_DELAYS))
        ways.gap[way, 0] = delays[int(np.argmax(both))]
        ways.shares[way] *= both.max() > settings.least_gain
    return ways


def _arrivals(log_gaps: Floats, after: Ints, delays: Floats, spread: float) -> Floats:
    """(L, D) density, per second, of delayed departures at each of L arrivals, for each of D delays."""
    densities = np.exp(_normal(log_gaps[:, None] - delays, spread) - log_gaps[:, None])
    _, arrivals = np.unique(after, return_inverse=True)
    summed = np.zeros((int(arrivals.max()) + 1, len(delays)))
    np.add.at(summed, arrivals, densities)
    return summed


def _learnt(passages: Passages, doors: Doors, pairs: Links, given: tuple[Floats, Portals, TransitSettings]) -> Ways:
    """The ways, from the marginals of all pairs."""
    shares, portals, settings = given
    count = len(portals)
    found = _untrodden(count, settings)
    left = np.bincount(doors.exits, minlength=count)
    of = doors.exits[pairs.before] * count + doors.entries[pairs.after]
    total = np.bincount(of, shares, minlength=count * count)
    log_gap = _log_gap(passages, pairs)
    side, pace = doors.went[pairs.before], np.nan_to_num(doors.paces[pairs.before])
    arrived = doors.paces[pairs.after]
    for way in np.flatnonzero(total > 1.0).tolist():
        mine = np.flatnonzero((of == way) & (shares > 1e-6))
        columns = np.column_stack([np.ones(len(mine)), side[mine], pace[mine]])
        fit = _regression(shares[mine], settings)
        found.gap[way], found.gap_spread[way] = fit(columns, log_gap[mine], settings.spread)
        found.side[way], found.side_spread[way] = fit(columns[:, :2], doors.came[pairs.after[mine]], 1.0)
        fit = _regression(shares[mine] * np.isfinite(arrived[mine]), settings)
        slopes, spread = fit(columns[:, [0, 2]], np.nan_to_num(arrived[mine]), portals.pace_spread)
        found.pace[way], found.pace_spread[way] = slopes, spread / portals.pace_spread
        found.shares[way] = min(total[way] / (left[way // count] + 1.0), settings.most)
    return found


def _regression(weights: Floats, settings: TransitSettings) -> Callable[[Floats, Floats, float], tuple[Floats, float]]:
    """Ridge regression with (M,) weights: slopes are drawn to 0, the spread to its prior; the constant is free."""
    total = float(weights.sum())

    def fit(columns: Floats, values: Floats, spread: float) -> tuple[Floats, float]:
        weighted = columns * weights[:, None]
        damp = settings.ridge * np.maximum((weighted * columns).sum(axis=0) / max(total, _LEAST), 1e-3)
        damp[0] = 1e-6
        normal = weighted.T @ columns + np.diag(damp)
        slopes = np.asarray(np.linalg.solve(normal, weighted.T @ values), dtype=np.float64)
        residual = values - columns @ slopes
        scatter = float((weights * residual**2).sum()) + settings.spread_weight * spread**2
        return slopes, float(np.sqrt(scatter / (total + settings.spread_weight)))

    return fit
