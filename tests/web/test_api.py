"""The API, asked by a real client of a real server: what it says of the site, and what it refuses."""

import json

import cv2
import numpy as np
import pytest

from unbroken.config.service import WebSettings
from unbroken.core.batches import Forget, Merge, Reply, Split, Undo
from unbroken.core.errors import ConfigError, StoreError
from unbroken.core.events import CameraLost, QualityChanged, StorageLost, StorageRestored
from unbroken.outlets.courier import CourierStatus
from unbroken.pipeline.health import Health
from unbroken.web.ports import Corrections, Figure
from unbroken.web.serving import serving_of
from unbroken.web.wellness import Wellness
from web_site import NOON, TOKEN, Clock, ask, filled, served, told

JSON = {"Content-Type": "application/json"}


def queued(command, who):
    """A writer that takes everything."""
    return 1


@pytest.fixture(scope="module")
def serving():
    with served(filled()) as running:
        yield running


def test_the_site_is_told_with_everybody_in_it(serving):
    site = told(serving, "/api/site")
    assert [camera["name"] for camera in site["cameras"]] == ["hall", "door"]
    assert [one["person"] for one in site["people"]] == [1, 2]
    assert site["people"][0]["zones"] == ["desk"]
    assert site["latency"]["delay"]["p50"] == pytest.approx(0.08, abs=1e-3)
    assert site["problems"] == []
    assert told(serving, "/api/people")["people"] == site["people"]
    assert told(serving, "/api/cameras")["cameras"][1]["people"] == 2


def test_zones_and_lines_are_counted(serving):
    assert told(serving, "/api/zones") == {
        "zones": [{"name": "desk", "people": [1], "inside": 1, "entered": 1, "left": 0}],
        "lines": [{"name": "gate", "entered": 1, "left": 0}],
    }


def test_why_a_person_is_this_person(serving):
    why = told(serving, "/api/people/1")["why"]
    assert [event["type"] for event in why] == ["person_enrolled", "person_recognised", "zone_entered"]
    assert why[1]["evidence"]["score"] == 6.25
    assert why[1]["alternatives"][0]["person"] == 2
    status, _, body = ask(serving, "/api/people/99")
    assert (status, "unbroken gallery show 99" in body.decode()) == (404, True)


def test_events_are_given_in_order_after_a_number(serving):
    everything = told(serving, "/api/events")
    assert [event["seq"] for event in everything["events"]] == list(range(1, everything["newest"] + 1))
    page = told(serving, "/api/events?after=2&limit=3")
    assert [event["seq"] for event in page["events"]] == [3, 4, 5]
    assert told(serving, "/api/events?after=999")["events"] == []


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=9999999", "after=1e3", "after=" + "9" * 40])
def test_a_query_out_of_bounds_is_refused_in_one_sentence(serving, query):
    status, _, body = ask(serving, f"/api/events?{query}")
    assert (status, "give a whole number" in json.loads(body)["error"]) == (400, True)


def test_a_picture_has_the_boxes_drawn_in(serving):
    status, headers, body = ask(serving, "/api/cameras/hall/picture.jpg")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR).shape == (240, 320, 3)
    assert ask(serving, "/api/cameras/attic/picture.jpg")[0] == 404


def test_probes_and_metrics_speak(serving):
    assert ask(serving, "/healthz")[0] == 200
    assert told(serving, "/readyz") == {"ready": True, "reasons": []}
    status, headers, body = ask(serving, "/metrics")
    lines = body.decode().splitlines()
    assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert 'unbroken_camera_online{camera="hall"} 1' in lines
    assert 'unbroken_zone_inside{zone="desk"} 1' in lines
    assert 'unbroken_line_crossed_total{line="gate",direction="in"} 1' in lines
    assert 'unbroken_busy_seconds_bucket{le="+Inf"} 12' in lines
    assert "unbroken_ready 1" in lines


class Ill:
    """A site whose storage is full."""

    def problems(self):
        return ["storage: the disk is full"]

    def figures(self):
        return [Figure("queue_length", "How many wait.", (({}, 3.0),)), Figure("written_total", "Rows.", (({}, 7.0),))]


