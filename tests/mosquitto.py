"""A real Mosquitto on this machine, and a client that notes what it is told; without Mosquitto tests are skipped."""

import shutil
import socket
import subprocess
from contextlib import contextmanager

import pytest

from outlet_made import until
from web_receiver import free_port

PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin")


class Broker:
    """A Mosquitto that can be killed and started again on the same port."""

    def __init__(self, folder, port, users="", certificates=None):
        self.port = port
        self._conf = folder / "mosquitto.conf"
        access = "allow_anonymous true" if not users else f"allow_anonymous false\npassword_file {users}"
        safe = f"certfile {certificates.certificate}\nkeyfile {certificates.key}\n" if certificates else ""
        self._conf.write_text(f"listener {port} 127.0.0.1\n{safe}{access}\nuser root\npersistence false\n")
        self._process = None

    def start(self):
        self._process = subprocess.Popen([PROGRAM, "-c", self._conf], stderr=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def broker(folder, users="", certificates=None):
    """A running broker, until the block ends; with certificates it speaks TLS alone."""
    if PROGRAM is None:
        pytest.skip("there is no mosquitto: apt-get install mosquitto")
    made = Broker(folder, free_port(), users, certificates)
    made.start()
    try:
        yield made
    finally:
        made.kill()


class Listening:
    """A client that keeps every message, and the newest of each topic."""

    def __init__(self, port, topics="#", user=None, authority=None):
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages, self.newest, self._granted = [], {}, False
        self._client = Client(CallbackAPIVersion.VERSION2)
        if user:
            self._client.username_pw_set(*user)
        if authority:
            self._client.tls_set(str(authority))
        self._client.on_connect = lambda client, *_: client.subscribe(topics, qos=1)
        self._client.on_subscribe = lambda *_: setattr(self, "_granted", True)
        self._client.on_message = self._note
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        until(lambda: self._granted)

    def _note(self, _, __, message):
        self.newest[message.topic] = message.payload.decode()
        self.messages.append((message.topic, message.payload.decode()))

    def say(self, topic, text):
        self._client.publish(topic, text, qos=1).wait_for_publish(5)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()
