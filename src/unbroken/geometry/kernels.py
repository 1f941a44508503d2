"""The door to compiled arithmetic: the few functions that take a tracker's time, where numba is installed.

NumPy alone does everything: `pip install unbroken[fast]` adds numba, and then the same functions answer the same, to
rounding, in less time. They are loaded when first needed, never by `import unbroken`, compiled once per installation
and kept in numba's cache. Set `UNBROKEN_KERNELS=numpy` to do without.
"""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from typing import Protocol, TypeAlias

from unbroken.core.arrays import Bools, Floats, Ints

Basis: TypeAlias = tuple[int, int, int, int]
Columns: TypeAlias = tuple[Ints, Floats, Floats, Ints, Floats, Ints]
Seen: TypeAlias = tuple[Floats, Floats, Ints]
Limits: TypeAlias = tuple[int, float, float, float]


class Kernels(Protocol):
    """What is compiled: each function is the twin of the NumPy function that `geometry.compiled` names."""

    def iou(self, first: Floats, second: Floats, /) -> Floats:
        """Overlaps (N, M)."""

    def covered(self, boxes: Floats, /) -> Floats:
        """Covered shares (N,)."""

    def assign(self, costs: Floats, limit: float, /) -> tuple[Ints, Ints]:
        """Rows and columns of the best pairs."""

    def predict(self, moments: Floats, terms: Floats, basis: Basis, dt: float, rate: float, /) -> Floats:
        """Moments after a time."""

    def correct_some(
        self, moments: Floats, model: tuple[Floats, Basis], measured: Floats, noise: Floats, pairs: tuple[Ints, Ints], /
    ) -> None:
        """Correct the moments of some rows in place."""

    def xysr_from_xyxy(self, boxes: Floats, /) -> Floats:
        """Centre, area and aspect."""

    def xyxy_from_xysr(self, positions: Floats, /) -> Floats:
        """Corners."""

    def xyah_from_xyxy(self, boxes: Floats, /) -> Floats:
        """Centre, aspect and height."""

    def xyxy_from_xyah(self, positions: Floats, /) -> Floats:
        """Corners."""

    def cxcywh_from_xyxy(self, boxes: Floats, /) -> Floats:
        """Centre and size."""

    def xyxy_from_cxcywh(self, positions: Floats, /) -> Floats:
        """Corners."""

    def overlap_costs(self, overlaps: Floats, tracks: Ints, detections: Ints, /) -> Floats:
        """Costs (n, m) of some tracks and detections."""

    def fused_costs(self, overlaps: Floats, scores: Floats, tracks: Ints, detections: Ints, /) -> Floats:
        """Costs (n, m) of some tracks and detections."""

    def unclaimed(self, scores: Floats, least: float, rows: Ints, /) -> Ints:
        """Detections good enough that nobody took."""

    def common_shift(self, predicted: Floats, measured: Floats, limits: Limits, rounds: int, /) -> tuple[float, float]:
        """Right and down, in pixels."""

    def observe(self, table: Columns, seen: Seen, tracks: Ints, rows: Ints, time: float, /) -> None:
        """Write what was seen into the columns."""

    def claim(self, costs: Floats, limit: float, takers: tuple[Ints, Ints], rows: Ints, free: Bools, /) -> int:
        """Assign and write who was taken; how many were."""

    def momentum_costs(
        self,
        pairs: tuple[Floats, Ints, Ints],
        found: tuple[Floats, Floats],
        past: tuple[Floats, Floats, Floats, Floats],
        settings: tuple[float, float, float],
        time: float,
        /,
    ) -> Floats:
        """Costs (n, m) of OC-SORT's first stage."""

    def overdue(self, table: tuple[Ints, Bools, Floats], ages: tuple[float, float], time: float, /) -> Bools:
        """Tracks not seen for too long."""


@cache
def compiled() -> Kernels | None:
    """The compiled functions (`geometry.compiled`), or None where numba is not there or not wanted."""
    if os.environ.get("UNBROKEN_KERNELS", "").lower() == "numpy" or importlib.util.find_spec("numba") is None:
        return None
    from unbroken.geometry import compiled as functions

    return functions
