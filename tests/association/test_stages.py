"""Stages run in order, each among those whom earlier ones left free."""

from dataclasses import dataclass

import numpy as np

from unbroken.association.stages import Stage, match


@dataclass
class Table:
    costs: np.ndarray
    ages: np.ndarray

    @property
    def track_count(self):
        return self.costs.shape[0]

    @property
    def detection_count(self):
        return self.costs.shape[1]


def every_track(scene):
    return np.ones(scene.track_count, dtype=bool)


def every_detection(scene):
    return np.ones(scene.detection_count, dtype=bool)


def cost(scene, tracks, detections):
    return scene.costs[np.ix_(tracks, detections)]


def test_a_later_stage_gets_what_an_earlier_one_left():
    scene = Table(np.array([[0.1, 0.2], [0.15, 0.9], [0.8, 0.3]]), np.zeros(3))
    only_first = Stage(lambda s: np.arange(3) == 0, every_detection, cost, limit=1.0)
    rest = Stage(every_track, every_detection, cost, limit=0.5)
    assert match((only_first, rest), scene).tolist() == [0, -1, 1]
    assert match((rest,), scene).tolist() == [1, 0, -1] or match((rest,), scene).tolist() == [-1, 0, 1]


def test_in_a_cascade_the_most_recently_seen_choose_first():
    scene = Table(np.array([[0.3], [0.1]]), ages=np.array([1.0, 2.0]))
    assert match((Stage(every_track, every_detection, cost, 1.0),), scene).tolist() == [-1, 0]
    assert match((Stage(every_track, every_detection, cost, 1.0, turns=lambda s: s.ages),), scene).tolist() == [0, -1]


def test_nobody_to_match_is_no_pair():
    scene = Table(np.zeros((2, 0)), np.zeros(2))
    assert match((Stage(every_track, every_detection, cost, 1.0),), scene).tolist() == [-1, -1]
