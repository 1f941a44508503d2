"""When the detector shall look again: a time budget, spent where it matters. Pure: costs and times are given to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

CALM, URGENT = 0.05, 0.75
"""Urgencies below and above which looks are put off and brought forward."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a camera's budget for detection is spent.

    Attributes:
        budget: seconds of detection per frame, on average; 0 switches the schedule off.
        most_every: frames after which the detector looks in any case, whatever it costs.
        drift: expected motion since the last detection, in box heights, that makes a new look urgent.
        reserve: so many detections may be saved up in calm times, and borrowed in urgent ones.
    """

    budget: float = 0.0
    most_every: int = 10
    drift: float = 0.25
    reserve: float = 1.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a camera when a frame comes.

    Attributes:
        frames: since the last detection, this one included; 0 before the first detection.
        age: seconds since the last detection.
        motion: of the people, box heights per second.
        settled: tracks that are believed and were seen when the detector last looked.
        unsettled: tracks that the next look may confirm, find again or give up.
    """

    frames: int = 0
    age: float = 0.0
    motion: float = 0.0
    settled: int = 0
    unsettled: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """What a camera may still spend.

    Attributes:
        saved: seconds; below 0 where they are borrowed.
        cost: of one detection, seconds, smoothed; 0 before the first one.
    """

    saved: float = 0.0
    cost: float = 0.0

    def earned(self, schedule: Schedule) -> Account:
        """After another frame: its budget is added, but no more is kept than a calm camera waits for."""
        most = self.cost * (1 + schedule.reserve)
        return replace(self, saved=min(self.saved + schedule.budget, most))

    def paid(self, seconds: float, smoothing: float = 0.2) -> Account:
        """After a detection that took so long; the first one, which may load things, is not held against the camera."""
        if not self.cost:
            return Account(0.0, seconds)
        return Account(self.saved - seconds, self.cost + smoothing * (seconds - self.cost))


def urgency(schedule: Schedule, situation: Situation) -> float:
    """0 where nothing can have changed, 1 where people have moved by `drift` or nobody is settled."""
    people = situation.settled + situation.unsettled
    sure = situation.settled / people if people else 1.0
    still = max(0.0, 1.0 - situation.motion * situation.age / schedule.drift)
    return 1.0 - sure * still


def due(schedule: Schedule, situation: Situation, account: Account) -> bool:
    """Whether the detector shall look at the frame that comes.

    A look is bought when what it costs is saved, to the nearest frame, so that looks are regular: trackers do best with
    equal steps. Only where it is urgent (above `URGENT`) up to `reserve` looks are borrowed, and where nothing happens
    (below `CALM`) as many are saved up. So the average keeps to the budget.
    """
    if not situation.frames or situation.frames >= schedule.most_every:
        return True
    need = urgency(schedule, situation)
    looks = 1.0 - schedule.reserve if need >= URGENT else 1.0 + schedule.reserve if need < CALM else 1.0
    return account.saved + schedule.budget / 2 >= looks * account.cost
