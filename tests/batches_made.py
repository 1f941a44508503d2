"""Batches and verdicts for tests of what keeps them."""

from collections.abc import Sequence

import numpy as np

from unbroken.core.arrays import Features
from unbroken.core.batches import Batch, Command, Report, Verdict
from unbroken.core.events import Event
from unbroken.core.sightings import Identities, IdentityState, Sightings

DIMENSION = 64


def look(seed: int, dimension: int = DIMENSION) -> Features:
    """Somebody's feature: unit length, the same for the same seed."""
    vector = np.random.default_rng(seed).normal(size=dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def seen(
    camera: str, time: float, tracks: Sequence[int], features: Sequence[Features], quality: float = 0.5
) -> Sightings:
    """Some tracks in one picture, without ground."""
    count = len(tracks)
    return Sightings(
        camera,
        time,
        np.array(tracks, dtype=np.int64),
        np.tile([10.0, 10.0, 50.0, 130.0], (count, 1)),
        np.full((count, 2), np.nan),
        np.full((count, 2, 2), np.nan),
        np.array(features, dtype=np.float32).reshape(count, -1),
        np.full(count, quality),
        np.zeros(0, dtype=np.int64),
    )


def step(
    view: Sightings, persons: Sequence[int], events: Sequence[Event] = (), number: int = 0, epoch: int = 1
) -> tuple[Batch, Verdict]:
    """A batch of one report, and the verdict that says who is who, for certain."""
    count = len(view)
    state = np.full(count, int(IdentityState.CONFIRMED))
    answer = Identities(view.camera, view.time, view.tracks, np.array(persons), state, np.ones(count))
    return Batch(view.time, (Report(epoch, number, view),)), Verdict((answer,), tuple(events))


def said(time: float, commands: Sequence[Command], events: Sequence[Event]) -> tuple[Batch, Verdict]:
    """A batch of commands alone, and what they did."""
    return Batch(time, (), tuple(commands)), Verdict((), tuple(events))
