"""MQTT against a real Mosquitto: events, values, last will, and a broker that dies."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from time import monotonic

import pytest

from certificates import made
from mosquitto import Listening, broker
from outlet_made import FAST, sealed, started, until
from unbroken.core.errors import ConfigError
from unbroken.core.events import CameraOnline, PersonAppeared, PersonLeft, ZoneEntered
from unbroken.outlets.courier import DeliveryError
from unbroken.outlets.figures import Things
from unbroken.outlets.mqtt import Mqtt, MqttTarget
from unbroken.outlets.outlets import Outlets
from unbroken.outlets.spool import SpoolSettings
from web_receiver import free_port

THINGS = Things(("door",), ("till",), ("entrance",))


def opened(folder, port, **more):
    target = MqttTarget("127.0.0.1", port, timeout=1.0, longest_retry=1.0, **more)
    outlet = Mqtt(target, "shop", THINGS)
    return Outlets("shop", folder / "spool", [(outlet, FAST)], SpoolSettings(), clock=monotonic)


def test_events_values_and_announcements_reach_the_broker(tmp_path):
    with broker(tmp_path) as server:
        listening = Listening(server.port)
        outlets = opened(tmp_path, server.port)
        outlets.hear([CameraOnline(0.0, "door"), PersonAppeared(1.0, 4, "door", 1)])
        outlets.hear([ZoneEntered(1.0, "door", 1, 4, "till"), PersonLeft(2.0, 4, ("door",), 1.0, "unseen")])
        until(lambda: "unbroken/shop/events/end" in listening.newest)
        until(lambda: listening.newest.get("unbroken/shop/people") == "0")
        outlets.close(60.0)
        until(lambda: listening.newest["unbroken/shop/status"] == "offline")
        listening.close()
    new = json.loads(listening.newest["unbroken/shop/events/new"])
    assert (new["type"], new["person"], new["site"]) == ("new", 4, "shop")
    assert listening.newest["unbroken/shop/zone/till/people"] == "1"
    assert listening.newest["unbroken/shop/camera/door"] == "online"
    about = json.loads(listening.newest["homeassistant/sensor/unbroken_shop_zone_till_people/config"])
    assert about["state_topic"] == "unbroken/shop/zone/till/people"
    assert [text for topic, text in listening.messages if topic.endswith("/status")][:2] == ["online", "offline"]


def test_only_wanted_types_are_sent_and_values_still_follow_from_all(tmp_path):
    with broker(tmp_path) as server:
        listening = Listening(server.port, "unbroken/#")
        outlets = opened(tmp_path, server.port, types=("end",), home_assistant=False)
        outlets.hear([PersonAppeared(1.0, 4, "door", 1), started(1)])
        until(lambda: listening.newest.get("unbroken/shop/people") == "1")
        outlets.close(60.0)
        listening.close()
    assert not [topic for topic in listening.newest if "/events/" in topic]


def test_a_broker_that_dies_costs_no_event(tmp_path):
    with broker(tmp_path) as server:
        listening = Listening(server.port, "unbroken/shop/events/#")
        outlets = opened(tmp_path, server.port, home_assistant=False)
        outlets.offer(started(1))
        until(lambda: listening.messages)
        server.kill()
        for number in range(2, 30):
            outlets.offer(started(number))
        until(lambda: outlets.status[0].failing)
        assert "127.0.0.1" in outlets.status[0].error
        server.start()
        late = Listening(server.port, "unbroken/shop/events/#")
        until(lambda: outlets.status[0].waiting == 0)
        outlets.close(60.0)
        seen = lambda: {json.loads(text)["track"] for _, text in listening.messages + late.messages}  # noqa: E731
        until(lambda: seen() == set(range(1, 30)))
        late.close()
        listening.close()


VICTIM = """
    import sys, time
    from unbroken.outlets.figures import Things
    from unbroken.outlets.mqtt import Mqtt, MqttTarget
    Mqtt(MqttTarget("127.0.0.1", int(sys.argv[1])), "shop", Things())
    time.sleep(60)
