"""Who may look: tokens, sessions, one-time addresses, Hosts and Origins; and what browsers are told."""

import json
import re
from urllib.parse import urlencode

import pytest

from unbroken.config.service import WebSettings
from unbroken.core.errors import ConfigError
from unbroken.web.keys import Keys, KeySettings
from unbroken.web.ports import Corrections
from unbroken.web.serving import serving_of
from web_site import TOKEN, Clock, ask, filled, served

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PRIVATE = ["/api/site", "/api/people", "/api/people/1", "/api/events", "/api/events/stream", "/api/cameras"]
PRIVATE += ["/api/cameras/hall/picture.jpg", "/api/zones", "/metrics"]


@pytest.fixture(scope="module")
def locked():
    with served(filled(), TOKEN, corrections=Corrections(lambda command, who: 1)) as running:
        yield running


@pytest.fixture(scope="module")
def loose():
    with served(filled(), corrections=Corrections(lambda command, who: 1)) as running:
        yield running


@pytest.mark.parametrize("path", PRIVATE)
def test_without_the_token_nothing_personal_is_told(locked, path):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Cookie": "unbroken_session=x"}):
        status, told, body = ask(locked, path, headers=headers)
        assert (status, told["www-authenticate"], list(json.loads(body))) == (401, "Bearer", ["error"])


@pytest.mark.parametrize("path", [path for path in PRIVATE if not path.endswith("stream")])
def test_with_the_token_everything_is(locked, path):
    assert ask(locked, path, headers={"Authorization": f"Bearer {TOKEN}"})[0] == 200


def test_probes_answer_strangers_and_keep_the_reasons_to_themselves(locked):
    assert ask(locked, "/healthz")[0] == 200
    assert json.loads(ask(locked, "/readyz")[2]) == {"ready": True}
    with_token = ask(locked, "/readyz", headers={"Authorization": f"Bearer {TOKEN}"})[2]
    assert json.loads(with_token) == {"ready": True, "reasons": []}


def test_a_browser_is_led_to_the_form_and_let_in_by_the_token(locked):
    status, headers, _ = ask(locked, "/")
    assert (status, headers["location"]) == (303, "/login")
    assert ask(locked, "/login", "POST", FORM, urlencode({"token": "wrong"}))[0] == 401
    status, headers, _ = ask(locked, "/login", "POST", FORM, urlencode({"token": TOKEN}))
    cookie = headers["set-cookie"]
    assert (status, headers["location"]) == (303, "/")
    assert {"HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    mine = {"Cookie": cookie.split(";")[0]}
    assert ask(locked, "/", headers=mine)[0] == 200
    assert ask(locked, "/api/people", headers=mine)[0] == 200
    ask(locked, "/logout", "POST", mine)
    assert ask(locked, "/api/people", headers=mine)[0] == 401


def test_the_address_that_is_printed_opens_the_page_once(locked):
    path = re.sub(r"^http://[^/]*", "", locked.door())
    status, headers, _ = ask(locked, path)
    assert (status, headers["location"]) == (303, "/")
    assert ask(locked, "/api/site", headers={"Cookie": headers["set-cookie"].split(";")[0]})[0] == 200
    assert ask(locked, path)[0] == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", "", "[::", "10.0.0.7"])
def test_a_name_that_somebody_points_at_this_machine_gets_no_answer(loose, host):
    status, _, body = ask(loose, "/api/people", headers={"Host": host})
    assert (status, b"does not name this machine" in body) == (421, True)


def test_this_machine_may_be_called_by_its_names(loose):
    for host in ("localhost", "127.0.0.1", f"127.0.0.1:{loose.port}", "[::1]:80", "LOCALHOST:1"):
        assert ask(loose, "/api/people", headers={"Host": host})[0] == 200


def test_a_page_of_another_origin_can_neither_change_nor_embed(loose):
    host = f"127.0.0.1:{loose.port}"
    body, kind = '{"undo": 1}', {"Content-Type": "application/json", "Host": host}
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://[::1"):
        assert ask(loose, "/api/corrections", "POST", {**kind, "Origin": origin}, body)[0] == 403
    assert ask(loose, "/api/corrections", "POST", {**kind, "Origin": f"http://{host}"}, body)[0] == 202
    plain = {**kind, "Content-Type": "text/plain", "Origin": f"http://{host}"}
    assert ask(loose, "/api/corrections", "POST", plain, body)[0] == 400
    assert ask(loose, "/api/cameras/hall/picture.jpg", headers={"Sec-Fetch-Site": "cross-site"})[0] == 403


@pytest.mark.parametrize("path", ["/", "/login", "/api/people", "/nothing", "/healthz"])
def test_every_answer_carries_the_headers_of_security(locked, path):
    _, headers, _ = ask(locked, path)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_a_page_loads_nothing_from_anywhere(loose):
    text = ask(loose, "/")[2].decode()
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", text)
    assert "@import" not in text
    assert "url(" not in text


def test_beyond_this_machine_a_token_is_needed():
    board = filled(count=1)
    with pytest.raises(ConfigError, match=r"web.host: 0.0.0.0 can be reached from other machines; .*web.token"):
        serving_of(WebSettings(host="0.0.0.0"), board, environment={})
    with pytest.raises(ConfigError, match=r"SITE_TOKEN is not set"):
        serving_of(WebSettings(token="SITE_TOKEN"), board, environment={})
    with pytest.raises(ConfigError, match="at least 16"):
        serving_of(WebSettings(token="SITE_TOKEN"), board, environment={"SITE_TOKEN": "short"})


def test_sessions_and_one_time_keys_end_and_are_bounded():
    clock = Clock()
    keys = Keys(TOKEN, clock, KeySettings(session=100, sessions=3, once=10))
    late = keys.one_time()
    clock.now += 11
    assert keys.session(late) == ""
    sessions = [keys.session(TOKEN) for _ in range(4)]
    assert [keys.knows(session) for session in sessions] == [False, True, True, True]
    clock.now += 101
    assert not any(keys.knows(session) for session in sessions)
