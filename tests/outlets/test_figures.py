"""Values of a site, and what Home Assistant is told of them."""

import json

from unbroken.core.events import (
    CameraLost,
    CameraOnline,
    LineCrossed,
    PersonAppeared,
    PersonLeft,
    ZoneEntered,
    ZoneLeft,
)
from unbroken.outlets.envelope import Sealer
from unbroken.outlets.figures import Figures, Things, discovery

THINGS = Things(("door",), ("till",), ("entrance",))


def noted(figures, *events, epoch=1, sealer=None):
    sealer = sealer or Sealer("shop", epoch)
    return figures.note([sealer.seal(event) for event in events])


def test_values_follow_from_events():
    figures, sealer = Figures(THINGS), Sealer("shop", 1)
    assert figures.values == {
        "people": "0",
        "camera/door": "offline",
        "zone/till/people": "0",
        "line/entrance/in": "0",
        "line/entrance/out": "0",
    }
    told = noted(
        figures,
        CameraOnline(0.0, "door"),
        PersonAppeared(1.0, 4, "door", 1),
        PersonAppeared(1.0, 5, "door", 2),
        ZoneEntered(1.0, "door", 1, 4, "till", 7),
        LineCrossed(1.0, "door", 1, 4, "entrance", "in"),
        sealer=sealer,
    )
    assert told == {"camera/door": "online", "people": "2", "zone/till/people": "1", "line/entrance/in": "1"}
    leaves = ZoneLeft(2.0, "door", 1, 4, "till", 1.0, "left", 7)
    told = noted(figures, leaves, PersonLeft(2.0, 5, ("door",), 1.0, "unseen"), sealer=sealer)
    assert told == {"people": "1", "zone/till/people": "0"}
    assert noted(figures, CameraLost(3.0, "door", "gone"), sealer=sealer) == {"camera/door": "offline"}


def test_an_event_that_is_delivered_twice_counts_once():
    figures = Figures(THINGS)
    events = [ZoneEntered(1.0, "door", 1, 4, "till", 1), LineCrossed(1.0, "door", 1, 4, "entrance", "out")]
    assert noted(figures, *events) == {"zone/till/people": "1", "line/entrance/out": "1"}
    assert noted(figures, *events) == {}


def test_a_new_start_of_the_site_begins_with_nobody():
    figures = Figures(THINGS)
    noted(figures, CameraOnline(0.0, "door"), PersonAppeared(1.0, 4, "door", 1), ZoneEntered(1.0, "a", 1, 4, "other"))
    told = noted(figures, PersonAppeared(1.0, 5, "door", 1), epoch=2)
    assert told == {"camera/door": "offline", "zone/other/people": "0"}
    assert figures.values["people"] == "1"


def test_home_assistant_gets_an_entity_for_each_value():
    told = discovery("unbroken/shop", "shop", THINGS)
    entities = [json.loads(text) for text in told.values()]
    assert {one["state_topic"].removeprefix("unbroken/shop/") for one in entities} == set(Figures(THINGS).values)
    assert len({one["unique_id"] for one in entities}) == len(entities)
    assert all(one["availability_topic"] == "unbroken/shop/status" for one in entities)
    link = json.loads(told["homeassistant/binary_sensor/unbroken_shop_camera_door/config"])
    assert (link["device_class"], link["payload_on"], link["payload_off"]) == ("connectivity", "online", "offline")


def test_names_that_home_assistant_does_not_take_stay_different():
    told = discovery("u/s", "s", Things(zones=("ä", "ö", "a.b", "a-b")))
    assert len(told) == 5
    for topic in told:
        assert all(letter.isascii() and (letter.isalnum() or letter in "_-/") for letter in topic)
