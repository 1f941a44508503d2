"""How much is computed when the machine is too slow for its cameras: load in, quality out. Pure.

Quality falls in this order: how often detectors look, how often tracks get new features, how large the nets' input is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_FULL, _ROOM = 0.92, 0.80
"""Shares of time: the scheduler counts as overloaded when it works more, and aims below the second one."""
_LATE, _EARLY = 0.9, 0.6
"""Shares of the latency to keep to: overloaded above the first one, at ease below the second."""
_STEPS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 100)
_REFRESHES = (2.0, 4.0)
_MULTIPLE = 32


@dataclass(frozen=True, slots=True)
class Quality:
    """How much is computed.

    Attributes:
        every: times as rarely as it was set, the detector looks, on average; the schedule says when.
        refresh: times as rarely as it was set, a known track gets a new feature.
        size: pixels of the net's longer side; 0: as it was set.
    """

    every: int = 1
    refresh: float = 1.0
    size: int = 0


FULL = Quality()


@dataclass(frozen=True, slots=True)
class Limits:
    """What has to be kept to.

    Attributes:
        latency: seconds from a picture's arrival to its answer.
        most_every: the detector looks at every n-th picture at least.
        size: pixels of the nets' longer side at full quality; 0 where it cannot be changed.
        least_size: pixels that this shrinks to at most.
        patience: seconds of ease before quality rises by a step.
        longest_patience: this doubles, up to here, each time when quality falls again soon after it has risen.
    """

    latency: float = 0.3
    most_every: int = 6
    size: int = 0
    least_size: int = 224
    patience: float = 5.0
    longest_patience: float = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """How it went lately.

    Attributes:
        busy: share of time in which a step was running.
        detect: share of time in detectors; a part of `busy`.
        embed: share of time in Re-ID; a part of `busy`.
        latency: seconds, 95 % of the answers came sooner.
    """

    busy: float
    detect: float
    embed: float
    latency: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the site is on the ladder.

    Attributes:
        level: 0 is full quality.
        since: when it was changed last, seconds.
        uneasy: when there was last too little room to rise, seconds.
        patience: seconds of ease before the next rise.
        risen: whether the last change was a rise.
    """

    level: int = 0
    since: float = 0.0
    uneasy: float = 0.0
    patience: float = 5.0
    risen: bool = False


def ladder(limits: Limits) -> tuple[Quality, ...]:
    """All levels from full quality down, in the stated order; each takes one more step.

    >>> [quality.every for quality in ladder(Limits(most_every=4))]
    [1, 2, 3, 4, 4, 4]
    """
    levels = [FULL]
    levels += [Quality(every) for every in _STEPS if every < limits.most_every]
    if limits.most_every > 1:
        levels.append(Quality(limits.most_every))
    levels += [replace(levels[-1], refresh=refresh) for refresh in _REFRESHES]
    size = limits.size - _MULTIPLE
    while limits.size and size >= limits.least_size:
        levels.append(replace(levels[-1], size=size))
        size -= _MULTIPLE
    return tuple(levels)


def expected(load: Load, now: Quality, then: Quality, limits: Limits) -> float:
    """The share of time that a site will work at another quality, from what it works at this one."""
    area = ((then.size or limits.size or 1) / (now.size or limits.size or 1)) ** 2
    detect = load.detect * now.every / then.every * area
    embed = load.embed * now.every / then.every * now.refresh / then.refresh
    return load.busy - load.detect - load.embed + detect + embed


def decide(standing: Standing, load: Load, time: float, limits: Limits) -> Standing:
    """What follows from the load at this time.

    Under overload quality falls at once, as far as the measured costs say it must, and by one level at least. It rises
    by one level after `patience` seconds in which there was room for it without a break, so that it does not swing.
    """
    levels = ladder(limits)
    level = min(standing.level, len(levels) - 1)
    if load.busy > _FULL or load.latency > _LATE * limits.latency:
        return _fallen(replace(standing, level=level), load, time, limits)
    room = level > 0 and expected(load, levels[level], levels[level - 1], limits) < _ROOM
    if not room or load.latency > _EARLY * limits.latency:
        return replace(standing, level=level, uneasy=time)
    if time - max(standing.uneasy, standing.since) < standing.patience:
        return replace(standing, level=level)
    return replace(standing, level=level - 1, since=time, risen=True)


def _fallen(standing: Standing, load: Load, time: float, limits: Limits) -> Standing:
    levels = ladder(limits)
    if standing.level == len(levels) - 1:
        return replace(standing, uneasy=time)
    lower = range(standing.level + 1, len(levels))
    now = levels[standing.level]
    level = next((one for one in lower if expected(load, now, levels[one], limits) < _ROOM), lower[-1])
    soon = standing.risen and time - standing.since < 4 * standing.patience
    patience = min(2 * standing.patience, limits.longest_patience) if soon else limits.patience
    return Standing(level, time, time, patience, risen=False)
