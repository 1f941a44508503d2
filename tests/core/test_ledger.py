"""A Global ID comes late and may be corrected: the ledger knows what was said and what is known now."""

import numpy as np

from unbroken.core.detections import Detections
from unbroken.core.events import Evidence, PersonForgotten, PersonMerged, PersonSplit
from unbroken.core.ledger import NOBODY, Ledger
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities
from unbroken.core.tracks import Tracks

WHY = Evidence(1, 5.0)


def said(index, persons, camera="door"):
    """Tracks 1, 2, .. of a camera and who they were said to be."""
    ids = np.arange(1, len(persons) + 1)
    zeros = np.zeros(len(persons))
    tracks = Tracks(ids, np.zeros((len(persons), 4)), zeros, zeros, zeros, zeros, zeros)
    who = Identities(camera, index / 10, ids, np.array(persons), zeros, zeros)
    return FrameResult(camera, index, index / 10, (0, 0), Detections.empty(), tracks, who, {}, {})


def test_a_decision_holds_for_the_whole_track_and_live_answers_stay_what_they_were():
    ledger = Ledger()
    for index, person in enumerate([-1, -1, 4, 4]):
        ledger.note(said(index, [person]), ())
    assert ledger.final("door", 1) == 4
    assert [ledger.live("door", 1, index) for index in range(4)] == [NOBODY, NOBODY, 4, 4]
    assert ledger.final("door", 2) == NOBODY


def test_a_track_that_is_lost_again_keeps_its_person():
    ledger = Ledger()
    for index, person in enumerate([4, -1]):
        ledger.note(said(index, [person]), ())
    assert ledger.final("door", 1) == 4


def test_a_merge_renames_whoever_followed_the_absorbed_person_also_in_a_chain():
    ledger = Ledger()
    ledger.note(said(0, [3, 2, 1]), ())
    ledger.note(said(1, [2, 2, 1]), [PersonMerged(0.1, 2, 3, WHY)])
    ledger.note(said(2, [1, 1, 1]), [PersonMerged(0.2, 1, 2, WHY)])
    assert [ledger.final("door", track) for track in (1, 2, 3)] == [1, 1, 1]
    assert ledger.live("door", 1, 0) == 1


def test_a_split_moves_the_named_tracks_and_gives_an_absorbed_person_its_name_back():
    ledger = Ledger()
    ledger.note(said(0, [3, 1]), ())
    ledger.note(said(1, [1, 1]), [PersonMerged(0.1, 1, 3, WHY)])
    ledger.note(said(2, [1, 1]), [PersonSplit(0.2, 1, 3, (("door", 1),), WHY)])
    assert [ledger.final("door", track) for track in (1, 2)] == [3, 1]


def test_a_merge_and_its_reverse_never_run_in_a_circle():
    ledger = Ledger()
    ledger.note(said(0, [1, 2]), [PersonMerged(0.0, 1, 2, WHY), PersonMerged(0.1, 2, 1, WHY)])
    assert ledger.resolved(1) == ledger.resolved(2) == 2


def test_a_forgotten_person_is_nobody_under_every_name():
    ledger = Ledger()
    ledger.note(said(0, [1, 2]), [PersonMerged(0.0, 1, 2, WHY)])
    ledger.note(said(1, [1, 1]), [PersonForgotten(0.1, 1, "asked")])
    assert ledger.final("door", 1) == ledger.final("door", 2) == NOBODY
