"""The health of a running service, as `pipeline.health` notes it, for probes and metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unbroken.outlets.courier import CourierStatus
from unbroken.pipeline.health import CameraHealth, Health, SiteHealth
from unbroken.web.ports import Figure


@dataclass(frozen=True, slots=True)
class Wellness:
    """What the counters of a running site mean.

    Attributes:
        health: noted by the service.
        patience: seconds that one stage of a step may take before the site counts as hanging.
        outlets: how each outlet of events is. One that fails leaves the site well: its events wait in the spool.
    """

    health: Health
    patience: float = 30.0
    outlets: Callable[[], Sequence[CourierStatus]] = tuple

    def problems(self) -> Sequence[str]:
        """The stage that hangs, where one does."""
        site = self.health.snapshot()
        spent = site.now - site.stage_since
        if not site.stage or spent <= self.patience:
            return ()
        return (f"the chain has been at {site.stage!r} for {spent:.0f} s; restart the site if it does not go on",)

    def figures(self) -> Sequence[Figure]:
        """How much is computed, where time goes, and what each camera lost."""
        site = self.health.snapshot()
        sources = sorted({name for camera in site.cameras.values() for name in camera.extra})
        return (
            Figure("quality_level", "0 is full quality.", (({}, site.level),)),
            Figure("busy_share", "Of the last seconds, in which a step was running.", (({}, site.busy),)),
            Figure("step_seconds", "One step of all cameras, of late.", _quantiles(site)),
            *(_of_cameras(site, *one) for one in _CAMERAS),
            *(_of_sources(site, name) for name in sources),
            *_of_outlets(self.outlets()),
        )


_CAMERAS = (
    ("camera_frames_total", "Pictures that arrived.", "frames"),
    ("camera_dropped_total", "Pictures that newer ones replaced before their turn.", "dropped"),
    ("camera_faults_total", "Steps of the chain that broke.", "faults"),
    ("camera_connections_total", "How often the camera came online.", "connections"),
    ("camera_skew_seconds", "By which its stamps drifted.", "skew"),
    ("camera_every", "The detector looks at every n-th picture.", "every"),
)


_OUTLETS = (
    ("outlet_delivered_total", "Events that were taken since the start.", "delivered"),
    ("outlet_waiting", "Events that wait in the spool.", "waiting"),
    ("outlet_dropped_total", "Events that went undelivered: the spool was full, or it took too long.", "dropped"),
    ("outlet_refused_total", "Events that the other side will never take.", "refused"),
    ("outlet_failing", "Attempts in a row that failed.", "failing"),
)


def _of_outlets(outlets: Sequence[CourierStatus]) -> list[Figure]:
    return [
        Figure(name, meaning, tuple(({"outlet": one.name}, float(getattr(one, field))) for one in outlets))
        for name, meaning, field in _OUTLETS
    ]


def _of_cameras(site: SiteHealth, name: str, meaning: str, field: str) -> Figure:
    return Figure(name, meaning, tuple(({"camera": one}, _number(how, field)) for one, how in site.cameras.items()))


def _of_sources(site: SiteHealth, name: str) -> Figure:
    """What the sources of live cameras count by themselves; `docs/live.md` tells each."""
    values = tuple(({"camera": one}, how.extra[name]) for one, how in site.cameras.items() if name in how.extra)
    return Figure(f"camera_{name}", "Of the live camera's source.", values)


def _number(camera: CameraHealth, field: str) -> float:
    return float(getattr(camera, field))


def _quantiles(site: SiteHealth) -> tuple[tuple[dict[str, str], float], ...]:
    return tuple(({"quantile": f"{share:g}"}, site.steps.quantile(share)) for share in (0.5, 0.95))
