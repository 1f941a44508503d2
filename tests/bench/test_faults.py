"""The benchmark of faults measures what it says: a short form beside a real server."""

import time

import pytest

from unbroken.bench.faults import DETECTED, RECOVERED, Trial, Witness, _late
from unbroken.testing.rtsp import RtspCamera
from unbroken.testing.scenes import write_scenes


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


def test_a_camera_that_breaks_is_named_and_comes_back_and_another_one_loses_nothing(scenes):
    camera = RtspCamera(scenes["usual"])

    def silence(*, on):
        camera.faults.silent = on

    trial = Trial("silent", "stalled", camera, "tcp", lambda: silence(on=True), lambda: silence(on=False), 0.2)
    with RtspCamera(scenes["usual"]) as well, Witness(well.address) as other:
        other.hears(("online",))
        name, server, transport, told, detected, recovered, attempts, lost, _ = trial.row([other])
    assert (name, server, transport, told) == ("silent", "own", "tcp", "stalled")
    assert detected > 1.0
    assert recovered >= 0.0
    assert attempts >= 2
    assert lost == 0


def test_pictures_that_a_camera_did_not_deliver_are_counted(scenes):
    with RtspCamera(scenes["usual"]) as camera, Witness(camera.address) as witness:
        place = witness.hears(("online",))[0]
        camera.faults.silent = True
        place = witness.hears(("stalled",), place)[0]
        camera.faults.silent = False
        witness.hears(("online",), place)
        for _ in range(600):
            if witness.lost > 20:
                break
            time.sleep(0.1)
    assert witness.lost > 20


def test_a_row_is_late_where_a_goal_is_missed():
    def row(told="black", detected=1.0, recovered=1.0, lost=0):
        return ("fault", "own", "tcp", told, detected, recovered, 1, lost, 0)

    assert not _late(row())
    assert not _late(row(recovered="goes on"))
    assert _late(row(told="nothing"))
    assert _late(row(detected=DETECTED + 0.1))
    assert _late(row(recovered=RECOVERED + 0.1))
    assert _late(row(lost=1))
