"""A real board and a real server with people in it, for the tests of the web."""

import http.client
import json
from contextlib import contextmanager
from dataclasses import replace

from scene import walk
from unbroken.config.service import WebSettings
from unbroken.core.events import (
    CameraOnline,
    Evidence,
    LineCrossed,
    PersonEnrolled,
    PersonRecognised,
    TrackStarted,
    ZoneEntered,
)
from unbroken.pipeline.board import Board
from unbroken.web.ports import Neighbours
from unbroken.web.serving import serving_of

NOON = 1_790_000_000.0
TOKEN = "a-token-that-nobody-guesses"


class Clock:
    """Seconds since 1970 that pass when a test says so."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


def people_met(time=NOON, hall="hall", door="door"):
    """Two people come, one is recognised in another camera, with evidence; a zone and a line are met."""
    chosen = Evidence(1, 6.25, 5.0, 1.25, 0.0, 0.12)
    return [
        CameraOnline(time, hall),
        TrackStarted(time, hall, 1),
        PersonEnrolled(time, hall, 1, 1, ()),
        PersonEnrolled(time, hall, 2, 2, (Evidence(1, -4.5, -4.5, 0.0, 0.0, 0.61),)),
        PersonRecognised(time, door, 1, 1, chosen, (Evidence(2, -3.0, -2.0, -1.0, 0.0, 0.55),)),
        ZoneEntered(time, hall, 1, 1, "desk"),
        LineCrossed(time, hall, 2, 2, "gate", "in"),
    ]


def filled(cameras=("hall", "door"), clock=None, count=6):
    """A board on which two people walk through every camera."""
    clock = clock or Clock()
    board = Board(cameras, clock)
    board.hear(people_met(clock(), cameras[0], cameras[-1]))
    walks = [list(walk(camera, count, decided=0, size=(320, 240))) for camera in cameras]
    for answers in zip(*walks, strict=True):
        for frame, result in answers:
            moved = replace(frame, time=clock() - 0.08)
            board.write(moved, replace(result, time=moved.time), ())
        clock.now += 0.1
    return board


@contextmanager
def served(board, token="", **more):
    """A running server; what `Neighbours` takes may be given."""
    web = {"port": 0, "rate": 20, "token": "SITE_TOKEN" if token else "", **more.pop("web", {})}
    settings = WebSettings(**web)
    limits = more.pop("limits", None)
    with serving_of(settings, board, Neighbours(**more), limits=limits, environment={"SITE_TOKEN": token}) as serving:
        yield serving


def ask(serving, path, method="GET", headers=None, body=None):
    """Status, headers in lower case and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=30)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def told(serving, path, **more):
    """The JSON of an answer that must be good."""
    status, _, body = ask(serving, path, **more)
    assert status == 200, body
    return json.loads(body)
