"""Time stamps of a container become seconds that only grow."""

from __future__ import annotations

import math
from dataclasses import dataclass

_NOMINAL_STEP = 1 / 25


@dataclass(slots=True)
class Timeline:
    """Turns raw stamps into strictly growing seconds, and counts what it had to mend.

    Gaps forward are kept: nothing was seen in them. A stamp that is missing, not a number, repeated or earlier than
    the last one cannot be right; it is replaced by the last time plus one nominal step, and later stamps are moved by
    the same amount, so that a recording made of several pieces goes on where the last piece ended.

    Attributes:
        step: seconds between two frames where the stamps don't say.
        mended: how many stamps were replaced.
    """

    step: float = _NOMINAL_STEP
    mended: int = 0
    _last: float = -math.inf
    _offset: float = 0.0

    def seconds(self, stamp: float | None) -> float:
        """The time of the next frame, given its raw stamp in seconds (`None` where the container has none)."""
        if stamp is not None and math.isfinite(stamp) and stamp + self._offset > self._last:
            self._last = stamp + self._offset
            return self._last
        self.mended += 1
        time = self._last + self.step if math.isfinite(self._last) else 0.0
        if stamp is not None and math.isfinite(stamp):
            self._offset = time - stamp
        self._last = time
        return time


def step_from_rate(frame_rate: float) -> float:
    """Seconds between two frames; a usual value where the rate is not known."""
    return 1 / frame_rate if frame_rate > 0 else _NOMINAL_STEP
