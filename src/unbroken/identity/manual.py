"""Corrections by hand: merge, split, swap and undo, and the notes that make them hold.

What somebody says by hand is not weighed again: the tracks concerned are pinned (their margin is infinite), and two
people who were told apart are never merged by second thoughts. Nobody is twice in one view all the same: that is
refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from unbroken.core.arrays import Ints
from unbroken.core.errors import ContractError
from unbroken.core.events import Event, Evidence, PersonMerged, PersonSplit
from unbroken.identity.changes import joined
from unbroken.identity.gallery import View
from unbroken.identity.merges import Merge
from unbroken.identity.notes import Notes, Undo
from unbroken.identity.site import PINNED, Site

Track = tuple[str, int]


def merged(merge: Merge, site: Site, notes: Notes, clash: Callable[[Ints, Ints], bool], time: float) -> list[Event]:
    """Two Global IDs are one person, says somebody.

    Args:
        merge: who.
        site: what is known.
        notes: of corrections.
        clash: whether two sets of slots hold tracks that cannot be one person's now.
        time: seconds.

    Raises:
        ContractError: one of them is not known, they are the same, or they are in view at once.
    """
    person, absorbed = merge.person, merge.absorbed
    for one in (person, absorbed):
        known_person(one, site)
    if person == absorbed:
        raise ContractError(f"person {person} cannot be merged with itself; give two Global IDs")
    if clash(_slots(person, site), _slots(absorbed, site)):
        raise ContractError(
            f"persons {person} and {absorbed} are in view at the same time and cannot be one; split the wrong track off"
        )
    site.history.margins[_slots(absorbed, site)] = PINNED
    notes.let_meet(person, absorbed)
    return [joined(merge, site, notes, time)]


def split(person: int, tracks: Sequence[Track], site: Site, notes: Notes, time: float) -> list[Event]:
    """The named tracks are not `person` but somebody of their own, says somebody.

    Raises:
        ContractError: the person or a track is not known, a track is somebody else's, or nothing would be left.
    """
    history, gallery = site.history, site.gallery
    known_person(person, site)
    slots = [_slot_of(key, site) for key in dict.fromkeys(tracks)]
    if not slots:
        raise ContractError(f"split of person {person} names no track; name at least one as (camera, track)")
    for key, slot in zip(dict.fromkeys(tracks), slots, strict=True):
        if history.persons[slot] != person:
            raise ContractError(f"{_said(key)} is person {history.persons[slot]} and not {person}; name its own tracks")
    before = gallery.views(person)
    numbers = set(history.numbers[slots].tolist())
    if all(view.number in numbers for view in before):
        raise ContractError(f"these are all tracks that are known of person {person}; leave at least one out")
    separated = gallery.new_id()
    notes.add(Undo({person: before, separated: ()}, tuple((number, person) for number in sorted(numbers))))
    notes.keep_apart(person, separated)
    for slot in slots:
        _hand_over(slot, separated, site)
    evidence = Evidence(separated, 0.0)
    return [PersonSplit(time, person, separated, tuple(dict.fromkeys(tracks)), evidence)]


def swapped(first: Track, second: Track, site: Site, notes: Notes, time: float) -> list[Event]:
    """Two tracks have each other's person, says somebody.

    Raises:
        ContractError: a track is not known or undecided, or both are one person.
    """
    history, gallery = site.history, site.gallery
    slots = [_slot_of(first, site), _slot_of(second, site)]
    one, other = (int(history.persons[slot]) for slot in slots)
    for key, person in ((first, one), (second, other)):
        if person <= 0:
            raise ContractError(f"{_said(key)} has no Global ID yet; wait until it is decided")
    if one == other:
        raise ContractError(f"{_said(first)} and {_said(second)} are both person {one}; name tracks of two people")
    numbers = [int(history.numbers[slot]) for slot in slots]
    before = {person: gallery.views(person) for person in (one, other)}
    notes.add(Undo(before, ((numbers[0], one), (numbers[1], other))))
    for slot, person in zip(slots, (other, one), strict=True):
        _hand_over(slot, person, site)
    return [
        PersonSplit(time, one, other, (first,), Evidence(other, 0.0)),
        PersonSplit(time, other, one, (second,), Evidence(one, 0.0)),
    ]


def undone(person: int, site: Site, notes: Notes, time: float) -> list[Event]:
    """Take back the last correction that changed a person; what was seen since stays where it is.

    Raises:
        ContractError: none is remembered, or a later one rests on it.
    """
    correction, history, gallery = notes.take(person), site.history, site.gallery
    back: dict[tuple[int, int], list[Track]] = {}
    for number, before in correction.tracks:
        slot = history.slot(number)
        if slot >= 0 and history.persons[slot] != before:
            where = (site.topology.names[history.cameras[slot]], int(history.local[slot]))
            back.setdefault((int(history.persons[slot]), before), []).append(where)
            history.persons[slot], history.margins[slot] = before, PINNED
    older = {view.number for views in correction.views.values() for view in views}
    newer = {one: [view for view in gallery.views(one) if view.number not in older] for one in correction.views}
    for one, views in correction.views.items():
        gallery.put(one, (*(_projected(view, site) for view in views), *newer[one]))
    for now, before in back:
        notes.let_meet(now, before)
        if gallery.views(now) and gallery.views(before):
            notes.keep_apart(now, before)
    return [_handed_back(pair, tracks, site, time) for pair, tracks in back.items()]


def _handed_back(pair: tuple[int, int], tracks: Iterable[Track], site: Site, time: float) -> Event:
    now, before = pair
    evidence = Evidence(before, 0.0)
    if site.gallery.views(now):
        return PersonSplit(time, now, before, tuple(tracks), evidence)
    site.history.persons[_slots(now, site)] = before
    return PersonMerged(time, before, now, evidence)


def known_person(person: int, site: Site) -> None:
    """Raise a ContractError unless the person is known."""
    if not site.gallery.views(person):
        raise ContractError(f"person {person} is not in the gallery; give Global IDs that are known")


def _slots(person: int, site: Site) -> Ints:
    return np.flatnonzero(site.history.persons == person)


def _slot_of(key: Track, site: Site) -> int:
    """The slot of the latest track of that name."""
    history, names = site.history, site.topology.names
    found = np.zeros(0, dtype=np.int64)
    if key[0] in names:
        found = np.flatnonzero(
            (history.cameras == names.index(key[0])) & (history.local == key[1]) & (history.numbers >= 0)
        )
    if not len(found):
        raise ContractError(f"{_said(key)} is not remembered; name tracks that have a Global ID, as (camera, track)")
    return int(found[np.argmax(history.numbers[found])])


def _said(key: Track) -> str:
    return f"track {key[1]} of camera {key[0]}"


def _hand_over(slot: int, person: int, site: Site) -> None:
    """A track becomes another person's, and stays."""
    history, gallery = site.history, site.gallery
    before, number = int(history.persons[slot]), int(history.numbers[slot])
    views = [view for view in gallery.views(before) if view.number == number]
    gallery.drop(before, number)
    history.persons[slot], history.margins[slot], history.confidences[slot] = person, PINNED, 1.0
    gallery.add(person, views[0] if views else site.view(slot))


def _projected(view: View, site: Site) -> View:
    if site.likeness is None or not len(view.vector):
        return view
    return replace(view, row=site.likeness.project(view.vector[None], np.array([view.camera]))[0])
