"""Sightings for tests in one line."""

import numpy as np

from unbroken.core.sightings import Sightings


def unit(*angles_deg, dimension=8):
    """Rows in the plane of the first two axes, at the given angles."""
    rows = np.zeros((len(angles_deg), dimension), dtype=np.float32)
    rows[:, 0], rows[:, 1] = np.cos(np.radians(angles_deg)), np.sin(np.radians(angles_deg))
    return rows


def see(camera, time, tracks, features, ended=(), boxes=None, quality=None, ground=None):
    """One camera's sightings; boxes side by side where none are given."""
    count = len(tracks)
    if boxes is None:
        left = np.arange(count) * 100.0
        boxes = np.column_stack([left, np.zeros(count), left + 40, np.full(count, 100.0)])
    return Sightings(
        camera,
        time,
        tracks,
        boxes,
        np.full((count, 2), np.nan) if ground is None else ground,
        np.full((count, 2, 2), np.nan) if ground is None else np.tile(np.eye(2) * 0.05, (count, 1, 1)),
        features,
        np.ones(count) if quality is None else quality,
        ended,
    )
