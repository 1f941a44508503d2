"""Drawn pictures and made-up answers: two people who walk, seen by as many cameras as a test wants."""

from functools import lru_cache

import numpy as np

from unbroken.core.detections import Detections
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities
from unbroken.core.tracks import Tracks, TrackState


def picture(size=(640, 480), seed=0):
    """A floor and a wall with a little texture."""
    return np.roll(room(size), seed, axis=1)


@lru_cache(maxsize=8)
def room(size):
    """The same without anything that moves."""
    width, height = size
    image = np.full((height, width, 3), (150, 160, 165), np.uint8)
    image[height // 2 :] = (105, 115, 120)
    return (image + np.random.default_rng(0).integers(-8, 9, image.shape)).astype(np.uint8)


def person(image, box, colour):
    """A figure of head, shirt and trousers, so that crops show something."""
    x1, y1, x2, y2 = (round(value) for value in box)
    tall, wide = y2 - y1, x2 - x1
    image[y1 + tall // 5 : y1 + tall * 6 // 10, x1 + wide // 6 : x2 - wide // 6] = colour
    image[y1 + tall * 6 // 10 : y2, x1 + wide // 4 : x2 - wide // 4] = (70, 50, 40)
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    head = (columns - (x1 + x2) / 2) ** 2 + (rows - (y1 + tall * 0.11)) ** 2 < (tall * 0.09) ** 2
    image[head] = (150, 180, 225)


def answer(frame, boxes, tracks, persons, **more):
    """A FrameResult; `state`, `sure`, `scores`, `timings` and `work` as named."""
    count = len(boxes)
    state = np.asarray(more.get("state", np.full(count, TrackState.CONFIRMED)))
    return FrameResult(
        camera=frame.camera,
        index=frame.index,
        time=frame.time,
        size=frame.size,
        detections=Detections.from_array(boxes),
        tracks=Tracks(
            ids=np.asarray(tracks, np.int64),
            boxes=np.asarray(boxes, float).reshape(-1, 4),
            scores=np.asarray(more.get("scores", np.full(count, 0.9))),
            classes=np.zeros(count, np.int64),
            state=state,
            since=np.zeros(count),
            rows=np.where(state == TrackState.COASTING, -1, np.arange(count)),
        ),
        identities=Identities(
            frame.camera,
            frame.time,
            np.asarray(tracks, np.int64),
            np.asarray(persons, np.int64),
            np.asarray(more.get("sure", np.where(np.asarray(persons) > 0, 2, 0)), np.int64),
            np.full(count, 0.9),
        ),
        timings=more.get("timings", {"detect": 0.01, "track": 0.002}),
        work=more.get("work", {"detected": 1}),
    )


def walk(camera, count=20, *, rate=10.0, start=0.0, size=(640, 480), decided=4, shift=0):
    """Two people who walk past each other; person `track + shift` is decided from picture `decided` on."""
    colours = ((40, 60, 200), (190, 120, 30))
    for index in range(count):
        frame_size = np.array([*size, *size]) / np.array([640, 480, 640, 480])
        share = index / max(count - 1, 1)
        boxes = [
            np.array([40 + 400 * share, 120, 130 + 400 * share, 400]) * frame_size,
            np.array([500 - 380 * share, 90, 575 - 380 * share, 330]) * frame_size,
        ]
        image = picture(size, seed=index)
        for box, colour in zip(reversed(boxes), colours, strict=True):
            person(image, box, colour)
        frame = Frame(camera, index, start + index / rate, image)
        persons = [1 + shift, 2 + shift] if index >= decided else [-1, -1]
        yield frame, answer(frame, np.array(boxes), [1, 2], persons)
