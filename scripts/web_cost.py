"""What the dashboard costs: share of a core of the server, with nobody, one page and four pages that watch.

`PYTHONPATH=src python scripts/web_cost.py [CAMERAS]`. The pages are real WebSocket clients in processes of their own.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np

from unbroken.config.service import WebSettings
from unbroken.core.arrays import Image
from unbroken.core.detections import Detections
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities
from unbroken.core.tracks import Tracks
from unbroken.datasets.synthetic import WorldSettings, make_world
from unbroken.datasets.synthetic.painting import Painter
from unbroken.pipeline.board import Board
from unbroken.web.serving import serving_of

RATE, SECONDS = 10.0, 8.0
PAGE = """
import json, sys, time
from websockets.sync.client import connect
tiles = 0
with connect(sys.argv[1], max_size=None) as socket:
    end = time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        message = socket.recv(timeout=30)
        words = json.loads(message[4 : 4 + int.from_bytes(message[:4], "big")])
        tiles += len(words.get("tiles", []))
        socket.send('{"ready": 1}')
print(tiles / float(sys.argv[2]))
"""


def answered(frame: Frame) -> FrameResult:
    """Two people who stand still."""
    boxes = np.array([[100.0, 100, 150, 220], [300, 100, 350, 220]])
    ones, ids = np.ones(2), np.array([1, 2])
    tracks = Tracks(ids, boxes, ones, np.zeros(2, np.int64), np.ones(2, np.int64), ones, np.arange(2))
    who = Identities(frame.camera, frame.time, ids, ids, np.full(2, 2), ones)
    return FrameResult(
        frame.camera, frame.index, frame.time, frame.size, Detections(boxes), tracks, who, {"all": 0.01}, {}
    )


def picture() -> Image:
    """1280 x 720 pixels of the synthetic world."""
    world = make_world(WorldSettings(1, 4, 3.0), np.random.default_rng(0))
    small = Painter(world, world.cameras[0].name, np.random.default_rng(0)).picture(20)
    return np.repeat(np.repeat(small, 2, axis=0), 2, axis=1)


def feed(board: Board, cameras: list[str], image: Image, over: threading.Event) -> None:
    """Lay a new picture of every camera down, `RATE` times a second."""
    index = 0
    while not over.wait(1 / RATE):
        for camera in cameras:
            frame = Frame(camera, index, time.time(), image)
            board.write(frame, answered(frame), ())
        index += 1


def main() -> None:
    """Print a line per number of pages."""
    cameras = [f"cam{number}" for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 9)]
    board, over = Board(cameras, time.time), threading.Event()
    threading.Thread(target=feed, args=(board, cameras, picture(), over), daemon=True).start()
    with serving_of(WebSettings(port=0, rate=RATE), board) as serving:
        address = f"ws://127.0.0.1:{serving.port}/api/live"
        for pages in (0, 1, 4):
            command = [sys.executable, "-c", PAGE, address, str(SECONDS)]
            open_ = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(pages)]
            start, spent = time.monotonic(), time.process_time()
            time.sleep(SECONDS)
            share = (time.process_time() - spent) / (time.monotonic() - start)
            tiles = [f"{float(page.communicate()[0]):.0f}" for page in open_]
            print(f"{len(cameras)} cameras, {pages} pages: {share:.3f} of a core, tiles/s per page: {tiles}")
    over.set()


if __name__ == "__main__":
    main()
