"""A node for tests, as a process of its own: sends what cameras of the synthetic world see, and writes what it hears.

    python node_process.py ADDRESS NODE MODEL FROM ANSWERS CAMERA...

It looks at the steps of the world from number FROM on. Each line of ANSWERS is one picture that the writer has
acknowledged, with the Global IDs in it: `[camera, epoch, [[track, person], ...]]`.
"""

import json
import os
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np

from unbroken.cluster.frames import Credentials
from unbroken.cluster.link import Link, LinkSettings
from unbroken.core.batches import Batch
from unbroken.datasets.synthetic import ObservationSettings, WorldSettings, make_world, observe
from unbroken.pipeline.numbering import Numbering

CAMERAS = ("cam1", "cam2", "cam3", "cam4")
SECRET = "NODE_TEST_SECRET"


@cache
def world_steps():
    """What four cameras see, instant by instant."""
    world = make_world(WorldSettings(cameras=4, people=8, seconds=50.0, rate=2.0), np.random.default_rng(5))
    stream = observe(world, ObservationSettings(dimension=32), np.random.default_rng(6))
    return [[one.sightings for one in reports] for reports in stream]


def main(address, node, model, first, answers, *cameras):
    host, port = address.split(":")
    who = Credentials(node, os.environ[SECRET].encode(), model, SECRET)
    settings = LinkSettings(held=100_000, first_retry=0.05, longest_retry=0.2)
    link = Link((host, int(port)), who, settings, lambda line: print(node, line, flush=True))
    while link.epochs is None:
        time.sleep(0.01)
    numbering, sent = Numbering(link.epochs), {}
    with Path(answers).open("a", encoding="utf-8") as file:
        for step in world_steps()[int(first) :]:
            own = [view for view in step if view.camera in cameras]
            batch = Batch(own[0].time, numbering.reports(own, own[0].time))
            sent[link.put(batch)] = batch
            write(file, link, sent)
            time.sleep(0.01)
        while link.waiting:
            write(file, link, sent)
            time.sleep(0.01)
        write(file, link, sent)
    link.close(5.0)


def write(file, link, sent):
    for answer in link.take():
        batch = sent.pop(answer.number)
        for report, who in zip(batch.reports, answer.verdict.identities, strict=True):
            rows = [list(row) for row in zip(who.tracks.tolist(), who.persons.tolist(), strict=True)]
            file.write(json.dumps([who.camera, report.epoch, rows]) + "\n")
            file.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
