"""Events to an MQTT broker, with a last will, retained values, and Home Assistant's discovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from unbroken.core.errors import ConfigError
from unbroken.core.tls import client_context
from unbroken.outlets.courier import DeliveryError
from unbroken.outlets.envelope import Envelope
from unbroken.outlets.figures import Figures, Things, discovery

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessageInfo

_BIRTH = "homeassistant/status"
_QUEUE = 256
"""Messages that wait in the client, at most: the spool holds the rest."""


@dataclass(frozen=True, slots=True)
class MqttTarget:
    """A broker and what it gets.

    Attributes:
        host: name or address.
        port: of the broker.
        topic: what topics begin with; the site's name follows.
        user: to log in with; empty: nobody.
        password: of the user.
        tls: encrypt, and check the broker's certificate.
        authority: a PEM file with authorities that are trusted beside those of the system; for `tls`.
        home_assistant: announce the site to Home Assistant.
        types: of events that are sent; empty: all.
        timeout: seconds for the broker to take a batch of events.
        longest_retry: seconds between attempts to connect, at most.
    """

    host: str
    port: int = 1883
    topic: str = "unbroken"
    user: str = ""
    password: str = ""
    tls: bool = False
    authority: str = ""
    home_assistant: bool = True
    types: tuple[str, ...] = ()
    timeout: float = 5.0
    longest_retry: float = 30.0


class Mqtt:
    """Publishes events and values with QoS 1. An `Outlet`: an event counts as delivered once the broker has it.

    Below `TOPIC/SITE`: `status` ("online"; "offline" by the last will or at the end), `events/TYPE` with the envelope
    as JSON, and the values of `Figures`; all but the events are retained. It connects by itself, again and again.

    Args:
        target: the broker.
        site: the name of the site.
        things: what the site has.

    Raises:
        ConfigError: paho-mqtt is not installed, or the topic has a wildcard.
    """

    def __init__(self, target: MqttTarget, site: str, things: Things) -> None:
        self._target = target
        self._site = site
        self._root = f"{target.topic.strip('/')}/{site}"
        if any(sign in self._root for sign in "+#\0"):
            raise ConfigError(f"outputs.mqtt.topic is {target.topic!r}; topics to publish to hold no + and no #")
        self._figures = Figures(things)
        self._told = discovery(self._root, site, things) if target.home_assistant else {}
        self._lock = Lock()
        self._trouble = "not connected yet"
        self._closed = False
        self._client = self._connecting()

    @property
    def name(self) -> str:
        """After the broker and the topic."""
        return f"mqtt-{self._target.host}-{self._target.port}-{self._root.replace('/', '-')}"

    def deliver(self, envelopes: Sequence[Envelope]) -> None:
        """Publish the events, then the values that changed with them, and wait until the broker has them.

        Raises:
            DeliveryError: the broker is not there, or has not taken them in time.
        """
        if not self._client.is_connected():
            raise DeliveryError(f"MQTT broker {self._target.host}:{self._target.port}: {self._trouble}")
        wanted = [one for one in envelopes if not self._target.types or one.type in self._target.types]
        sent = [self._publish(f"events/{one.type}", one.line().rstrip("\n"), retain=False) for one in wanted]
        self._wait(sent)
        with self._lock:
            changed = self._figures.note(envelopes)
            told = [self._publish(topic, value) for topic, value in changed.items()]
        self._wait(told)

    def describe(self, things: Things) -> None:
        """The site has other things from here on: they are announced, and what is gone disappears."""
        with self._lock:
            before = self._told
            self._told = discovery(self._root, self._site, things) if self._target.home_assistant else {}
            gone = [f"{self._root}/{topic}" for topic in self._figures.describe(things)]
            if self._client.is_connected():
                for topic in [*gone, *(topic for topic in before if topic not in self._told)]:
                    self._client.publish(topic, None, qos=1, retain=True)
                self._announce()
                for topic, value in self._figures.values.items():
                    self._publish(topic, value)

    def close(self) -> None:
        """Say goodbye: the status is "offline". May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._client.is_connected():
            self._settled(self._publish("status", "offline"), 1.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _connecting(self) -> Client:
        """A client that connects in a thread of its own."""
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise ConfigError("outputs.mqtt needs paho-mqtt, which is missing; pip install 'unbroken[mqtt]'") from error
        target = self._target
        client = Client(CallbackAPIVersion.VERSION2)
        client.max_queued_messages_set(_QUEUE)
        client.reconnect_delay_set(1, max(int(target.longest_retry), 1))
        if target.user:
            client.username_pw_set(target.user, target.password)
        if target.tls:
            client.tls_set_context(client_context(target.authority))
        client.will_set(f"{self._root}/status", "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.connect_async(target.host, target.port, keepalive=15)
        client.loop_start()
        return client

    def _on_connect(self, client: Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if reason.is_failure:
            self._trouble = f"it refuses the connection: {reason}"
            return
        self._client = client
        self._publish("status", "online")
        self._announce()
        if self._told:
            client.subscribe(_BIRTH, qos=1)
        with self._lock:
            for topic, value in self._figures.values.items():
                self._publish(topic, value)

    def _on_connect_fail(self, *_: Any) -> None:
        self._trouble = "it cannot be reached"

    def _on_disconnect(self, _: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        if not self._trouble.startswith("it refuses"):
            self._trouble = f"the connection broke: {reason}"

    def _on_message(self, _: Any, __: Any, message: Any) -> None:
        """Home Assistant has started: it may know nothing of the site."""
        if message.topic == _BIRTH and message.payload == b"online":
            self._announce()

    def _announce(self) -> None:
        for topic, about in self._told.items():
            self._client.publish(topic, about, qos=1, retain=True)

    def _publish(self, topic: str, value: str, *, retain: bool = True) -> MQTTMessageInfo:
        return self._client.publish(f"{self._root}/{topic}", value, qos=1, retain=retain)

    def _wait(self, sent: Sequence[MQTTMessageInfo]) -> None:
        for info in sent:
            if not self._settled(info, self._target.timeout):
                raise DeliveryError(
                    f"MQTT broker {self._target.host}:{self._target.port}: has not taken the events in time"
                )

    def _settled(self, info: MQTTMessageInfo, timeout: float) -> bool:
        try:
            info.wait_for_publish(timeout)
        except (RuntimeError, ValueError):
            return False
        return info.is_published()
