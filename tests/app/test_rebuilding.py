"""A site outlives an update of its program: who was known is known again, under the same Global ID."""

import logging
from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest

from state_made import of_another_version
from unbroken.app.lasting import lasting_of
from unbroken.app.rebuilding import engine_of, rebuilt
from unbroken.core.batches import Batch, Forget, Merge, Report, Split
from unbroken.core.errors import StoreError
from unbroken.core.wire import bytes_of_batch
from unbroken.datasets.synthetic import ObservationSettings, WorldSettings, make_world, observe
from unbroken.identity.fixed import FixedManager, FixedSettings
from unbroken.identity.fusion import GroundedManager
from unbroken.identity.manager import CalibratedManager
from unbroken.storage.keeper import StoreSettings, open_store
from unbroken.storage.state import bytes_of_engine

POLICIES = {
    "calibrated": CalibratedManager,
    "grounded": lambda: GroundedManager(CalibratedManager()),
    "fixed": lambda: FixedManager(FixedSettings(same=0.4, different=0.6)),
}
every_policy = pytest.mark.parametrize("make", POLICIES.values(), ids=POLICIES)


@cache
def steps():
    """What four cameras of the synthetic world say, instant by instant, and who it truly is."""
    world = make_world(WorldSettings(cameras=4, people=12, seconds=160.0, rate=2.0), np.random.default_rng(3))
    return observe(world, ObservationSettings(dimension=64), np.random.default_rng(4))


UPDATE = 200
"""The step before which the program is updated."""


def lived(lasting, reports):
    """Who was called what, how often: Global IDs by the number of the true person."""
    called = defaultdict(Counter)
    for step in reports:
        answers, _ = lasting.observe([one.sightings for one in step])
        for one, answer in zip(step, answers, strict=True):
            for truth, person in zip(one.persons.tolist(), answer.persons.tolist(), strict=True):
                if truth >= 0 and person > 0:
                    called[truth][person] += 1
    return called


def site_until_the_update(path, make, model="net"):
    """A site that is stopped; returns who was called what, and the engine."""
    store = open_store(str(path), StoreSettings(model))
    lasting = lasting_of(make(), store, model)
    called = lived(lasting, steps()[:UPDATE])
    lasting.close()
    return store, lasting.engine, called


def updated(store):
    """The database as a site of another version would have left it."""
    store.snapshot(of_another_version(store.recover().state))


def kept(before, after):
    """The share of what was answered after the update that is what a person was called most often before it."""
    names = {truth: count.most_common(1)[0][0] for truth, count in before.items()}
    told = [(truth, person, count) for truth, counts in after.items() for person, count in counts.items()]
    known = [(truth, person, count) for truth, person, count in told if truth in names]
    right = sum(count for truth, person, count in known if names[truth] == person)
    return right / sum(count for _, _, count in known)


@pytest.mark.parametrize("make", [POLICIES["calibrated"], POLICIES["fixed"]], ids=["calibrated", "fixed"])
def test_people_are_recognised_after_an_update(tmp_path, make, caplog):
    """Nearly as well as without one; one warning says what was done."""
    shares = {}
    for name in ("same version", "other version"):
        store, _, before = site_until_the_update(tmp_path / f"{name}.db", make)
        if name == "other version":
            updated(store)
        with caplog.at_level(logging.WARNING):
            lasting = lasting_of(make(), store, "net")
        shares[name] = kept(before, lived(lasting, steps()[UPDATE:]))
        store.close()
    assert shares["other version"] > 0.8 * shares["same version"]
    (record,) = caplog.records
    assert "another version" in record.getMessage()
    assert "keep their Global IDs" in record.getMessage()


@every_policy
def test_what_people_have_said_by_hand_holds_after_an_update(tmp_path, make, caplog):
    """Forgotten stays forgotten, merged stays merged, and no Global ID is given twice."""
    store, engine, _ = site_until_the_update(tmp_path / "site.db", make)
    lasting = lasting_of(make(), store, "net")
    people = ids(store, "merged_into IS NULL")
    merged, absorbed, gone, highest = people[0], people[1], people[2], people[-1]
    for command in (Merge(merged, absorbed), Forget(gone, "asked"), Forget(highest, "asked")):
        lasting.correct(command, engine.time)
    lasting.close()
    known = ids(store, "merged_into IS NULL")
    updated(store)
    lasting = lasting_of(make(), store, "net")
    called = lived(lasting, steps()[UPDATE:])
    given = {person for counts in called.values() for person in counts}
    assert given & set(known)
    assert not given & {absorbed, gone, highest}
    assert all(person > highest for person in given - set(known))
    assert store.database.query("SELECT merged_into FROM people WHERE id = ?", (absorbed,)) == [(merged,)]
    assert gone not in ids(store, "id > 0")
    store.close()


