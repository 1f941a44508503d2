"""How a running site is: counters and states that any thread may note and any thread may read."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

BOUNDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)
"""Upper bounds of the bins of every histogram, seconds; a last bin takes what is longer."""
_RECENT = 256
"""Samples from which recent quantiles and rates are taken."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How long something took.

    Attributes:
        counts: since the start, per bin of `BOUNDS`, and one more for what was longer.
        total: seconds, all together.
        recent: the last samples in seconds, oldest first.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    total: float = 0.0
    recent: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """How many samples there were."""
        return sum(self.counts)

    def quantile(self, share: float) -> float:
        """Of the recent samples: the one that `share` of them do not exceed; NaN without any."""
        if not self.recent:
            return math.nan
        ordered = sorted(self.recent)
        return ordered[min(math.ceil(share * len(ordered)), len(ordered)) - 1 if share > 0 else 0]


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """One camera.

    Attributes:
        state: "connecting", "online", "stalled", "lost", "ended" or "off".
        reason: why it is so, one sentence; empty where all is well.
        since: when it became so, seconds of the site's clock.
        live: whether it drops pictures rather than wait.
        frames: that arrived.
        answered: that went through the chain.
        dropped: that arrived and were replaced by newer ones before their turn.
        faults: steps of the chain that broke.
        connections: how often it came online; less one: reconnections.
        rate: pictures per second that arrived lately.
        last: time of the last picture, seconds of the site's clock; NaN before the first.
        waiting: pictures that wait for their turn: 0 or 1.
        every: the detector lately looked at every n-th picture.
        skew: seconds by which its stamps drifted from the site's clock; NaN where nobody measures.
        latency: from a picture's arrival to its answer.
        extra: further counters of its source by name, such as damaged pictures.
    """

    state: str = "connecting"
    reason: str = ""
    since: float = 0.0
    live: bool = True
    frames: int = 0
    answered: int = 0
    dropped: int = 0
    faults: int = 0
    connections: int = 0
    rate: float = 0.0
    last: float = math.nan
    waiting: int = 0
    every: float = 1.0
    skew: float = math.nan
    latency: Distribution = Distribution()
    extra: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SiteHealth:
    """The whole site.

    Attributes:
        started: seconds of the site's clock.
        now: when this was taken.
        cameras: by name.
        steps: how long one step of all cameras took; `count` is how many there were.
        stages: the same for each stage of it: detect, track, embed, identify, answer.
        work: what was done and saved, by name.
        level: of quality, 0 is full.
        busy: share of the last seconds in which a step was running.
        stage: what the scheduler is doing now; empty while it waits.
        stage_since: when it began to.
    """

    started: float
    now: float
    cameras: Mapping[str, CameraHealth]
    steps: Distribution
    stages: Mapping[str, Distribution]
    work: Mapping[str, int]
    level: int
    busy: float
    stage: str
    stage_since: float


