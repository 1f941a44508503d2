"""The conformance suite passes every tracker of the library, and names the promise that a broken one breaks."""

import functools

import numpy as np
import pytest

from unbroken.core.errors import ContractError
from unbroken.core.tracks import Tracks
from unbroken.testing import check_tracker
from unbroken.tracking import by_name
from unbroken.tracking.engine import Engine
from unbroken.tracking.registry import TRACKERS
from unbroken.tracking.sort import Sort


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_every_tracker_keeps_every_promise(name):
    check_tracker(functools.partial(by_name, name), streams=2)


def test_the_textbook_form_of_deepsort_does_too():
    check_tracker(lambda: by_name("deepsort", cost="sum"), streams=2)


class SharedCounter(Engine):
    """The classic fault: ids that belong to the class."""

    given = 0

    def __init__(self):
        super().__init__(Sort())

    def update(self, detections, time, warp=None):
        tracks = super().update(detections, time)
        SharedCounter.given += len(tracks)
        return Tracks(
            tracks.ids + SharedCounter.given,
            tracks.boxes,
            tracks.scores,
            tracks.classes,
            tracks.state,
            tracks.since,
            tracks.rows,
        )


class Meddler(Engine):
    """Changes what it was given."""

    def __init__(self):
        super().__init__(Sort())

    def update(self, detections, time, warp=None):
        tracks = super().update(detections, time)
        object.__setattr__(detections, "scores", np.zeros(len(detections)))
        return tracks


class FirstComeFirstServed(Engine):
    """Ids depend on the order of the detections."""

    def __init__(self):
        super().__init__(Sort(min_hits=1))

    def begin(self, scene, rows, cameras=None):
        free = np.setdiff1d(np.arange(len(scene.detections)), rows)
        for row in free:
            born = np.array([row])
            self.table.append(np.zeros((5, 1, 4)) + 1.0, np.array([0]), scene.detections, born, scene.time)
            self.table.confirmed[:] = True


class Forgetful(Engine):
    """A reset that keeps the tracks."""

    def __init__(self):
        super().__init__(Sort())
        self.born = True

    def reset(self):
        if not hasattr(self, "born"):
            super().reset()
        self._time = self._updated = None


class Blank(Engine):
    """Reports boxes that are not numbers."""

    def __init__(self):
        super().__init__(Sort())

    def update(self, detections, time, warp=None):
        tracks = super().update(detections, time)
        object.__setattr__(tracks, "boxes", np.full((len(tracks), 4), np.nan))
        return tracks


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (SharedCounter, "not alive"),
        (Meddler, "the detections were changed"),
        (FirstComeFirstServed, "the order of detections matters"),
        (Forgetful, "after reset"),
        (Blank, "not finite"),
    ],
)
def test_a_broken_promise_is_named(broken, sentence):
    with pytest.raises(ContractError, match=sentence):
        check_tracker(broken, streams=1)
