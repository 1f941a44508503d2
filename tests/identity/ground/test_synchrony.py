"""Cameras whose clocks disagree wait for each other; those whose clocks agree do not notice."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from identity.ground.test_clocks import RATE, walks
from identity.views import see, unit
from unbroken.core.batches import Forget
from unbroken.core.events import ClockCorrected, Event
from unbroken.core.ports import IdentityManager
from unbroken.core.sightings import Identities, Sightings
from unbroken.identity.fusion import GroundedManager
from unbroken.identity.ground.clocks import Clocks
from unbroken.identity.ground.synchrony import Synchronised
from unbroken.identity.manager import CalibratedManager

AHEAD = 2.0


def grounded() -> GroundedManager:
    return GroundedManager(CalibratedManager())


def views(paths: NDArray[np.float64], ahead: dict[str, float], *, turned: int = 0) -> list[list[Sightings]]:
    """What cameras report of people whom all of them see; from the instant `turned` on each track has another id."""
    lead = round(max(map(abs, ahead.values())) * RATE)
    random, steps = np.random.default_rng(0), []
    for instant in range(lead, paths.shape[1] - lead):
        step = []
        for place, (camera, seconds) in enumerate(ahead.items()):
            shown = instant + round(seconds * RATE)
            ground = paths[:, shown] + random.normal(0, 0.1, (len(paths), 2))
            epoch = 100 if turned and shown >= turned else 0
            tracks = [(row + place) % len(paths) + 1 + epoch for row in range(len(paths))]
            ended = [number - 100 for number in tracks] if epoch and shown == turned else []
            step.append(see(camera, instant / RATE, tracks, np.zeros((len(paths), 0)), ended, ground=ground))
        steps.append(step)
    return steps


def told(manager: IdentityManager, steps: list[list[Sightings]]) -> tuple[list[list[Identities]], list[Event]]:
    answers, events = [], []
    for step in steps:
        identities, happened = manager.observe(step)
        answers.append(identities)
        events += happened
    return answers, events


def agreement(steps: list[list[Sightings]], answers: list[list[Identities]], last: int) -> float:
    """The share of the answers of the last steps in which somebody has one Global ID in all cameras."""
    same = []
    for step, identities in zip(steps[-last:], answers[-last:], strict=True):
        people = len(step[0])
        by_person = [
            {(number - 1 - place) % people: who for number, who in zip(one.tracks % 100, one.persons, strict=True)}
            for place, one in enumerate(identities)
        ]
        same += [len({named[who] for named in by_person}) == 1 and by_person[0][who] > 0 for who in by_person[0]]
    return float(np.mean(same))


def shape(answers: list[list[Identities]]) -> list[tuple[object, ...]]:
    return [
        (one.camera, one.time, *(part.tobytes() for part in (one.tracks, one.persons, one.state, one.confidence)))
        for step in answers
        for one in step
    ]


def test_while_clocks_agree_nothing_is_changed_to_the_bit() -> None:
    steps = views(walks(4, 20, 0), {"north": 0.0, "south": 0.0})
    alone, plain = told(grounded(), steps)
    answers, events = told(Synchronised(grounded()), steps)
    assert shape(answers) == shape(alone)
    assert events == plain


def test_a_camera_that_is_ahead_is_found_told_of_and_joined() -> None:
    steps = views(walks(6, 32, 1), {"north": 0.0, "south": 0.0, "east": AHEAD}, turned=220)
    answers, events = told(Synchronised(grounded()), steps)
    clocks = [event for event in events if isinstance(event, ClockCorrected)]
    assert {event.camera for event in clocks} == {"east"}
    assert clocks[-1].ahead == pytest.approx(AHEAD, abs=0.3)
    assert f"clock = {clocks[-1].ahead:.1f}" in clocks[-1].reason
    assert agreement(steps, answers, 50) > 0.9
    assert agreement(steps, told(grounded(), steps)[0], 50) < 0.7


def test_a_clock_that_is_given_holds_from_the_start() -> None:
    steps = views(walks(6, 20, 2), {"north": 0.0, "south": 0.0, "east": AHEAD})
    manager = Synchronised(grounded(), Clocks(known={"east": AHEAD}))
    answers, events = told(manager, steps)
    assert not [event for event in events if isinstance(event, ClockCorrected)]
    assert agreement(steps, answers, 50) > 0.9
    assert all((step[2].persons < 0).all() for step in answers[: round(AHEAD * RATE)])


def test_a_camera_that_is_behind_makes_the_others_wait() -> None:
    steps = views(walks(6, 20, 3), {"north": 0.0, "south": 0.0, "east": -AHEAD})
    answers, _ = told(Synchronised(grounded(), Clocks(known={"east": -AHEAD})), steps)
    assert agreement(steps, answers, 50) > 0.9


def test_every_sighting_is_answered_and_nobody_is_twice_in_a_view() -> None:
    steps = views(walks(4, 28, 4), {"north": 0.0, "east": AHEAD}, turned=200)
    answers, _ = told(Synchronised(grounded()), steps)
    for step, identities in zip(steps, answers, strict=True):
        for view, one in zip(step, identities, strict=True):
            assert one.camera == view.camera
            assert one.tracks.tolist() == view.tracks.tolist()
            known = one.persons[one.persons > 0]
            assert len(np.unique(known)) == len(known)


def test_same_input_same_output() -> None:
    steps = views(walks(3, 22, 5), {"north": 0.0, "east": AHEAD})
    first, second = (told(Synchronised(grounded()), steps) for _ in range(2))
    assert shape(first[0]) == shape(second[0])
    assert first[1] == second[1]


def test_who_is_forgotten_is_not_answered_from_memory() -> None:
    steps = views(walks(3, 20, 6), {"north": 0.0, "east": AHEAD})
    manager = Synchronised(grounded(), Clocks(known={"east": AHEAD}))
    answers, _ = told(manager, steps[:100])
    person = int(answers[-1][1].persons.max())
    manager.correct(Forget(person, "asked for"), steps[99][0].time)
    after, _ = manager.observe(steps[100])
    assert person not in after[1].persons.tolist()


def test_a_camera_that_begins_anew_has_nothing_waiting() -> None:
    steps = views(walks(3, 20, 7), {"north": 0.0, "east": AHEAD})
    manager = Synchronised(grounded(), Clocks(known={"east": AHEAD}))
    told(manager, steps[:50])
    manager.begin("east")
    assert not manager._held
    answers, _ = manager.observe(steps[50])
    assert (answers[1].persons == -1).all()


def test_what_waits_is_bounded_by_how_far_the_clock_is_ahead() -> None:
    steps = views(walks(3, 30, 8), {"north": 0.0, "east": AHEAD})
    manager = Synchronised(grounded(), Clocks(known={"east": AHEAD}))
    waiting = []
    for step in steps:
        manager.observe(step)
        waiting.append(len(manager._held))
    assert max(waiting) <= AHEAD * RATE + 1


def test_looks_go_on_deciding_where_the_manager_knows_no_ground() -> None:
    steps = [
        [see(camera, step / RATE, [1, 2], unit(0 + place, 80 + place)) for place, camera in enumerate(("a", "b"))]
        for step in range(60)
    ]
    answers, _ = told(Synchronised(CalibratedManager()), steps)
    assert shape(answers) == shape(told(CalibratedManager(), steps)[0])
