"""What moves: pictures and words over one WebSocket, with back-pressure, and the stream of events."""

import http.client
import json
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from scene import walk
from unbroken.core.events import CameraLost, PersonEnrolled
from unbroken.web.desk import Limits
from web_site import TOKEN, Clock, ask, filled, served


@contextmanager
def watching(serving, **headers):
    """A client of the WebSocket."""
    with connect(f"ws://127.0.0.1:{serving.port}/api/live", additional_headers=headers, max_size=None) as socket:
        yield socket


def read(message):
    """The words and the pictures of a round."""
    length = int.from_bytes(message[:4], "big")
    words, start, pictures = json.loads(message[4 : 4 + length]), 4 + length, {}
    for tile in words.get("tiles", []):
        pictures[tile["camera"]] = message[start : start + tile["bytes"]]
        start += tile["bytes"]
    assert start == len(message)
    return words, pictures


def rounds(socket):
    """Rounds as a page takes them: each is confirmed."""
    while True:
        yield read(socket.recv(timeout=30))
        socket.send('{"ready": 1}')


def drain(socket):
    """Take what still comes; the server does not send for ever to somebody who confirms nothing."""
    while True:
        socket.recv(timeout=30)


@pytest.fixture
def board():
    return filled()


@pytest.fixture
def serving(board):
    with served(board) as running:
        yield running


def test_the_first_round_shows_everything(serving):
    with watching(serving) as socket:
        words, pictures = next(rounds(socket))
    assert [tile["camera"] for tile in words["tiles"]] == list(pictures) == ["hall", "door"]
    assert cv2.imdecode(np.frombuffer(pictures["hall"], np.uint8), cv2.IMREAD_COLOR).shape == (240, 320, 3)
    track, person, state, seen, *box = words["tiles"][0]["tracks"][0]
    assert (track, person, state, seen) == (1, 1, 2, 1)
    assert box == pytest.approx([440 / 640, 120 / 480, 530 / 640, 400 / 480], abs=1e-3)
    assert len(words["site"]["people"]) == 2
    assert [event["seq"] for event in words["events"]] == list(range(1, 8))


def test_news_come_once_and_only_what_is_new(serving, board):
    with watching(serving) as socket:
        coming = rounds(socket)
        next(coming)
        frame, result = next(walk("door", 1))
        board.write(frame, result, [PersonEnrolled(0.0, "door", 3, 3)])
        words = next(words for words, _ in coming if "tiles" in words)
        assert [tile["camera"] for tile in words["tiles"]] == ["door"]
        board.hear([CameraLost(1.0, "hall", "gone")])
        said = next(words for words, _ in coming if "events" in words)
        assert [event["type"] for event in said["events"]][-1] == "camera_lost"
        assert "camera hall is lost: gone" in said["site"]["problems"]


def test_a_page_that_confirms_nothing_gets_two_rounds_and_then_the_newest(serving, board):
    with watching(serving) as socket:
        first = read(socket.recv(timeout=30))[0]
        second = read(socket.recv(timeout=30))[0]
        assert "tiles" in first
        for frame, result in walk("hall", 12):
            board.write(frame, result, ())
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.5)
        socket.send('{"ready": 2}')
        third = read(socket.recv(timeout=30))[0]
        newest = board.newest("hall").number
        assert [tile["number"] for tile in third["tiles"]] == [newest]
        assert "tiles" not in second


def test_a_page_sees_only_the_cameras_and_the_size_that_it_asks_for():
    clock = Clock()
    board = filled(clock=clock)
    with served(board) as serving, watching(serving) as socket:
        coming = rounds(socket)
        next(coming)
        socket.send('{"width": 240, "cameras": ["door"]}')
        next(coming)
        for camera in ("hall", "door"):
            frame, result = next(walk(camera, 1, size=(640, 480)))
            board.write(frame, result, ())
        words, pictures = next(one for one in coming if "tiles" in one[0])
        assert [tile["camera"] for tile in words["tiles"]] == ["door"]
        assert cv2.imdecode(np.frombuffer(pictures["door"], np.uint8), cv2.IMREAD_COLOR).shape == (180, 240, 3)


