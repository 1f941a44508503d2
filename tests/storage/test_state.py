"""A restored engine goes on as if it had never stopped; foreign and damaged bytes end in one sentence."""

import threading
import zlib
from contextlib import suppress
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_made import with_head
from unbroken.core.batches import Batch, Forget, Merge, Report, Swap, Undo
from unbroken.core.errors import StoreError, StoreVersionError
from unbroken.datasets.synthetic import ObservationSettings, WorldSettings, make_world, observe
from unbroken.datasets.synthetic.chaos import ChaosSettings, disturbed
from unbroken.identity.corrections import CorrectionSettings
from unbroken.identity.engine import Engine
from unbroken.identity.fixed import FixedManager, FixedSettings
from unbroken.identity.fusion import GroundedManager
from unbroken.identity.gallery import GallerySettings
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings
from unbroken.storage.state import bytes_of_engine, engine_of_bytes, size_of_engine

SMALL = ManagerSettings(memory=64, first_fit=20, gallery=GallerySettings(capacity=25, views=3))
MANAGERS = {
    "calibrated": lambda: CalibratedManager(SMALL),
    "grounded": lambda: GroundedManager(CalibratedManager(SMALL)),
    "fixed": lambda: FixedManager(FixedSettings(capacity=25)),
}
every_manager = pytest.mark.parametrize("make", MANAGERS.values(), ids=MANAGERS)


@cache
def batches():
    """Four cameras of the synthetic world, with reports lost, late and repeated; commands now and then."""
    world = make_world(
        WorldSettings(cameras=4, people=14, seconds=60.0, rate=2.0, arrivals=20.0, pause=(2.0, 8.0)),
        np.random.default_rng(3),
    )
    stream = observe(world, ObservationSettings(dimension=32), np.random.default_rng(4))
    given_commands = {50: (Merge(1, 2),), 56: (Undo(1),), 70: (Forget(3, "asked"), Swap(("cam1", 1), ("cam2", 1)))}
    return [
        Batch(
            step / 2,
            tuple(Report(1 + (one.frame > 80), one.frame, one.sightings) for one in reports),
            given_commands.get(step, ()),
        )
        for step, reports in enumerate(disturbed(stream, ChaosSettings(outage=5.0), np.random.default_rng(5)))
    ]


def said(verdict):
    """Everything in a verdict, bit by bit."""
    rows = [
        (one.camera, one.persons.tobytes(), one.state.tobytes(), one.confidence.tobytes()) for one in verdict.identities
    ]
    return rows, repr(verdict.events), verdict.refusals


@cache
def never_stopped(name):
    """What an engine says that is not stopped."""
    engine = Engine(MANAGERS[name]())
    return [said(engine.apply(batch)) for batch in batches()]


@pytest.mark.parametrize("name", MANAGERS)
@settings(max_examples=3, deadline=None)
@given(st.data())
def test_killed_and_restored_anywhere_it_goes_on_as_if_it_had_never_stopped(name, data):
    """State and journal: the engine dies at one instant and is restored from a state of an earlier one."""
    kept = data.draw(st.integers(0, len(batches())), label="state after")
    dies = data.draw(st.integers(kept, len(batches())), label="dies after")
    engine = Engine(MANAGERS[name]())
    for batch in batches()[:kept]:
        engine.apply(batch)
    restored = engine_of_bytes(bytes_of_engine(engine), Engine(MANAGERS[name]()))
    for batch, wanted in zip(batches()[kept:dies], never_stopped(name)[kept:dies], strict=True):
        assert said(restored.apply(batch)) == wanted
    again = engine_of_bytes(bytes_of_engine(restored), Engine(MANAGERS[name]()))
    for batch, wanted in zip(batches()[dies:], never_stopped(name)[dies:], strict=True):
        assert said(again.apply(batch)) == wanted


@every_manager
def test_a_state_of_a_state_is_the_same_bytes(make):
    engine = Engine(make())
    for batch in batches():
        engine.apply(batch)
    state = bytes_of_engine(engine)
    assert bytes_of_engine(engine_of_bytes(state, Engine(make()))) == state


