"""A whole site with secrets everywhere: none of them is in what it says, writes, stores or shows."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np

from unbroken.testing.rtsp import RtspCamera, write_clip

SECRETS = {
    "HALL_USER": "anna-0d1f",
    "HALL_PASSWORD": "hunter2-9f3c",
    "WRONG_PASSWORD": "wr0ng-71ab",
    "HOOK_SECRET": "hook-5c5c5c5c",
    "HOOK_TOKEN": "query-88aa77bb",
    "MQTT_PASSWORD": "mqtt-3e3e3e3e",
    "SITE_TOKEN": "token-4f4f4f4f4f4f4f4f4f4f4f4f",
    "SITE_KEY": "0123456789abcdef" * 4,
}

SITE = """
[[cameras]]
name = "hall"
source = "{hall}"
[[cameras]]
name = "door"
source = "{door}"
[[cameras]]
name = "yard"
source = "rtsp://$HALL_USER:$HALL_PASSWORD@127.0.0.1:1/live"
[reid]
model = "colour"
[storage]
key = "SITE_KEY"
[[outputs.webhooks]]
url = "http://127.0.0.1:1/events?token=${{HOOK_TOKEN}}"
secret = "HOOK_SECRET"
[outputs.mqtt]
host = "127.0.0.1"
port = 1
user = "site"
password = "MQTT_PASSWORD"
[web]
port = {port}
token = "SITE_TOKEN"
[log]
level = "debug"
form = "json"
"""


def with_login(address, user, password):
    return address.replace("rtsp://", f"rtsp://${{{user}}}:${{{password}}}@")


def asked(port, path):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {SECRETS['SITE_TOKEN']}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def until_it_tells(port, process, *kinds):
    """Wait until the site has told these events; however long a busy machine needs for them."""
    while process.poll() is None:
        try:
            if all(kind in asked(port, "/api/events")[1] for kind in kinds):
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the site ended with {process.returncode}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_no_secret_is_said_written_stored_or_shown(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", [np.full((48, 64, 3), 9 * number, dtype=np.uint8) for number in range(20)])
    port = free_port()
    login = f"{SECRETS['HALL_USER']}:{SECRETS['HALL_PASSWORD']}"
    place = tmp_path / "site"
    place.mkdir()
    with RtspCamera(clip, credentials=login) as hall, RtspCamera(clip, credentials=login) as door:
        text = SITE.format(
            hall=with_login(hall.address, "HALL_USER", "HALL_PASSWORD"),
            door=with_login(door.address, "HALL_USER", "WRONG_PASSWORD"),
            port=port,
        )
        (place / "site.toml").write_text(text)
        command = [sys.executable, "-m", "unbroken", "run", "site.toml"]
        process = subprocess.Popen(
            command, cwd=place, env={**os.environ, **SECRETS}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        until_it_tells(port, process, b"camera_lost", b"camera_online")
        pages = [asked(port, path) for path in ("/", "/readyz", "/metrics", "/api/site", "/api/events")]
        process.send_signal(signal.SIGTERM)
        said = b"".join(process.communicate(timeout=60))
        assert process.returncode == 0, said.decode()
    told = {"said": said, **{f"page {number}": body for number, (_, body) in enumerate(pages)}}
    told |= {str(path): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert b"camera_lost" in told[str(place / "events.jsonl")]
    assert b"online" in said
    assert len([code for code, _ in pages if code == 200]) >= 4
    for name, secret in SECRETS.items():
        holders = [where for where, content in told.items() if secret.encode() in content]
        assert not holders, f"the value of {name} is in {holders}"
