"""Webhooks against a real server: signed, retried where that helps, and never stuck."""

import hmac
import json
from hashlib import sha256
from time import monotonic

import pytest

from certificates import made
from outlet_made import FAST, sealed, until
from unbroken.core.errors import ConfigError
from unbroken.outlets.courier import Courier, DeliveryError
from unbroken.outlets.spool import Spool
from unbroken.outlets.webhook import Webhook, WebhookTarget
from web_receiver import free_port, receiving

SECRET = b"a secret of the site"


def webhook(url, timeout=5.0, secret=SECRET):
    return Webhook(WebhookTarget(url, secret, timeout), lambda: 1_700_000_000.6)


def test_each_event_is_one_signed_request():
    events = sealed(3)
    with receiving() as receiver:
        outlet = webhook(receiver.url)
        outlet.deliver(events)
        outlet.close()
    assert receiver.bodies == [event.line().encode() for event in events]
    for (headers, body), event in zip(receiver.got, events, strict=True):
        signed = headers["X-Unbroken-Timestamp"].encode() + b"." + body
        assert headers["X-Unbroken-Signature"] == "sha256=" + hmac.new(SECRET, signed, sha256).hexdigest()
        assert headers["X-Unbroken-Timestamp"] == "1700000000"
        assert headers["X-Unbroken-Id"] == event.id == json.loads(body)["id"]
        assert headers["Content-Type"] == "application/json"


def test_without_a_secret_nothing_is_signed():
    with receiving() as receiver:
        webhook(receiver.url, secret=b"").deliver(sealed(1))
    assert "X-Unbroken-Signature" not in receiver.got[0][0]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_these_answers_are_tried_again(status):
    with receiving() as receiver:
        receiver.answers = [204, status]
        with pytest.raises(DeliveryError, match=rf"127\.0\.0\.1/events answers {status}") as raised:
            webhook(receiver.url).deliver(sealed(3))
    assert (raised.value.done, raised.value.final) == (1, False)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410])
def test_these_answers_are_final(status):
    with receiving() as receiver:
        receiver.answers = [status]
        with pytest.raises(DeliveryError, match="is dropped") as raised:
            webhook(receiver.url).deliver(sealed(3))
    assert (raised.value.done, raised.value.final) == (0, True)


@pytest.mark.parametrize(("asked", "wait"), [("7", 7.0), ("1e9", 300.0), ("soon", 0.0), ("nan", 0.0), ("-3", 0.0)])
def test_the_server_may_ask_for_a_pause(asked, wait):
    with receiving() as receiver:
        receiver.answers, receiver.headers = [503], {"Retry-After": asked}
        with pytest.raises(DeliveryError) as raised:
            webhook(receiver.url).deliver(sealed(1))
    assert raised.value.wait == wait


def delivered(outlet, events):
    """Whether it went well: a machine that is busy may take longer than the little time that is given here."""
    try:
        outlet.deliver(events)
    except DeliveryError:
        return False
    return True


@pytest.mark.parametrize("fault", ["hang", "trickle"])
def test_a_server_that_hangs_or_trickles_is_left_in_time(fault):
    with receiving() as receiver:
        receiver.answers = [fault]
        outlet = webhook(receiver.url, timeout=0.15)
        with pytest.raises(DeliveryError):
            outlet.deliver(sealed(1))
        assert receiver.got == []
        until(lambda: delivered(outlet, sealed(1)))
    assert set(receiver.bodies) == {sealed(1)[0].line().encode()}


def test_nobody_listens():
    outlet = webhook(f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(DeliveryError, match="refused"):
        outlet.deliver(sealed(1))


def test_a_connection_that_the_server_closed_while_it_was_idle_is_no_failure():
    with receiving() as receiver:
        receiver.answers = [204, "silent close"]
        outlet = webhook(receiver.url)
        outlet.deliver(sealed(3))
    assert len(receiver.got) == 3


def test_a_courier_brings_everything_through_a_bad_day(tmp_path):
    spool = Spool(tmp_path)
    events = sealed(20)
    for event in events:
        spool.append(event.line().encode())
    with receiving() as receiver:
        receiver.answers = [500, 204, "cut", "hang", 503, 204, 429, "trickle"]
        outlet = webhook(receiver.url, timeout=0.15)
        (tmp_path / f"{outlet.name}.place").write_text("0")
        courier = Courier(outlet, spool, tmp_path, FAST, monotonic)
        courier.start()
        until(lambda: courier.place == 20)
        courier.close(60.0)
    ids = dict.fromkeys(json.loads(body)["id"] for body in receiver.bodies)
    assert list(ids) == [event.id for event in events]
    assert (courier.status.dropped, courier.status.refused) == (0, 0)


@pytest.mark.parametrize("url", ["ftp://host/", "http://", "http://host:99999/", "http://host:x/"])
def test_an_address_that_is_none_is_named(url):
    with pytest.raises(ConfigError, match="webhook "):
        webhook(url)


def test_what_is_secret_in_an_address_is_not_told():
    with receiving() as receiver:
        receiver.answers = [404]
        outlet = webhook(receiver.url)
        with pytest.raises(DeliveryError) as raised:
            outlet.deliver(sealed(1))
    assert "key=1" not in str(raised.value)
    assert "key" not in outlet.name


def test_over_https_a_receiver_is_believed_if_our_authority_vouches_for_it(tmp_path):
    files = made(tmp_path)
    with receiving(certificates=files) as receiver:
        outlet = Webhook(WebhookTarget(receiver.url, SECRET, 5.0, str(files.authority)), lambda: 1.0)
        outlet.deliver(sealed(2))
        outlet.close()
        assert len(receiver.got) == 2
        with pytest.raises(DeliveryError, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
            webhook(receiver.url).deliver(sealed(1))
    assert len(receiver.got) == 2
