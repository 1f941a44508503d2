"""Cameras stepped together answer exactly as each alone."""

import pickle

import numpy as np
import pytest

from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError
from unbroken.core.ports import NO_MOTION
from unbroken.testing.check_tracker import random_stream
from unbroken.tracking.engine import Engine
from unbroken.tracking.fleet import Fleet
from unbroken.tracking.registry import TRACKERS, parameters_of
from unbroken.tracking.sort import Sort

PLANNED = [(name, {}) for name in sorted(TRACKERS) if name != "unbroken"] + [("unbroken", {"steady": False})]


def pictures(seed, cameras, length=50):
    """The same times for all cameras; one camera has no features, one sees nobody for a while."""
    streams = [
        random_stream(np.random.default_rng([seed, camera]), features=8 * (camera != 1), length=length)
        for camera in range(cameras)
    ]
    for index in range(length):
        seen = [stream[index][1] for stream in streams]
        if index % 9 > 6:
            seen[0] = Detections.empty()
        yield streams[0][index][0], seen


@pytest.mark.parametrize(("name", "settings"), PLANNED)
def test_together_equals_alone(name, settings):
    parameters = parameters_of(name)(**settings)
    fleet, engines = Fleet(parameters, cameras=4), [Engine(parameters) for _ in range(4)]
    for index, (time, seen) in enumerate(pictures(7, 4)):
        if index % 5 == 4:
            together, alone = fleet.coast(time), [engine.coast(time) for engine in engines]
        else:
            together = fleet.update(seen, time)
            alone = [engine.update(own, time) for engine, own in zip(engines, seen, strict=True)]
        for one, other in zip(together, alone, strict=True):
            for column in ("ids", "rows", "classes", "state", "since", "scores"):
                np.testing.assert_array_equal(getattr(one, column), getattr(other, column))
            np.testing.assert_allclose(one.boxes, other.boxes, rtol=1e-9, atol=1e-6)
        for ids, engine in zip(fleet.alive, engines, strict=True):
            assert ids.tolist() == engine.alive.tolist()


@pytest.mark.parametrize("name", ["sort", "ocsort", "botsort"])
def test_each_camera_moves_on_its_own(name):
    parameters = parameters_of(name)()
    fleet, engines = Fleet(parameters, cameras=2), [Engine(parameters) for _ in range(2)]
    turn = np.array([[1.0, 0.02, 4.0], [-0.02, 1.0, -3.0]])
    for time, seen in pictures(3, 2):
        together = fleet.update(seen, time, [turn, NO_MOTION])
        alone = [engines[0].update(seen[0], time, turn), engines[1].update(seen[1], time)]
        for one, other in zip(together, alone, strict=True):
            assert one.ids.tolist() == other.ids.tolist()
            np.testing.assert_allclose(one.boxes, other.boxes, rtol=1e-9, atol=1e-6)


def test_a_fleet_can_be_reset_and_pickled():
    fleet, steps = Fleet(Sort(), cameras=2), list(pictures(1, 2, length=20))
    first = [[tracks.ids.tolist() for tracks in fleet.update(seen, time)] for time, seen in steps]
    fleet.reset()
    for time, seen in steps[:10]:
        fleet.update(seen, time)
    copy = pickle.loads(pickle.dumps(fleet))
    for one in (fleet, copy):
        rest = [[tracks.ids.tolist() for tracks in one.update(seen, time)] for time, seen in steps[10:]]
        assert rest == first[10:]


def test_a_missing_camera_is_named():
    with pytest.raises(ContractError, match="detections: are those of 1 cameras; give 3"):
        Fleet(Sort(), cameras=3).update([Detections.empty()], 0.0)


def test_features_of_two_nets_are_refused():
    with pytest.raises(ContractError, match=r"features: have \[4, 8\] numbers by camera; use one Re-ID net"):
        Fleet(Sort(), cameras=2).update([Detections.empty(4), Detections.empty(8)], 0.0)


def test_a_tracker_with_an_engine_of_its_own_is_stepped_camera_by_camera():
    """It was refused, so that the default tracker could not be one of a fleet."""
    parameters = parameters_of("unbroken")()
    fleet, alone = Fleet(parameters, cameras=3), [parameters.tracker() for _ in range(3)]
    turn = np.array([[1.0, 0.02, 4.0], [-0.02, 1.0, -3.0]])
    for _ in range(2):
        for index, (time, seen) in enumerate(pictures(5, 3, length=25)):
            warps = [NO_MOTION, turn, NO_MOTION] if index % 4 == 3 else None
            each = list(zip(alone, seen, warps or [NO_MOTION] * 3, strict=True))
            if index % 5 == 4:
                together, expected = fleet.coast(time, warps), [one.coast(time, warp) for one, _, warp in each]
            else:
                together, expected = (
                    fleet.update(seen, time, warps),
                    [one.update(own, time, warp) for one, own, warp in each],
                )
            for one, other in zip(together, expected, strict=True):
                np.testing.assert_array_equal(one.as_array(), other.as_array())
        assert [ids.tolist() for ids in fleet.alive] == [one.alive.tolist() for one in alone]
        assert any(map(len, fleet.alive))
        fleet.reset()
        for one in alone:
            one.reset()
    with pytest.raises(ContractError, match="warps: are those of 1 cameras; give 3"):
        fleet.update([Detections.empty()] * 3, 0.0, [NO_MOTION])