class Tally:
    """Samples of one kind as they come; not thread-safe by itself."""

    __slots__ = ("_counts", "_recent", "_total")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._total = 0.0
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def add(self, seconds: float) -> None:
        """Take one sample in."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._total += seconds
        self._recent.append(seconds)

    def taken(self) -> Distribution:
        """What there was so far."""
        return Distribution(tuple(self._counts), self._total, tuple(self._recent))


@dataclass(slots=True)
class _Camera:
    """What is noted of one camera."""

    live: bool
    state: str = "connecting"
    reason: str = ""
    since: float = 0.0
    frames: int = 0
    answered: int = 0
    dropped: int = 0
    faults: int = 0
    connections: int = 0
    waiting: int = 0
    looks: int = 0
    skipped: int = 0
    skew: float = math.nan
    last: float = math.nan
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=64))
    latency: Tally = field(default_factory=Tally)
    extra: dict[str, float] = field(default_factory=dict)


class Health:
    """Where everybody notes how it goes. All methods may be called from any thread and never wait for long.

    Args:
        clock: seconds, the one that live pictures are laid on.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._started = clock()
        self._cameras: dict[str, _Camera] = {}
        self._steps = Tally()
        self._stages: dict[str, Tally] = {}
        self._work: dict[str, int] = {}
        self._level = 0
        self._busy = 0.0
        self._stage = ""
        self._stage_since = self._started

    def camera(self, name: str, *, live: bool) -> None:
        """A camera is there from now on; what was known of one of this name is kept."""
        with self._lock:
            self._cameras.setdefault(name, _Camera(live, since=self.clock())).live = live

    def gone(self, name: str) -> None:
        """A camera was taken away."""
        with self._lock:
            self._cameras.pop(name, None)

    def state(self, name: str, state: str, reason: str = "") -> None:
        """A camera is in another state."""
        with self._lock:
            camera = self._cameras.get(name)
            if camera is None:
                return
            if camera.state != state:
                camera.since = self.clock()
                camera.connections += state == "online"
            camera.state, camera.reason = state, reason

    def arrived(self, name: str, time: float, *, dropped: bool) -> None:
        """A picture of this time came; `dropped`: an older one that waited was replaced by it."""
        with self._lock:
            camera = self._cameras.get(name)
            if camera is None:
                return
            camera.frames += 1
            camera.dropped += dropped
            camera.waiting = 1
            camera.last = time
            camera.arrivals.append(self.clock())

    def taken(self, name: str) -> None:
        """The picture that waited has its turn."""
        with self._lock:
            if name in self._cameras:
                self._cameras[name].waiting = 0

    def answered(self, name: str, latency: float, work: Mapping[str, int]) -> None:
        """A picture has its answer, `latency` seconds after it arrived."""
        with self._lock:
            for kind, count in work.items():
                self._work[kind] = self._work.get(kind, 0) + count
            camera = self._cameras.get(name)
            if camera is None:
                return
            camera.answered += 1
            camera.latency.add(latency)
            camera.looks += work.get("detector runs", 0)
            camera.skipped += work.get("detector skipped", 0)
            if camera.looks > _RECENT:
                camera.looks, camera.skipped = camera.looks // 2, camera.skipped // 2

    def faulted(self, name: str) -> None:
        """A step of the chain broke on a camera."""
        with self._lock:
            if name in self._cameras:
                self._cameras[name].faults += 1

    def measured(self, name: str, skew: float, extra: Mapping[str, float]) -> None:
        """What a camera's source says of itself: the skew of its stamps in seconds, and counters by name."""
        with self._lock:
            if name in self._cameras:
                self._cameras[name].skew = skew
                self._cameras[name].extra = dict(extra)

    def stage(self, name: str) -> None:
        """The scheduler begins a stage; an empty name: it waits for pictures."""
        with self._lock:
            self._stage, self._stage_since = name, self.clock()

    def step(self, seconds: float, stages: Mapping[str, float]) -> None:
        """A step of all cameras is over: how long it took, and its stages."""
        with self._lock:
            self._steps.add(seconds)
            for name, spent in stages.items():
                self._stages.setdefault(name, Tally()).add(spent)

    def quality(self, level: int, busy: float) -> None:
        """How much is computed, and the share of time in which the scheduler works."""
        with self._lock:
            self._level, self._busy = level, busy

    def snapshot(self) -> SiteHealth:
        """Everything as it is now."""
        with self._lock:
            now = self.clock()
            return SiteHealth(
                started=self._started,
                now=now,
                cameras={name: _taken(camera, now) for name, camera in self._cameras.items()},
                steps=self._steps.taken(),
                stages={name: tally.taken() for name, tally in self._stages.items()},
                work=dict(self._work),
                level=self._level,
                busy=self._busy,
                stage=self._stage,
                stage_since=self._stage_since,
            )


def _taken(camera: _Camera, now: float) -> CameraHealth:
    return CameraHealth(
        state=camera.state,
        reason=camera.reason,
        since=camera.since,
        live=camera.live,
        frames=camera.frames,
        answered=camera.answered,
        dropped=camera.dropped,
        faults=camera.faults,
        connections=camera.connections,
        rate=_rate(camera.arrivals, now),
        last=camera.last,
        waiting=camera.waiting,
        every=(camera.looks + camera.skipped) / camera.looks if camera.looks else 1.0,
        skew=camera.skew,
        latency=camera.latency.taken(),
        extra=dict(camera.extra),
    )


def _rate(arrivals: deque[float], now: float, window: float = 5.0) -> float:
    """Pictures per second in the last `window` seconds, or since the first that is remembered."""
    recent = [time for time in arrivals if now - time <= window]
    span = now - recent[0] if recent else 0.0
    return (len(recent) - 1) / span if len(recent) > 1 and span > 0 else 0.0
