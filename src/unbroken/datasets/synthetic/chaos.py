"""What goes wrong between cameras and whoever listens: lost cameras, late and repeated reports, clocks that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unbroken.core.arrays import Bools
from unbroken.datasets.synthetic.observations import Observation


@dataclass(frozen=True, slots=True)
class ChaosSettings:
    """How much goes wrong.

    Attributes:
        outages: how often each camera is lost.
        outage: seconds for which it is; what its tracker gives up meanwhile is never told.
        late: chance that a report comes later than those of the other cameras.
        delay: seconds by which it does, at most.
        repeated: chance that a report comes a second time.
        skew: seconds by which each camera's clock may be wrong, either way, always the same.
    """

    outages: int = 2
    outage: float = 20.0
    late: float = 0.05
    delay: float = 2.0
    repeated: float = 0.05
    skew: float = 1.0


def disturbed(
    stream: Sequence[Sequence[Observation]], chaos: ChaosSettings, rng: np.random.Generator
) -> list[tuple[Observation, ...]]:
    """The stream as it arrives: steps with fewer, more or older reports than were sent.

    Args:
        stream: of `observe`.
        chaos: how much goes wrong.
        rng: draws when and to whom.

    Returns:
        At least as many steps: no camera reports twice in one, so what comes together with another report of its
        camera makes a step of its own. Reports may come in another order than they were made, and twice.
    """
    if not stream or not stream[0]:
        return []
    period = _period(stream)
    latest = max(1, round(chaos.delay / period))
    silent = _silences(len(stream), len(stream[0]), (chaos, period), rng)
    offsets = rng.uniform(-chaos.skew, chaos.skew, len(stream[0]))
    arriving: list[list[Observation]] = [[] for _ in range(len(stream) + 2 * latest)]
    for step, reports in enumerate(stream):
        for camera, report in enumerate(reports):
            if silent[step, camera]:
                continue
            skewed = _at(report, report.sightings.time + float(offsets[camera]))
            arrival = step + (int(rng.integers(1, latest + 1)) if rng.random() < chaos.late else 0)
            arriving[arrival].append(skewed)
            if rng.random() < chaos.repeated:
                arriving[arrival + int(rng.integers(0, latest + 1))].append(skewed)
    while arriving and not arriving[-1]:
        arriving.pop()
    return [step for reports in arriving for step in _rounds(reports)]


def _rounds(reports: Sequence[Observation]) -> list[tuple[Observation, ...]]:
    """Steps in which no camera reports twice; one empty step where nothing came."""
    rounds: list[dict[str, Observation]] = [{}]
    for report in reports:
        camera = report.sightings.camera
        place = next((step for step in rounds if camera not in step), None)
        if place is None:
            rounds.append(place := {})
        place[camera] = report
    return [tuple(step.values()) for step in rounds]


def _period(stream: Sequence[Sequence[Observation]]) -> float:
    return max(stream[1][0].sightings.time - stream[0][0].sightings.time, 1e-3) if len(stream) > 1 else 1.0


def _silences(steps: int, cameras: int, chance: tuple[ChaosSettings, float], rng: np.random.Generator) -> Bools:
    """(steps, cameras): whether nothing comes from a camera."""
    chaos, period = chance
    silent = np.zeros((steps, cameras), dtype=np.bool_)
    for camera in range(cameras):
        for start in rng.integers(0, steps, chaos.outages):
            silent[start : start + round(chaos.outage / period), camera] = True
    return silent


def _at(report: Observation, time: float) -> Observation:
    """The same report with another time on it."""
    return replace(report, sightings=replace(report.sightings, time=time))