def ids(store, which):
    return [row[0] for row in store.database.query(f"SELECT id FROM people WHERE {which} ORDER BY id")]


def test_the_journal_since_the_snapshot_is_in_the_tables_and_the_next_start_is_an_ordinary_one(tmp_path, caplog):
    path = tmp_path / "site.db"
    store, _, _ = site_until_the_update(path, CalibratedManager)
    lasting = lasting_of(CalibratedManager(), store, "net")
    lived(lasting, steps()[UPDATE : UPDATE + 1])
    updated(store)
    late = lived(lasting, steps()[UPDATE + 1 :])
    known = ids(store, "merged_into IS NULL")
    store.close()
    store = open_store(str(path), StoreSettings("net"))
    assert store.recover().batches
    with caplog.at_level(logging.WARNING):
        lasting = lasting_of(CalibratedManager(), store, "net")
        assert set(lasting.engine.manager._site.gallery.ids.tolist()) == set(known)
        assert lasting.engine.epochs == {f"cam{n}": 2 for n in range(1, 5)}
        assert lasting.engine.time == pytest.approx(steps()[-1][0].sightings.time, abs=2.0)
        assert late
        again = lasting_of(CalibratedManager(), store, "net")
    assert len(caplog.records) == 1
    assert bytes_of_engine(again.engine) == bytes_of_engine(lasting.engine)
    store.close()


def test_a_journal_of_another_version_is_made_anew_too(tmp_path):
    store, engine, _ = site_until_the_update(tmp_path / "site.db", CalibratedManager)
    batch = Batch(engine.time, (), (Merge(1, 2),))
    store.keep(batch, engine.apply(batch))
    message = bytearray(bytes_of_batch(batch))
    message[3] += 1
    store.database.execute("UPDATE journal SET body = ?", (bytes(message),))
    assert 2 not in engine_of(store, CalibratedManager(), "net").manager._site.gallery.ids
    store.close()


def test_people_are_taken_over_by_another_policy(tmp_path):
    store, _, before = site_until_the_update(tmp_path / "site.db", POLICIES["fixed"])
    with pytest.raises(StoreError, match="gallery rebuild"):
        lasting_of(CalibratedManager(), store, "net")
    engine, _ = rebuilt(store, CalibratedManager())
    store.snapshot(bytes_of_engine(engine, "net"))
    after = lived(lasting_of(CalibratedManager(), store, "net"), steps()[UPDATE:])
    assert {person for counts in after.values() for person in counts} & {
        person for counts in before.values() for person in counts
    }
    store.close()


def test_damage_and_another_net_are_still_refused(tmp_path):
    store, _, _ = site_until_the_update(tmp_path / "site.db", CalibratedManager)
    state = store.recover().state
    store.snapshot(state[:-1] + bytes([state[-1] ^ 1]))
    with pytest.raises(StoreError, match=r"is damaged.*restore a backup, or .*unbroken gallery rebuild"):
        lasting_of(CalibratedManager(), store, "net")
    store.snapshot(of_another_version(state))
    with pytest.raises(StoreError, match="now 'other net' is in use"):
        engine_of(store, CalibratedManager(), "other net")
    store.close()


def test_a_manager_of_your_own_that_cannot_recall_is_refused(tmp_path):
    class Own:
        def observe(self, sightings):
            return [], []

        def correct(self, command, time):
            return []

    store, _, _ = site_until_the_update(tmp_path / "site.db", CalibratedManager)
    with pytest.raises(StoreError, match="Own cannot be made of what is in the tables"):
        rebuilt(store, Own())
    store.close()


@every_policy
def test_nobody_known_is_a_beginning(tmp_path, make):
    store = open_store(str(tmp_path / "site.db"), StoreSettings("net"))
    engine, said = rebuilt(store, make())
    assert said.startswith("0 people")
    engine.apply(Batch(0.0, tuple(Report(1, one.frame, one.sightings) for one in steps()[0])))
    store.close()


def test_who_was_split_off_by_hand_is_kept_apart_after_an_update(tmp_path):
    store, _, _ = site_until_the_update(tmp_path / "site.db", CalibratedManager)
    camera, track, person = store.database.query(
        "SELECT camera, track, person FROM tracks WHERE person IN "
        "(SELECT person FROM tracks GROUP BY person HAVING COUNT(*) > 3) AND epoch = 1 ORDER BY id LIMIT 1"
    )[0]
    engine = engine_of(store, CalibratedManager(), "net")
    batch = Batch(engine.time, (), (Split(person, ((camera, track),)),))
    verdict = engine.apply(batch)
    assert verdict.refusals == ("",)
    store.keep(batch, verdict)
    made, _ = rebuilt(store, CalibratedManager())
    separated = verdict.events[0].separated
    assert made.manager._notes.apart(person, separated)
    assert separated in made.manager._site.gallery.ids
    store.close()
