"""Who each track turned out to be: a Global ID comes some pictures after the track, and may be corrected later."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from unbroken.core.events import Event, PersonForgotten, PersonMerged, PersonSplit
from unbroken.core.results import FrameResult

NOBODY = -1
"""The person of a track that is undecided or whose person has been forgotten."""


class Ledger:
    """The journal of decisions: one short list per track, a pair (picture, person) for each change.

    It answers what was said at a picture (`live`) and what is known now (`final`): merges rename whoever followed the
    absorbed person, splits move the named tracks, and a forgotten person is nobody. It grows with the number of tracks
    and corrections (about 200 bytes each), not with the number of pictures.
    """

    def __init__(self) -> None:
        self._changes: dict[tuple[str, int], list[tuple[int, int]]] = {}
        self._renamed: dict[int, int] = {}
        self._forgotten: set[int] = set()

    def note(self, result: FrameResult, events: Iterable[Event]) -> None:
        """Take in one picture's answer and what happened with it."""
        for track, person in zip(result.tracks.ids.tolist(), result.identities.persons.tolist(), strict=True):
            self._decide((result.camera, track), result.index, person)
        for event in events:
            if isinstance(event, PersonMerged):
                self._renamed.pop(event.person, None)
                self._renamed[event.absorbed] = event.person
            elif isinstance(event, PersonSplit):
                self._renamed.pop(event.separated, None)
                for key in event.tracks:
                    last = self._changes.get(key)
                    self._decide(key, last[-1][0] if last else 0, event.separated)
            elif isinstance(event, PersonForgotten):
                self._forgotten.add(self.resolved(event.person))

    def _decide(self, key: tuple[str, int], index: int, person: int) -> None:
        changes = self._changes.setdefault(key, [])
        if person != NOBODY and (not changes or changes[-1][1] != person):
            changes.append((index, person))

    def resolved(self, person: int) -> int:
        """The Global ID that a person goes by now, after all merges; `NOBODY` where it has been forgotten."""
        while person in self._renamed:
            person = self._renamed[person]
        return NOBODY if person in self._forgotten else person

    def forgotten(self, camera: str, track: int) -> bool:
        """Whether a track belongs to a person who has been forgotten."""
        changes = self._changes.get((camera, track))
        return changes is not None and bool(changes) and self.resolved(changes[-1][1]) == NOBODY

    def final(self, camera: str, track: int) -> int:
        """Who a track is, as far as is known now; `NOBODY` while undecided."""
        changes = self._changes.get((camera, track))
        return self.resolved(changes[-1][1]) if changes else NOBODY

    def live(self, camera: str, track: int, index: int) -> int:
        """Who a track was said to be at a picture, by the name that this person goes by now."""
        changes = self._changes.get((camera, track), [])
        place = bisect_right(changes, index, key=lambda change: change[0])
        return self.resolved(changes[place - 1][1]) if place else NOBODY
