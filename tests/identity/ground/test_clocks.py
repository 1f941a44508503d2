"""Clocks of overlapping cameras are found from the paths of people alone, and those that are right are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from unbroken.identity.ground.clock_evidence import EvidenceSettings, Trails, evidence
from unbroken.identity.ground.clocks import Clocks, ClockSettings
from unbroken.identity.ground.values import GroundObservations

RATE = 10.0


def walks(people: int, seconds: float, seed: int) -> NDArray[np.float64]:
    """(people, instants, 2): a square of 16 m in which everybody walks from one chance place to the next."""
    random = np.random.default_rng(seed)
    paths = np.zeros((people, int(seconds * RATE), 2))
    for path in paths:
        place, goal, pace = random.uniform(0, 16, 2), random.uniform(0, 16, 2), random.uniform(0.8, 1.5)
        for row in path:
            way = goal - place
            left = float(np.hypot(*way))
            if left < pace / RATE:
                goal, pace = random.uniform(0, 16, 2), random.uniform(0.8, 1.5)
            else:
                place = place + way / left * pace / RATE
            row[:] = place
    return paths


def watched(
    paths: NDArray[np.float64], ahead: dict[str, float], *, seed: int = 0, aside: dict[str, float] | None = None
) -> Clocks:
    """What is thought of the clocks of cameras, each of which sees everybody most of the time, under its own ids."""
    random, clocks = np.random.default_rng(seed), Clocks()
    numbers = {camera: random.permutation(1000)[: len(paths)] for camera in ahead}
    lead = round(max(map(abs, ahead.values())) * RATE)
    for instant in range(lead, paths.shape[1] - lead):
        views = []
        for camera, seconds in ahead.items():
            points = paths[:, instant + round(seconds * RATE)] + random.normal(0, 0.15, (len(paths), 2))
            seen = random.random(len(paths)) < 0.85
            moved = points[seen] + [(aside or {}).get(camera, 0.0), 0.0]
            doubts = np.tile(np.eye(2) * 0.04, (int(seen.sum()), 1, 1))
            views.append(GroundObservations(camera, moved, doubts, numbers[camera][seen]))
        clocks.observe(instant / RATE, views)
    clocks.settle()
    return clocks


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("seconds", [-3.2, -0.8, 1.0, 2.5])
def test_a_clock_that_is_off_is_found_to_a_beat(seconds: float, seed: int) -> None:
    ahead = {"north": 0.0, "south": 0.0, "east": seconds}
    clocks = watched(walks(8, 30, seed), ahead, seed=seed)
    assert clocks.ahead == pytest.approx(ahead, abs=0.21)
    assert clocks.ahead["north"] == clocks.ahead["south"] == 0.0


def test_it_is_found_although_the_calibrations_disagree_by_a_metre_and_a_half() -> None:
    ahead = {"north": 0.0, "south": 0.0, "east": 2.0}
    clocks = watched(walks(8, 40, 3), ahead, aside={"east": 1.5, "south": -0.5})
    assert clocks.ahead == pytest.approx(ahead, abs=0.21)


@pytest.mark.parametrize("seed", range(6))
def test_clocks_that_are_right_are_not_touched(seed: int) -> None:
    aside = {"east": 1.0, "south": -0.7} if seed % 2 else {}
    clocks = watched(walks(3 + 2 * seed, 30, seed), dict.fromkeys(("north", "south", "east"), 0.0), aside=aside)
    assert set(clocks.ahead.values()) == {0.0}


def test_cameras_that_share_nobody_say_nothing_of_each_other() -> None:
    near, far = walks(6, 40, 1), walks(6, 40, 2)
    clocks = Clocks()
    for instant in range(near.shape[1]):
        views = [
            GroundObservations(camera, paths[:, instant], np.tile(np.eye(2) * 0.04, (6, 1, 1)), np.arange(6))
            for camera, paths in (("north", near), ("south", far))
        ]
        assert not clocks.observe(instant / RATE, views)
    assert not clocks.settle()


def test_people_who_stand_still_say_nothing_of_clocks() -> None:
    standing = np.repeat(walks(8, 0.1, 4), 400, axis=1)
    assert set(watched(standing, {"north": 0.0, "south": 2.0}).ahead.values()) == {0.0}


def test_same_input_same_clocks() -> None:
    paths = walks(6, 30, 5)
    first, second = (watched(paths, {"north": 0.0, "south": 1.6}) for _ in range(2))
    assert first.ahead == second.ahead


def test_a_camera_that_begins_anew_has_a_right_clock_until_it_shows_otherwise() -> None:
    clocks = watched(walks(8, 40, 6), {"north": 0.0, "south": 0.0, "east": 2.0})
    assert clocks.ahead["east"]
    clocks.forget("east")
    assert clocks.ahead == {"north": 0.0, "south": 0.0}


def test_what_is_remembered_is_bounded_by_the_window() -> None:
    paths, settings = walks(4, 60, 7), ClockSettings()
    clocks = Clocks(settings)
    sizes = []
    for instant in range(paths.shape[1]):
        ids = np.arange(4) + 100 * (instant // 50)
        view = GroundObservations("north", paths[:, instant], np.tile(np.eye(2) * 0.04, (4, 1, 1)), ids)
        clocks.observe(instant / RATE, [view])
        sizes.append(len(clocks._looks["north"]))
    assert max(sizes) <= 4 * settings.window / settings.beat + 4


def test_evidence_is_highest_at_the_shift_of_a_path_that_turns() -> None:
    beats = np.arange(100) * 0.2
    path = np.stack([4 * np.sin(beats), 3 * np.cos(0.6 * beats)], axis=1)
    first, second = np.full((1, 100, 2), np.nan), np.full((1, 100, 2), np.nan)
    first[0, :80], second[0, 7:87] = path[:80], path[:80]
    known = evidence(
        Trails(first, np.full(1, 0.04), 0.2), Trails(second, np.full(1, 0.04), 0.2), 20, EvidenceSettings()
    )
    assert int(known.argmax()) - 20 == 7