"""


def test_the_last_will_tells_of_a_killed_process(tmp_path):
    script = tmp_path / "victim.py"
    script.write_text(textwrap.dedent(VICTIM))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with broker(tmp_path) as server:
        listening = Listening(server.port)
        victim = subprocess.Popen([sys.executable, script, str(server.port)], env=environment)
        until(lambda: listening.newest.get("unbroken/shop/status") == "online")
        victim.kill()
        victim.wait()
        until(lambda: listening.newest["unbroken/shop/status"] == "offline")
        listening.close()


def test_home_assistant_is_told_again_when_it_starts(tmp_path):
    with broker(tmp_path) as server:
        listening = Listening(server.port)
        outlets = opened(tmp_path, server.port)
        until(lambda: len([topic for topic, _ in listening.messages if topic.endswith("/config")]) >= 5)
        listening.say("homeassistant/status", "online")
        until(lambda: len([topic for topic, _ in listening.messages if topic.endswith("/config")]) >= 10)
        outlets.close()
        listening.close()


def test_a_zone_that_comes_or_goes_while_the_site_runs_comes_and_goes_in_home_assistant(tmp_path):
    with broker(tmp_path) as server:
        listening = Listening(server.port)
        outlets = opened(tmp_path, server.port)
        outlets.hear([PersonAppeared(1.0, 4, "door", 1)])
        until(lambda: listening.newest.get("unbroken/shop/people") == "1")
        outlets.describe(Things(("door",), ("shelf",), ()))
        until(lambda: listening.newest.get("unbroken/shop/zone/shelf/people") == "0")
        gone = ["unbroken/shop/zone/till/people", "homeassistant/sensor/unbroken_shop_line_entrance_in/config"]
        until(lambda: [listening.newest[topic] for topic in gone] == ["", ""])
        assert listening.newest["unbroken/shop/people"] == "1"
        assert "homeassistant/sensor/unbroken_shop_zone_shelf_people/config" in listening.newest
        outlets.close()
        listening.close()


def test_a_wrong_password_is_named(tmp_path):
    users = tmp_path / "users"
    users.write_text("anna:$7$101$wrong$wrong\n")
    with broker(tmp_path, users) as server:
        outlets = opened(tmp_path, server.port, user="anna", password="guess")
        outlets.offer(started(1))
        until(lambda: "refuses the connection: Not authorized" in outlets.status[0].error)
        outlets.close(0.1)


def test_a_broker_that_is_not_there_is_named():
    outlet = Mqtt(MqttTarget("127.0.0.1", free_port()), "shop", THINGS)
    with pytest.raises(DeliveryError, match=r"MQTT broker 127\.0\.0\.1"):
        outlet.deliver([])
    outlet.close()
    outlet.close()


def test_a_topic_with_a_wildcard_is_refused():
    with pytest.raises(ConfigError, match="hold no"):
        Mqtt(MqttTarget("127.0.0.1", topic="all/#"), "shop", THINGS)


def test_a_broker_over_tls_is_believed_if_our_authority_vouches_for_it(tmp_path):
    files, others = made(tmp_path / "ours"), made(tmp_path / "theirs", "another")
    with broker(tmp_path, certificates=files) as server:
        listening = Listening(server.port, "unbroken/#", authority=files.authority)
        outlets = opened(tmp_path, server.port, tls=True, authority=str(files.authority))
        outlets.hear([PersonAppeared(1.0, 4, "door", 1)])
        until(lambda: "unbroken/shop/events/new" in listening.newest)
        outlets.close(60.0)
        listening.close()
        target = MqttTarget("127.0.0.1", server.port, tls=True, authority=str(others.authority), timeout=1.0)
        stranger = Mqtt(target, "shop", THINGS)
        with pytest.raises(DeliveryError, match=r"127\.0\.0\.1"):
            stranger.deliver(sealed(1))
        stranger.close()


def test_an_authority_that_is_not_there_is_told_at_once(tmp_path):
    target = MqttTarget("127.0.0.1", 8883, tls=True, authority=str(tmp_path / "gone.pem"))
    with pytest.raises(ConfigError, match=r"gone\.pem: cannot be read"):
        Mqtt(target, "shop", THINGS)
