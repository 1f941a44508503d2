"""A seeded world of people who walk between cameras, with its whole truth: the project's own oracle.

>>> import numpy as np
>>> from unbroken.datasets.synthetic import WorldSettings, make_world, truth_of
>>> world = make_world(WorldSettings(cameras=3, people=4, seconds=2.0), np.random.default_rng(7))
>>> [camera.name for camera in world.cameras], world.overlapping("cam1", "cam2"), world.overlapping("cam1", "cam3")
(['cam1', 'cam2', 'cam3'], True, False)
>>> truth_of(world, "cam1").boxes.shape[1]
4
"""

from unbroken.datasets.synthetic.files import write_truth
from unbroken.datasets.synthetic.observations import NOBODY, Observation, ObservationSettings, observe
from unbroken.datasets.synthetic.settings import WorldSettings
from unbroken.datasets.synthetic.world import CameraTruth, World, make_world, truth_of

__all__ = [
    "NOBODY",
    "CameraTruth",
    "Observation",
    "ObservationSettings",
    "World",
    "WorldSettings",
    "make_world",
    "observe",
    "truth_of",
    "write_truth",
]
