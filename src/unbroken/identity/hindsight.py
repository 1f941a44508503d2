"""Hindsight: when no more comes, all tracks that are remembered are decided anew with what was learnt by the end.

The first decisions of a site rest on models that have hardly seen it, and what they linked wrongly taught the next
ones. At the end the models are good, so everything is gone through again in the order in which it came, on a copy:
an empty gallery, the same tracks, the models of now. The models are then fitted to the outcome, and so on for a few
passes (hard expectation-maximisation over who is who). The outcome is compared with what was said before; each group
of tracks that changes hands is one event.

It is bounded by the memory of tracks: so many decisions for each pass, whatever the uptime. What somebody has said by
hand stays, and so does who is known from before: people who hold pinned tracks, or were told apart, keep theirs.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from unbroken.core.arrays import Ints
from unbroken.core.events import Event, Evidence, PersonMerged, PersonSplit
from unbroken.identity.changes import Changes
from unbroken.identity.gallery import Gallery
from unbroken.identity.history import History
from unbroken.identity.intake import Intake
from unbroken.identity.learning import Learner
from unbroken.identity.looks.calibration import Likeness
from unbroken.identity.notes import Notes, Undo
from unbroken.identity.resolver import Decision
from unbroken.identity.second_thoughts import SecondThoughts
from unbroken.identity.settings import ManagerSettings
from unbroken.identity.site import PINNED, Site
from unbroken.identity.whereabouts.handoffs import blind


def look_back(settings: ManagerSettings, learner: Learner, changes: Changes) -> list[Event]:
    """Decide everything anew, and carry out what comes of it.

    Args:
        settings: of the manager; `corrections.passes` says how often.
        learner: of its models, which are fitted to the outcome.
        changes: of its site.

    Returns:
        What changed hands, an event for each group of tracks; nothing while no model of looks is learnt.
    """
    if not settings.corrections.passes or not changes.site.history.count:
        return []
    learner.fit()
    site = again = changes.site
    if not isinstance(site.likeness, Likeness):
        return []
    for step in range(settings.corrections.passes):
        if step:
            Learner(settings, again).fit()
        again = _decided_anew(again, site, settings, changes.notes)
    events = _carry_out(again, changes)
    learner.fit()
    return events


def _decided_anew(model: Site, site: Site, settings: ManagerSettings, notes: Notes) -> Site:
    """The tracks of a site, decided one after another under the models of another."""
    history = site.history
    again = _emptied(model, site, settings)
    changes = Changes(again, Intake(settings, again, Learner(settings, again)), notes.without_corrections())
    second_thoughts = SecondThoughts(settings.corrections, changes, None)
    used = history.used
    used = used[(history.persons[used] > 0) & history.settled[used]]
    stays = np.isin(history.persons[used], list(_by_hand(site, notes))) | blind(history, used)
    for slot, fixed in zip(used.tolist(), stays.tolist(), strict=True):
        again.history.copy_of(history, slot)
        again.project(slot)
        time = float(history.ends[slot])
        if fixed:
            margin, confidence = float(history.margins[slot]), float(history.confidences[slot])
            person = int(history.persons[slot])
            changes.assign(slot, person, Decision(slot, person, margin, confidence, Evidence(person, 0.0), ()))
        else:
            changes.decide([slot], time)
        second_thoughts.think(time)
    return again


def _emptied(model: Site, site: Site, settings: ManagerSettings) -> Site:
    """A site without tracks, where only people are known whose tracks have left the memory."""
    history = History(site.history.size)
    again = Site(Gallery(settings.gallery), history, model.topology, site.coincidences, model.likeness)
    again.hysteresis, again.places, again.caution = site.hysteresis, site.places, site.caution
    again.gallery.begin_after(_highest(site))
    for person in site.gallery.ids.tolist():
        old = [view for view in site.gallery.views(person) if site.history.slot(view.number) < 0]
        again.gallery.put(person, tuple(old))
    if isinstance(model.likeness, Likeness):
        dimension = len(model.likeness.between)
        again.gallery.recalibrate(model.likeness, dimension)
        history.rows = np.zeros((history.size, dimension))
    return again


def _highest(site: Site) -> int:
    """The highest Global ID of anybody."""
    return max(int(site.history.persons.max(initial=0)), int(site.gallery.ids.max(initial=0)))


def _by_hand(site: Site, notes: Notes) -> set[int]:
    """People about whom somebody has said something, or who were known from the beginning."""
    history = site.history
    return notes.told_apart | set(history.persons[history.margins == PINNED].tolist())


def _names(site: Site, again: Site, slots: Ints) -> Ints:
    """(N,) the Global IDs of tracks after all: those who were known keep theirs, the others most of their tracks."""
    before, after = site.history.persons[slots], again.history.persons[slots]
    old, rows = np.unique(before, return_inverse=True)
    new, columns = np.unique(after, return_inverse=True)
    shared = np.zeros((len(old), len(new)))
    np.add.at(shared, (rows, columns), 1)
    names = np.zeros(len(new), dtype=np.int64)
    same = np.isin(new, np.concatenate([old, site.gallery.ids]))
    names[same] = new[same]
    free = ~np.isin(old, new[same])
    ours, theirs = linear_sum_assignment(shared[np.ix_(free, ~same)], maximize=True)
    kept = shared[np.ix_(free, ~same)][ours, theirs] > 0
    names[np.flatnonzero(~same)[theirs[kept]]] = old[free][ours[kept]]
    for place in np.flatnonzero(names == 0).tolist():
        names[place] = site.gallery.new_id()
    found: Ints = names[columns]
    return found


def _carry_out(again: Site, changes: Changes) -> list[Event]:
    """Every track goes to whom hindsight says, group by group."""
    site, history = changes.site, changes.site.history
    slots, known = again.history.used, again.gallery.ids
    targets = history.persons.copy()
    targets[slots] = _names(site, again, slots)
    staying = set(targets[history.used].tolist()) | set(known[known <= _highest(site)].tolist())
    history.margins[slots], history.confidences[slots] = again.history.margins[slots], again.history.confidences[slots]
    moved = slots[targets[slots] != history.persons[slots]]
    ways, way, sizes = np.unique(
        np.stack([history.persons[moved], targets[moved]]), axis=1, return_inverse=True, return_counts=True
    )
    events: list[Event] = []
    for place in np.lexsort((sizes, ways[0])).tolist():
        person, target = ways[:, place].tolist()
        group = moved[way.ravel() == place]
        events.append(_hand_over(group, target, changes, gone=person not in staying))
    return events


def _hand_over(group: Ints, target: int, changes: Changes, *, gone: bool) -> Event:
    """Tracks of one person become another's; if he is gone and these were his last, the two are one."""
    site, history = changes.site, changes.site.history
    gallery, person = site.gallery, int(history.persons[group[0]])
    time = float(history.ends[history.used].max())
    numbers = history.numbers[group].tolist()
    before = gallery.views(person)
    changes.notes.add(Undo({person: before, target: gallery.views(target)}, tuple((one, person) for one in numbers)))
    history.persons[group] = target
    left = np.flatnonzero((history.persons == person) & history.settled)
    kept = tuple(view for view in before if view.number not in set(numbers))
    gallery.put(person, kept or tuple(site.view(slot) for slot in left[-gallery.settings.views :].tolist()))
    for slot in group.tolist():
        site.keep_view(slot)
    evidence = Evidence(target, float(history.margins[group].max()))
    if gone and not len(left):
        return PersonMerged(time, target, person, evidence)
    tracks = tuple(name for slot in group.tolist() for name in changes.intake.name(slot))
    return PersonSplit(time, person, target, tracks, evidence)
