"""Whose are these tracks? Groups of tracks, each one person's, weighed against everybody: looks, times and places.

For each group and each known person the score is the log of posterior over prior odds of "nobody in particular":

    score = calibrated appearance ratio + log prior odds of the transit           (evidence: appearance, time)
    nobody known = log(share of newcomers) + caution

where the prior odds of all who can be meant are scaled to sum to the share of people known, for intensities of many
people are seldom right in sum;
and a person who is in the same view, or in a view that cannot be shared, at the same instant is refused. A group is
weighed as if its tracks were nobody's yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.core.events import Evidence
from unbroken.identity.chains import Gap, Taken, chain_odds, gaps_in_chains, too_fast
from unbroken.identity.site import LAPSED, REFUSED, Site
from unbroken.identity.whereabouts.places import impossible, near_in_time, place_odds

_AT_ONCE = 64
"""Groups that are weighed together: enough to share the work, few enough to stay in the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """A group of tracks against everybody in the gallery, column by column for `gallery.ids`.

    Attributes:
        appearance: (P,) calibrated log-likelihood ratios.
        time: (P,) log prior odds of the transit.
        place: (P,) log-likelihood ratios of where the tracks are.
        scores: (P,) the sum, `REFUSED` for who is excluded by a rule, or of whom nothing but these tracks is known.
        newcomer: the score of somebody new.
    """

    appearance: Floats
    time: Floats
    place: Floats
    scores: Floats
    newcomer: float

    def evidence(self, ids: Ints, column: int) -> Evidence:
        """Why this person."""
        return Evidence(
            int(ids[column]),
            float(self.scores[column]),
            float(self.appearance[column]),
            float(self.time[column]),
            float(self.place[column]),
        )

    def alternatives(self, ids: Ints, count: int = 3, without: int = -1) -> tuple[Evidence, ...]:
        """The best others who were not excluded, best first."""
        scores = self.scores
        order = [column for column in np.argsort(-scores, kind="stable")[: count + 1].tolist() if column != without]
        return tuple(self.evidence(ids, column) for column in order[:count] if scores[column] > REFUSED)


@dataclass(frozen=True, slots=True, eq=False)
class _Members:
    """The tracks of all groups, one after the other.

    Attributes:
        slots: (M,) of the tracks.
        groups: (M,) number of the group of each, ascending.
        starts: (G,) place of the first of each group.
        firsts: (M,) slot of the first of its group.
        keys: (M,) of group and slot together, ascending.
    """

    slots: Ints
    groups: Ints
    starts: Ints
    firsts: Ints
    keys: Ints

    @classmethod
    def of(cls, groups: Sequence[Sequence[int]]) -> _Members:
        """Of groups of at least one track."""
        slots = np.array([slot for group in groups for slot in group], dtype=np.int64)
        sizes = np.array([len(group) for group in groups])
        starts, numbers = np.cumsum(sizes) - sizes, np.repeat(np.arange(len(groups)), sizes)
        return cls(slots, numbers, starts, np.repeat(slots[starts], sizes), np.sort(_key(numbers, slots)))

    def hold(self, members: Ints, others: Ints) -> Bools:
        """(N,) whether each of `others` is in the group of the member beside it."""
        keys = _key(self.groups.take(members), others)
        found: Bools = self.keys.take(self.keys.searchsorted(keys), mode="clip") == keys
        return found


def _key(groups: Ints, slots: Ints) -> Ints:
    return (groups << 32) + slots


def weigh(slots: Sequence[int], site: Site) -> Weighed:
    """Compare tracks that are one person, the first of which says when and where from, with everybody."""
    return weigh_all([slots], site)[0]


def weigh_all(groups: Sequence[Sequence[int]], site: Site) -> list[Weighed]:
    """Compare several groups, each for itself; a group is of at least one track."""
    found: list[Weighed] = []
    for first in range(0, len(groups), _AT_ONCE):
        found += _weighed(groups[first : first + _AT_ONCE], site)
    return found


def _weighed(groups: Sequence[Sequence[int]], site: Site) -> list[Weighed]:
    members, taken = _Members.of(groups), _taken_out(groups, site)
    gap = gaps_in_chains(groups, site)
    appearance = _looks(groups, taken, site)
    place = _ways(gap, site)
    refused = _elsewhere(members, site)
    if site.topology.settings.fastest:
        refused |= too_fast(gap, site)
    for one in taken:
        refused[one.group, one.row] |= not one.views
    beside = _stand_together(members, place, site)
    time = chain_odds(gap, taken, site)
    newcomer = site.newcomer
    meant = np.logaddexp.reduce(np.where(refused | beside, -np.inf, time), axis=1)
    time += np.where(np.isfinite(meant), np.log(1 - newcomer) - meant, 0.0)[:, None]
    scores = np.where(refused, REFUSED, np.maximum(appearance + time + place, REFUSED))
    new = float(np.log(newcomer)) + site.caution
    return [Weighed(*parts, new) for parts in zip(appearance, time, place, scores, strict=True)]


