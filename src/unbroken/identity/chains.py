"""What times say: everybody is a chain of sightings, and a track that is put into it makes it likelier or less so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.identity.gallery import View
from unbroken.identity.site import Site
from unbroken.identity.whereabouts.topology import gaps


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """Where G tracks would come in the chains of P people.

    Attributes:
        slots: (G,) of the tracks.
        before: (G, P) slots of each person's last track before it, -1 for none.
        after: (G, P) of the first after it.
    """

    slots: Ints
    before: Ints
    after: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What is left of a person once the tracks of a group are taken out: the row in the gallery, and the views."""

    group: int
    row: int
    views: tuple[View, ...]


def gaps_in_chains(groups: Sequence[Sequence[int]], site: Site) -> Gap:
    """Where the first of each group would come, if none of the group were anybody's. Nobody's place is a guess."""
    history, timeline, people = site.history, site.history.timeline, len(site.gallery)
    # One column more than people takes what is of the group itself.
    before, after = np.full((2, len(groups), people + 1), -1, dtype=np.int64)
    persons = history.persons.take(timeline.slots)
    places = ((persons > 0) & history.settled.take(timeline.slots)).nonzero()[0]
    known, rows = timeline.slots.take(places), site.gallery.rows(persons.take(places))
    rows[rows < 0] = people
    held = np.full(len(timeline.slots), -1, dtype=np.int64)
    held[places] = np.arange(len(places))
    for number, group in enumerate(groups):
        mine = timeline.places[list(group)]
        own, split = held[mine], int(places.searchsorted(mine[0]))
        theirs = rows
        if (own >= 0).any():
            theirs = rows.copy()
            theirs[own[own >= 0]] = people
        # Of several assignments to one row the last one stands.
        before[number, theirs[:split]] = known[:split]
        after[number, theirs[split:][::-1]] = known[split:][::-1]
    return Gap(np.array([group[0] for group in groups], dtype=np.int64), before[:, :people], after[:, :people])


def chain_odds(gap: Gap, taken: Sequence[Taken], site: Site) -> Floats:
    """(G, P) how the prior odds of each person's chain change when each track is put into it."""
    odds = np.zeros(gap.before.shape)
    has_before, has_after = gap.before >= 0, gap.after >= 0
    groups, rows = (~(has_before | has_after)).nonzero()
    if len(groups):
        odds[groups, rows] = _from_gallery(gap.slots, (groups, rows), taken, site)
    into, out, both = has_before.nonzero(), has_after.nonzero(), (has_before & has_after).nonzero()
    first = np.concatenate([gap.before[into], gap.slots.take(out[0]), gap.before[both]])
    then = np.concatenate([gap.slots.take(into[0]), gap.after[out], gap.after[both]])
    found = link_odds(first, then, site)
    ends = len(into[0]), len(into[0]) + len(out[0])
    odds[into] += found[: ends[0]]
    odds[out] += found[ends[0] : ends[1]]
    odds[both] -= found[ends[1] :]
    return odds


def too_fast(gap: Gap, site: Site) -> Bools:
    """(G, P) who would have come here, or gone on from here, faster than is given as possible."""
    refused = np.zeros(gap.before.shape, dtype=np.bool_)
    into, out = (gap.before >= 0).nonzero(), (gap.after >= 0).nonzero()
    refused[into] |= ~can_follow(gap.before[into], gap.slots[into[0]], site)
    refused[out] |= ~can_follow(gap.slots[out[0]], gap.after[out], site)
    return refused


def can_follow(before: Ints, after: Ints, site: Site) -> Bools:
    """(N,) whether the ways that are given let the track in slot `after` follow that in slot `before`."""
    history = site.history
    gap = gaps(history.starts[before], history.ends[before], history.starts[after], history.ends[after])
    return site.topology.possible(history.cameras[before], history.cameras[after], gap)


def link_odds(before: Ints, after: Ints, site: Site) -> Floats:
    """(N,) log prior odds that the track in slot `after` is the next sighting of the person of `before`."""
    history = site.history
    starts, ends, cameras = history.starts, history.ends, history.cameras
    gap = gaps(starts.take(before), ends.take(before), starts.take(after), ends.take(after))
    intensity = site.topology.log_intensity(cameras.take(before), cameras.take(after), gap)
    found: Floats = np.logaddexp(intensity - history.log_rates.take(after), history.log_slow.take(after))
    return found


def _from_gallery(slots: Ints, dormant: tuple[Ints, Ints], taken: Sequence[Taken], site: Site) -> Floats:
    """(N,) the odds of pairs of group and person whose tracks have all left the history."""
    history, people, (groups, rows) = site.history, site.gallery.columns, dormant
    starts, ends, cameras = people.starts[rows], people.ends[rows], people.cameras[rows]
    for one in taken:
        place = ((groups == one.group) & (rows == one.row)).nonzero()[0]
        if one.views:
            last = one.views[-1]
            starts[place], ends[place], cameras[place] = last.start, last.end, last.camera
    here = slots.take(groups)
    gap = gaps(starts, ends, history.starts.take(here), history.ends.take(here))
    quick = site.topology.log_intensity(cameras, history.cameras.take(here), gap) - history.log_rates.take(here)
    found: Floats = np.logaddexp(quick, history.log_slow.take(here))
    return found
