"""Time stamps of a container or of a live stream become seconds that only grow."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
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


_JUMP = 1.0
"""Seconds between what a stream says and what the clock says that no network and no drift explains."""
_CATCH_UP = 0.1
"""Share of the time passed by which times that lie in the future are drawn back."""
_DRIFT = 0.01
"""Share of the time passed by which times are moved on; a clock of a camera drifts by less than 0.0001."""
_LATENESS_OVER = 5.0
_PACE_OVER = 3.0
_PACE_LEAST = 1.5
_TICK = 1e-6


class Steady:
    """Calendar seconds that never go back, for all cameras of a site; may be asked from any thread.

    A computer's calendar is set now and then. Where it is set forward by more than a second, so is this one, at once;
    otherwise this one follows by a tenth of the time that passes, so that distances between pictures stay nearly true.

    Args:
        calendar: seconds since 1970, such as `time.time`.
        ticks: seconds that never go back, such as `time.monotonic`.
    """

    def __init__(self, calendar: Callable[[], float], ticks: Callable[[], float]) -> None:
        self._calendar = calendar
        self._ticks = ticks
        self._lock = threading.Lock()
        self._asked = ticks()
        self._offset = calendar() - self._asked

    def __call__(self) -> float:
        """Now."""
        with self._lock:
            now = self._ticks()
            most = _CATCH_UP * (now - self._asked)
            missing = self._calendar() - now - self._offset
            self._offset += missing if missing > _JUMP else min(max(missing, -most), most)
            self._asked = now
            return now + self._offset


class StreamClock:
    """Lays the stamps of one connection on the clock that all cameras of a site share.

    A picture arrives after it was taken, never before, and now and then nearly at once: the least difference between
    arrival and stamp over some seconds is what the two clocks differ by. This offset follows slowly, so that times keep
    their distances and never go back. Where the stamps jump, the offset jumps with them.

    Args:
        after: times are later than this one, in seconds.

    Attributes:
        skew: seconds by which the offset has been corrected since the connection began: how far the stream's clock has
            drifted from ours, without its jumps.
        late: seconds by which the picture that came last is later than the quickest ones.
        pace: stream seconds per second over the last seconds; below 1 pictures come slower than they were taken.
        rate: pictures per stream second over the last seconds; 0 at the start.
        jump: seconds by which the stamps of the last picture had jumped; 0 where they had not.
    """

    def __init__(self, after: float = -math.inf) -> None:
        self.skew = self.late = self.rate = self.jump = 0.0
        self.pace = 1.0
        self._last = after
        self._stamp = -math.inf
        self._offset: float | None = None
        self._least = [math.inf, math.inf]
        self._since = -math.inf
        self._recent: deque[tuple[float, float]] = deque()

    def seconds(self, stamp: float | None, arrival: float, taken: float | None = None) -> float:
        """The time at which a picture was taken, on the shared clock.

        Args:
            stamp: the stream's own, in seconds; `None` where it has none, which leaves the arrival.
            arrival: when it came, on the shared clock.
            taken: when it was taken, on a clock of the camera that is trusted; one that is off by a second is not.
        """
        self.jump = 0.0
        if stamp is None or not math.isfinite(stamp):
            self._measure(arrival, arrival)
            self._last = max(arrival, self._last + _TICK)
            return self._last
        if self._offset is None:
            self._anchor(stamp, arrival)
        early = stamp + self._offset_or(stamp, arrival) - arrival
        if early > _JUMP or (early < -_JUMP and stamp < self._stamp):
            self.jump = early
            self._anchor(stamp, arrival)
        else:
            self._follow(stamp, arrival, early, taken)
        self._measure(stamp, arrival)
        self._stamp = stamp
        self._last = max(stamp + self._offset_or(stamp, arrival), self._last + _TICK)
        return self._last

    def _offset_or(self, stamp: float, arrival: float) -> float:
        return arrival - stamp if self._offset is None else self._offset

    def _anchor(self, stamp: float, arrival: float) -> None:
        self._offset, self._since, self.late = arrival - stamp, arrival, 0.0
        self._least = [math.inf, math.inf]
        self._recent.clear()

    def _follow(self, stamp: float, arrival: float, early: float, taken: float | None) -> None:
        """Correct the offset towards the camera's trusted clock, or else towards the quickest pictures.

        Where even those are late for long, the stream has paused.
        """
        passed = max(stamp - self._stamp, 0.0) if math.isfinite(self._stamp) else 0.0
        self.late = max(-early, 0.0)
        self._least[1] = min(self._least[1], -early)
        if arrival - self._since >= _LATENESS_OVER:
            self._least, self._since = [self._least[1], math.inf], arrival
        least = min(self._least)
        if taken is not None and abs(taken - arrival) < _JUMP:
            missing = taken - arrival - early
            self._correct(min(max(missing, -_CATCH_UP * passed), _CATCH_UP * passed))
        elif early > 0:
            self._correct(-min(early, _CATCH_UP * passed))
        elif math.isfinite(self._least[0]) and least > 0:
            self._correct(least if least > _JUMP else min(least, _DRIFT * passed))

    def _correct(self, step: float) -> None:
        self._offset = (self._offset or 0.0) + step
        self._least = [least - step for least in self._least]
        if abs(step) > _JUMP:
            self.jump = step
        else:
            self.skew += step

    def _measure(self, stamp: float, arrival: float) -> None:
        recent = self._recent
        if recent and stamp <= recent[-1][0]:
            return
        recent.append((stamp, arrival))
        while arrival - recent[0][1] > _PACE_OVER:
            recent.popleft()
        waited, told = arrival - recent[0][1], stamp - recent[0][0]
        self.pace = told / waited if waited >= _PACE_LEAST else 1.0
        self.rate = (len(recent) - 1) / told if waited >= _PACE_LEAST and told > 0 else 0.0