@every_manager
def test_nothing_of_somebody_forgotten_is_left_in_the_state(make):
    engine, vectors = Engine(make()), {}
    for batch in batches():
        verdict = engine.apply(batch)
        for report, answer in zip(batch.reports, verdict.identities, strict=True):
            for row, person in enumerate(answer.persons.tolist()):
                vectors.setdefault(person, []).append(report.sightings.features[row])
    for person, known in known_vectors(engine.manager):
        vectors.setdefault(person, []).append(known)
    persons = sorted(vectors.keys() - {-1, 3})
    before = bytes_of_engine(engine)
    verdict = engine.apply(Batch(61.0, (), tuple(Forget(person, "asked") for person in persons)))
    assert "" in verdict.refusals
    state = bytes_of_engine(engine)
    looked_for = [row.tobytes()[:64] for person in persons for row in vectors[person] if row.any()]
    assert len(looked_for) > 100
    assert [trace for trace in looked_for if trace in before]
    assert not [trace for trace in looked_for if trace in state]


def known_vectors(manager):
    """What a manager itself remembers of people's looks: it is averaged, so it is in no report."""
    manager = getattr(manager, "inner", manager)
    if isinstance(manager, FixedManager):
        return [(person, manager._gallery.get(person, np.zeros(0))) for person in manager._last_seen]
    history = manager._site.history
    views = [(person, view.vector) for person, kept in manager._site.gallery._views.items() for view in kept]
    return views + list(zip(history.persons.tolist(), history.vectors.copy(), strict=True))


def middle(make=MANAGERS["calibrated"], steps=60):
    engine = Engine(make())
    for batch in batches()[:steps]:
        engine.apply(batch)
    return engine


def test_other_settings_hold_from_the_restart_on():
    other = replace(
        SMALL,
        memory=40,
        false_merge_rate=0.2,
        gallery=GallerySettings(capacity=10, views=2),
        corrections=CorrectionSettings(remembered=3),
    )
    for wanted in (other, replace(other, memory=200, gallery=GallerySettings(views=9))):
        engine = engine_of_bytes(bytes_of_engine(middle()), Engine(CalibratedManager(wanted)))
        assert engine.manager.settings == wanted
        for batch in batches()[60:]:
            engine.apply(batch)


def test_calibrated_cameras_may_come_and_go():
    for first, then in (("calibrated", "grounded"), ("grounded", "calibrated")):
        before = middle(MANAGERS[first])
        engine = engine_of_bytes(bytes_of_engine(before), Engine(MANAGERS[then]()))
        assert type(engine.manager) is type(MANAGERS[then]())
        for batch in batches()[60:]:
            engine.apply(batch)


def test_another_policy_and_another_net_are_refused():
    state = bytes_of_engine(middle(), "net 1")
    with pytest.raises(StoreError, match=r"CalibratedManager.*FixedManager"):
        engine_of_bytes(state, Engine(FixedManager()), "net 1")
    with pytest.raises(StoreError, match="'net 1', now 'net 2' is in use"):
        engine_of_bytes(state, Engine(CalibratedManager(SMALL)), "net 2")


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", "cli.main:main", "core.errors:StoreError", "x:y"])
def test_a_state_can_name_no_class_but_those_of_the_mind(name):
    def change(head):
        head["things"][0][1] = name

    with pytest.raises(StoreVersionError, match="cannot be read"):
        engine_of_bytes(with_head(bytes_of_engine(middle()), change), Engine(CalibratedManager(SMALL)))


def test_a_state_of_a_version_whose_classes_held_other_things_is_refused():
    def change(head):
        gallery = next(thing for thing in head["things"] if thing[1] == "identity.gallery:Gallery")
        gallery[2]["_colours"] = 3

    with pytest.raises(StoreVersionError, match="Gallery holds other things in this version"):
        engine_of_bytes(with_head(bytes_of_engine(middle()), change), Engine(CalibratedManager(SMALL)))


def test_settings_of_a_version_that_knew_others_are_read():
    """One setting was not known yet, one is known no more, and a whole group is new: the site goes on to the bit."""

    def change(head):
        held = {thing[1]: thing[2] for thing in head["things"] if thing[0] == "o"}
        del held["identity.settings:ManagerSettings"]["sure"]
        del held["identity.settings:ManagerSettings"]["transits"]
        held["identity.settings:ManagerSettings"]["colour"] = ["r", 1_000_000]
        del held["identity.engine:EngineSettings"]["absent"]

    state = bytes_of_engine(middle())
    restored = engine_of_bytes(with_head(state, change), Engine(CalibratedManager(SMALL)))
    for batch, wanted in zip(batches()[60:], never_stopped("calibrated")[60:], strict=True):
        assert said(restored.apply(batch)) == wanted


