"""Cameras whose clocks disagree, told to the identity manager as if they agreed.

What is compared across cameras (places, times) is compared at one instant. A camera that shows everything earlier than
the others has to wait for them: what it saw is handed on when the others show that moment. Meanwhile its tracks keep
the answers that they have; new ones are pending, for as long as the clock is ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unbroken.core.batches import Command
from unbroken.core.events import ClockCorrected, Event, PersonForgotten, PersonMerged, PersonSplit
from unbroken.core.ports import IdentityManager, Restartable
from unbroken.core.sightings import Identities, Sightings
from unbroken.identity.answers import PENDING, Answer, answers_of, identities_of, renamed
from unbroken.identity.ground.clocks import Clocks
from unbroken.identity.ground.values import GroundObservations

_WORTH_TELLING = 0.4
"""Seconds by which a clock has to have changed to be told of again."""


class Synchronised:
    """An identity manager around one that takes all clocks for right. While they are, it changes nothing.

    Same input, same output, to the bit; what waits is bounded by the reach of the clocks.

    Args:
        inner: decides who is who.
        clocks: a fresh estimate, which may know of some clocks.
    """

    def __init__(self, inner: IdentityManager, clocks: Clocks | None = None) -> None:
        self.inner = inner
        self._clocks = clocks or Clocks()
        self._held: deque[Sightings] = deque()
        self._known: dict[str, dict[int, Answer]] = {}
        self._latest: dict[str, Identities] = {}
        self._told: dict[str, float] = {}

    def begin(self, camera: str) -> None:
        """The tracker of a camera begins anew: what waits of it is dropped, and so is what is known of its clock."""
        self._held = deque(view for view in self._held if view.camera != camera)
        self._known.pop(camera, None)
        self._latest.pop(camera, None)
        self._clocks.forget(camera)
        inner: object = self.inner
        if isinstance(inner, Restartable):
            inner.begin(camera)

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        """The Global IDs for the sightings of one step, in their order, and what happened."""
        now = max((view.time for view in sightings), default=-np.inf)
        told: list[Event] = self._compared(now, sightings)
        waits = self._waits()
        if not waits and not self._held:
            answers, events = self.inner.observe(sightings)
            self._latest.update((one.camera, one) for one in answers)
            return answers, [*events, *told]
        late = {view.camera for view in self._held} | waits.keys()
        self._known = {camera: rows for camera, rows in self._known.items() if camera in late}
        for view in sightings:
            if view.camera in late:
                self._hold(view, waits.get(view.camera, 0.0))
        found, events = self._hand_on([view for view in sightings if view.camera not in late], now)
        answers = [found[view.camera] if view.camera not in late else self._answer(view) for view in sightings]
        return answers, [*events, *told]

    def correct(self, command: Command, time: float) -> list[Event]:
        """Carry out what somebody asks for by hand.

        Raises:
            ContractError: the manager inside refuses; nothing changes.
        """
        events = self.inner.correct(command, time)
        self._follow(events)
        return events

    def _compared(self, now: float, sightings: Sequence[Sightings]) -> list[Event]:
        """Learn from what is seen now; what is to be told of clocks."""
        placed = [view for view in sightings if np.isfinite(view.ground).any()]
        if not placed or not self._clocks.observe(now, [GroundObservations.from_sightings(view) for view in placed]):
            return []
        events: list[Event] = []
        for camera, ahead in self._clocks.ahead.items():
            last = self._told.get(camera, 0.0)
            if abs(ahead - last) >= _WORTH_TELLING - 1e-9 or (last and not ahead):
                self._told[camera] = ahead
                events.append(ClockCorrected(now, camera, ahead, _sentence(ahead)))
        return events

    def _waits(self) -> dict[str, float]:
        """By how many seconds each camera has to wait for the one that is furthest behind; those that don't are left
        out.
        """
        ahead = self._clocks.ahead
        behind = min(ahead.values(), default=0.0)
        return {camera: seconds - behind for camera, seconds in ahead.items() if seconds > behind}

    def _hold(self, view: Sightings, wait: float) -> None:
        """Have it wait, behind what its camera saw before."""
        if view.camera not in self._known:
            self._known[view.camera] = answers_of(self._latest[view.camera]) if view.camera in self._latest else {}
        last = max((one.time for one in self._held if one.camera == view.camera), default=-np.inf)
        self._held.append(replace(view, time=float(max(view.time + wait, np.nextafter(last, np.inf)))))

    def _hand_on(self, direct: Sequence[Sightings], now: float) -> tuple[dict[str, Identities], list[Event]]:
        """Tell the manager what is due and what has not to wait; its answers by camera, and what happened."""
        due = sorted((view for view in self._held if view.time <= now), key=lambda view: view.time)
        self._held = deque(view for view in self._held if view.time > now)
        *before, last = _rounds(due)
        found: dict[str, Identities] = {}
        events: list[Event] = []
        for views in (*before, [*last, *direct]):
            answers, decided = self.inner.observe(views)
            events += decided
            self._follow(decided)
            found.update((answer.camera, answer) for answer in answers)
            for view, answer in zip(views, answers, strict=True):
                self._learn(view, answer)
        return found, events

    def _learn(self, view: Sightings, answer: Identities) -> None:
        """Keep what was answered, for when the camera has to wait."""
        self._latest[view.camera] = answer
        known = self._known.get(view.camera)
        if known is not None:
            known.update(answers_of(answer))
            for track in view.ended.tolist():
                known.pop(track, None)

    def _follow(self, decided: Sequence[Event]) -> None:
        """What was answered before goes by the names that people have now."""
        for event in decided:
            if isinstance(event, PersonMerged):
                self._rename(event.absorbed, event.person)
            elif isinstance(event, PersonForgotten):
                self._rename(event.person, -1)
            elif isinstance(event, PersonSplit):
                for camera, track in event.tracks:
                    known = self._known.get(camera, {})
                    if track in known:
                        known[track] = (event.separated, *known[track][1:])

    def _rename(self, person: int, name: int) -> None:
        """Whoever was `person` is `name` from here; -1: nobody is."""
        for known in self._known.values():
            for track, answer in known.items():
                known[track] = renamed(answer, person, name)

    def _answer(self, view: Sightings) -> Identities:
        """What is known of the tracks of a camera that waits; nobody is two of them."""
        known = self._known.get(view.camera, {})
        rows, taken = [], set[int]()
        for track in view.tracks.tolist():
            row = known.get(track, PENDING)
            rows.append(PENDING if row[0] in taken else row)
            taken.update({row[0]} - {-1})
        return identities_of(view, rows)


def _rounds(due: Sequence[Sightings]) -> list[list[Sightings]]:
    """At most one of each camera at a time, in their order; all cameras have their last in the last round."""
    cameras: dict[str, list[Sightings]] = {}
    for view in due:
        cameras.setdefault(view.camera, []).append(view)
    count = max((len(views) for views in cameras.values()), default=1)
    return [[views[-left] for views in cameras.values() if len(views) >= left] for left in range(count, 0, -1)]


def _sentence(ahead: float) -> str:
    if not ahead:
        return "its clock is that of the others again"
    what = "ahead of" if ahead > 0 else "behind"
    return (
        f"its clock is {abs(ahead):.1f} s {what} the others'; corrected from here on: put its clock right, or give "
        f"`clock = {ahead:.1f}` to this camera in the site file"
    )
