"""Who are one person after all? A merge raises the same likelihood that the resolver maximises, by a margin.

Where a few tracks contradict a merge, because they put one person into two places at once, it is tried without them:
for each contradiction the track goes that loses less by being somebody else, together with those that stood where it
did, and what is lost counts against the merge. A single wrong track would otherwise keep two halves of a person apart
for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.core.events import Evidence
from unbroken.identity.chains import can_follow, link_odds
from unbroken.identity.corrections import CorrectionSettings
from unbroken.identity.resolver import Decision, companions, decide
from unbroken.identity.site import LAPSED, PINNED, REFUSED, Site
from unbroken.identity.weighing import weigh
from unbroken.identity.whereabouts.places import impossible, near_in_time


@dataclass(frozen=True, slots=True, eq=False)
class Eviction:
    """Tracks that stood together are not whom they were taken for.

    Attributes:
        slots: of the tracks, the earliest first.
        decision: who they are; 0 for somebody new.
        loss: nats by which they would rather stay.
    """

    slots: tuple[int, ...]
    decision: Decision
    loss: float


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """Two people are one: `absorbed` becomes `person`, once `evicted` are somebody else."""

    person: int
    absorbed: int
    evidence: Evidence
    evicted: tuple[Eviction, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Two people and the slots of their tracks, in the order of time."""

    person: int
    other: int
    mine: Ints
    theirs: Ints

    def without(self, slots: Sequence[int]) -> _Pair:
        """The same people when some tracks are somebody else's."""
        mine, theirs = (part[~np.isin(part, slots)] for part in (self.mine, self.theirs))
        return replace(self, mine=mine, theirs=theirs)


def find_merge(person: int, settings: CorrectionSettings, site: Site) -> Merge | None:
    """The best merge of a person with another, if it beats leaving both by the margin; none of somebody who is gone."""
    gallery = site.gallery
    if site.likeness is None or not gallery.views(person):
        return None
    ids = gallery.ids
    looks = site.likeness.calibrated(gallery.joint(person))
    looks[ids == person] = REFUSED
    mine = _tracks(person, site)
    found: list[Merge] = []
    for column in np.argsort(-looks, kind="stable")[: settings.candidates].tolist():
        if looks[column] <= 0:
            break
        other = int(ids[column])
        pair = _Pair(person, other, mine, _tracks(other, site))
        clashes = _clashes(pair, site)
        merge = _cleared(pair, clashes, settings, site) if len(clashes) else _scored(pair, float(looks[column]), site)
        if merge is not None and merge.evidence.score > settings.merge_margin:
            found.append(merge)
    return max(found, key=lambda merge: merge.evidence.score, default=None)


def _scored(pair: _Pair, looks: float, site: Site) -> Merge | None:
    """The merge of two people whom nothing contradicts; none where the ways that are given are too long."""
    union = _in_time(np.concatenate([pair.mine, pair.theirs]), site)
    setting = site.topology.settings
    if setting.fastest and not can_follow(union[:-1], union[1:], site).all():
        return None
    time = _chain(union, site) - _chain(pair.mine, site) - _chain(pair.theirs, site)
    score = looks + time - float(np.log(setting.newcomer)) - site.caution
    kept, absorbed = (pair.person, pair.other) if _keeps_name(pair, site) else (pair.other, pair.person)
    return Merge(kept, absorbed, Evidence(kept, score, looks, time))


def _keeps_name(pair: _Pair, site: Site) -> bool:
    """Whether the first of two is better known: for longer than the memory lasts, by more tracks, or simply before."""
    one, other = (
        (any(site.history.slot(view.number) < 0 for view in site.gallery.views(person)), len(tracks), -person)
        for person, tracks in ((pair.person, pair.mine), (pair.other, pair.theirs))
    )
    return one > other


