"""Answers that last: stored before they are given, and the same after a kill; a real database in each test."""

from functools import cache

import numpy as np
import pytest

from unbroken.app.lasting import lasting_of
from unbroken.core.batches import Forget, Merge, Split
from unbroken.core.errors import ContractError, StoreError
from unbroken.core.events import PersonForgotten, StorageLost, StorageRestored
from unbroken.datasets.synthetic import ObservationSettings, WorldSettings, make_world, observe
from unbroken.identity.fixed import FixedManager
from unbroken.identity.manager import CalibratedManager
from unbroken.pipeline.lasting import LastingSettings
from unbroken.storage.commands import ask, reply_to
from unbroken.storage.keeper import StoreSettings, open_store
from unbroken.storage.state import bytes_of_engine


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@cache
def steps():
    """What two cameras of the synthetic world say, instant by instant."""
    world = make_world(WorldSettings(cameras=2, people=6, seconds=40.0, rate=2.0), np.random.default_rng(3))
    stream = observe(world, ObservationSettings(dimension=32), np.random.default_rng(4))
    return [[one.sightings for one in reports] for reports in stream]


def opened(path, clock=None, model=None, **settings):
    """A keeper on a database file and the identity manager around it."""
    keeper = open_store(str(path), StoreSettings(model))
    return keeper, lasting_of(CalibratedManager(), keeper, model or "", LastingSettings(**settings), clock or Clock())


def persons(answers):
    return [one.persons.tolist() for one in answers]


def test_what_is_answered_is_what_the_engine_decides(tmp_path):
    keeper, lasting = opened(tmp_path / "site.db")
    plain = CalibratedManager()
    for step in steps():
        answers, events = lasting.observe(step)
        wanted, happened = plain.observe(step)
        assert persons(answers) == persons(wanted)
        assert repr(events) == repr(happened)
    keeper.close()


@pytest.mark.parametrize("snapshot", [1.0, 1e9])
def test_killed_at_any_instant_it_is_where_it_was(tmp_path, snapshot):
    """Killed: nothing is closed. With snapshots often, and with a journal of everything."""
    clock = Clock()
    for kill in (0, 1, 17, 40):
        path = tmp_path / f"{kill}.db"
        keeper, lasting = opened(path, clock, snapshot=snapshot)
        for step in steps()[:kill]:
            clock.now += 0.3
            lasting.observe(step)
        before = bytes_of_engine(lasting.engine)
        keeper.close()
        keeper, restored = opened(path, clock)
        assert bytes_of_engine(restored.engine) == before
        keeper.close()


def test_after_a_restart_people_keep_their_ids_and_equal_track_ids_are_not_confused(tmp_path):
    path = tmp_path / "site.db"
    keeper, lasting = opened(path)
    known = {}
    for step in steps()[:60]:
        answers, _ = lasting.observe(step)
        known.update(
            {(a.camera, t): p for a in answers for t, p in zip(a.tracks.tolist(), a.persons.tolist(), strict=True)}
        )
    lasting.close()
    keeper.close()
    keeper, lasting = opened(path)
    assert lasting.engine.epochs == {"cam1": 1, "cam2": 1}
    for step in steps()[60:]:
        answers, _ = lasting.observe(step)
    assert lasting.engine.epochs == {"cam1": 2, "cam2": 2}
    for answer in answers:
        for track, person in zip(answer.tracks.tolist(), answer.persons.tolist(), strict=True):
            assert known.get((answer.camera, track), person) == person
    keeper.close()


def test_a_camera_that_is_gone_has_no_open_tracks(tmp_path):
    keeper, lasting = opened(tmp_path / "site.db")
    for step in steps()[:30]:
        lasting.observe(step)
    assert any(key[0] == "cam2" for key in lasting.engine.manager._intake.open)
    lasting.begin("cam2")
    lasting.observe(steps()[30][:1])
    assert not any(key[0] == "cam2" for key in lasting.engine.manager._intake.open)
    keeper.close()


def test_what_people_ask_for_is_carried_out_once_and_replied_to(tmp_path):
    clock, path = Clock(), tmp_path / "site.db"
    keeper, lasting = opened(path, clock)
    for step in steps()[:40]:
        lasting.observe(step)
    first = ask(keeper.database, Merge(1, 77), "somebody", 0.0)
    second = ask(keeper.database, Forget(2, "asked"), "somebody", 0.0)
    clock.now += 1
    _, events = lasting.observe([])
    assert [type(event) for event in events] == [PersonForgotten]
    assert "person 77 is not in the gallery" in reply_to(keeper.database, first).text
    assert reply_to(keeper.database, second) is None
    keeper.finish()
    assert reply_to(keeper.database, second).done
    clock.now += 1
    assert lasting.observe([]) == ([], [])
    keeper.close()
    keeper, lasting = opened(path, clock)
    clock.now += 1
    assert lasting.observe([]) == ([], [])
    keeper.close()


def test_while_nothing_can_be_stored_nothing_is_answered_and_nothing_is_lost(tmp_path):
    """A full disk, as SQLite meets it: no page can be added."""
    clock = Clock()
    keeper, lasting = opened(tmp_path / "site.db", clock, held=12)
    told = []
    for number, step in enumerate(steps()):
        clock.now += 0.5
        if number == 20:
            keeper.database.execute("PRAGMA max_page_count = 1")
        if number == 40:
            keeper.database.execute("PRAGMA max_page_count = 1000000")
        answers, events = lasting.observe(step)
        told += events
        lost = [event for event in told if isinstance(event, StorageLost)]
        back = [event for event in told if isinstance(event, StorageRestored)]
        if lost and not back:
            assert all((one.persons == -1).all() for one in answers)
    assert len(lost) == len(back) == 1
    assert "nobody gets a Global ID until it works again" in lost[0].reason
    assert back[0].held == 12
    assert back[0].refused > 0
    assert persons(answers) != [[-1] * len(one) for one in answers]
    state = bytes_of_engine(lasting.engine)
    keeper.close()
    keeper, restored = opened(tmp_path / "site.db", clock)
    assert bytes_of_engine(restored.engine) == state
    keeper.close()


def test_a_stop_while_nothing_can_be_stored_says_so(tmp_path):
    keeper, lasting = opened(tmp_path / "site.db")
    lasting.observe(steps()[0])
    keeper.database.execute("PRAGMA max_page_count = 1")
    for step in steps()[1:20]:
        lasting.observe(step)
    with pytest.raises(StoreError, match=r"\d+ steps could not be stored"):
        lasting.close()
    keeper.close()


def test_commands_of_this_process_are_stored_like_all_others(tmp_path):
    keeper, lasting = opened(tmp_path / "site.db")
    for step in steps()[:40]:
        lasting.observe(step)
    with pytest.raises(ContractError, match="person 77 is not in the gallery"):
        lasting.correct(Split(77, (("cam1", 1),)), 21.0)
    (event,) = lasting.correct(Forget(1, "asked"), 21.0)
    assert event == PersonForgotten(21.0, 1, "asked")
    keeper.close()


def test_another_policy_does_not_take_over_what_it_cannot_read(tmp_path):
    keeper, lasting = opened(tmp_path / "site.db")
    lasting.observe(steps()[0])
    with pytest.raises(StoreError, match=r"set identity.policy as it was"):
        lasting_of(FixedManager(), keeper)
    keeper.close()
