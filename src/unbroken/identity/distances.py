"""How far apart are looks? A decision tells it beside its nats, since a cosine is what other programs tell too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unbroken.core.arrays import Features
from unbroken.core.events import Evidence
from unbroken.identity.gallery import Gallery
from unbroken.identity.history import History
from unbroken.identity.resolver import Decision


def with_distances(decision: Decision, history: History, gallery: Gallery) -> Decision:
    """The decision with the cosine distance from its track to each person that it names."""
    number, vector = int(history.numbers[decision.slot]), history.vectors[decision.slot]

    def told(evidence: Evidence) -> Evidence:
        distance = _distance(vector, evidence.person, number, gallery)
        return evidence if np.isnan(distance) else replace(evidence, distance=distance)

    return replace(decision, evidence=told(decision.evidence), alternatives=tuple(map(told, decision.alternatives)))


def _distance(vector: Features, person: int, number: int, gallery: Gallery) -> float:
    """To the nearest view of a person other than the track itself; NaN where either has no looks."""
    looks = [view.vector for view in gallery.views(person) if view.number != number and view.vector.any()]
    if not looks or not vector.any():
        return float("nan")
    return 1 - float((np.array(looks) @ vector).max())
