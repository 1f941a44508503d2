"""The one writer: numbered reports in, whatever their order; commands that hold; nothing counts twice."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.views import see
from unbroken.core.batches import Batch, Forget, Merge, Report, Split, Swap, Undo
from unbroken.core.errors import ContractError
from unbroken.core.events import PersonEnrolled, PersonForgotten, PersonMerged, PersonRecognised, PersonSplit
from unbroken.identity.engine import Engine, EngineSettings
from unbroken.identity.fixed import FixedManager
from unbroken.identity.fusion import GroundedManager
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.settings import ManagerSettings

QUICK = ManagerSettings(enough=1.0, first_fit=12, track_timeout=6.0)
MANAGERS = {
    "calibrated": lambda: CalibratedManager(QUICK),
    "fixed": FixedManager,
    "grounded": lambda: GroundedManager(CalibratedManager(QUICK)),
}
every_manager = pytest.mark.parametrize("make", MANAGERS.values(), ids=MANAGERS)


def looks(count, dimension=48, seed=5):
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


PEOPLE = looks(6)


def report(camera, number, time, people, epoch=1, ended=(), ground=False):
    """People 0..5 of `PEOPLE` as tracks 1.. of a camera."""
    tracks = [person + 1 for person in people]
    rng = np.random.default_rng([number, *camera.encode()])
    features = PEOPLE[people] + 0.03 * rng.normal(size=(len(people), 48))
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    places = np.array([[2.0 * person, 0.1 * time] for person in people]).reshape(-1, 2) if ground else None
    return Report(epoch, number, see(camera, time, tracks, features, ended=ended, ground=places))


def apply(engine, *reports, commands=()):
    return engine.apply(Batch(max((one.sightings.time for one in reports), default=99.0), reports, commands))


def said(verdict):
    """Everything in a verdict, bit by bit."""
    rows = [
        (
            one.camera,
            one.time,
            one.tracks.tobytes(),
            one.persons.tobytes(),
            one.state.tobytes(),
            one.confidence.tobytes(),
        )
        for one in verdict.identities
    ]
    return rows, repr(verdict.events), verdict.refusals


def watched(make, people=(0, 1, 2), steps=8, ground=False):
    """An engine that has seen people in camera `a` and knows them."""
    engine = Engine(make())
    for number in range(steps):
        verdict = apply(engine, report("a", number, 0.5 * number, list(people), ground=ground))
    assert (verdict.identities[0].persons > 0).all()
    return engine, verdict.identities[0]


@every_manager
def test_a_report_that_comes_twice_changes_nothing_and_gets_the_same_answer(make):
    engine, _ = watched(make)
    first = apply(engine, report("a", 8, 4.0, [0, 1, 2]))
    again = apply(engine, report("a", 8, 4.0, [0, 1, 2]))
    assert said(again)[0] == said(first)[0]
    assert again.events == ()
    twin, _ = watched(make)
    apply(twin, report("a", 8, 4.0, [0, 1, 2]))
    assert said(apply(engine, report("a", 9, 4.5, [0, 1, 2]))) == said(apply(twin, report("a", 9, 4.5, [0, 1, 2])))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 11), max_size=30), st.randoms(use_true_random=False))
def test_whatever_is_sent_again_the_answers_to_the_rest_stay_the_same(again, chance):
    reports = [report("ab"[n % 2], n // 2, 0.3 * n, [n % 3, 3 + n % 2]) for n in range(12)]
    order = list(range(12))
    for number in again:
        order.insert(chance.randint(order.index(number) + 1, len(order)), number)
    plain, noisy = Engine(CalibratedManager(QUICK)), Engine(CalibratedManager(QUICK))
    wanted = [said(apply(plain, one)) for one in reports]
    seen = set()
    for number in order:
        verdict = said(apply(noisy, reports[number]))
        assert verdict[0] == wanted[number][0]
        assert verdict[1] == (repr(()) if number in seen else wanted[number][1])
        seen.add(number)


def test_reports_older_than_what_is_remembered_change_nothing():
    engine = Engine(CalibratedManager(QUICK), EngineSettings(remembered=4))
    for number in range(10):
        apply(engine, report("a", number, 0.5 * number, [0]))
    (answer,) = apply(engine, report("a", 2, 1.0, [0])).identities
    assert answer.persons.tolist() == [-1]
    (answer,) = apply(engine, report("a", 8, 4.0, [0])).identities
    assert answer.persons.tolist() == [1]


def test_a_late_report_does_not_bring_a_track_back_that_has_ended():
    engine, _ = watched(MANAGERS["calibrated"])
    apply(engine, report("a", 9, 4.5, [0, 1], ended=[3]))
    verdict = apply(engine, report("a", 8, 4.0, [0, 1, 2]))
    assert verdict.identities[0].persons.tolist()[2] == -1
    assert verdict.events == ()


@every_manager
def test_a_new_epoch_ends_the_tracks_of_the_old_one_so_equal_ids_are_not_confused(make):
    engine, before = watched(make, people=(0, 1))
    turned = {0: 1, 1: 0}
    for number in range(8):
        told = report("a", number, 5.0 + 0.5 * number, [0, 1], epoch=2)
        swapped_looks = replace(told.sightings, features=told.sightings.features[[turned[0], turned[1]]])
        verdict = engine.apply(Batch(told.sightings.time, (replace(told, sightings=swapped_looks),)))
    assert verdict.identities[0].persons.tolist() == before.persons[::-1].tolist()
    assert engine.epochs == {"a": 2}


@every_manager
def test_ids_that_begin_anew_are_as_good_as_ids_that_never_do(make):
    """The oracle: the same site with track ids that are unique over all starts of its cameras."""
    engine, oracle = Engine(make()), make()
    for step in range(30):
        epoch, number = 1 + step // 10, step % 10
        told = report("a", number, 0.5 * step, [step % 3, 3 + step % 2], epoch=epoch)
        verdict = apply(engine, told)
        offset = (epoch - 1) * 2**32
        open_before = np.arange(1, 6) + offset - 2**32 if number == 0 and epoch > 1 else np.zeros(0, dtype=np.int64)
        unique = replace(told.sightings, tracks=told.sightings.tracks + offset, ended=open_before)
        (answer,), events = oracle.observe([unique])
        assert verdict.identities[0].persons.tobytes() == answer.persons.tobytes()
        assert [type(event) for event in verdict.events] == [type(event) for event in events]


def test_a_report_of_an_old_epoch_is_not_listened_to():
    engine, _ = watched(MANAGERS["calibrated"])
    apply(engine, report("a", 0, 5.0, [4], epoch=2))
    verdict = apply(engine, report("a", 90, 5.5, [0, 1], epoch=1))
    assert verdict.identities[0].persons.tolist() == [-1, -1]
    assert engine.epochs == {"a": 2}


def follow(known, event):
    """What a client does who only reads events."""
    if isinstance(event, PersonEnrolled | PersonRecognised):
        known[event.camera, event.track] = event.person
    elif isinstance(event, PersonMerged):
        known.update({key: event.person for key, person in known.items() if person == event.absorbed})
    elif isinstance(event, PersonSplit):
        known.update(dict.fromkeys(event.tracks, event.separated))
    elif isinstance(event, PersonForgotten):
        known.update({key: -1 for key, person in known.items() if person == event.person})


@every_manager
def test_commands_hold_and_their_events_tell_all_of_it(make):
    engine, before = watched(make, ground=True)
    one, two, three = before.persons.tolist()
    known = dict(zip([("a", track) for track in before.tracks.tolist()], before.persons.tolist(), strict=True))
    number = 8
    for command in (
        Swap(("a", 1), ("a", 2)),
        Undo(one),
        Split(three, (("a", 3),)),
        Undo(three),
        Swap(("a", 2), ("a", 3)),
    ):
        verdict = apply(engine, report("a", number, 0.5 * number, [0, 1, 2], ground=True), commands=(command,))
        for event in verdict.events:
            follow(known, event)
        if isinstance(command, Split) and verdict.refusals[0]:
            assert "leave at least one out" in verdict.refusals[0]
        for wait in range(1, 6):
            verdict = apply(engine, report("a", number + wait, 0.5 * (number + wait), [0, 1, 2], ground=True))
            for event in verdict.events:
                follow(known, event)
        assert verdict.identities[0].persons.tolist() == [known["a", track] for track in (1, 2, 3)]
        number += 6
    assert verdict.identities[0].persons.tolist() == [one, three, two]


@every_manager
def test_a_merge_by_hand_holds_and_can_be_undone(make):
    engine, before = watched(make, people=(0, 1))
    one, two = before.persons.tolist()
    refused = apply(engine, commands=(Merge(one, two),))
    assert "in view" in refused.refusals[0]
    apply(engine, report("a", 8, 4.0, [0], ended=[2]))
    merged = apply(engine, commands=(Merge(one, two),))
    assert merged.refusals == ("",)
    assert merged.events == (PersonMerged(99.0, one, two, merged.events[0].evidence),)
    back = apply(engine, commands=(Undo(two),))
    assert back.refusals == ("",)
    for number in range(9, 20):
        verdict = apply(engine, report("b", number, 0.5 * number, [1]))
    assert verdict.identities[0].persons.tolist() == [two]


@every_manager
def test_who_is_forgotten_while_in_view_is_somebody_new(make):
    engine, before = watched(make, ground=True)
    gone = int(before.persons[1])
    verdict = apply(engine, commands=(Forget(gone, "request 7"),))
    assert verdict.events == (PersonForgotten(99.0, gone, "request 7"),)
    for number in range(8, 16):
        verdict = apply(engine, report("a", number, 0.5 * number, [0, 1, 2], ground=True))
    persons = verdict.identities[0].persons.tolist()
    assert persons[0] == before.persons[0]
    assert persons[1] > before.persons.max()
    assert "not in the gallery" in apply(engine, commands=(Forget(gone, "again"),)).refusals[0]


@every_manager
@pytest.mark.parametrize(
    "command",
    [
        Merge(1, 1),
        Merge(1, 77),
        Split(77, (("a", 1),)),
        Split(1, ()),
        Split(1, (("a", 2),)),
        Split(1, (("nowhere", 2),)),
        Swap(("a", 1), ("a", 1)),
        Swap(("a", 1), ("a", 9)),
        Undo(1),
        Forget(77, "no reason"),
    ],
)
def test_a_wrong_command_is_refused_with_a_sentence_and_changes_nothing(make, command):
    engine, _ = watched(make)
    twin, _ = watched(make)
    verdict = apply(engine, commands=(command,))
    assert verdict.events == ()
    assert len(verdict.refusals[0]) > 20
    assert said(apply(engine, report("a", 8, 4.0, [0, 1, 2]))) == said(apply(twin, report("a", 8, 4.0, [0, 1, 2])))


def test_a_batch_that_breaks_its_contract_changes_nothing():
    engine, _ = watched(MANAGERS["calibrated"])
    good = report("a", 8, 4.0, [0])
    with pytest.raises(ContractError, match="comes twice in one batch"):
        apply(engine, good, good)
    narrow = Report(1, 0, see("b", 4.0, [1], np.ones((1, 4), np.float32) / 2))
    with pytest.raises(ContractError, match="one Re-ID net"):
        apply(engine, good, narrow)
    with pytest.raises(ContractError, match="give seconds"):
        apply(engine, good, Report(1, 0, see("b", float("nan"), [1], PEOPLE[:1])))
    with pytest.raises(ContractError, match="two tracks have one id"):
        apply(engine, Report(1, 0, see("b", 4.0, [1, 1], PEOPLE[:2])))
    assert engine.epochs == {"a": 1}
    assert apply(engine, good).identities[0].persons.tolist() == [1]