def test_who_is_not_ready_says_why():
    board = filled()
    board.hear([CameraLost(0.0, "door", "the plug was pulled")])
    with served(board, health=Ill()) as serving:
        status, _, body = ask(serving, "/readyz")
        reasons = ["camera door is lost: the plug was pulled", "storage: the disk is full"]
        assert (status, json.loads(body)) == (503, {"ready": False, "reasons": reasons})
        lines = ask(serving, "/metrics")[2].decode().splitlines()
        assert "unbroken_queue_length 3" in lines
        assert "# TYPE unbroken_written_total counter" in lines
        assert 'unbroken_camera_online{camera="door"} 0' in lines
        board.close()
        assert "the run has ended" in json.loads(ask(serving, "/readyz")[2])["reasons"]


def test_corrections_are_queued_as_commands():
    given, names = [], {1: "Ada"}

    def submit(command, who):
        assert who.startswith("127.0.0.1:")
        given.append(command)
        return len(given)

    replies = {1: None, 2: Reply(2, True, "split"), 3: Reply(3, False, "nothing to undo")}
    corrections = Corrections(submit, replies.__getitem__, names.__setitem__, lambda: names)
    with served(filled(), corrections=corrections) as serving:
        for body in (
            {"merge": [1, 2]},
            {"split": 1, "tracks": [["door", 1]]},
            {"undo": 1},
            {"forget": 2},
            {"name": 2, "text": "Bob"},
        ):
            status, _, answer = ask(serving, "/api/corrections", "POST", JSON, json.dumps(body))
            assert status == (200 if "name" in body else 202), answer
        assert json.loads(answer) == {"state": "done", "text": ""}
        assert told(serving, "/api/people")["people"][1]["name"] == "Bob"
        assert told(serving, "/api/corrections/1") == {"state": "waiting", "text": ""}
        assert told(serving, "/api/corrections/2") == {"state": "done", "text": "split"}
        assert told(serving, "/api/corrections/3") == {"state": "refused", "text": "nothing to undo"}
    assert given == [Merge(1, 2), Split(1, (("door", 1),)), Undo(1), Forget(2, "asked for on the dashboard")]


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "{}", "[" * 9000, '{"merge": [1, 1]}', '{"merge": [1, true]}', '{"merge": [0, 2]}', '{"split": 1}',
        '{"split": 1, "tracks": []}', '{"undo": 1.5}', '{"forget": "1"}', '{"name": 1, "text": "\\u0000"}',
        '{"name": 1, "text": 5}', '{"forget": NaN}', '{"forget": 1e400}', " " * 20_000,
    ],
)  # fmt: skip
def test_a_correction_that_makes_no_sense_is_refused(body):
    with served(filled(count=1), corrections=Corrections(queued, None, {}.__setitem__)) as serving:
        status, _, answer = ask(serving, "/api/corrections", "POST", JSON, body)
        assert (status, list(json.loads(answer))) == (400, ["error"])


def test_what_the_writer_refuses_is_told():
    def refuse(command, who):
        raise StoreError("nobody is known as 7; `unbroken gallery list` says who is")

    with served(filled(count=1), corrections=Corrections(refuse)) as serving:
        status, _, answer = ask(serving, "/api/corrections", "POST", JSON, '{"undo": 7}')
        assert (status, json.loads(answer)["error"]) == (
            409,
            "nobody is known as 7; `unbroken gallery list` says who is",
        )
        assert ask(serving, "/api/corrections", "POST", JSON, '{"name": 7, "text": "x"}')[0] == 404


def test_without_a_writer_nothing_is_corrected(serving):
    assert ask(serving, "/api/corrections", "POST", JSON, '{"undo": 1}')[0] == 404
    assert ask(serving, "/api/people", "POST")[0] == 405
    assert ask(serving, "/nothing")[0] == 404


def test_every_access_to_people_is_told():
    seen = []
    with served(filled(), accessed=seen.append, corrections=Corrections(queued)) as serving:
        for path in ("/", "/healthz", "/metrics", "/api/cameras"):
            ask(serving, path)
        assert seen == []
        for path in ("/api/people", "/api/people/2", "/api/events", "/api/cameras/hall/picture.jpg", "/api/zones"):
            ask(serving, path)
        ask(serving, "/api/corrections", "POST", JSON, '{"merge": [1, 2]}')
    said = [(one.action, one.subject) for one in seen]
    assert said == [
        ("people", ""), ("person", "2"), ("events", ""), ("picture", "hall"), ("people", ""), ("merge", "1,2"),
    ]  # fmt: skip
    assert all(one.client.startswith("127.0.0.1:") for one in seen)


