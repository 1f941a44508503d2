"""What is said of one sighting, for managers that stand around another one and remember its answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unbroken.core.sightings import Identities, IdentityState, Sightings

Answer = tuple[int, int, float]
"""Person, state and confidence of a sighting."""

PENDING: Answer = (-1, int(IdentityState.PENDING), 0.0)
"""Nobody is known yet."""


def answers_of(identities: Identities) -> dict[int, Answer]:
    """The answers of a camera by track."""
    columns = identities.persons.tolist(), identities.state.tolist(), identities.confidence.tolist()
    return dict(zip(identities.tracks.tolist(), zip(*columns, strict=True), strict=True))


def identities_of(view: Sightings, answers: Sequence[Answer]) -> Identities:
    """One answer for each sighting of a view, in their order."""
    persons, state, confidence = np.array(answers, dtype=np.float64).reshape(-1, 3).T
    return Identities(view.camera, view.time, view.tracks, persons.astype(np.int64), state.astype(np.int64), confidence)


def renamed(answer: Answer, person: int, name: int) -> Answer:
    """The answer where whoever was `person` is `name`; -1: he is nobody."""
    if answer[0] != person:
        return answer
    return (name, answer[1], answer[2]) if name > 0 else PENDING