def test_without_pictures_boxes_still_come():
    with served(filled(), web={"pictures": False}) as serving, watching(serving) as socket:
        words, pictures = next(rounds(socket))
        assert pictures == {"hall": b"", "door": b""}
        assert len(words["tiles"][0]["tracks"]) == 2
        assert ask(serving, "/api/cameras/hall/picture.jpg")[0] == 404


def test_heads_are_blurred_where_that_is_asked_for():
    board = filled(("hall",))
    x1, y1, x2, y2 = board.newest("hall").result.tracks.boxes[0]
    head = np.s_[round(y1 + 2) : round(y1 + 0.2 * (y2 - y1)), round(x1 + 2) : round(x2 - 2)]
    spread = []
    for blur in (False, True):
        with served(board, web={"blur": blur}) as serving, watching(serving) as socket:
            _, pictures = next(rounds(socket))
        image = cv2.imdecode(np.frombuffer(pictures["hall"], np.uint8), cv2.IMREAD_COLOR)
        spread.append(np.abs(np.diff(image[head].astype(float), axis=1)).max())
    assert spread[1] < 0.5 * spread[0]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "[" * 3000, '{"ready": -1}', '{"ready": 3}', '{"ready": true}', '{"width": 0}', '{"width": 1e9}',
     '{"cameras": "hall"}', '{"cameras": [1]}', '{"width": NaN}', '{"cameras": {}}'],
)  # fmt: skip
def test_a_message_that_makes_no_sense_ends_the_connection(serving, text):
    with watching(serving) as socket:
        socket.send(text)
        with pytest.raises(ConnectionClosed) as closed:
            drain(socket)
    assert closed.value.rcvd.code == 1008
    assert ask(serving, "/healthz")[0] == 200


def test_a_message_that_is_too_long_ends_the_connection(serving):
    with watching(serving) as socket:
        socket.send('{"ready": 1, "x": "' + "y" * 100_000 + '"}')
        with pytest.raises(ConnectionClosed):
            drain(socket)


def test_strangers_and_pages_of_another_origin_see_nothing():
    with served(filled(), TOKEN) as serving:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil"},
        ):
            with pytest.raises(InvalidStatus), watching(serving, **headers):
                pass
        with watching(serving, Authorization=f"Bearer {TOKEN}", Origin=f"http://127.0.0.1:{serving.port}") as socket:
            assert next(rounds(socket))[1]
    with served(filled()) as serving, pytest.raises(InvalidStatus), watching(serving, Host="evil.example"):
        pass


def test_too_many_pages_are_told_so_and_places_come_free():
    with served(filled(count=1), limits=Limits(watchers=1)) as serving:
        with watching(serving) as first:
            next(rounds(first))
            with watching(serving) as second, pytest.raises(ConnectionClosed) as closed:
                second.recv(timeout=30)
            assert closed.value.rcvd.code == 1013
            assert ask(serving, "/api/events/stream")[0] == 503
        while True:
            with watching(serving) as again:
                try:
                    next(rounds(again))
                except ConnectionClosed:
                    continue
                break


def test_the_stream_gives_what_was_missed_and_what_happens(serving, board):
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=30)
    connection.request("GET", "/api/events/stream", headers={"Last-Event-ID": "5"})
    answer = connection.getresponse()
    assert answer.getheader("content-type").startswith("text/event-stream")
    numbers = []
    for line in answer:
        if line.startswith(b"data: "):
            event = json.loads(line[6:])
            numbers.append(event["seq"])
            if numbers == [6, 7]:
                board.hear([PersonEnrolled(0.0, "hall", 9, 9)])
            elif len(numbers) == 3:
                break
    assert (numbers, event["type"], event["person"]) == ([6, 7, 8], "person_enrolled", 9)
    connection.close()


def test_the_server_stops_although_pages_are_open(board):
    with served(board) as serving:
        with connect(f"ws://127.0.0.1:{serving.port}/api/live", max_size=None) as socket:
            socket.recv(timeout=30)
            serving.stop()
            with pytest.raises(ConnectionClosed):
                drain(socket)
        with pytest.raises(OSError):
            ask(serving, "/healthz")
