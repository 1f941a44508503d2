"""The bus over TCP on real sockets: who is let in, who is not, and that nothing is lost or doubled on the way."""

import socket
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from batches_made import look, seen
from unbroken.cluster.deciding import Clerk
from unbroken.cluster.frames import BATCH, VERSION, Credentials, Frame, Line
from unbroken.cluster.hub import Hub, HubSettings
from unbroken.cluster.link import Link, LinkSettings
from unbroken.core.batches import Batch
from unbroken.core.events import CameraLost
from unbroken.core.wire import bytes_of_batch
from unbroken.identity.engine import Engine
from unbroken.identity.fixed import FixedManager
from unbroken.pipeline.correspondent import Correspondent
from unbroken.pipeline.lasting import Lasting

SECRET = b"a secret of the tests"
QUICK = LinkSettings(held=50, patience=0.05, silence=5.0, first_retry=0.02, longest_retry=0.1)


class Kept:
    """A keeper that keeps in memory, and can be told to refuse."""

    def __init__(self):
        self.batches = []

    def keep(self, batch, verdict, replies=()):
        self.batches.append(batch)

    def snapshot(self, state):
        pass

    def pending_commands(self):
        return ()


class Places:
    nodes = ("one", "two")

    def cameras_of(self, node):
        return {"one": ("hall",), "two": ("door",)}[node]


class Writer:
    """A writer on a real port, with an engine; everything is decided in the clerk's thread."""

    def __init__(self, port=0, **settings):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.address = self.listener.getsockname()
        self.engine, self.keeper = Engine(FixedManager()), Kept()
        self.told, self.results, self.events = [], [], []
        wanted = HubSettings(SECRET, "SITE_BUS", "net", wait=0.0, **settings)
        self.lasting = Lasting(self.engine, self.keeper, lambda engine: b"", time.monotonic)
        self.hub = Hub(self.listener, Places(), wanted, time.monotonic, self.told.append)
        self.clerk = Clerk(self.hub, self.lasting, lambda errand: errand(), self.relay)

    def relay(self, results, events):
        self.results += results
        self.events += events

    def __enter__(self):
        self.clerk.open()
        return self

    def __exit__(self, *_):
        self.clerk.close()


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def linked(address, node="one", secret=SECRET, model="net", settings=QUICK):
    told = []
    return Link(address, Credentials(node, secret, model, "SITE_BUS"), settings, told.append), told


def view(number, camera="hall"):
    return seen(camera, 10.0 + number / 10, [1, 2], [look(1), look(2)])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"secret": b"another"}, "does not know SITE_BUS; set the same on both machines"),
        ({"node": "three"}, "there is no node 'three'; the writer's are one, two"),
        ({"model": "other"}, "the node's Re-ID net is another than the writer's"),
    ],
)
def test_whoever_does_not_belong_here_is_told_why(wrong, sentence):
    with Writer() as writer:
        link, told = linked(writer.address, **wrong)
        until(lambda: any(sentence in line for line in told))
        until(lambda: any("was not let in" in line for line in writer.told))
        assert link.epochs is None
        assert sum(sentence in line for line in told) == 1
        link.close(0.0)


