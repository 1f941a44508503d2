"""The dashboard of a real `unbroken run`: who is seen is there, is named and corrected, and each look is logged."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from walkers import write_walk
from web_made import unused_port

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-that-nobody-guesses"
PATIENCE = 120.0


class Client:
    """Somebody with the token."""

    def __init__(self, port):
        self._port = port

    def ask(self, method, path, said=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if said is None else json.dumps(said), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def until(self, path, good):
        """What an address answers once that is good."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                status, told = self.ask("GET", path)
            except OSError:
                status, told = 0, {}
            if status and good(told):
                return told
            assert time.monotonic() < end, (path, told)
            time.sleep(0.1)


@pytest.fixture
def running(tmp_path):
    """A site with one camera without end; its folder, and a client."""
    film, port = write_walk(tmp_path / "hall.mp4", seconds=8.0), unused_port()
    (tmp_path / "site.toml").write_text(
        f'[[cameras]]\nname = "hall"\nsource = "loop://{film}"\n'
        f'[web]\nport = {port}\ntoken = "SITE_TOKEN"\n'
        '[[zones]]\nname = "floor"\ncamera = "hall"\npolygon = [[0, 0], [320, 0], [320, 240], [0, 240]]\n'
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "SITE_TOKEN": TOKEN}
    command = [sys.executable, "-m", "unbroken", "run", "site.toml"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as site:
        try:
            yield tmp_path, Client(port), site
        finally:
            site.kill()


def test_people_are_seen_named_and_corrected_on_the_dashboard_of_a_running_site(running):
    folder, client, site = running
    client.until("/readyz", lambda told: told["ready"])
    people = client.until("/api/people", lambda told: len(told["people"]) > 1)["people"]
    first, second = sorted(one["person"] for one in people)[:2]
    zones = client.until("/api/zones", lambda told: told["zones"][0]["entered"] > 0)["zones"]
    assert zones[0]["name"] == "floor"
    assert client.ask("POST", "/api/corrections", {"name": first, "text": "Ada"}) == (
        200,
        {"state": "done", "text": ""},
    )
    client.until(f"/api/people/{first}", lambda told: told["name"] == "Ada")
    status, told = client.ask("POST", "/api/corrections", {"forget": second})
    assert status == 202
    reply = client.until(f"/api/corrections/{told['request']}", lambda told: told["state"] != "waiting")
    assert reply["state"] == "done"
    forgotten = client.until("/api/events", lambda told: told["events"][-1]["seq"] and _forgets(told, second))
    assert not [event for event in forgotten["events"] if _about(event, second) and event["type"] != "person_forgotten"]
    site.send_signal(signal.SIGTERM)
    assert site.wait(PATIENCE) == 0
    accesses = [json.loads(line) for line in (folder / "access.jsonl").read_text().splitlines()]
    assert {("name", str(first)), ("forget", str(second))} <= {(one["what"], one["whom"]) for one in accesses}
    assert TOKEN not in site.stdout.read() + (folder / "access.jsonl").read_text()


def _forgets(told, person):
    return any(event["type"] == "person_forgotten" and event["person"] == person for event in told["events"])


def _about(event, person):
    return person in (event.get("person"), event.get("absorbed"), event.get("separated"))
