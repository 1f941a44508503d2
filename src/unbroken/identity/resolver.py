"""Who is it? A function from tracks that are due, the gallery, the history and the topology to decisions with evidence.

For each track and each known person the score is the log of posterior over prior odds of "nobody in particular":

    score = calibrated appearance ratio + log prior odds of the transit           (evidence: appearance, time)
    nobody known = log(share of newcomers) + caution

where the prior odds of all who can be meant are scaled to sum to the share of people known, for intensities of many
people are seldom right in sum;
and a person who is in the same view, or in a view that cannot be shared, at the same instant is refused. All tracks
that are due in views that cannot be shared are assigned together, each with a column of its own for somebody new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Bools, Floats, Ints
from unbroken.core.events import Evidence
from unbroken.identity.places import impossible, near_in_time, place_odds
from unbroken.identity.site import PINNED, REFUSED, Site
from unbroken.identity.topology import gaps


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """One track against everybody in the gallery, column by column for `gallery.ids`.

    Attributes:
        appearance: (P,) calibrated log-likelihood ratios.
        time: (P,) log prior odds of the transit.
        place: (P,) log-likelihood ratios of where the track is.
        scores: (P,) the sum, `REFUSED` for who is excluded by a rule.
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
class Decision:
    """What is decided of one track.

    Attributes:
        slot: of the track in the history.
        person: a Global ID; 0 for somebody new.
        margin: nats between this and the next best explanation.
        confidence: posterior probability.
        evidence: for the person chosen; of somebody new, the score of being new.
        alternatives: the others, best first.
    """

    slot: int
    person: int
    margin: float
    confidence: float
    evidence: Evidence
    alternatives: tuple[Evidence, ...]


def resolve(slots: list[int], site: Site) -> list[Decision]:
    """Decide together on tracks that are different people: the assignment with the greatest sum of scores."""
    ids = site.gallery.ids
    weighed = [weigh([slot], site) for slot in slots]
    scores = np.array([each.scores for each in weighed]).reshape(len(slots), len(ids))
    newcomers = np.full((len(slots), len(slots)), REFUSED)
    np.fill_diagonal(newcomers, [each.newcomer for each in weighed])
    _, chosen = linear_sum_assignment(np.hstack([scores, newcomers]), maximize=True)
    return [
        decide(slot, each, int(column) if column < len(ids) else -1, ids)
        for slot, each, column in zip(slots, weighed, chosen, strict=True)
    ]


def exclusive_groups(parts: Sequence[list[int]], site: Site) -> list[list[int]]:
    """Tracks, view by view -> groups of which no two can be one person: each is assigned together.

    Views that may overlap are decided one after the other, since what is decided in one says who is in the other.
    """
    groups: list[list[int]] = []
    for part in filter(None, parts):
        joined = next((group for group in groups if _exclude_each_other(part, group, site)), None)
        if joined is None:
            groups.append([*part])
        else:
            joined += part
    return groups


def _exclude_each_other(slots: list[int], others: list[int], site: Site) -> bool:
    history, (one, other) = site.history, np.meshgrid(slots, others)
    apart = site.topology.apart(history.cameras[one], history.cameras[other])
    return bool((apart & history.together(one, other)).all())


def decide(slot: int, weighed: Weighed, column: int, ids: Ints) -> Decision:
    """The decision for a column of the gallery, or -1 for somebody new."""
    everything = np.append(weighed.scores, weighed.newcomer)
    score = float(everything[column])
    confidence = float(np.exp(score - np.logaddexp.reduce(everything)))
    everything[column] = -np.inf
    margin = score - float(everything.max()) if len(everything) > 1 else 0.0
    known = column >= 0
    evidence = weighed.evidence(ids, column) if known else Evidence(0, weighed.newcomer)
    alternatives = weighed.alternatives(ids, without=column)
    return Decision(slot, int(ids[column]) if known else 0, margin, confidence, evidence, alternatives)


