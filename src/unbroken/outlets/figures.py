"""What a site looks like now, as a few named values that follow from its events: for MQTT topics that are retained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from unbroken.core.events import (
    CameraLost,
    CameraOnline,
    CameraStalled,
    LineCrossed,
    PersonAppeared,
    PersonLeft,
    ZoneEntered,
    ZoneLeft,
)
from unbroken.outlets.envelope import Envelope

_ONLINE, _OFFLINE = "online", "offline"


@dataclass(frozen=True, slots=True)
class Things:
    """What a site has, by name: each gets values of its own from the start."""

    cameras: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


class Figures:
    """The values by topic, below that of the site: `people`, `camera/NAME`, `zone/NAME/people`, `line/NAME/in`.

    They begin anew with each epoch of the site: nobody is there, nobody has crossed anything.
    """

    def __init__(self, things: Things) -> None:
        self._things = things
        self._epoch = 0
        self._sequence = 0
        self._people: set[int] = set()
        self._visits: dict[str, set[int]] = {}
        self._values = self._first()

    @property
    def values(self) -> dict[str, str]:
        """Every value."""
        return dict(self._values)

    def describe(self, things: Things) -> list[str]:
        """The site has other things from here on; the topics that are gone. What stays keeps its value."""
        before, self._things = self._values, things
        first = self._first()
        self._values = {topic: before.get(topic, value) for topic, value in first.items()}
        return [topic for topic in before if topic not in first]

    def note(self, envelopes: Iterable[Envelope]) -> dict[str, str]:
        """Take in what happened; the values that have changed. What was taken in before counts no second time."""
        before = dict(self._values)
        for envelope in envelopes:
            if envelope.epoch == self._epoch and envelope.sequence <= self._sequence:
                continue
            self._sequence = envelope.sequence
            if envelope.epoch != self._epoch:
                self._epoch = envelope.epoch
                self._people.clear()
                self._visits.clear()
                self._values = {**dict.fromkeys(self._values, "0"), **self._first()}
            self._take(envelope)
        return {topic: value for topic, value in self._values.items() if before.get(topic) != value}

    def _first(self) -> dict[str, str]:
        things = self._things
        return {
            "people": "0",
            **{f"camera/{name}": _OFFLINE for name in things.cameras},
            **{f"zone/{name}/people": "0" for name in things.zones},
            **{f"line/{name}/{way}": "0" for name in things.lines for way in ("in", "out")},
        }

    def _take(self, envelope: Envelope) -> None:
        event = envelope.event
        if isinstance(event, PersonAppeared):
            self._people.add(event.person)
            self._values["people"] = str(len(self._people))
        elif isinstance(event, PersonLeft):
            self._people.discard(event.person)
            self._values["people"] = str(len(self._people))
        elif isinstance(event, (ZoneEntered, ZoneLeft)):
            visits = self._visits.setdefault(event.zone, set())
            change = visits.add if isinstance(event, ZoneEntered) else visits.discard
            change(event.visit)
            self._values[f"zone/{event.zone}/people"] = str(len(visits))
        elif isinstance(event, LineCrossed):
            topic = f"line/{event.line}/{event.direction}"
            self._values[topic] = str(int(self._values.get(topic, "0")) + 1)
        elif isinstance(event, CameraOnline):
            self._values[f"camera/{event.camera}"] = _ONLINE
        elif isinstance(event, (CameraLost, CameraStalled)):
            self._values[f"camera/{event.camera}"] = _OFFLINE


def discovery(root: str, site: str, things: Things) -> dict[str, str]:
    """What Home Assistant is told once so that it shows a site: its configuration topics with their JSON.

    Args:
        root: the topic of the site.
        site: its name.
        things: what it has.

    See https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery.
    """
    found: dict[str, str] = {}
    shared = {
        "availability_topic": f"{root}/status",
        "device": {"identifiers": [f"unbroken_{_slug(site)}"], "name": f"unbroken {site}", "manufacturer": "unbroken"},
    }

    def announce(kind: str, name: str, topic: str, more: dict[str, str]) -> None:
        unique = f"unbroken_{_slug(site)}_{_slug(topic)}"
        about = {"name": name, "unique_id": unique, "object_id": unique, "state_topic": f"{root}/{topic}"}
        found[f"homeassistant/{kind}/{unique}/config"] = json.dumps({**about, **more, **shared})

    now = {"unit_of_measurement": "people", "state_class": "measurement", "icon": "mdi:account-group"}
    total = {"unit_of_measurement": "people", "state_class": "total_increasing", "icon": "mdi:walk"}
    link = {"device_class": "connectivity", "payload_on": _ONLINE, "payload_off": _OFFLINE}
    announce("sensor", "People", "people", now)
    for camera in things.cameras:
        announce("binary_sensor", f"Camera {camera}", f"camera/{camera}", link)
    for zone in things.zones:
        announce("sensor", f"People in {zone}", f"zone/{zone}/people", now)
    for line in things.lines:
        for way in ("in", "out"):
            announce("sensor", f"{line} {way}", f"line/{line}/{way}", total)
    return found


def _slug(text: str) -> str:
    """Letters and digits as Home Assistant takes them; what differs stays different."""
    return re.sub(r"[^a-zA-Z0-9]", lambda found: "_" if found[0] in "/_" else f"-{ord(found[0]):x}-", text)
