"""Who is it? A function from tracks that are due, the gallery, the history and the topology to decisions with evidence.

All tracks that are due in a view are weighed (`weighing`) and assigned together, each with a column of its own for
somebody new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Ints
from unbroken.core.events import Evidence
from unbroken.identity.site import PINNED, REFUSED, Site
from unbroken.identity.weighing import Weighed, weigh_all


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
    weighed = weigh_all([[slot] for slot in slots], site)
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
    history, one, other = site.history, np.array(slots)[:, None], np.array(others)
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
