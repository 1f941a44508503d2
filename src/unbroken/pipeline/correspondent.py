"""An identity manager whose decisions are made at the other end of a bus: it numbers sightings and hears answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unbroken.core.batches import Answer, Batch, Command
from unbroken.core.errors import ContractError
from unbroken.core.events import Event
from unbroken.core.ports import Bus
from unbroken.core.sightings import Identities, Sightings
from unbroken.pipeline.numbering import Numbering


class Correspondent:
    """Sends what the cameras of this process see, and answers what the writer has decided. One thread uses it.

    Args:
        bus: leads to the writer.
        late: seconds that an answer may be older than a picture and still name its tracks; 0: only that of the same.
    """

    def __init__(self, bus: Bus, late: float = 0.0) -> None:
        self._bus, self._late = bus, late
        self._numbering: Numbering | None = None
        self._time = 0.0
        self._sent = 0
        self._since: dict[str, int] = {}
        self._latest: dict[str, Identities] = {}

    def begin(self, camera: str) -> None:
        """The tracker of a camera begins anew, or the camera is gone: its open tracks end with the next step."""
        numbering = self._known()
        if numbering is not None:
            numbering.begin(camera)
        self._latest.pop(camera, None)
        self._since[camera] = self._sent + 1

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, as far as they are decided and stored, and what happened.

        Until the writer has been reached for the first time, and while it takes no more, nothing is sent.

        Raises:
            ContractError: the sightings break their contract; nothing of them was applied.
        """
        told = self._heard(self._bus.take())
        numbering = self._known()
        if sightings and numbering is not None:
            self._time = max([self._time, *(view.time for view in sightings)])
            sent = self._bus.put(Batch(self._time, numbering.reports(sightings, self._time)))
            if sent is not None:
                self._sent = sent
                told += self._heard(self._bus.take())
        return [self._named(view) for view in sightings], told

    def correct(self, command: Command, time: float) -> list[Event]:
        """Refuse: the tables, and whoever may change them, are where the writer is.

        Raises:
            ContractError: always.
        """
        raise ContractError(f"{type(command).__name__.lower()} is asked for where the writer runs, not at a node")

    def _known(self) -> Numbering | None:
        """The numbering, once the writer has said in which epochs the cameras go on."""
        if self._numbering is None and self._bus.epochs is not None:
            self._numbering = Numbering(self._bus.epochs)
        return self._numbering

    def _heard(self, answers: Sequence[Answer]) -> list[Event]:
        for answer in answers:
            for who in answer.verdict.identities:
                if answer.number >= self._since.get(who.camera, 0):
                    self._latest[who.camera] = who
        return [event for answer in answers for event in answer.verdict.events]

    def _named(self, view: Sightings) -> Identities:
        """What is decided of the tracks of a picture."""
        who = self._latest.get(view.camera)
        if who is None or abs(view.time - who.time) > self._late:
            return Identities.undecided(view.camera, view.time, view.tracks)
        row_of = {track: row for row, track in enumerate(who.tracks.tolist())}
        rows = [row_of.get(track, -1) for track in view.tracks.tolist()]
        # The last row is nobody's: -1 points to it.
        persons, state, confidence = np.append(who.persons, -1), np.append(who.state, 0), np.append(who.confidence, 0.0)
        return Identities(view.camera, view.time, view.tracks, persons[rows], state[rows], confidence[rows])