def test_a_port_in_use_and_a_foreign_address_are_told_in_one_sentence(serving):
    for host, port in (("127.0.0.1", serving.port), ("192.0.2.1", 0)):
        settings = WebSettings(host=host, port=port, token="SITE_TOKEN")
        with pytest.raises(ConfigError, match=r"^web: cannot listen at .*set web.port"):
            serving_of(settings, filled(count=1), environment={"SITE_TOKEN": TOKEN}).start()


def test_what_cannot_be_logged_does_not_happen():
    def full(access):
        raise StoreError("access.jsonl: the access cannot be logged (No space left on device), so it is refused")

    with served(filled(count=1), accessed=full) as serving:
        for path in ("/api/people", "/api/people/1", "/api/events", "/api/cameras/hall/picture.jpg", "/api/zones"):
            status, _, body = ask(serving, path)
            assert (status, "cannot be logged" in body.decode()) == (409, True)
        assert ask(serving, "/api/cameras")[0] == 200


def test_storage_that_is_lost_makes_the_site_unready_until_it_is_back():
    board = filled()
    with served(board) as serving:
        board.hear([StorageLost(0.0, "the disk is full"), QualityChanged(0.0, 2, 3, 1.0, 0, "too slow")])
        assert json.loads(ask(serving, "/readyz")[2])["reasons"] == ["storage: the disk is full"]
        assert told(serving, "/api/site")["quality"] == "quality level 2: too slow"
        board.hear([StorageRestored(1.0, 3, 0), QualityChanged(1.0, 0, 1, 1.0, 0, "fast again")])
        assert ask(serving, "/readyz")[0] == 200
        assert told(serving, "/api/site")["quality"] == ""


def test_the_counters_of_a_service_are_metrics_and_a_chain_that_hangs_is_a_problem():
    clock = Clock()
    health = Health(clock)
    health.camera("hall", live=True)
    health.state("hall", "online")
    for dropped in (False, True):
        health.arrived("hall", clock(), dropped=dropped)
    health.step(0.25, {"detect": 0.2})
    health.stage("detect")
    with served(filled(), health=Wellness(health)) as serving:
        lines = ask(serving, "/metrics")[2].decode().splitlines()
        for line in (
            'unbroken_camera_frames_total{camera="hall"} 2',
            'unbroken_camera_dropped_total{camera="hall"} 1',
            'unbroken_step_seconds{quantile="0.95"} 0.25',
            'unbroken_camera_skew_seconds{camera="hall"} NaN',
        ):
            assert line in lines
        assert ask(serving, "/readyz")[0] == 200
        clock.now += 31
        assert "'detect' for 31 s" in json.loads(ask(serving, "/readyz")[2])["reasons"][0]


def test_outlets_are_metrics():
    outlets = (CourierStatus("webhook-a", 7, 3, 2, 1, 4, "no answer in time"),)
    with served(filled(), health=Wellness(Health(Clock()), outlets=lambda: outlets)) as serving:
        text = ask(serving, "/metrics")[2].decode()
        assert 'unbroken_outlet_delivered_total{outlet="webhook-a"} 7' in text
        assert 'unbroken_outlet_waiting{outlet="webhook-a"} 3' in text
        assert ask(serving, "/readyz")[0] == 200


def test_what_happened_before_is_told_with_what_is_on_the_board():
    stored = [
        {"type": "person_enrolled", "time": 5.0, "camera": "yard", "track": 3, "person": 1, "alternatives": []},
        {"type": "person_enrolled", "time": NOON, "camera": "hall", "track": 1, "person": 1, "alternatives": []},
    ]
    with served(filled(), history=lambda person: stored if person in (1, 40) else []) as serving:
        why = told(serving, "/api/people/1")["why"]
        assert [(event["type"], event["at"]) for event in why] == [
            ("person_enrolled", 5.0), ("person_enrolled", NOON), ("person_recognised", NOON), ("zone_entered", NOON),
        ]  # fmt: skip
        assert [event["camera"] for event in told(serving, "/api/people/40")["why"]] == ["yard", "hall"]
        assert ask(serving, "/api/people/41")[0] == 404
