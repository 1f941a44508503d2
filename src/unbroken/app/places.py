"""Zones, lines and who is in the site, from its settings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unbroken.config.site import SiteSettings
from unbroken.geometry.plane import GroundView
from unbroken.pipeline.lines import Line
from unbroken.pipeline.observers import Observer, Observers
from unbroken.pipeline.places import Places
from unbroken.pipeline.presence import Presence, PresenceSettings
from unbroken.pipeline.zones import Waiting, Zone


def observers_of(settings: SiteSettings, views: Mapping[str, GroundView]) -> Observer:
    """What is told beside tracks and identities: presence, zones and lines.

    Args:
        settings: of the site.
        views: of the cameras that are calibrated; asked at each step.
    """
    return Observers([presence_of(settings), places_of(settings, views)])


def presence_of(settings: SiteSettings) -> Presence:
    """Who is in the site."""
    return Presence(PresenceSettings(end=settings.outputs.unseen))


def places_of(settings: SiteSettings, views: Mapping[str, GroundView]) -> Places:
    """The zones and lines of a site. Without Global IDs nobody waits for them."""
    waiting = Waiting(patience=0.0) if settings.identity.policy == "none" else Waiting()
    return Places(zones_of(settings), lines_of(settings), views, waiting)


def zones_of(settings: SiteSettings) -> list[Zone]:
    """The zones of a site."""
    return [
        Zone(zone.name, zone.camera, np.array(zone.polygon, dtype=np.float64), zone.stay, zone.margin, zone.lost)
        for zone in settings.zones
    ]


def lines_of(settings: SiteSettings) -> list[Line]:
    """The lines of a site."""
    return [
        Line(line.name, line.camera, np.array([line.start, line.end], dtype=np.float64), line.margin)
        for line in settings.lines
    ]
