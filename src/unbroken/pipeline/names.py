"""Who the tracks of a camera are: those just answered, and those that coast by the last name known."""

from __future__ import annotations

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.core.sightings import Identities, IdentityState
from unbroken.core.tracks import Tracks

_NOBODY = (-1, int(IdentityState.PENDING), 0.0)


class Names:
    """The last answer for each track of one camera."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int, float]] = {}

    def named(self, tracks: Tracks, answer: Identities) -> Identities:
        """The Global IDs of all tracks: those just answered, and for tracks that coast the last ones known."""
        rows = zip(answer.tracks.tolist(), answer.persons, answer.state, answer.confidence, strict=True)
        self._known.update({track: (int(p), int(s), float(c)) for track, p, s, c in rows})
        names = [self._known.get(track, _NOBODY) for track in tracks.ids.tolist()]
        persons, states, confidence = np.array(names, dtype=np.float64).reshape(-1, 3).T
        return Identities(answer.camera, answer.time, tracks.ids, persons, states, confidence)  # type: ignore[arg-type]

    def forget(self, ended: Ints) -> None:
        """These tracks are given up."""
        for track in ended.tolist():
            self._known.pop(track, None)
