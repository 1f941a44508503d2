"""When no more comes, everything is decided anew: what was wrong comes right by events, and nothing else changes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.core.batches import Split, Undo
from unbroken.core.events import PersonMerged, PersonSplit
from unbroken.identity.corrections import CorrectionSettings
from unbroken.identity.history import Tracklet
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings

_PEOPLE, _WIDTH = 12, 48


def passing(laps, noise=0.35, seed=0):
    """Tracks of people who pass three cameras, lap by lap, and who they are."""
    looks = np.random.default_rng(5).normal(size=(_PEOPLE, _WIDTH))
    rng, tracks, people = np.random.default_rng(seed), [], []
    for lap in range(laps):
        for person in rng.permutation(_PEOPLE).tolist():
            for camera in range(3):
                start = len(tracks) * 10.0
                row = looks[person] + noise * rng.normal(size=_WIDTH)
                feature = (row / np.linalg.norm(row)).astype(np.float32)
                tracks.append(Tracklet(f"cam{camera}", lap * _PEOPLE + person, start, start + 4.0, feature))
                people.append(person)
    return tracks, np.array(people)


def told(manager, numbers):
    return np.array([manager.person_of(number) for number in numbers.tolist()])


def shuffled(manager, share, seed=3):
    """Some tracks are given to others, as wrong decisions would have left them."""
    site, rng = manager._site, np.random.default_rng(seed)
    for slot in site.history.used.tolist():
        if rng.random() < share:
            site.gallery.drop(int(site.history.persons[slot]), int(site.history.numbers[slot]))
            site.history.persons[slot] = int(rng.choice(site.gallery.ids))
            site.keep_view(slot)


def pairs(persons, people):
    """The share of pairs of tracks that are rightly said to be one person, or two."""
    return float(((persons[:, None] == persons) == (people[:, None] == people)).mean())


def test_what_was_wrong_comes_right():
    tracks, people = passing(8)
    manager = CalibratedManager()
    numbers, _ = manager.take(tracks)
    shuffled(manager, 0.2)
    before = pairs(told(manager, numbers), people)
    assert manager.finish()
    after = pairs(told(manager, numbers), people)
    assert after > before
    assert after > 0.98


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.floats(0.2, 0.9), st.floats(0.0, 0.5))
def test_events_tell_all_that_changes(seed, noise, share):
    tracks, _ = passing(5, noise, seed)
    manager = CalibratedManager()
    numbers, _ = manager.take(tracks)
    shuffled(manager, share, seed)
    followed = told(manager, numbers)
    place = {(track.camera, track.track): row for row, track in enumerate(tracks)}
    for event in manager.finish():
        if isinstance(event, PersonMerged):
            followed[followed == event.absorbed] = event.person
        elif isinstance(event, PersonSplit):
            rows = [place[name] for name in event.tracks]
            assert (followed[rows] == event.person).all()
            followed[rows] = event.separated
    assert followed.tolist() == told(manager, numbers).tolist()
    assert set(manager._site.gallery.ids.tolist()) == set(followed.tolist())


def test_who_is_right_already_keeps_his_id():
    tracks, people = passing(8, noise=0.1)
    manager = CalibratedManager()
    numbers, _ = manager.take(tracks)
    manager.finish()
    before = told(manager, numbers)
    assert pairs(before, people) == 1.0
    assert manager.finish() == []


def test_what_was_said_by_hand_is_not_weighed_again():
    tracks, _ = passing(8)
    manager = CalibratedManager()
    numbers, _ = manager.take(tracks)
    person = manager.person_of(int(numbers[-1]))
    mine = [track for track, who in zip(tracks, told(manager, numbers).tolist(), strict=True) if who == person]
    (parted,) = manager.correct(Split(person, ((mine[-1].camera, mine[-1].track),)), 1e5)
    manager.finish()
    assert manager.person_of(int(numbers[tracks.index(mine[-1])])) == parted.separated
    assert manager.person_of(int(numbers[tracks.index(mine[0])])) == person


def test_a_change_can_be_taken_back():
    tracks, _ = passing(8)
    manager = CalibratedManager()
    numbers, _ = manager.take(tracks)
    shuffled(manager, 0.1)
    before = told(manager, numbers)
    events = manager.finish()
    last = events[-1]
    moved = np.flatnonzero((before == last.person) & (told(manager, numbers) != before))
    manager.correct(Undo(last.person), 1e5)
    assert isinstance(last, PersonSplit)
    assert (told(manager, numbers)[moved] == last.person).any()


def test_people_whose_tracks_have_left_the_memory_are_still_known():
    tracks, people = passing(8)
    manager = CalibratedManager(ManagerSettings(memory=128))
    numbers, _ = manager.take(tracks)
    manager.finish()
    remembered = told(manager, numbers)
    assert (remembered[-128:] > 0).all()
    assert pairs(remembered[-128:], people[-128:]) > 0.98


def test_nothing_happens_without_passes_or_before_looks_are_learnt():
    tracks, _ = passing(8)
    never = CalibratedManager(ManagerSettings(corrections=CorrectionSettings(passes=0)))
    never.take(tracks)
    shuffled(never, 0.3)
    assert never.finish() == []
    young = CalibratedManager()
    young.take(tracks[:10])
    assert young.finish() == []
    assert CalibratedManager().finish() == []