def _cleared(pair: _Pair, clashes: Ints, settings: CorrectionSettings, site: Site) -> Merge | None:
    """The merge of two people once the tracks that contradict it are somebody else's."""
    contested = np.unique(clashes).tolist()
    if len(contested) > settings.contested:
        return None
    evicted = _chosen(clashes, {slot: _eviction(slot, pair, site) for slot in contested})
    gone = [slot for eviction in evicted for slot in eviction.slots]
    left = pair.without(gone)
    if not gone or not len(left.mine) or not len(left.theirs) or len(_clashes(left, site)):
        return None
    looks = _looks(pair, gone, site)
    merge = None if looks is None else _scored(left, looks, site)
    if merge is None:
        return None
    score = merge.evidence.score - sum(max(eviction.loss, 0.0) for eviction in evicted)
    return replace(merge, evidence=replace(merge.evidence, score=score), evicted=evicted)


def _looks(pair: _Pair, gone: Sequence[int], site: Site) -> float | None:
    """What looks say for two people without some tracks; nothing where no view of one of them is left."""
    numbers = set(site.history.numbers[list(gone)].tolist())
    views = [site.gallery.left(person, numbers) for person in (pair.person, pair.other)]
    if site.likeness is None or not views[0] or not views[1]:
        return None
    sums = np.array([np.sum([view.row for view in known], axis=0) for known in views])
    counts = np.array([float(len(known)) for known in views])
    alone = site.likeness.energy(sums, counts).sum()
    together = site.likeness.energy(sums.sum(axis=0, keepdims=True), counts.sum(keepdims=True))
    return float(site.likeness.calibrated(together - alone)[0])


def _eviction(slot: int, pair: _Pair, site: Site) -> Eviction | None:
    """Who a track is, with those that stood where it did, if it is neither of two people; none of what is pinned."""
    history, ids = site.history, site.gallery.ids
    if history.margins[slot] == PINNED:
        return None
    beside = [other for other in companions(slot, site) if history.persons[other] == history.persons[slot]]
    slots = sorted([slot, *beside], key=lambda one: (history.starts[one], history.numbers[one]))
    weighed = weigh(slots, site)
    either = np.isin(ids, (pair.person, pair.other))
    stays = float(weighed.scores[either].max(initial=REFUSED))
    scores = np.where(either, REFUSED, weighed.scores)
    best = int(np.append(scores, weighed.newcomer).argmax())
    goes = float(np.append(scores, weighed.newcomer)[best])
    decision = decide(slots[0], replace(weighed, scores=scores), best if best < len(ids) else -1, ids)
    return Eviction(tuple(slots), decision, stays - goes)


def _chosen(clashes: Ints, evictions: Mapping[int, Eviction | None]) -> tuple[Eviction, ...]:
    """Of each two tracks that contradict each other the one that loses less; nothing where that cannot be."""
    chosen: list[Eviction] = []
    gone: set[int] = set()
    for two in clashes.tolist():
        if gone & set(two):
            continue
        free = [eviction for slot in two if (eviction := evictions[slot]) is not None]
        least = min(free, key=lambda eviction: eviction.loss, default=None)
        if least is None or gone & set(least.slots):
            return ()
        chosen.append(least)
        gone |= set(least.slots)
    return tuple(chosen)


def _tracks(person: int, site: Site) -> Ints:
    """The slots of a person's tracks that are more than first guesses, in the order of time."""
    history = site.history
    ordered = history.timeline.slots
    theirs = ordered[history.persons.take(ordered) == person]
    found: Ints = theirs[history.settled[theirs] | (history.margins[theirs] >= LAPSED)]
    return found


def _clashes(pair: _Pair, site: Site) -> Ints:
    """(N, 2) slots of the tracks that keep two people apart: in two places at once, or too soon one after the other."""
    history = site.history
    one, other = near_in_time(pair.theirs, pair.mine[:, None], history, site.places).nonzero()
    one, other = pair.mine[one], pair.theirs[other]
    apart = site.topology.apart(history.cameras[one], history.cameras[other])
    clash = (apart & history.together(one, other)) | impossible(other, one, history, site.places)
    found: Ints = np.column_stack([one[clash], other[clash]])
    return found


def _in_time(slots: Ints, site: Site) -> Ints:
    ordered: Ints = slots[site.history.timeline.places[slots].argsort()]
    return ordered


def _chain(slots: Ints, site: Site) -> float:
    """The prior odds of a chain of sightings."""
    return float(link_odds(slots[:-1], slots[1:], site).sum()) if len(slots) > 1 else 0.0
