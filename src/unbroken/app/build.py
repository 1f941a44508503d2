"""Settings become a wired site: the only file that names concrete classes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from unbroken.app.nets import build_detector, build_embedder
from unbroken.app.sources import Opened, boxes_of
from unbroken.app.topology import options_of
from unbroken.appearance.colour import ColourEmbedder
from unbroken.config.changes import running
from unbroken.config.site import CameraSettings, SiteSettings
from unbroken.core.arrays import Floats
from unbroken.core.errors import ConfigError
from unbroken.core.ports import Detector, Embedder, IdentityManager, MotionEstimator
from unbroken.core.secrets import filled
from unbroken.datasets.motchallenge import Rows
from unbroken.datasets.views import view_of
from unbroken.detection.motion_detector import MotionDetector
from unbroken.detection.recorded import RecordedDetector
from unbroken.detection.selection import DetectorSettings
from unbroken.geometry.boxes import xywh_from_xyxy
from unbroken.identity.fusion import GroundedManager
from unbroken.identity.ground.clocks import Clocks
from unbroken.identity.ground.synchrony import Synchronised
from unbroken.identity.policies import DEFAULT, POLICIES
from unbroken.identity.policies import by_name as identity_by_name
from unbroken.models.registry import existing
from unbroken.pipeline.camera import Camera, Economy
from unbroken.pipeline.schedule import Schedule
from unbroken.pipeline.site import Site
from unbroken.tracking.registry import by_name as tracker_by_name
from unbroken.video.egomotion import CameraMotion, MotionFromFile
from unbroken.video.files import Blank
from unbroken.video.opening import is_live

BUILT_IN_DETECTOR = "motion"
BUILT_IN_EMBEDDER = "colour"
NONE = "none"


def build_site(settings: SiteSettings, opened: Mapping[str, Opened], clock: Callable[[], float]) -> Site:
    """Wire a site.

    Args:
        settings: checked.
        opened: the cameras by name.
        clock: seconds, for the timings of the report.

    Raises:
        ConfigError: a name or an option is not known.
        ModelError: a net is missing, damaged or does not fit.
    """
    workshop = Workshop(settings)
    detectors = {camera.name: workshop.detector(camera, opened[camera.name]) for camera in settings.cameras}
    cameras = {camera.name: workshop.camera(camera, opened[camera.name]) for camera in settings.cameras}
    calibrated = sum(camera.view is not None for camera in opened.values())
    pictures = any(not isinstance(camera.source, Blank) for camera in opened.values())
    manager = identity_of(settings, calibrated, pictures=pictures)
    return Site(cameras, detectors, embedder_of(settings), manager, clock)


def service_identity(settings: SiteSettings) -> IdentityManager | None:
    """What gives Global IDs in a site that runs as a service, as it would begin; `None` without."""
    return identity_of(settings, sum(bool(camera.calibration) for camera in running(settings).values()))


def synchronise(site: Site, settings: SiteSettings) -> None:
    """Have calibrated cameras whose clocks disagree wait for each other, where there are several.

    It goes around whatever else is around the identity manager: recordings and storage see sightings in their order.
    Clocks that are known are those of live cameras; recordings are read by them (`in_step`).

    Args:
        site: between two steps.
        settings: checked.
    """
    cameras = running(settings).values()
    if sum(bool(camera.calibration) for camera in cameras) > 1:
        live = any(is_live(camera.source) for camera in cameras)
        known = {camera.name: camera.clock for camera in cameras if live and camera.clock}
        site.wrap(lambda manager: Synchronised(manager, Clocks(known=known)))


class Workshop:
    """Makes what a camera needs. Cameras with the same net and region share a detector, and so its batches.

    Any thread may ask.

    Attributes:
        settings: of the site; may be replaced by others with the same nets.
    """

    def __init__(self, settings: SiteSettings) -> None:
        self.settings = settings
        self._shared: dict[str, Detector] = {}
        self._lock = threading.Lock()

    def detector(self, camera: CameraSettings, opened: Opened | None = None) -> Detector:
        """The detector of a camera; recorded boxes where it was opened and holds them.

        Raises:
            ConfigError: nobody knows its name.
            ModelError: the net is missing, damaged or does not fit.
        """
        wanted = detector_settings(camera, self.settings)
        if opened is not None and opened.recorded is not None:
            return RecordedDetector({camera.name: table_from_rows(opened.recorded)}, wanted)
        name = camera.detector or self.settings.detection.model
        key = f"{name} {camera.region}"
        with self._lock:
            if key not in self._shared:
                self._shared[key] = _new_detector(name, self.settings, wanted)
            return self._shared[key]

    def check(self, camera: CameraSettings) -> None:
        """Make what a camera needs before it is opened, so that what is wrong in its settings shows at once.

        Raises:
            ConfigError: nobody knows its detector, its tracker or an option, or its address lacks a variable.
            ModelError: the net is missing, damaged or does not fit.
            StoreError: its calibration cannot be read.
        """
        filled(camera.source, os.environ)
        tracker_by_name(self.settings.tracking.tracker, **self.settings.tracking.options)
        if camera.calibration:
            view_of(camera.calibration)
        if boxes_of(Path(camera.source)) is None:
            self.detector(camera)

    def camera(self, camera: CameraSettings, opened: Opened) -> Camera:
        """A camera with a fresh tracker.

        Raises:
            ConfigError: nobody knows the tracker, an option of it, or where the camera's motion would come from.
        """
        return _camera(camera, self.settings, opened)


def embedder_of(settings: SiteSettings) -> Embedder | None:
    """What makes features; `None` without."""
    name = settings.reid.model
    if name == NONE:
        return None
    if name == BUILT_IN_EMBEDDER:
        return ColourEmbedder()
    runtime = settings.runtime
    return build_embedder(
        name, _folders(settings), runtime=runtime.runtime, device=runtime.device, threads=runtime.threads
    )


def identity_of(settings: SiteSettings, calibrated: int, *, pictures: bool = True) -> IdentityManager | None:
    """What gives Global IDs; `None` without.

    Where several cameras are calibrated and nobody's looks are computed, the ground joins their views. With looks the
    manager weighs places itself, as one term of several: in a crowd it confuses fewer people than ground tracks do.

    Args:
        settings: of the site.
        calibrated: how many cameras are.
        pictures: whether there are any, rather than recorded boxes alone.

    Raises:
        ConfigError: nobody knows the policy, or an option of it.
    """
    policy = settings.identity.policy
    if policy == NONE:
        return None
    if policy not in POLICIES:
        known = ", ".join((*POLICIES, NONE))
        raise ConfigError(f"identity policy {policy!r} is not known; choose one of {known}")
    manager = identity_by_name(policy, **options_of(settings))
    looks = pictures and settings.reid.model != NONE
    joined = calibrated > 1 and policy == DEFAULT and not looks
    apart = frozenset(frozenset(pair) for pair in settings.topology.apart)
    return GroundedManager(manager, apart=apart) if joined else manager


def _new_detector(name: str, settings: SiteSettings, wanted: DetectorSettings) -> Detector:
    if name == BUILT_IN_DETECTOR:
        return MotionDetector(wanted=wanted)
    runtime = settings.runtime
    return build_detector(
        name, _folders(settings), wanted, runtime=runtime.runtime, device=runtime.device, threads=runtime.threads
    )


def detector_settings(camera: CameraSettings, settings: SiteSettings) -> DetectorSettings:
    """What a camera's detector reports."""
    detection = settings.detection
    return DetectorSettings(
        score=detection.score,
        nms_iou=detection.overlap,
        least_height=detection.min_height,
        region=camera.region,
        size=detection.size or DetectorSettings().size,
        decoder=detection.decoder,
    )