def weigh(slots: Sequence[int], site: Site) -> Weighed:
    """Compare tracks that are one person, the first of which says when and where from, with everybody."""
    history, gallery = site.history, site.gallery
    seen = [slot for slot in slots if history.vectors[slot].any()]
    appearance = np.zeros(len(gallery))
    if site.likeness is not None and seen:
        appearance = site.likeness.calibrated(gallery.together(history.rows[seen]))
    slot = slots[0]
    before, after = _neighbours(slots, site)
    place = np.zeros(len(gallery))
    followed = (before >= 0).nonzero()[0]
    place[followed] = place_odds(before[followed], slot, history, site.places)
    refused = np.zeros(len(gallery), dtype=np.bool_)
    if site.topology.settings.fastest:
        refused |= _too_fast(slot, before, after, site)
    beside = np.zeros(len(gallery), dtype=np.bool_)
    for member in slots:
        beside |= _stand_together(member, place, site)
        refused |= _refused(member, slots, site)
    time = _chain_odds(slot, before, after, site)
    newcomer = site.newcomer
    meant = ~(refused | beside)
    if meant.any():
        time = time + np.log(1 - newcomer) - float(np.logaddexp.reduce(time[meant]))
    scores = np.where(refused, REFUSED, np.maximum(appearance + time + place, REFUSED))
    return Weighed(appearance, time, place, scores, float(np.log(newcomer)) + site.caution)


def _stand_together(slot: int, place: Floats, site: Site) -> Bools:
    """Write into (P,) `place` what a track says that was seen elsewhere at the same instants.

    Returns:
        (P,) who was seen beside it: he cannot be meant, and takes no share of the prior odds.
    """
    history = site.history
    beside = np.zeros(len(place), dtype=np.bool_)
    numbers, odds, counts = site.coincidences.odds(int(history.numbers[slot]))
    if not len(numbers):
        return beside
    slots = numbers % history.size
    kept = (history.numbers[slots] == numbers) & (history.persons[slots] > 0)
    if history.settled[slot]:
        kept &= history.settled[slots]
    order = kept.nonzero()[0]
    if not len(order):
        return beside
    order = order[counts[order].argsort(kind="stable")]
    rows, odds = site.gallery.rows(history.persons[slots[order]]), odds[order]
    there = rows >= 0
    place[rows[there]] = odds[there]
    beside[rows[there]] = odds[there] < -site.coincidences.settings.sure
    return beside


def companions(slot: int, site: Site) -> list[int]:
    """The settled tracks of other cameras that stood where this one did, so that they are decided on together."""
    history = site.history
    numbers, odds, _ = site.coincidences.odds(int(history.numbers[slot]))
    slots = numbers % history.size
    kept = (odds > site.coincidences.settings.sure) & (history.numbers[slots] == numbers) if len(numbers) else odds > 0
    kept &= history.settled[slots] & (history.persons[slots] > 0) & (history.margins[slots] < PINNED)
    found: list[int] = []
    for other in slots[kept][np.argsort(-odds[kept], kind="stable")].tolist():
        mine = [one for one in found if history.cameras[one] == history.cameras[other]]
        if not (mine and history.together(other, np.array(mine)).any()):
            found.append(other)
    return found


def _refused(slot: int, group: Sequence[int], site: Site) -> Bools:
    """(P,) who cannot be meant by a track of a group, for he is elsewhere; guesses bind only guesses."""
    history, reach = site.history, site.places.reach
    refused = np.zeros(len(site.gallery), dtype=np.bool_)
    around = history.timeline.around(history.starts[slot] - reach, history.ends[slot] + reach)
    stands = (history.persons.take(around) > 0) & near_in_time(around, slot, history, site.places)
    if history.settled[group[0]]:
        stands &= history.settled.take(around) | (history.margins.take(around) == PINNED)
    for member in group:
        stands &= around != member
    near = around[stands]
    clash = site.topology.apart(history.cameras[slot], history.cameras[near]) & history.together(slot, near)
    clash |= impossible(near, slot, history, site.places)
    rows = site.gallery.rows(history.persons[near[clash]])
    refused[rows[rows >= 0]] = True
    return refused


