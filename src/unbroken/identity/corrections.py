"""Second thoughts: in a bounded window, tracks are weighed again and people who turn out to be one are merged.

Both are moves that raise the same likelihood that the resolver maximises, and both need a margin (hysteresis), so that
nothing swings to and fro.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unbroken.identity.resolver import Decision, decide
from unbroken.identity.site import Site
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
        contested: tracks that may contradict each other in a merge for it to be tried without some of them.
        remembered: corrections that can still be undone.
        passes: how often everything remembered is decided anew when no more comes (`hindsight`); 0 is never.
    """

    window: int = 400
    revisits: int = 4
    hysteresis: float = 1.0
    merge_margin: float = 3.0
    candidates: int = 5
    contested: int = 6
    remembered: int = 256
    passes: int = 3


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
