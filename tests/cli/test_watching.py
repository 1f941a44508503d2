"""`--web`: a run can be watched while it goes on, and ends as it would without."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from walkers import write_walk

ROOT = Path(__file__).parents[2]


def test_a_run_is_seen_on_a_page_while_it_goes_on(tmp_path):
    """The films have no end, so that there is something to be seen however long a busy machine takes to look."""
    films = [f"loop://{write_walk(tmp_path / f'{name}.mp4', seconds=6)}" for name in ("hall", "door")]
    command = [sys.executable, "-m", "unbroken", "track", *films, "--web", "--no-video", "--no-report"]
    command += ["--output", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        url = re.fullmatch(r"live at (http://127\.0\.0\.1:\d+/)\n", run.stdout.readline())[1]
        tracks, cameras = tmp_path / "out" / "tracks.jsonl", []
        while not cameras or min(camera["pictures"] for camera in cameras) == 0 or not tracks.stat().st_size:
            with urllib.request.urlopen(f"{url}api/cameras") as answer:
                cameras = json.load(answer)["cameras"]
        run.send_signal(signal.SIGINT)
        rest = run.stdout.read()
    assert [camera["name"] for camera in cameras] == ["hall", "door"]
    assert run.returncode == 130
    assert "results are in" in rest
    assert all(json.loads(line)["camera"] in ("hall", "door") for line in tracks.read_text().splitlines())