def test_what_a_track_holds_is_compared_too():
    def change(head):
        for thing in head["things"]:
            if thing[1] == "identity.looks.features:Bank":
                thing[2]["_colours"] = 3

    with pytest.raises(StoreVersionError, match="Bank holds other things in this version"):
        engine_of_bytes(with_head(bytes_of_engine(middle()), change), Engine(CalibratedManager(SMALL)))


def test_damage_another_net_and_another_version_are_told_apart():
    """Only what is whole, of this net and of another version may be made anew from the tables."""
    state, fresh = bytes_of_engine(middle(), "net 1"), Engine(CalibratedManager(SMALL))
    other = state[:8] + (9).to_bytes(4, "little") + state[12:]
    with pytest.raises(StoreVersionError, match="has layout 9, this version reads 2"):
        engine_of_bytes(other, fresh, "net 1")
    for broken, net in ((state[:-1] + b"!", "net 1"), (other[:-1] + b"!", "net 1"), (state, "net 2")):
        with pytest.raises(StoreError) as caught:
            engine_of_bytes(broken, fresh, net)
        assert not isinstance(caught.value, StoreVersionError)


def test_a_state_of_the_first_layout_is_read(monkeypatch):
    """It left nothing out."""
    packed = bytes_of_engine(middle())
    monkeypatch.setattr("unbroken.storage.state_packing._SMALL", 2**40)
    first = bytes_of_engine(middle())
    assert len(first) > len(packed)
    first = first[:8] + (1).to_bytes(4, "little") + first[12:]
    monkeypatch.undo()
    assert bytes_of_engine(engine_of_bytes(first, Engine(CalibratedManager(SMALL)))) == packed


def test_room_that_is_reserved_costs_nothing():
    engine = Engine(CalibratedManager())
    for batch in batches()[:40]:
        engine.apply(batch)
    assert len(bytes_of_engine(engine)) < 0.2 * size_of_engine(engine)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3000)), min_size=1, max_size=8), st.sampled_from("CF"))
def test_numbers_that_repeat_themselves_come_back_to_the_bit(runs, order):
    values = np.array([0.0, -0.0, np.nan, 1e-300])
    column = np.concatenate([np.full(count, values[kind]) for kind, count in runs])
    engine = Engine(FixedManager())
    engine.manager._last_seen = np.array(column[: len(column) // 3 * 3].reshape(-1, 3), order=order)
    back = engine_of_bytes(bytes_of_engine(engine), Engine(FixedManager())).manager._last_seen
    assert back.tobytes("A") == engine.manager._last_seen.tobytes("A")
    assert back.shape == engine.manager._last_seen.shape


def test_what_has_no_place_in_a_state_is_refused_when_it_is_written():
    engine = Engine(CalibratedManager(SMALL))
    engine.manager.lamp = threading.Lock()
    with pytest.raises(StoreError, match="a state cannot hold"):
        bytes_of_engine(engine)


@cache
def small_state():
    return bytes_of_engine(middle(MANAGERS["fixed"], steps=20))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_ends_in_one_sentence(data):
    """Also where the checksum was made right again."""
    state = bytearray(small_state())
    for _ in range(data.draw(st.integers(1, 3))):
        state[data.draw(st.integers(0, len(state) - 1))] = data.draw(st.integers(0, 255))
    cut = small_state()[: data.draw(st.integers(0, len(state) - 1))]
    noise = data.draw(st.binary(max_size=80))
    for broken in (bytes(cut), noise, b"UNBROKEN" + noise):
        with pytest.raises(StoreError):
            engine_of_bytes(broken, Engine(FixedManager()))
    right = bytes(state[:12]) + zlib.crc32(state[24:]).to_bytes(4, "little") + bytes(state[16:])
    for broken in (bytes(state), right):
        with suppress(StoreError):
            engine_of_bytes(broken, Engine(FixedManager()))
