"""The dashboard over HTTPS, with a certificate of an authority of our own."""

import json
import ssl
import urllib.request
from http.client import HTTPSConnection
from urllib.parse import urlencode

import pytest
from websockets.sync.client import connect

from certificates import made
from unbroken.config.service import WebSettings
from unbroken.core.errors import ConfigError
from unbroken.pipeline.board import Board
from unbroken.web.serving import serving_of
from web_site import TOKEN, filled, served


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return made(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def safe(files):
    web = {"certificate": str(files.certificate), "key": str(files.key)}
    with served(filled(), TOKEN, web=web) as running:
        yield running


def test_the_api_answers_whoever_trusts_the_authority(safe, files):
    assert safe.url == f"https://127.0.0.1:{safe.port}/"
    asked = urllib.request.Request(f"{safe.url}api/site", headers={"Authorization": f"Bearer {TOKEN}"})
    trusting = ssl.create_default_context(cafile=str(files.authority))
    with urllib.request.urlopen(asked, context=trusting, timeout=30) as answer:
        assert "cameras" in json.load(answer)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(asked, timeout=30)


def test_the_session_never_leaves_the_encrypted_line_and_the_page_is_live(safe, files):
    trusting = ssl.create_default_context(cafile=str(files.authority))
    connection = HTTPSConnection("127.0.0.1", safe.port, context=trusting, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", urlencode({"token": TOKEN}), headers)
    answer = connection.getresponse()
    cookie = answer.headers["set-cookie"]
    connection.close()
    assert "secure" in cookie.lower()
    session = {"Cookie": cookie.partition(";")[0]}
    address = f"wss://127.0.0.1:{safe.port}/api/live"
    with connect(address, ssl=trusting, additional_headers=session, open_timeout=30) as live:
        assert len(live.recv(timeout=30)) > 4


def test_a_certificate_of_no_use_is_told_before_anything_listens(files):
    settings = WebSettings(port=0, certificate=str(files.certificate), key=str(files.authority))
    with pytest.raises(ConfigError, match=r"server\.pem"):
        serving_of(settings, Board(["hall"], lambda: 0.0))
    with pytest.raises(ValueError, match="key is given without a certificate"):
        WebSettings(key=str(files.key))
