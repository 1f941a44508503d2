"""Second thoughts: in a bounded window, tracks are weighed again and people who turn out to be one are merged.

Both are moves that raise the same likelihood that the resolver maximises, and both need a margin (hysteresis), so that
nothing swings to and fro.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.core.events import Evidence
from unbroken.identity.chains import can_follow, link_odds
from unbroken.identity.places import impossible, near_in_time
from unbroken.identity.resolver import Decision, decide
from unbroken.identity.site import PINNED, REFUSED, Site
from unbroken.identity.weighing import Weighed


@dataclass(frozen=True, slots=True)
class CorrectionSettings:
    """Settings of second thoughts.

    Attributes:
        window: tracks; older ones are settled.
        revisits: tracks weighed again for each track that arrives.
        hysteresis: nats by which another explanation must be better before anything is changed.
        merge_margin: nats that are demanded of a merge.
        candidates: people of the closest appearance who are tried for a merge.
        remembered: corrections that can still be undone.
        passes: how often everything remembered is decided anew when no more comes (`hindsight`); 0 is never.
    """

    window: int = 400
    revisits: int = 4
    hysteresis: float = 1.0
    merge_margin: float = 3.0
    candidates: int = 5
    remembered: int = 256
    passes: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """Two people are one: `absorbed` becomes `person`."""

    person: int
    absorbed: int
    evidence: Evidence


def reconsidered(slots: Sequence[int], person: int, weighed: Weighed, site: Site) -> Decision:
    """Decide again on tracks of one person.

    Args:
        slots: of the tracks, the earliest first.
        person: who it was.
        weighed: the tracks.
        site: everything known.

    Returns:
        The decision; its person is the old one unless another is better by the hysteresis, 0 for somebody new.
    """
    ids = site.gallery.ids
    scores = np.append(weighed.scores, weighed.newcomer)
    numbers = set(site.history.numbers[list(slots)].tolist())
    old = site.gallery.row(person) if site.gallery.left(person, numbers) else len(ids)
    best = int(np.argmax(scores))
    keep = old if scores[best] <= scores[old] + site.hysteresis else best
    return decide(slots[0], weighed, keep if keep < len(ids) else -1, ids)


def find_merge(person: int, settings: CorrectionSettings, site: Site) -> Merge | None:
    """The best merge of a person with another, if it beats leaving both by the margin; none of somebody who is gone."""
    gallery = site.gallery
    if site.likeness is None or not gallery.views(person):
        return None
    ids = gallery.ids
    appearance = site.likeness.calibrated(gallery.joint(person))
    appearance[ids == person] = REFUSED
    mine = _tracks(person, site)
    best: Merge | None = None
    for column in np.argsort(-appearance, kind="stable")[: settings.candidates].tolist():
        other = int(ids[column])
        if appearance[column] <= 0:
            break
        theirs = _tracks(other, site)
        if _clash(mine, theirs, site):
            continue
        time = _union_odds(mine, theirs, site)
        score = float(appearance[column]) + time - float(np.log(site.topology.settings.newcomer)) - site.caution
        if score > settings.merge_margin and (best is None or score > best.evidence.score):
            kept, absorbed = min(person, other), max(person, other)
            best = Merge(kept, absorbed, Evidence(kept, score, float(appearance[column]), time))
    return best


def _tracks(person: int, site: Site) -> Ints:
    """The slots of a person's tracks that are more than first guesses, in the order of time."""
    history = site.history
    ordered = history.timeline.slots
    theirs = ordered[history.persons.take(ordered) == person]
    found: Ints = theirs[history.settled[theirs] | (history.margins[theirs] == PINNED)]
    return found


def _clash(mine: Ints, theirs: Ints, site: Site) -> bool:
    """Whether a rule keeps two people apart: they were in two places at once, or too soon one after the other."""
    history = site.history
    one, other = near_in_time(theirs, mine[:, None], history, site.places).nonzero()
    one, other = mine[one], theirs[other]
    apart = site.topology.apart(history.cameras[one], history.cameras[other])
    if (apart & history.together(one, other)).any() or impossible(other, one, history, site.places).any():
        return True
    union = _in_time(np.concatenate([mine, theirs]), site)
    return bool(site.topology.settings.fastest) and not can_follow(union[:-1], union[1:], site).all()


def _in_time(slots: Ints, site: Site) -> Ints:
    ordered: Ints = slots[site.history.timeline.places[slots].argsort()]
    return ordered


def _union_odds(mine: Ints, theirs: Ints, site: Site) -> float:
    """How the prior odds change when two chains of sightings are one."""
    union = _in_time(np.concatenate([mine, theirs]), site)
    return _chain(union, site) - _chain(mine, site) - _chain(theirs, site)


def _chain(slots: Ints, site: Site) -> float:
    return float(link_odds(slots[:-1], slots[1:], site).sum()) if len(slots) > 1 else 0.0
