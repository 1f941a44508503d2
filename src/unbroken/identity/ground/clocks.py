"""The clocks of calibrated cameras that overlap: whose is ahead of the others', and by how much.

Positions can only be compared at one instant. A camera with a delay of its own, a recording cut a moment later, a
frame rate that is not the one stated: all put its people beside themselves by a metre for each second. The shift of
each pair of cameras under which people's paths coincide is found from the last half minute (`clock_evidence`), and the
cameras' clocks from all pairs together. Unless the evidence is strong, a clock is taken for right: exactly 0.

A clock that is off by a changing amount is followed with a delay of half the window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from unbroken.core.arrays import Floats, Ints
from unbroken.identity.ground.clock_evidence import EvidenceSettings, Trails, evidence
from unbroken.identity.ground.values import GroundObservations

Pair = tuple[str, str]
"""Two cameras."""


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """How clocks are compared.

    Attributes:
        window: seconds of people's paths that are remembered.
        least_window: seconds of them before anything is said: of short ones, a few that cross by chance look alike.
        reach: seconds that a clock may be off.
        beat: seconds: positions are compared that often, and clocks are known that well.
        every: seconds from one comparison of two cameras to the next; all pairs get their turn.
        tracks: so many of each camera are compared, those who walked furthest.
        sure: nats that a correction has to gain over none ...
        share: ... and what part of all the evidence that has to be: calibrations that disagree are made up for by a
            wrong time a little, however long one looks.
        firm: nats that other clocks have to gain over those that were found before.
        least: seconds, less than which is not corrected.
        evidence: what is taken for one person.
    """

    window: float = 30.0
    least_window: float = 15.0
    reach: float = 6.0
    beat: float = 0.2
    every: float = 1.0
    tracks: int = 24
    sure: float = 12.0
    share: float = 0.25
    firm: float = 2.0
    least: float = 0.4
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)


@dataclass(frozen=True, slots=True)
class _Look:
    """Where a track was in a beat, and how uncertain its foot point is (square metres)."""

    beat: int
    track: int
    x: float
    y: float
    variance: float


class Clocks:
    """Estimates clocks while cameras run. The same input gives the same output to the bit; memory is bounded.

    Args:
        settings: one set for every site.
        known: seconds by which clocks of cameras are known to be ahead; what is found comes on top.
    """

    def __init__(self, settings: ClockSettings | None = None, known: Mapping[str, float] | None = None) -> None:
        self.settings = settings or ClockSettings()
        self._given = dict(known or {})
        self._looks: dict[str, deque[_Look]] = {}
        self._curves: dict[Pair, Floats] = {}
        self._steps: dict[str, int] = {}
        self._turn = 0
        self._began = np.inf
        self._worked = -np.inf

    @property
    def ahead(self) -> dict[str, float]:
        """By how many seconds each camera is ahead: it shows what the others show that much later. 0: nothing known."""
        found = {camera: -step * self.settings.beat + 0.0 for camera, step in self._steps.items()}
        return self._given | {camera: self._given.get(camera, 0.0) + seconds for camera, seconds in found.items()}

    def observe(self, time: float, views: Sequence[GroundObservations]) -> bool:
        """Take what the cameras saw at one instant; now and then, compare two of them.

        Args:
            time: seconds, by the cameras' own clocks.
            views: at most one per camera. Foot points without a track of the camera's own are left out.

        Returns:
            Whether a clock is taken for another than before.
        """
        for view in views:
            self._note(time, view)
        self._began = min(self._began, time)
        if time - self._worked < self.settings.every:
            return False
        self._worked = time
        pairs = self._pairs()
        if not pairs:
            return False
        self._turn = (self._turn + 1) % len(pairs)
        self._compare(pairs[self._turn])
        return time - self._began >= self.settings.least_window and self._settled()

    def settle(self) -> bool:
        """Compare all cameras at once, at the end of a recording; whether a clock is taken for another than before."""
        newest = max((looks[-1].beat for looks in self._looks.values() if looks), default=0) * self.settings.beat
        if newest - self._began < self.settings.least_window:
            return False
        for pair in self._pairs():
            self._compare(pair)
        return self._settled()

    def forget(self, camera: str) -> None:
        """A camera begins anew: nothing that was known of its clock holds."""
        self._looks.pop(camera, None)
        self._steps.pop(camera, None)
        self._curves = {pair: curve for pair, curve in self._curves.items() if camera not in pair}

    def _note(self, time: float, view: GroundObservations) -> None:
        looks = self._looks.setdefault(view.camera, deque())
        self._steps.setdefault(view.camera, 0)
        beat = int(np.floor((time + self._given.get(view.camera, 0.0)) / self.settings.beat))
        if not looks or looks[-1].beat < beat:
            known = np.flatnonzero(np.isfinite(view.points).all(axis=1) & (view.locals >= 0))
            variances = np.trace(view.covariances, axis1=1, axis2=2) / 2
            for row in known.tolist():
                x, y = view.points[row].tolist()
                looks.append(_Look(beat, int(view.locals[row]), x, y, float(variances[row])))
        oldest = beat - round(self.settings.window / self.settings.beat)
        while looks and looks[0].beat <= oldest:
            looks.popleft()

    def _pairs(self) -> list[Pair]:
        names = list(self._looks)
        return [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]

    def _compare(self, pair: Pair) -> None:
        """Weigh all shifts of one camera against another anew."""
        beats = [look.beat for camera in pair for look in self._looks[camera]]
        span = (min(beats), max(beats) + 1) if beats else (0, 1)
        first, second = (trails_of(self._looks[camera], span, self.settings) for camera in pair)
        reach = round(self.settings.reach / self.settings.beat)
        self._curves[pair] = evidence(first, second, reach, self.settings.evidence)

    def _settled(self) -> bool:
        """Put the clocks where the evidence has them by now, if that is better than where they are."""
        pairs = self._pairs()
        if any(pair not in self._curves for pair in pairs):
            return False
        found = _solved(self._curves, list(self._steps), self.settings)
        gain = _likelihood(self._curves, found) - _likelihood(self._curves, self._steps)
        if found == self._steps or gain <= self.settings.firm:
            return False
        self._steps = found
        return True


def _solved(curves: Mapping[Pair, Floats], cameras: Sequence[str], settings: ClockSettings) -> dict[str, int]:
    """The clocks in beats: beginning with none, the one is moved that gains most, until none gains enough."""
    steps = dict.fromkeys(cameras, 0)
    for _ in range(2 * len(cameras)):
        moves = [(*_best(curves, camera, steps, settings), camera) for camera in cameras]
        gain, step, camera = max(moves, key=lambda move: move[0])
        if gain <= 0:
            break
        steps[camera] = step
    return steps


def _best(
    curves: Mapping[Pair, Floats], camera: str, steps: Mapping[str, int], settings: ClockSettings
) -> tuple[float, int]:
    """What moving one clock gains, and where to; no gain where that is not sure.

    The clock is the mean of its posterior: the likelihood is often flat over a second, and its peak a matter of chance.
    """
    known, now = _evidence_of(curves, camera, steps), steps[camera]
    reach = len(known) // 2
    weights = np.exp(known - known.max())
    step = round(float(weights @ np.arange(-reach, reach + 1) / weights.sum()))
    if abs(step) * settings.beat < settings.least - 1e-9:
        step = 0
    gain = float(known[step + reach] - known[now + reach])
    needed = settings.firm if now else max(settings.sure, settings.share * float(known.max() - np.median(known)))
    return (gain, step) if step != now and gain > needed else (0.0, now)


def _evidence_of(curves: Mapping[Pair, Floats], camera: str, steps: Mapping[str, int]) -> Floats:
    """The log-likelihood of all clocks of a camera, given those of the others."""
    mine = [pair for pair in curves if camera in pair]
    reach = len(curves[mine[0]]) // 2 if mine else 0
    total = np.zeros(2 * reach + 1)
    for own in range(-reach, reach + 1):
        tried = {**steps, camera: own}
        total[own + reach] = sum(_at(curves[pair], tried[pair[1]] - tried[pair[0]]) for pair in mine)
    return total


def _likelihood(curves: Mapping[Pair, Floats], steps: Mapping[str, int]) -> float:
    return sum(_at(curve, steps[second] - steps[first]) for (first, second), curve in curves.items())


def _at(curve: Floats, shift: int) -> float:
    """The log-likelihood of a shift; of one out of reach, the least."""
    reach = len(curve) // 2
    return float(curve[shift + reach]) if abs(shift) <= reach else float(curve.min())


def trails_of(looks: Iterable[_Look], span: tuple[int, int], settings: ClockSettings) -> Trails:
    """The tracks of one camera as arrays over the beats of a span; those who walked furthest, where there are many."""
    tracks: dict[int, list[_Look]] = {}
    for look in looks:
        tracks.setdefault(look.track, []).append(look)
    enough = settings.evidence.common / settings.beat
    paths = [path for path in tracks.values() if len(path) >= enough]
    points = np.full((len(paths), span[1] - span[0], 2), np.nan)
    variances = np.zeros(len(paths))
    for row, path in enumerate(paths):
        where: Ints = np.array([look.beat - span[0] for look in path])
        points[row, where] = [(look.x, look.y) for look in path]
        variances[row] = np.mean([look.variance for look in path])
    way = np.nanmax(points, axis=1) - np.nanmin(points, axis=1) if len(paths) else np.zeros((0, 2))
    kept = np.sort(np.argsort(-np.hypot(*way.T), kind="stable")[: settings.tracks])
    return Trails(points[kept], variances[kept], settings.beat)
