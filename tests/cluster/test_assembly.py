"""What nodes send is put together by moments, in the same way whoever was faster."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unbroken.cluster.assembly import Assembly, Parcel
from unbroken.core.batches import Batch, Report
from unbroken.core.events import CameraLost
from unbroken.core.sightings import Sightings

NODES = {"one": ("a", "b"), "two": ("c",), "three": ("d",)}


def batch(time, *cameras):
    nobody = np.zeros(0, dtype=np.int64)
    return Batch(time, tuple(Report(1, round(time * 10), Sightings.of_nobody(name, time, nobody)) for name in cameras))


def assembled(wait=0.1):
    return Assembly(tuple(NODES), [camera for cameras in NODES.values() for camera in cameras], wait)


def joints(assembly, now=0.0):
    found = []
    while (joint := assembly.take(now)) is not None:
        found.append([(report.sightings.camera, report.number) for report in joint.batch.reports])
    return found


@given(order=st.permutations([node for node in NODES for _ in range(5)]))
def test_the_batches_are_the_same_whoever_was_faster(order):
    assembly, sent, found = assembled(wait=math.inf), dict.fromkeys(NODES, 0), []
    for node in order:
        assembly.lay(node, Parcel(sent[node], 0.0, batch(sent[node], *NODES[node])))
        sent[node] += 1
        found += joints(assembly)
    assert found == [[(camera, 10 * time) for camera in "abcd"] for time in range(5)]


def test_the_others_wait_once_for_a_node_that_is_silent_and_not_again_until_it_delivers():
    assembly = assembled(wait=0.1)
    assembly.lay("one", Parcel(1, 5.0, batch(1.0, "a")))
    assert assembly.take(5.05) is None
    assert 0.04 < assembly.due(5.05) < 0.06
    assert assembly.take(5.11) is not None
    assembly.lay("one", Parcel(2, 6.0, batch(2.0, "a")))
    assert assembly.take(6.0) is not None
    assembly.lay("two", Parcel(1, 7.0, batch(2.1, "c")))
    assert assembly.take(7.0) is None
    assembly.lay("one", Parcel(3, 7.0, batch(2.1, "a")))
    assert len(assembly.take(7.0).parts) == 2


def test_nobody_waits_for_a_node_that_has_said_goodbye():
    assembly = assembled(wait=math.inf)
    assembly.leave("two")
    assembly.leave("three")
    assembly.lay("one", Parcel(1, 0.0, batch(1.0, "a")))
    assert assembly.due(0.0) == 0.0


def test_events_wait_for_nobody_but_keep_their_place():
    assembly = assembled(wait=math.inf)
    assembly.lay("one", Parcel(1, 0.0, batch(1.0, "a")))
    assembly.lay("one", Parcel(2, 0.0, (CameraLost(1.0, "a", "cut"),)))
    assert assembly.take(0.0) is None
    assembly.lay("two", Parcel(1, 0.0, (CameraLost(1.0, "c", "cut"),)))
    joint = assembly.take(0.0)
    assert (joint.batch, joint.parts) == (None, (("two", 1, frozenset()),))
