"""What an operator reads: one line or one object per message, and no secret in any of them."""

import io
import json
import logging
import os

import pytest

from unbroken.app.logs import ROOT, renew, secrets_of, set_up
from unbroken.config.reading import checked
from unbroken.config.service import LogSettings


@pytest.fixture(autouse=True)
def logger_as_it_was():
    logger = logging.getLogger(ROOT)
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers, logger.level, logger.propagate = before


def logged(form, *messages, secrets=(), level="info", **extra):
    stream = io.StringIO()
    set_up(LogSettings(level=level, form=form), secrets, stream)
    for grade, message in messages:
        logging.getLogger(f"{ROOT}.run").log(grade, message, extra=extra)
    return stream.getvalue().splitlines()


def test_text_has_time_level_and_message_and_leaves_out_what_is_lesser():
    (line,) = logged("text", (logging.DEBUG, "details"), (logging.WARNING, "camera hall: stalled"))
    assert line.endswith(" warning camera hall: stalled")
    assert line[:2] == "20"


def test_json_is_one_object_per_line_with_what_was_given_beside_the_message():
    (line,) = logged("json", (logging.INFO, 'camera "hall"\nonline'), camera="hall", frames=3)
    content = json.loads(line)
    assert content.pop("time").endswith("Z")
    assert content == {
        "level": "info",
        "from": "unbroken.run",
        "message": 'camera "hall"\nonline',
        "camera": "hall",
        "frames": 3,
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_written_neither_in_messages_nor_in_tracebacks(form):
    stream = io.StringIO()
    set_up(LogSettings(form=form), {'to"ken', "swordfish"}, stream)
    logger = logging.getLogger(f"{ROOT}.web")
    try:
        raise ValueError("rtsp://admin:hunter2@10.0.0.7/live: swordfish")
    except ValueError:
        logger.exception('cannot open rtsp://admin:hunter2@10.0.0.7/live with to"ken', extra={"key": 'to"ken'})
    logger.info("http://10.0.0.7/?token=abc123")
    text = stream.getvalue()
    assert "ValueError" in text
    assert "10.0.0.7/live" in text
    for secret in ("hunter2", "swordfish", 'to"ken', 'to\\"ken', "abc123"):
        assert secret not in text


def test_a_second_set_up_takes_the_place_of_the_first():
    first = logged("text", (logging.INFO, "one"))
    second = logged("text", (logging.INFO, "two"), level="error")
    assert len(first) == 1
    assert second == []
    assert len(logging.getLogger(ROOT).handlers) == 1


def test_the_journal_gets_priorities_on_every_line_and_no_time(tmp_path, monkeypatch):
    with (tmp_path / "journal").open("w") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        set_up(LogSettings(), (), stream)
        logging.getLogger(ROOT).error("first\nsecond")
        logging.getLogger(ROOT).info("third")
    assert (tmp_path / "journal").read_text() == "<3>first\n<3>second\n<6>third\n"


def test_a_site_that_changes_while_it_runs_changes_its_log_and_new_secrets_are_hidden_too():
    stream = io.StringIO()
    logger = set_up(LogSettings(level="error"), (), stream)
    theirs = logging.NullHandler()
    logger.addHandler(theirs)
    camera = {"name": "hall", "source": "rtsp://u:${HALL}@h/live"}
    renew(checked({"cameras": [camera], "log": {"level": "info"}}, "test"), {"HALL": "swordfish"})
    logging.getLogger(f"{ROOT}.run").info("the word is swordfish")
    assert "the word is ***" in stream.getvalue()
    assert theirs in logger.handlers


def test_who_never_set_the_log_up_keeps_a_log_of_his_own():
    logger = logging.getLogger(ROOT)
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
    renew(checked({"cameras": [{"name": "hall", "source": "0"}]}, "test"), {})
    assert logger.handlers == []


def test_the_secrets_of_a_site_are_the_values_of_all_variables_that_it_names():
    site = checked(
        {
            "cameras": [{"name": "hall", "source": "rtsp://u:${HALL}@h/live"}],
            "storage": {"key": "KEY", "database": "postgresql://u:$DB@h/x"},
            "outputs": {
                "webhooks": [{"url": "http://h/", "secret": "HOOK"}],
                "mqtt": {"host": "h", "password": "MQTT"},
            },
            "web": {"token": "UNSET"},
        },
        "test",
    )
    environment = {name: name.lower() * 3 for name in ("HALL", "KEY", "DB", "HOOK", "MQTT", "OTHER")}
    assert secrets_of(site, environment) == {"hallhallhall", "keykeykey", "dbdbdb", "hookhookhook", "mqttmqttmqtt"}