def _camera(camera: CameraSettings, settings: SiteSettings, opened: Opened) -> Camera:
    reid, detection = settings.reid, settings.detection
    economy = Economy(
        every=detection.every,
        schedule=Schedule(budget=detection.budget / 1000, most_every=detection.most_every),
        early_rejection=reid.early_rejection,
        unambiguous=reid.unambiguous,
        refresh=reid.refresh,
        feature_cache=reid.feature_cache,
        reid_score=reid.min_score,
    )
    tracker = tracker_by_name(settings.tracking.tracker, **settings.tracking.options)
    return Camera(camera.name, tracker, economy, motion_of(settings, opened), opened.view)


def motion_of(settings: SiteSettings, opened: Opened) -> MotionEstimator | None:
    """What tells a camera's own motion; `None` for one that stands still, or where nothing can tell.

    Raises:
        ConfigError: a file is to tell, and there is none.
    """
    source = settings.tracking.camera_motion
    if source == "file":
        if not opened.warps:
            raise ConfigError(
                f"camera {opened.source.camera}: camera motion is to come from a file, and its folder has no gmc.txt; "
                'choose "auto" or "none"'
            )
        return MotionFromFile(opened.warps)
    return CameraMotion() if source == "auto" and not isinstance(opened.source, Blank) else None


def table_from_rows(rows: Rows) -> Floats:
    """Rows of a file as a table: frame, id, left, top, width, height, score."""
    return np.column_stack([rows.frames, rows.ids, xywh_from_xyxy(rows.boxes), rows.scores])


def _folders(settings: SiteSettings) -> list[Path]:
    return existing([Path(settings.runtime.models)]) if settings.runtime.models else []
