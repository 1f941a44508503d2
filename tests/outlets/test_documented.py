"""What docs/events.md says is so."""

import json
import re
import time
from pathlib import Path

from outlet_made import sealed
from unbroken.outlets.envelope import SCHEMA, TYPES
from unbroken.outlets.webhook import Webhook, WebhookTarget
from web_receiver import receiving

TEXT = (Path(__file__).parents[2] / "docs" / "events.md").read_text()


def test_the_example_checks_signatures():
    scope: dict = {}
    exec(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1], scope)
    with receiving() as receiver:
        Webhook(WebhookTarget(receiver.url, b"secret"), time.time).deliver(sealed(1))
        Webhook(WebhookTarget(receiver.url, b"secret"), lambda: time.time() - 900).deliver(sealed(1))
    (headers, body), (old, _) = receiver.got
    assert scope["is_true"](b"secret", headers, body)
    assert not scope["is_true"](b"other", headers, body)
    assert not scope["is_true"](b"secret", headers, body.replace(b"door", b"back"))
    assert not scope["is_true"](b"secret", old, body)


def test_the_example_of_an_event_has_the_fields_of_one():
    example = json.loads(re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)[1])
    event = TYPES[example["type"]]
    assert example["schema"] == SCHEMA
    assert {"schema", "id", "site", "epoch", "sequence", "type", "at", *event.__dataclass_fields__} == set(example)


def test_every_type_about_people_and_tracks_is_in_the_table():
    named = set(re.findall(r"`([a-z_]+)`", TEXT))
    assert {name for name, event in TYPES.items() if {"person", "track"} & set(event.__dataclass_fields__)} <= named