def _taken_out(groups: Sequence[Sequence[int]], site: Site) -> list[Taken]:
    """What is left of those whom the tracks of a group belong to now."""
    history, gallery = site.history, site.gallery
    found: list[Taken] = []
    for number, group in enumerate(groups):
        tracks = set(history.numbers[list(group)].tolist())
        for person in dict.fromkeys(history.persons[list(group)].tolist()):
            left = gallery.left(person, tracks)
            if len(left) < len(gallery.views(person)):
                found.append(Taken(number, gallery.row(person), left))
    return found


def _looks(groups: Sequence[Sequence[int]], taken: Sequence[Taken], site: Site) -> Floats:
    """(G, P) calibrated log-likelihood ratios; 0 for a group of which nobody has seen anything."""
    history, gallery, likeness = site.history, site.gallery, site.likeness
    found = np.zeros((len(groups), len(gallery)))
    if likeness is None:
        return found
    seen = [[slot for slot in group if history.looks[slot]] for group in groups]
    alone = [number for number, group in enumerate(seen) if len(group) == 1]
    if alone:
        found[alone] = gallery.ratios(history.rows[[seen[number][0] for number in alone]])
    for number, group in enumerate(seen):
        if len(group) > 1:
            found[number] = gallery.together(history.rows[group])
    parts = [one for one in taken if one.views and seen[one.group]]
    if parts:
        rows = [history.rows[seen[one.group]] for one in parts]
        ratios = gallery.partly(rows, [one.views for one in parts])
        found[[one.group for one in parts], [one.row for one in parts]] = ratios
    found = likeness.calibrated(found)
    found[[number for number, group in enumerate(seen) if not group]] = 0.0
    return found


def _ways(gap: Gap, site: Site) -> Floats:
    """(G, P) what the way from each person's last place says."""
    place = np.zeros(gap.before.shape)
    followed = (gap.before >= 0).nonzero()
    place[followed] = place_odds(gap.before[followed], gap.slots.take(followed[0]), site.history, site.places)
    return place


def _stand_together(members: _Members, place: Floats, site: Site) -> Bools:
    """Write into (G, P) `place` what tracks say that were seen elsewhere at the same instants.

    Returns:
        (G, P) who was seen beside a group: he cannot be meant, and takes no share of the prior odds.
    """
    history, sure = site.history, site.coincidences.settings.sure
    beside = np.zeros(place.shape, dtype=np.bool_)
    asked = history.numbers[members.slots].tolist()
    site.coincidences.tell(asked)
    told = [site.coincidences.odds(number) for number in asked]
    member = np.repeat(np.arange(len(told)), [len(numbers) for numbers, _, _ in told])
    if not len(member):
        return beside
    numbers, odds, counts = (np.concatenate(column) for column in zip(*told, strict=True))
    slots = numbers % history.size
    kept = (history.numbers[slots] == numbers) & (history.persons[slots] > 0)
    kept &= history.settled[slots] | ~history.settled[members.slots[member]]
    kept &= ~members.hold(member, slots)
    order = kept.nonzero()[0]
    order = order[np.lexsort((counts[order], member[order]))]
    rows, odds, member = site.gallery.rows(history.persons[slots[order]]), odds[order], member[order]
    there = (rows >= 0).nonzero()[0]
    rows, odds, member = rows[there], odds[there], member[there]
    # Of several assignments to one place the last one stands: the longest encounter of the last member.
    place[members.groups[member], rows] = odds
    theirs = np.zeros((len(members.slots), place.shape[1]), dtype=np.bool_)
    theirs[member, rows] = odds < -sure
    return np.logical_or.reduceat(theirs, members.starts, axis=0)


def _elsewhere(members: _Members, site: Site) -> Bools:
    """(G, P) who cannot be meant, for he is somewhere else; guesses bind only guesses."""
    history, reach = site.history, site.places.reach
    refused = np.zeros((len(members.starts), len(site.gallery)), dtype=np.bool_)
    starts, ends = history.starts[members.slots] - reach, history.ends[members.slots] + reach
    around = [history.timeline.around(*span) for span in zip(starts.tolist(), ends.tolist(), strict=True)]
    member, others = np.repeat(np.arange(len(around)), [len(part) for part in around]), np.concatenate(around)
    stands = (history.persons.take(others) > 0) & near_in_time(others, members.slots.take(member), history, site.places)
    binding = history.settled.take(others) | (history.margins.take(others) >= LAPSED)
    stands &= binding | ~history.settled[members.firsts].take(member)
    stands &= ~members.hold(member, others)
    member, others = member[stands], others[stands]
    slots = members.slots.take(member)
    clash = site.topology.apart(history.cameras.take(slots), history.cameras.take(others))
    clash &= history.together(slots, others)
    clash |= impossible(others, slots, history, site.places)
    rows = site.gallery.rows(history.persons[others[clash]])
    refused[members.groups[member[clash]][rows >= 0], rows[rows >= 0]] = True
    return refused
