"""Sightings become numbered reports: the same number never counts twice, and each start of a tracker is an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unbroken.core.batches import Report
from unbroken.core.sightings import Sightings


class Numbering:
    """Numbers the reports of cameras.

    Args:
        epochs: the last epoch of each camera that is known already: it begins anew here.
    """

    def __init__(self, epochs: Mapping[str, int] | None = None) -> None:
        self._epochs = {camera: epoch + 1 for camera, epoch in (epochs or {}).items()}
        self._numbers: dict[str, int] = {}
        self._begun = set(self._epochs)

    def begin(self, camera: str) -> None:
        """The tracker of a camera begins anew, or the camera is gone; without a report since the last time it stays."""
        if camera in self._epochs and camera not in self._begun:
            self._epochs[camera] += 1
            self._numbers.pop(camera, None)
            self._begun.add(camera)

    def reports(self, sightings: Sequence[Sightings], time: float) -> tuple[Report, ...]:
        """One report for each of the sightings, in their order.

        Behind them come empty reports at `time` of cameras that have begun anew and show nothing yet: these end the
        tracks of before. Without sightings there is no report at all.
        """
        silent = sorted(self._begun - {view.camera for view in sightings}) if sightings else []
        nobody = np.zeros(0, dtype=np.int64)
        empty = [Sightings.of_nobody(camera, time, nobody) for camera in silent]
        return tuple(self._numbered(view) for view in (*sightings, *empty))

    def _numbered(self, sightings: Sightings) -> Report:
        camera = sightings.camera
        number = self._numbers.get(camera, 0)
        self._numbers[camera] = number + 1
        self._begun.discard(camera)
        return Report(self._epochs.setdefault(camera, 1), number, sightings)
