"""Two halves of a person become one, even where a single wrong track says that he was in two places at once."""

import numpy as np

from identity.test_second_thoughts import torn, walked
from unbroken.identity.corrections import CorrectionSettings
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.merges import find_merge


def contradicted():
    """A manager in whom somebody is torn in two, and a stranger's track, seen at the same instant, is taken for him."""
    manager = CalibratedManager()
    list(walked(manager, 6))
    site = manager._site
    history, gallery = site.history, site.gallery
    person = int(history.persons[history.slot(history.count - 1)])
    other = torn(manager, person)
    last = int(history.used[history.persons[history.used] == other][-1])
    stranger = int(history.used[~np.isin(history.persons[history.used], (person, other))][-1])
    gallery.drop(int(history.persons[stranger]), int(history.numbers[stranger]))
    history.persons[stranger], history.cameras[stranger] = person, history.cameras[last]
    history.starts[stranger], history.ends[stranger] = history.starts[last], history.ends[last]
    history._timeline = None
    site.keep_view(stranger)
    return manager, person, other, stranger


def test_the_track_that_contradicts_a_merge_is_sent_away():
    manager, person, other, stranger = contradicted()
    merge = find_merge(other, CorrectionSettings(), manager._site)
    assert merge is not None
    assert {merge.person, merge.absorbed} == {person, other}
    assert [eviction.slots for eviction in merge.evicted] == [(stranger,)]
    assert merge.evicted[0].decision.person not in (person, other)


def test_without_that_a_contradicted_merge_is_none():
    manager, person, other, _ = contradicted()
    merge = find_merge(other, CorrectionSettings(contested=0), manager._site)
    assert merge is None or {merge.person, merge.absorbed} != {person, other}


def test_trying_a_merge_changes_nothing():
    manager, _, other, _ = contradicted()
    site = manager._site
    before, ids = site.history.persons.copy(), site.gallery.ids.copy()
    sums = site.gallery.columns.sums.copy()
    find_merge(other, CorrectionSettings(), site)
    assert np.array_equal(site.history.persons, before)
    assert np.array_equal(site.gallery.ids, ids)
    assert np.array_equal(site.gallery.columns.sums, sums)


def test_whom_more_is_known_of_keeps_the_name():
    manager = CalibratedManager()
    list(walked(manager, 6))
    history = manager._site.history
    person = int(history.persons[history.slot(history.count - 1)])
    other = torn(manager, person)
    merge = find_merge(other, CorrectionSettings(), manager._site)
    assert merge is not None
    assert (merge.person, merge.absorbed) == (person, other)
