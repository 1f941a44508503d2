"""Second thoughts: people who turn out to be one are merged by an event, and people told apart by hand are not."""

import numpy as np

from identity.views import see
from unbroken.core.batches import Split
from unbroken.core.events import PersonMerged
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings

_PEOPLE, _WIDTH = 12, 48


def walked(manager, laps, begin=0):
    """People pass three cameras one after another, lap by lap; yields the events of each step."""
    looks = np.random.default_rng(5).normal(size=(_PEOPLE, _WIDTH))
    rng, cast = np.random.default_rng(1), np.random.default_rng(9).normal(size=(3, _WIDTH)) * 0.3
    ended = {camera: [] for camera in range(3)}
    for lap in range(begin, begin + laps):
        for person in range(_PEOPLE):
            for camera in range(3):
                number, time = lap * _PEOPLE + person, (lap * _PEOPLE + person) * 20.0 + 6 * camera
                for view in range(4):
                    row = looks[person] + cast[camera] + 0.5 * rng.normal(size=_WIDTH)
                    row = (row / np.linalg.norm(row))[None].astype(np.float32)
                    step = see(f"cam{camera}", time + view, [number], row, ended=ended[camera])
                    ended[camera] = []
                    _, events = manager.observe([step])
                    yield events
                ended[camera] = [number]


def torn(manager, person):
    """The latest three tracks of somebody are somebody else, as a wrong decision would have left them."""
    site = manager._site
    history, gallery = site.history, site.gallery
    moved = history.used[history.persons[history.used] == person][-3:]
    other = gallery.new_id()
    for slot in moved.tolist():
        gallery.drop(person, int(history.numbers[slot]))
        history.persons[slot] = other
        site.keep_view(slot)
    return other


def test_people_who_turn_out_to_be_one_are_merged_and_the_older_id_stays():
    manager = CalibratedManager()
    list(walked(manager, 6))
    history = manager._site.history
    person = int(history.persons[history.slot(history.count - 1)])
    other = torn(manager, person)
    events = [event for _ in range(100) for event in manager._second_thoughts.think(10_000.0)]
    gone = [event for event in events if isinstance(event, PersonMerged) and event.absorbed == other]
    assert [event.person for event in gone] == [person]
    assert gone[0].evidence.score > 0
    assert not (history.persons == other).any()
    assert other not in manager._site.gallery.ids


def test_who_was_split_by_hand_is_not_merged_again():
    manager = CalibratedManager()
    list(walked(manager, 6))
    history = manager._site.history
    person = int(history.persons[history.slot(history.count - 1)])
    mine = history.used[history.persons[history.used] == person]
    camera, number = manager._site.topology.names[history.cameras[mine[-1]]], int(history.local[mine[-1]])
    (split,) = manager.correct(Split(person, ((camera, number),)), 10_000.0)
    merged = [
        {event.person, event.absorbed}
        for step in walked(manager, 2, begin=6)
        for event in step
        if isinstance(event, PersonMerged)
    ]
    assert {person, split.separated} not in merged
    assert manager._site.gallery.views(split.separated)


def test_nothing_is_thought_over_before_looks_are_learnt():
    manager = CalibratedManager(ManagerSettings(first_fit=10_000))
    list(walked(manager, 2))
    torn(manager, 1)
    assert manager._second_thoughts.think(10_000.0) == []
