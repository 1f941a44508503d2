"""Every setting says what it is, in which unit and within which bounds; the example and the schema are made of that."""

import json
import re

import jsonschema
import pytest

from unbroken.config.example import example
from unbroken.config.problems import parsed
from unbroken.config.reference import schema, tables
from unbroken.config.site import SiteSettings

SETTINGS = [setting for table in tables() for setting in table.settings]
UNITS = re.compile(
    r"\b(seconds|milliseconds|days|metres|pixels|pictures per second|per second and camera|frames|megabytes|iou|share|"
    r"number of)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: f"{one.table}.{one.name}")
def test_each_setting_is_described_with_unit_and_bounds(setting):
    assert setting.description.endswith((".", ")")), setting
    if setting.numeric:
        assert UNITS.search(setting.description), f"{setting.table}.{setting.name}: no unit in {setting.description!r}"
        assert " to " in setting.limits, f"{setting.table}.{setting.name} has no bounds"


def test_each_table_says_what_it_is_about():
    assert all(table.description.endswith(".") for table in tables())
    names = {table.name for table in tables()}
    assert set(SiteSettings.model_fields) <= names
    assert {"outputs.webhooks", "outputs.mqtt", "topology.links"} <= names


def test_the_example_is_a_site_at_its_defaults():
    settings, problems = parsed(example())
    assert problems == []
    assert settings is not None
    assert settings == SiteSettings(cameras=settings.cameras)


def test_the_example_with_every_comment_taken_away_is_a_site_too():
    text = re.sub(r"^#(?=[\w\[])", "", example(), flags=re.MULTILINE)
    settings, problems = parsed(text)
    assert problems == []
    assert settings is not None
    assert settings.zones
    assert settings.outputs.mqtt is not None
    for section in ("detection", "reid", "runtime", "live", "budget", "storage", "web", "log"):
        assert getattr(settings, section) == SiteSettings.model_fields[section].default


def test_what_a_service_writes_goes_to_its_state():
    settings, problems = parsed(example(state="/var/lib/unbroken/"))
    assert problems == []
    assert settings is not None
    assert settings.storage.database == "/var/lib/unbroken/unbroken.db"
    assert settings.outputs.events == "/var/lib/unbroken/events.jsonl"
    assert settings.outputs.spool == "/var/lib/unbroken/spool"
    assert settings.log.access == "/var/lib/unbroken/access.jsonl"


def test_names_and_sources_are_written_so_that_they_come_back():
    settings, problems = parsed(example([("hall", 'C:\\videos\\"hall".mp4'), ("dör", "0")]))
    assert problems == []
    assert settings is not None
    assert [camera.source for camera in settings.cameras] == ['C:\\videos\\"hall".mp4', "0"]


def test_the_schema_is_one_and_knows_what_the_reader_knows():
    content = json.loads(schema())
    jsonschema.Draft202012Validator.check_schema(content)
    check = jsonschema.Draft202012Validator(content)
    good = {"cameras": [{"name": "hall", "source": "hall.mp4"}]}
    assert check.is_valid(good)
    assert not check.is_valid({**good, "detektion": {}})
    assert not check.is_valid({**good, "live": {"stall": 1000}})
    assert not check.is_valid({"cameras": []})
