"""Whose clock is off, found from the footage of a site."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unbroken.app.track import answers, opened_site
from unbroken.config.site import SiteSettings
from unbroken.core.batches import Command
from unbroken.core.errors import ConfigError
from unbroken.core.events import Event
from unbroken.core.ports import IdentityManager
from unbroken.core.sightings import Identities, Sightings
from unbroken.identity.ground.clocks import Clocks
from unbroken.identity.ground.values import GroundObservations


class _Listening:
    """An identity manager whose sightings are compared by time, and who decides as the one inside."""

    def __init__(self, inner: IdentityManager, clocks: Clocks) -> None:
        self._inner, self._clocks = inner, clocks

    def observe(self, sightings: Sequence[Sightings]) -> tuple[list[Identities], list[Event]]:
        placed = [view for view in sightings if np.isfinite(view.ground).any()]
        if placed:
            time = max(view.time for view in placed)
            self._clocks.observe(time, [GroundObservations.from_sightings(view) for view in placed])
        return self._inner.observe(sightings)

    def correct(self, command: Command, time: float) -> list[Event]:
        return self._inner.correct(command, time)


def find_clocks(settings: SiteSettings, seconds: float = 0.0) -> dict[str, float]:
    """Run a site's tracking and compare the paths of people in its calibrated cameras.

    Args:
        settings: checked; clocks that it gives count as they are.
        seconds: of footage; 0 runs to its end, which live cameras don't have.

    Returns:
        By how many seconds each camera is ahead of the others, beyond what is given; 0 where nothing shows it.

    Raises:
        ConfigError: fewer than two cameras are calibrated, or nobody is given a Global ID.
        SourceError: a camera cannot be opened.
    """
    calibrated = [camera.name for camera in settings.cameras if camera.calibration]
    if len(calibrated) < 2:
        raise ConfigError(f"{len(calibrated)} of the cameras are calibrated; give calibrations of two that overlap")
    clocks = Clocks()
    with opened_site(settings, seconds) as running:
        running.site.wrap(lambda manager: _Listening(manager, clocks))
        for _ in answers(running.site, running.moments):
            pass
    clocks.settle()
    return {camera: clocks.ahead.get(camera, 0.0) for camera in calibrated}
