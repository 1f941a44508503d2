"""Whatever comes from the network: an answer that is no fault of the server's own, and the server goes on."""

import json
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from scene import picture
from unbroken.app.calibrate import PointPairs
from unbroken.core.batches import Forget, Merge, Split, Undo
from unbroken.web.api import WrongRequestError, command_from
from unbroken.web.clicks import Job, clicking, points_from
from unbroken.web.guard import host_name, is_local, same_host, session_of
from unbroken.web.keys import Keys
from unbroken.web.live import Viewer
from unbroken.web.ports import Corrections
from unbroken.web.serving import Serving
from web_site import TOKEN, Clock, ask, filled, served

MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
PATHS = ["/", "/login", "/logout", "/metrics", "/healthz", "/api/site", "/api/people", "/api/people/", "/api/events"]
PATHS += ["/api/cameras/", "/api/zones", "/api/corrections", "/api/corrections/", "/api/live", "/nothing", "*", ""]
METHODS = ["GET", "GET", "GET", "POST", "POST", "HEAD", "DELETE", "OPTIONS", "BREW", ""]
NAMES = [
    "Host",
    "Origin",
    "Cookie",
    "Authorization",
    "Content-Type",
    "Content-Length",
    "Sec-Fetch-Site",
    "Last-Event-ID",
]
NAMES += ["Upgrade", "Connection", "Transfer-Encoding", "Sec-WebSocket-Key", "X-Forwarded-For", "Accept"]
VALUES = [
    "127.0.0.1",
    "[::1]:9",
    f"Bearer {TOKEN}",
    "unbroken_session=",
    "application/json",
    "null",
    "cross-site",
    "5",
    "-1",
]
VALUES += ["websocket", "chunked", "gzip", "http://127.0.0.1", "9" * 30, "Upgrade", "a=b; c", "\xff\xfe"]
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["merge", "split", "undo", "forget", "name", "text", "tracks", "points", "image", "ground", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
TAILS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n #"), max_size=30)


def corrections():
    return Corrections(lambda command, who: 1, lambda number: None, lambda person, name: None, dict)


@pytest.fixture(scope="module", params=["open", "locked"])
def serving(request):
    with served(filled(count=2), TOKEN if request.param == "locked" else "", corrections=corrections()) as running:
        yield running


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    folder = Path(tmp_path_factory.mktemp("clicks"))
    nothing = PointPairs([], np.zeros((0, 2)), np.zeros((0, 2)), (640, 480))
    job = Job(picture(), folder / "p.json", folder / "c.json", folder / "g.png", nothing)
    with Serving(clicking(job, Keys("", Clock())), "127.0.0.1", 0) as running:
        yield running


def answer(serving, request):
    """The status of the answer to raw bytes; 0 where the server closes the connection without one."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=30) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        head = b""
        while b"\r\n" not in head:
            part = line.recv(4096)
            if not part:
                return 0
            head += part
    return int(head.split(b" ", 2)[1])


@given(
    start=st.tuples(st.sampled_from(METHODS), st.sampled_from(PATHS), TAILS | TAILS.map(quote)),
    host=st.sampled_from(["127.0.0.1"] * 6 + VALUES),
    usual=st.sets(st.sampled_from([f"Authorization: Bearer {TOKEN}", "Content-Type: application/json"])),
    headers=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | TAILS), max_size=3),
    body=st.just(b"") | st.binary(max_size=60),
)
@MANY
def test_no_request_breaks_the_server(serving, start, host, usual, headers, body):
    method, path, tail = start
    lines = [f"{method} {path}{tail} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}", *usual]
    lines += [f"{name}: {value}" for name, value in headers]
    assert answer(serving, ("\r\n".join(lines) + "\r\n\r\n").encode() + body) < 500
    assert ask(serving, "/healthz")[0] == 200


@given(st.binary(max_size=300))
@MANY
def test_no_bytes_break_the_server(serving, noise):
    assert answer(serving, noise) < 500
    assert ask(serving, "/healthz")[0] == 200


@given(st.text(max_size=40), st.sampled_from(["after", "limit", "x"]))
@MANY
def test_no_query_breaks_the_server(serving, value, name):
    quoted = "".join(f"%{byte:02x}" for byte in value.encode("utf-8", "surrogatepass"))
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for path in (f"/api/events?{name}={quoted}", f"/api/people/{quoted}", f"/api/cameras/{quoted}/picture.jpg"):
        assert ask(serving, path, headers=bearer)[0] < 500


@given(JSONS)
@MANY
def test_no_body_breaks_the_server(serving, clicks, said):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    for running, path in ((serving, "/api/corrections"), (clicks, "/api/fit"), (clicks, "/api/save")):
        status, _, body = ask(running, path, "POST", headers, json.dumps(said))
        assert status < 500
        json.loads(body)


@given(JSONS)
def test_a_command_is_read_or_refused(said):
    try:
        command = command_from(said if isinstance(said, dict) else {"merge": said})
    except WrongRequestError:
        return
    assert isinstance(command, (Merge, Split, Undo, Forget))
    assert command.person >= 1


@given(JSONS)
def test_points_are_read_or_refused(said):
    try:
        points = points_from({"points": said}, (640, 480))
    except WrongRequestError:
        return
    assert np.isfinite(points.image).all()
    assert np.isfinite(points.ground).all()
    assert len(points.names) == len(points.image) == len(points.ground)


@given(st.text(max_size=60) | JSONS.map(json.dumps))
def test_a_message_of_a_page_is_understood_or_refused_and_credit_stays_small(text):
    viewer = Viewer()
    viewer.hear(text)
    viewer.hear(text)
    assert 0 <= viewer.credit <= 2
    assert 1 <= viewer.width <= 1920


@given(st.text(max_size=60) | st.binary(max_size=60))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_breaks_the_socket(serving, message):
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with connect(f"ws://127.0.0.1:{serving.port}/api/live", additional_headers=bearer, max_size=None) as line:
        with suppress(ConnectionClosed):
            line.send(message)
            line.send('{"ready": 1}')
            line.recv(timeout=30)
        line.close()
        assert line.close_code in (1000, 1005, 1006, 1007, 1008)
    assert ask(serving, "/healthz")[0] == 200


@given(st.text(max_size=60), st.text(max_size=60))
def test_hosts_and_origins_are_judged_without_an_error(one, other):
    assert isinstance(host_name(one), str)
    assert is_local(one) in (True, False)
    assert not same_host(one, "")
    if same_host(one, other):
        assert other.lower() in one.lower()


@given(st.binary(max_size=200))
def test_cookies_are_read_without_an_error(noise):
    assert isinstance(session_of(Headers(raw=[(b"cookie", noise)])), str)
