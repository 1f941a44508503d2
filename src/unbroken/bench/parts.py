"""The parts of identity, each off in turn: what the ablations of the benchmarks compare the default with."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from unbroken.identity.ground.values import GroundSettings
from unbroken.identity.settings import ManagerSettings

OWN_TRACKS = "the cameras' own tracks"


def ground_parts() -> dict[str, GroundSettings]:
    """Of the ground tracker, by what is missing."""
    base = GroundSettings()
    return {
        OWN_TRACKS: replace(base, continuity=0.0, doubtful_continuity=0.0),
        "doubt about cameras": replace(base, most_doubt=1.0),
        "a second round": replace(base, rounds=1),
        "merges": replace(base, merge_time=inf),
        "second thoughts": replace(base, second_thoughts=0.0),
    }


def handoff_parts(base: ManagerSettings) -> dict[str, ManagerSettings]:
    """Of hand-offs without looks, by what is missing.

    Args:
        base: what is otherwise as it is.
    """
    transits = base.transits
    return {
        "places of entry and exit": replace(base, transits=replace(transits, reach=1e9)),
        "pace and side": replace(base, transits=replace(transits, ridge=1e9)),
        "knowing that no views overlap": replace(base, topology=replace(base.topology, apart=frozenset())),
    }


def site_parts() -> dict[str, ManagerSettings]:
    """Of the default manager on a site with looks, times and places, by what is missing."""
    base = ManagerSettings()
    return {
        "camera means": replace(base, features=replace(base.features, camera_shrinkage=1e9)),
        "learnt within-person spread": replace(base, calibration=replace(base.calibration, within_shrinkage=1e9)),
        "transit times": replace(base, topology=replace(base.topology, leave=1e-9, slow=0.8)),
        "place": replace(base, places=replace(base.places, area=1e-9)),
        "deciding on tracks that stood together": replace(base, coincidences=replace(base.coincidences, sure=inf)),
        "guesses": replace(base, guess=1.0),
        "corrections": replace(base, corrections=replace(base.corrections, revisits=0, candidates=0)),
    }
