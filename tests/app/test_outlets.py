"""Settings become outlets that deliver."""

import json

import pytest

from outlet_made import started
from unbroken.app.outlets import last_events, outlets_of
from unbroken.app.storage import keeper_of
from unbroken.config.reading import read_site
from unbroken.core.errors import ConfigError
from unbroken.core.events import CameraOnline, Evidence, PersonMerged, PersonRecognised
from web_receiver import receiving

SITE = """
[[cameras]]
name = "door"
source = "door.mp4"
[outputs]
site = "shop"
"""


def site(folder, more=""):
    (folder / "site.toml").write_text(SITE + more)
    return read_site(folder / "site.toml")


def test_events_go_to_the_file_and_those_asked_for_to_the_webhook(tmp_path):
    with receiving() as receiver:
        hook = f'[[outputs.webhooks]]\nurl = "{receiver.url}"\nsecret = "HOOK"\nevents = ["camera_online"]\n'
        outlets = outlets_of(site(tmp_path, hook), {"HOOK": "s"})
        outlets.hear([started(1), CameraOnline(2.0, "door")])
        outlets.close(5.0)
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [(event["site"], event["type"]) for event in events] == [
        ("shop", "track_started"),
        ("shop", "camera_online"),
    ]
    assert [json.loads(body) for body in receiver.bodies] == events[1:]
    assert "X-Unbroken-Signature" in receiver.got[0][0]


def test_a_secret_that_is_not_set_is_named(tmp_path):
    hook = '[[outputs.webhooks]]\nurl = "http://127.0.0.1/"\nsecret = "HOOK"\n'
    with pytest.raises(ConfigError, match="HOOK, which is not set"):
        outlets_of(site(tmp_path, hook), {})


def test_a_type_of_events_that_nobody_knows_is_named_before_anything_starts(tmp_path):
    hook = '[[outputs.webhooks]]\nurl = "http://127.0.0.1/"\nevents = ["zone_entred"]\n'
    with pytest.raises(ConfigError, match="is no type of events; known are "):
        site(tmp_path, hook)


def test_without_an_outlet_events_go_nowhere(tmp_path):
    outlets = outlets_of(site(tmp_path, 'events = ""\n'), {})
    outlets.offer(started(1))
    outlets.close()
    assert not list((tmp_path / "spool").glob("*.spool"))


def test_what_a_killed_site_had_stored_is_told_by_the_next_one(tmp_path):
    settings = site(tmp_path)
    told = PersonMerged(1.5, 2, 7, Evidence(2, 4.5))
    missed = PersonRecognised(2.5, "door", 3, 2, Evidence(2, 4.25), (Evidence(9, float("-inf")),))
    outlets = outlets_of(settings, {})
    outlets.offer(told)
    outlets.close(5.0)
    keeper = keeper_of(settings, "", {})
    assert keeper is not None
    keeper.note([told, missed])
    outlets = outlets_of(settings, {})
    assert outlets.repeat(last_events(keeper.database)) == 1
    assert outlets.repeat(last_events(keeper.database)) == 0
    outlets.close(5.0)
    keeper.close()
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [(event["type"], event["epoch"]) for event in events] == [("person_merged", 1), ("person_recognised", 2)]
