"""Pictures in which people stand at places, for the tests of zones and lines."""

import numpy as np

from scene import answer
from unbroken.core.frames import Frame
from unbroken.core.tracks import TrackState
from unbroken.geometry.plane import GroundView

GROUND = GroundView.from_homography(np.diag([0.01, 0.01, 1.0]), size=(1000, 1000))
"""A camera that looks straight down: 100 pixels are a metre."""


def seen(time, camera, people):
    """A picture; `people` are (track, person, x, y), with "coasting" behind where the track is only predicted."""
    frame = Frame(camera, 0, time, np.zeros((0, 0, 3), np.uint8))
    rows = [one[:4] for one in people]
    boxes = np.array([[x - 30, y - 170, x + 30, y] for _, _, x, y in rows], dtype=float).reshape(-1, 4)
    state = [TrackState.COASTING if "coasting" in one[4:] else TrackState.CONFIRMED for one in people]
    tracks, persons = [one[0] for one in rows], [one[1] for one in rows]
    return answer(frame, boxes, tracks, persons, state=np.array(state, dtype=np.int64))


def told(observer, results, events=()):
    """What an observer says to a row of pictures, one step each."""
    return [event for result in results for event in observer.observe([result], events)]
