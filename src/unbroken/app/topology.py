"""What a site file says of cameras, ways and memory, as settings of the identity managers."""

from __future__ import annotations

from pathlib import Path

from unbroken.config.reading import read_site
from unbroken.config.service import TopologySettings as Stated
from unbroken.config.site import SiteSettings
from unbroken.core.errors import ConfigError
from unbroken.datasets.views import view_of
from unbroken.geometry.plane import GroundView
from unbroken.identity.fixed import FixedManager
from unbroken.identity.gallery import GallerySettings
from unbroken.identity.looks.calibration import CalibrationSettings
from unbroken.identity.looks.densities import DensitySettings
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.policies import by_name
from unbroken.identity.whereabouts.topology import TopologySettings
from unbroken.models.registry import existing, known_cards

_DAY = 86400.0


def topology_of(stated: Stated) -> TopologySettings:
    """What is given of the graph of cameras; a link holds in both directions."""
    fastest, usual = {}, {}
    for link in stated.links:
        first, second = link.cameras
        for way in ((first, second), (second, first)):
            if link.fastest:
                fastest[way] = link.fastest
            if link.usual:
                usual[way] = link.usual
    overlapping = frozenset(frozenset(pair) for pair in stated.overlapping)
    apart = frozenset(frozenset(pair) for pair in stated.apart)
    return TopologySettings(fastest=fastest, usual=usual, overlapping=overlapping, apart=apart)


def options_of(settings: SiteSettings) -> dict[str, object]:
    """Settings of the site's identity policy, by name: the topology, what is kept, then what the policy is told."""
    storage, identity = settings.storage, settings.identity
    kept = GallerySettings(capacity=storage.people, lifetime=storage.days * _DAY, megabytes=storage.megabytes)
    topology = topology_of(settings.topology)
    known: dict[str, dict[str, object]] = {
        "calibrated": {"topology": topology, "gallery": kept, "calibration": calibration_of(settings)},
        "fixed": {"capacity": storage.people},
    }
    return {**known.get(identity.policy, {}), **identity.options}


def calibration_of(settings: SiteSettings) -> CalibrationSettings:
    """Where the calibration of looks begins: at what the card of the site's Re-ID net says of it, if it does."""
    folders = [Path(settings.runtime.models)] if settings.runtime.models else []
    card = known_cards(existing(folders)).get(settings.reid.model)
    if card is None or not card.separation:
        return CalibrationSettings()
    return CalibrationSettings(densities=DensitySettings(separation=card.separation))


def manager_of(path: Path, policy: str = "") -> tuple[CalibratedManager | FixedManager, dict[str, GroundView]]:
    """A fresh manager as a site file describes it, and how its calibrated cameras see the ground.

    Args:
        path: the site file.
        policy: in place of that of the site, whose options then do not hold.

    Raises:
        ConfigError: the file, the policy or one of its options does not fit.
        StoreError: a file cannot be read.
    """
    settings = read_site(path)
    if policy and policy != settings.identity.policy:
        identity = settings.identity.model_copy(update={"policy": policy, "options": {}})
        settings = settings.model_copy(update={"identity": identity})
    manager = by_name(settings.identity.policy, **options_of(settings))
    if not isinstance(manager, (CalibratedManager, FixedManager)):
        raise ConfigError(f"identity policy {settings.identity.policy!r} takes no tables; choose calibrated or fixed")
    views = {camera.name: view_of(camera.calibration) for camera in settings.cameras if camera.calibration}
    return manager, views
