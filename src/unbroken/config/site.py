"""What a user may write in `site.toml`: every field has its unit and its bounds, and nothing else is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, ValidationInfo, model_validator

from unbroken.config.lines import Location
from unbroken.config.service import (
    BudgetSettings,
    BusSettings,
    LineSettings,
    LiveSettings,
    LogSettings,
    OutputSettings,
    StorageSettings,
    TopologySettings,
    WebSettings,
    ZoneSettings,
)
from unbroken.config.strict import Line, Name, Place, Point, Share, Strict, Value
from unbroken.identity.policies import DEFAULT as DEFAULT_POLICY
from unbroken.tracking.registry import DEFAULT as DEFAULT_TRACKER


class CameraSettings(Strict):
    """One camera."""

    name: Name = Field(description="Short, without spaces: it names files.")
    source: Place = Field(
        min_length=1,
        description="A video, a folder, `rtsp://$USER:${PASSWORD}@host/path`, `loop://VIDEO`, a webcam's number, "
        "recorded boxes (.txt).",
    )
    frame_rate: float = Field(25.0, gt=0, le=1000, description="Pictures per second, where only you know it.")
    calibration: Place = Field(
        "", description="A file with homography or full calibration, in metres; FILE#2: the second of a scene."
    )
    clock: float = Field(
        0.0,
        ge=-60,
        le=60,
        description="Seconds: everything shows that much earlier here than in the others; < 0: later.",
    )
    detector: Place = Field("", description="Another detector for this camera than for the others.")
    region: tuple[Point, ...] = Field((), description="A polygon in pixels: people outside don't count.")
    on: bool = Field(default=True, description="Switched off, it stays in the file and is not opened.")
    node: str = Field("", max_length=64, description="The machine that runs it, one of bus.nodes; empty: the only one.")


class DetectionSettings(Strict):
    """Who is in the picture."""

    model: Place = Field("motion", description="`motion` (built in, fixed cameras), a model's name or a file.")
    size: int = Field(0, ge=0, le=4096, description="Pixels of the net's longer side; 0: what its card says.")
    score: Share = Field(
        0.1, description="Share: lesser detections are dropped; trackers have thresholds of their own."
    )
    overlap: Share = Field(0.65, description="IoU above which the lesser of two boxes is dropped.")
    min_height: float = Field(0, ge=0, le=10000, description="Pixels: smaller people don't count.")
    every: int = Field(1, ge=1, le=100, description="Frames from one run of the detector to the next.")
    budget: float = Field(
        0, ge=0, le=10000, description="Milliseconds of detection per frame and camera, in place of `every`; 0: off."
    )
    most_every: int = Field(
        10, ge=1, le=1000, description="Frames, with a budget, after which the detector runs anyway."
    )
    decoder: Line = Field("", description="How to read the answer of a net without a card.")


class ReidSettings(Strict):
    """What people look like."""

    model: Place = Field("colour", description="`colour` (built in), `none`, a model's name or a file.")
    early_rejection: float = Field(
        0.95, ge=0, le=2, description="IoU: no feature where a predicted track overlaps by more; above 1: off."
    )
    unambiguous: Share = Field(
        0, description="IoU: no new feature for a known track whose box overlaps nobody else's by more; 0: off."
    )
    refresh: float = Field(
        1.0, ge=0, le=3600, description="Seconds after which a track gets a new feature all the same."
    )
    feature_cache: int = Field(5, ge=1, le=1000, description="Number of features of a track that are averaged.")
    min_score: Share = Field(0.5, description="Share: detections of a lower score get no feature.")


class RuntimeSettings(Strict):
    """What nets run on."""

    runtime: Literal["auto", "onnxruntime", "openvino", "opencv"] = Field(
        "auto", description="`auto`: ONNX Runtime for .onnx files, OpenVINO for .xml."
    )
    device: Literal["cpu", "cuda"] = Field("cpu", description="Where nets run; `cuda` needs a GPU and its packages.")
    threads: int = Field(1, ge=1, le=256, description="Number of threads per net.")
    models: Place = Field("", description="A folder with nets, searched first.")


class TrackingSettings(Strict):
    """Who is followed, in one camera."""

    tracker: Line = Field(
        DEFAULT_TRACKER, description="unbroken, sort, deepsort, bytetrack, ocsort, botsort, or a plug-in."
    )
    camera_motion: Literal["none", "file", "auto"] = Field("none", description="Whether the camera itself moves.")
    options: dict[str, Value] = Field(default_factory=dict, description="Parameters of the tracker, by name.")


class IdentitySettings(Strict):
    """Who is who, over all cameras."""

    policy: Line = Field(DEFAULT_POLICY, description="calibrated, fixed, or none.")
    options: dict[str, Value] = Field(default_factory=dict, description="Settings of the policy, by name.")


class SiteSettings(Strict):
    """A site: cameras and what is done with their pictures."""

    cameras: tuple[CameraSettings, ...] = Field(min_length=1, max_length=1000)
    detection: DetectionSettings = DetectionSettings()
    reid: ReidSettings = ReidSettings()
    runtime: RuntimeSettings = RuntimeSettings()
    tracking: TrackingSettings = TrackingSettings()
    identity: IdentitySettings = IdentitySettings()
    topology: TopologySettings = TopologySettings()
    zones: tuple[ZoneSettings, ...] = ()
    lines: tuple[LineSettings, ...] = ()
    live: LiveSettings = LiveSettings()
    budget: BudgetSettings = BudgetSettings()
    storage: StorageSettings = StorageSettings()
    outputs: OutputSettings = OutputSettings()
    web: WebSettings = WebSettings()
    bus: BusSettings = BusSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _nothing_contradicts(self, info: ValidationInfo) -> SiteSettings:
        for _, sentence in contradictions(self) if info.context is not ALONE else ():
            raise ValueError(sentence)
        return self


ALONE: dict[str, object] = {}
"""The context for checking each setting on its own; `contradictions` tells the rest."""


def contradictions(settings: SiteSettings) -> Iterator[tuple[Location, str]]:
    """Where settings do not go together: the way to the setting that is to blame, and a sentence with the mend."""
    names = [camera.name for camera in settings.cameras]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield ("cameras", number, "name"), f"two cameras have the name {name}; give each a name of its own"
    listed = ", ".join(sorted(set(names)))
    for place, name in _cameras_named(settings):
        if name not in names:
            yield place, f"camera {name} is named but not listed; the cameras are {listed}"
    yield from _same_names(settings)
    yield from _topology_against_itself(settings)
    yield from _nodes_against_cameras(settings)
    if settings.live.first_retry > settings.live.longest_retry:
        yield (
            ("live", "first_retry"),
            f"live.first_retry is {settings.live.first_retry:g} s, longer than live.longest_retry; swap them",
        )
    placed = any(camera.calibration for camera in settings.cameras)
    if settings.reid.model == "none" and settings.identity.policy == "fixed" and not placed:
        yield (
            ("identity", "policy"),
            'the policy "fixed" decides by features; choose a reid model or identity.policy = "none"',
        )


def _same_names(settings: SiteSettings) -> Iterator[tuple[Location, str]]:
    """Zones and lines are told apart in events by their names alone."""
    areas: dict[str, tuple[ZoneSettings | LineSettings, ...]] = {"zones": settings.zones, "lines": settings.lines}
    for section, listed in areas.items():
        names = [area.name for area in listed]
        for number, name in enumerate(names):
            if name in names[:number]:
                yield (section, number, "name"), f"two {section} have the name {name}; give each a name of its own"


def _topology_against_itself(settings: SiteSettings) -> Iterator[tuple[Location, str]]:
    """Two cameras cannot see the same floor and never see it, and nobody is usually faster than anybody can be."""
    topology = settings.topology
    seeing = {frozenset(pair) for pair in topology.overlapping}
    for key, pairs in (("overlapping", topology.overlapping), ("apart", topology.apart)):
        for number, pair in enumerate(pairs):
            if pair[0] == pair[1]:
                yield ("topology", key, number), f"topology.{key} pairs camera {pair[0]} with itself; name two cameras"
            elif key == "apart" and frozenset(pair) in seeing:
                both = " and ".join(sorted(pair))
                yield ("topology", key, number), f"{both} overlap and are apart; take them out of one of the two lists"
    for number, link in enumerate(topology.links):
        if 0 < link.usual < link.fastest:
            text = f"usual is {link.usual:g} s and fastest {link.fastest:g} s, the least possible; swap them"
            yield ("topology", "links", number, "usual"), text


def _nodes_against_cameras(settings: SiteSettings) -> Iterator[tuple[Location, str]]:
    """Where there are nodes, each camera is one's, each has a camera, and what they see is stored once."""
    nodes = settings.bus.nodes
    for number, node in enumerate(nodes):
        if node in nodes[:number]:
            yield ("bus", "nodes", number), f"two nodes have the name {node}; give each a name of its own"
    for number, camera in enumerate(settings.cameras):
        if camera.node and camera.node not in nodes:
            listed = f"the nodes are {', '.join(nodes)}" if nodes else "bus.nodes lists none"
            yield ("cameras", number, "node"), f"camera {camera.name} is to run on {camera.node!r}; {listed}"
        elif nodes and not camera.node:
            mend = f"give it one of {', '.join(nodes)}"
            yield ("cameras", number, "name"), f"camera {camera.name} has no node, and bus.nodes lists some; {mend}"
    if nodes and not settings.bus.secret:
        yield ("bus", "nodes"), "bus.nodes lists nodes and bus.secret is empty; name an environment variable for it"
    if nodes and settings.identity.policy == "none":
        yield ("identity", "policy"), "nodes send what they see to be given Global IDs; choose a policy"
    if nodes and settings.storage.database == "none":
        yield ("storage", "database"), "nodes send again what was not stored, and nothing is; name a database"


def _cameras_named(settings: SiteSettings) -> Iterator[tuple[Location, str]]:
    """Every mention of a camera outside the list of cameras."""
    topology = settings.topology
    areas: dict[str, tuple[ZoneSettings | LineSettings, ...]] = {"zones": settings.zones, "lines": settings.lines}
    for section, listed in areas.items():
        yield from (((section, number, "camera"), area.camera) for number, area in enumerate(listed) if area.camera)
    for key, pairs in (("overlapping", topology.overlapping), ("apart", topology.apart)):
        for number, pair in enumerate(pairs):
            yield from ((("topology", key, number, end), name) for end, name in enumerate(pair))
    for number, link in enumerate(topology.links):
        yield from ((("topology", "links", number, "cameras", end), name) for end, name in enumerate(link.cameras))