def test_a_writer_that_does_not_know_the_secret_gets_no_sightings():
    """Somebody answers at the address of the writer, in the right words, and cannot prove himself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link, told = linked(listener.getsockname())
        line = Line(listener.accept()[0], 5.0)
        line.say({"version": VERSION, "nonce": "00" * 32})
        line.hear()
        line.say({"proof": "00" * 32, "epochs": {}})
        until(lambda: any("the writer does not know SITE_BUS" in line for line in told))
        assert link.epochs is None
        line.close()
        link.close(0.0)


@pytest.mark.parametrize("greeting", [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x02[]", b'\x00\x00\x00\x09{"node":1'])
def test_whoever_speaks_something_else_is_shown_out_and_nodes_still_come(greeting):
    with Writer() as writer:
        with socket.create_connection(writer.address) as stranger:
            with suppress(OSError):
                stranger.sendall(greeting)
                stranger.shutdown(socket.SHUT_WR)
            until(lambda: any("was not let in" in line for line in writer.told))
        link, _ = linked(writer.address)
        until(lambda: link.epochs is not None)
        link.close(0.0)


def test_another_version_is_named():
    with Writer() as writer, socket.create_connection(writer.address) as connection:
        line = Line(connection, 5.0)
        line.hear()
        line.say({"version": VERSION + 1})
        until(lambda: any(f"speaks version {VERSION + 1} of the bus, this is {VERSION}" in one for one in writer.told))


def test_a_frame_that_was_changed_or_repeated_on_its_way_ends_the_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    node, writer = Line(ours, 5.0), Line(theirs, 5.0)
    node.prove(b"key", b"node", b"writer")
    writer.prove(b"key", b"writer", b"node")
    node.send(Frame(BATCH, 7, b"content"))
    raw = theirs.recv(1000, socket.MSG_PEEK)
    assert writer.receive() == Frame(BATCH, 7, b"content")
    for sent in (raw, raw[:-1] + b"x"):
        ours.sendall(sent)
        with pytest.raises(Exception, match="a frame was changed on its way"):
            writer.receive()
    node.close()
    writer.close()


def test_sightings_become_answers_results_and_events_and_a_node_has_its_own_cameras_alone():
    with Writer() as writer:
        one, _ = linked(writer.address)
        until(lambda: one.epochs is not None)
        desk = Correspondent(one, late=1.0)
        for number in range(8):
            desk.observe([view(number)])
        until(lambda: not one.waiting)
        answers, _ = desk.observe([view(8)])
        one.hear([CameraLost(11.0, "hall", "cut")])
        until(lambda: not one.waiting)
        assert answers[0].persons.tolist() == [1, 2]
        assert [result.index for result in writer.results] == list(range(9))
        assert CameraLost(11.0, "hall", "cut") in writer.events
        one.put(Batch(11.1, Correspondent(one)._known().reports([view(0, "door")], 11.1)))
        until(lambda: any("speaks for camera door, which is not its own" in line for line in writer.told))
        assert "door" not in writer.engine.epochs
        one.close(0.0)


def test_what_was_put_while_nobody_listens_arrives_later_once_and_in_order():
    with Writer() as first:
        link, _ = linked(first.address)
        desk = Correspondent(link, late=1.0)
        until(lambda: link.epochs is not None)
        desk.observe([view(0)])
        until(lambda: not link.waiting)
    for number in range(1, 30):
        desk.observe([view(number)])
    assert link.waiting == 29
    with Writer(first.address[1]) as second:
        until(lambda: not link.waiting)
        numbers = [report.number for batch in second.keeper.batches for report in batch.reports]
        assert numbers == list(range(1, 30))
        assert [result.index for result in second.results] == list(range(1, 30))
    link.close(0.0)


def test_a_node_takes_no_more_than_it_may_hold():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link, _ = linked(silent.getsockname())
        batch = Batch(1.0)
        assert [link.put(batch) for _ in range(52)] == [*range(1, 51), None, None]
        link.close(0.0)


def test_while_the_writer_cannot_store_nodes_keep_what_they_have_and_send_it_again():
    with Writer() as writer:
        writer.lasting.settings = type(writer.lasting.settings)(held=0)
        link, _ = linked(writer.address)
        until(lambda: link.epochs is not None)
        link.put(Batch(10.0, Correspondent(link)._known().reports([view(0)], 10.0)))
        until(lambda: sum("node one is gone" in line for line in writer.told) > 1)
        assert link.waiting == 1
        writer.lasting.settings = type(writer.lasting.settings)()
        until(lambda: not link.waiting)
        assert len(writer.keeper.batches) == 1
        link.close(0.0)


def test_a_slow_decision_holds_the_node_back_and_not_the_memory():
    """Whoever decides is stopped: what a node sends waits here up to a bound, the rest with the node."""
    with Writer(waiting=4) as writer:
        hold = threading.Lock()
        hold.acquire()
        deciding = writer.lasting.put
        writer.lasting.put = lambda batch: (hold.acquire(), hold.release(), deciding(batch))[2]
        link, _ = linked(writer.address)
        until(lambda: link.epochs is not None)
        numbering = Correspondent(link)._known()
        for number in range(40):
            link.put(Batch(10.0 + number, numbering.reports([view(number)], 10.0)))
        until(lambda: writer.hub._assembly.count("one") == 4)
        assert link.waiting == 40
        hold.release()
        until(lambda: not link.waiting)
        assert len(writer.keeper.batches) == 40
        assert len(bytes_of_batch(writer.keeper.batches[0])) > np.float32().nbytes * 64
        link.close(0.0)