def _too_fast(slot: int, before: Ints, after: Ints, site: Site) -> Bools:
    """(P,) who would have come here, or gone on from here, faster than is given as possible."""
    refused = np.zeros(len(before), dtype=np.bool_)
    here = np.full(len(before), slot, dtype=np.int64)
    for first, then, there in ((before, here, before >= 0), (here, after, after >= 0)):
        refused[there] |= ~can_follow(first[there], then[there], site)
    return refused


def can_follow(before: Ints, after: Ints, site: Site) -> Bools:
    """(N,) whether the ways that are given let the track in slot `after` follow that in slot `before`."""
    history = site.history
    gap = gaps(history.starts[before], history.ends[before], history.starts[after], history.ends[after])
    return site.topology.possible(history.cameras[before], history.cameras[after], gap)


def _neighbours(group: Sequence[int], site: Site) -> tuple[Ints, Ints]:
    """(P,) the slots of each person's last track before the first of a group, and first after it; -1 for none."""
    history, timeline = site.history, site.history.timeline
    before, after = np.full((2, len(site.gallery)), -1, dtype=np.int64)
    persons = history.persons.take(timeline.slots)
    stands = (persons > 0) & history.settled.take(timeline.slots)
    stands[timeline.places[group]] = False
    places = stands.nonzero()[0]
    known, rows = timeline.slots.take(places), site.gallery.rows(persons.take(places))
    there = rows >= 0
    if not there.all():
        places, known, rows = places[there], known[there], rows[there]
    split = int(places.searchsorted(timeline.places[group[0]]))
    # Of several assignments to one row the last one stands.
    before[rows[:split]] = known[:split]
    after[rows[split:][::-1]] = known[split:][::-1]
    return before, after


def _chain_odds(slot: int, before: Ints, after: Ints, site: Site) -> Floats:
    """(P,) how the prior odds of a person's chain of sightings change when this track is put into it."""
    odds = np.zeros(len(site.gallery))
    has_before, has_after = before >= 0, after >= 0
    dormant = (~(has_before | has_after)).nonzero()[0]
    if len(dormant):
        odds[dormant] = _from_gallery(slot, dormant, site)
    into, out = has_before.nonzero()[0], has_after.nonzero()[0]
    both = (has_before & has_after).nonzero()[0]
    links = np.full((2, len(into) + len(out) + len(both)), slot, dtype=np.int64)
    links[0, : len(into)], links[1, len(into) : len(into) + len(out)] = before[into], after[out]
    links[:, len(into) + len(out) :] = before[both], after[both]
    found = link_odds(links[0], links[1], site)
    odds[into] += found[: len(into)]
    odds[out] += found[len(into) : len(into) + len(out)]
    odds[both] -= found[len(into) + len(out) :]
    return odds


def _from_gallery(slot: int, dormant: Ints, site: Site) -> Floats:
    """(N,) the odds of people, by row, whose tracks have all left the history."""
    history, people = site.history, site.gallery.columns
    gap = gaps(people.starts[dormant], people.ends[dormant], history.starts[slot], history.ends[slot])
    here = np.full(len(dormant), history.cameras[slot], dtype=np.int64)
    quick = site.topology.log_intensity(people.cameras[dormant], here, gap) - history.log_rates[slot]
    found: Floats = np.logaddexp(quick, history.log_slow[slot])
    return found


def link_odds(before: Ints, after: Ints, site: Site) -> Floats:
    """(N,) log prior odds that the track in slot `after` is the next sighting of the person of `before`."""
    history = site.history
    starts, ends, cameras = history.starts, history.ends, history.cameras
    gap = gaps(starts.take(before), ends.take(before), starts.take(after), ends.take(after))
    intensity = site.topology.log_intensity(cameras.take(before), cameras.take(after), gap)
    found: Floats = np.logaddexp(intensity - history.log_rates.take(after), history.log_slow.take(after))
    return found
