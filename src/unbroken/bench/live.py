"""`unbroken bench live`: the whole service on live cameras, in real time, from an RTSP server in a process of its own.

A scene is four cameras of 480 x 360 at 10 pictures/s: "views", the first four videos that lie in one folder, begun at
the same time, and "crowd", four copies of one video, each begun a quarter later. Detection by RTMDet-nano at 320, Re-ID
by retail-0288, Global IDs on, everything stored and written as in a site.

The latency of a picture runs from the moment at which the server has sent it, by the server's own clock (RTCP sender
reports; both run on this machine), until its events are on their way out. It contains the network, decoding and every
queue: if one grew, it would grow. Where a server says no time, it runs from the picture's stamp on our clock.
"""

from __future__ import annotations

import math
import os
import resource
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from unbroken.app.run import Service
from unbroken.bench.outcome import Options, Outcome
from unbroken.config.reading import checked
from unbroken.config.site import SiteSettings
from unbroken.core.arrays import Floats, Image
from unbroken.core.errors import ConfigError
from unbroken.core.events import Event
from unbroken.core.frames import Frame
from unbroken.core.results import FrameResult
from unbroken.pipeline.health import SiteHealth
from unbroken.render.html import el
from unbroken.render.plots import Labels, line_plot
from unbroken.testing.servers import served
from unbroken.video.files import VIDEOS, VideoFile

CAMERAS, RATE, SIZE, GROUP = 4, 10, (480, 360), 20
"""Cameras, their pictures per second, width and height in pixels, and pictures from one key picture to the next."""
DETECTOR, REID = ("rtmdet_nano", 320), "person-reidentification-retail-0288"
BUDGET = 180.0
"""Milliseconds that the site may take from a picture's arrival to its events. FFmpeg hands an H.264 picture of an RTSP
stream on when the next one begins, so a tenth of a second is gone before that."""
LONG, QUICK, WARM = 600.0, 20.0, 10.0
"""Seconds of a scene that are measured, and those before them in which nets are warmed up."""

_COLUMNS = (
    "scene", "camera", "pictures", "answered /s", "dropped %", "p50 ms", "p95 ms", "worst ms", "trend ms/min",
    "detector every", "waiting at most",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """Four videos, and where in it each camera begins, as a share of its length."""

    name: str
    videos: tuple[Path, ...]
    starts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the running site: seconds since the start of measuring, and how it was."""

    time: float
    health: SiteHealth


@dataclass(slots=True)
class Stopwatch:
    """A sink that comes last: notes when each answer was on its way out, and how old its picture was then.

    Attributes:
        noted: per camera (seconds since 1970, latency in seconds).
        persons: Global IDs that were given.
    """

    noted: defaultdict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    persons: set[int] = field(default_factory=set)

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Note one answer."""
        now = time.time()
        self.noted[frame.camera].append((now, now - frame.time))
        self.persons.update(int(person) for person in result.identities.persons if person > 0)

    def hear(self, events: Sequence[Event]) -> None:
        """Events without a picture have no latency."""

    def close(self) -> None:
        """Nothing is held."""


def run(options: Options) -> Outcome:
    """Run every scene that the folder has videos for, one after the other."""
    seconds = QUICK if options.quick else LONG
    rows: list[tuple[str | float | int, ...]] = []
    notes: list[str] = []
    for scene in scenes(options.data):
        with tempfile.TemporaryDirectory(prefix="unbroken-live-") as folder:
            files = prepared(scene, Path(folder), seconds + WARM + 60)
            watched = watch(files, Path(folder), options, seconds)
        rows += _rows(scene.name, watched, seconds)
        notes += watched.notes(scene.name, seconds)
        if options.output:
            _plot(options.output / f"live-{scene.name}.html", scene.name, watched)
    rows.append(("all", "goal", "-", float(RATE), "-", "-", "< 300", "-", "about 0", "-", 1))
    settings = {"seconds": seconds, "cameras": CAMERAS, "rate": RATE, "size": SIZE, "detector": DETECTOR, "reid": REID}
    settings["budget"] = BUDGET
    return Outcome("live", _COLUMNS, tuple(rows), settings, options.seed, tuple(notes))


def scenes(folder: Path) -> list[Scene]:
    """What a folder's videos are good for.

    Raises:
        ConfigError: it holds no video.
    """
    videos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS)
    if not videos:
        raise ConfigError(f"{folder}: holds no video; give --data a folder with videos")
    together = defaultdict(list)
    for video in videos:
        together[video.parent].append(video)
    views = next((group for group in together.values() if len(group) >= CAMERAS), [])
    found = [Scene("views", tuple(views[:CAMERAS]), (0.0,) * CAMERAS)] if views else []
    scored = [video for video in videos if any(video.stem.startswith(truth.stem[:-3]) for truth in _truths(video))]
    crowd = (scored or videos)[0]
    return [*found, Scene("crowd", (crowd,) * CAMERAS, tuple(number / CAMERAS for number in range(CAMERAS)))]


def _truths(video: Path) -> list[Path]:
    return sorted(video.parent.glob("*_gt.txt"))


def prepared(scene: Scene, folder: Path, seconds: float) -> list[Path]:
    """A file per camera: its video as H.264 of the scene's size and rate, again and again for `seconds`."""
    coded = {video: _coded(video, folder / f"coded{number}.mp4") for number, video in enumerate(set(scene.videos))}
    return [
        _repeated(coded[video], folder / f"{number}.mp4", start, seconds)
        for number, (video, start) in enumerate(zip(scene.videos, scene.starts, strict=True))
    ]


def _repeated(coded: Path, path: Path, start: float, seconds: float) -> Path:
    """The packets of a coded video for so many seconds, from the key picture near a share of its length on."""
    with av.open(str(coded)) as once, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(once.streams.video[0])
        packets = [packet for packet in once.demux(video=0) if packet.pts is not None]
        first = round(start * len(packets) / GROUP) * GROUP
        step = int(1 / (RATE * packets[0].time_base))
        for number in range(round(seconds * RATE)):
            packet = packets[(first + number) % len(packets)]
            packet.pts = packet.dts = number * step
            packet.stream = stream
            container.mux(packet)
    return path


def _coded(video: Path, path: Path) -> Path:
    """A video at the scene's rate and size."""
    source = VideoFile(video, "coded")
    options = {"preset": "veryfast", "tune": "zerolatency", "crf": "23", "threads": "1", "x264-params": "scenecut=0"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.gop_size = GROUP
        for number, image in enumerate(_thinned(source)):
            picture = VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    source.close()
    return path


def _thinned(source: VideoFile) -> Iterator[Image]:
    """Pictures at the scene's rate, in its size."""
    due = 0.0
    for frame in source:
        if frame.time >= due - 1e-6:
            due += 1 / RATE
            yield np.asarray(cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of a scene.

    Attributes:
        latencies: per camera (N, 2): seconds since the start of measuring, latency in seconds.
        samples: the site's health, once a second.
        cores: processor seconds per second of the site and of the servers.
        server: what has served.
        timed: whether the server has told its own time.
        people: Global IDs that were given.
    """

    latencies: dict[str, Floats]
    samples: list[Sample]
    cores: tuple[float, float]
    server: str
    timed: bool
    people: int

    def notes(self, scene: str, seconds: float) -> list[str]:
        """What the table does not say."""
        levels = np.array([sample.health.level for sample in self.samples])
        busy = np.mean([sample.health.busy for sample in self.samples])
        clock = "the server's own clock" if self.timed else "the stamps of the pictures"
        return [
            f"{scene}: served by {self.server} with {self.cores[1]:.2f} cores; the site took {self.cores[0]:.2f}, "
            f"its scheduler was busy {busy:.0%} of the time; latency by {clock}; {self.people} Global IDs.",
            f"{scene}: full quality for {np.mean(levels == 0):.0%} of {seconds:.0f} s, at worst level {levels.max()}.",
        ]


def watch(files: Sequence[Path], folder: Path, options: Options, seconds: float) -> Watched:
    """Serve the files, run the site on them, and look."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    stopwatch = Stopwatch()
    start = time.time()
    with (
        served(files) as serving,
        Service(_site(serving.addresses, folder, options), [stopwatch]) as service,
        _sampled(service) as samples,
    ):
        _wait(service, min(WARM, seconds))
        spent, begun = _spent(resource.RUSAGE_SELF), time.time()
        _wait(service, seconds)
        end = time.time()
        used = (_spent(resource.RUSAGE_SELF) - spent) / (end - begun)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    servers = (after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime) / (time.time() - start)
    noted = {
        camera: np.array([(at - begun, late) for at, late in values if begun <= at <= end]).reshape(-1, 2)
        for camera, values in sorted(stopwatch.noted.items())
    }
    kept = [Sample(health.now - begun, health) for health in samples if begun <= health.now <= end]
    clocks = [camera.extra.get("calendar_skew_seconds", math.nan) for camera in kept[-1].health.cameras.values()]
    timed = all(math.isfinite(clock) for clock in clocks)
    return Watched(noted, kept, (used, servers), serving.server, timed, len(stopwatch.persons))


def _rows(scene: str, watched: Watched, seconds: float) -> list[tuple[str | float | int, ...]]:
    """One row per camera, and one for all."""
    rows = [_row(scene, [camera], watched, seconds) for camera in watched.latencies]
    return [*rows, _row(scene, list(watched.latencies), watched, seconds)]


def _row(scene: str, cameras: Sequence[str], watched: Watched, seconds: float) -> tuple[str | float | int, ...]:
    values = np.concatenate([np.zeros((0, 2)), *(watched.latencies[camera] for camera in cameras)])
    first, last = watched.samples[0].health.cameras, watched.samples[-1].health.cameras
    arrived = sum(last[camera].frames - first[camera].frames for camera in cameras)
    dropped = sum(last[camera].dropped - first[camera].dropped for camera in cameras)
    late = 1000 * values[:, 1]
    p50, p95, worst = np.percentile(late, (50, 95, 100)) if len(late) else (math.nan,) * 3
    trend = 60 * np.polyfit(values[:, 0], late, 1)[0] if len(late) > 1 else math.nan
    return (
        scene,
        cameras[0] if len(cameras) == 1 else f"all {len(cameras)}",
        len(values),
        len(values) / seconds / len(cameras),
        100 * dropped / max(arrived, 1),
        float(p50),
        float(p95),
        float(worst),
        float(trend),
        float(np.mean([last[camera].every for camera in cameras])),
        max(sum(sample.health.cameras[camera].waiting for camera in cameras) for sample in watched.samples),
    )


def _plot(path: Path, scene: str, watched: Watched) -> None:
    """Latency, queues and quality over time, as one page."""
    late = {camera: _by_second(values) for camera, values in watched.latencies.items()}
    times = np.array([sample.time for sample in watched.samples])
    queues = {
        "waiting": np.array([sum(one.waiting for one in sample.health.cameras.values()) for sample in watched.samples]),
        "quality level": np.array([sample.health.level for sample in watched.samples]),
        "busy x 10": np.array([10 * sample.health.busy for sample in watched.samples]),
    }
    latency = line_plot(late, Labels(f"{scene}: 95 % of pictures are answered within", "seconds", "ms"))
    waiting = line_plot(
        {name: np.column_stack([times, values]) for name, values in queues.items()},
        Labels(f"{scene}: pictures that wait, and how much is computed", "seconds", "pictures"),
    )
    title = f"Four live cameras: {scene}"
    page = el("html", el("title", title), el("body", el("h1", title), latency, waiting))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<!doctype html>{page}", encoding="utf-8")


def _by_second(values: Floats, window: float = 2.0) -> Floats:
    """(N, 2) seconds and latencies as (M, 2): the 95th percentile in ms of each window."""
    bins = np.floor(values[:, 0] / window)
    return np.array(
        [((one + 0.5) * window, 1000 * np.percentile(values[bins == one, 1], 95)) for one in np.unique(bins)]
    ).reshape(-1, 2)


def _site(addresses: Sequence[str], folder: Path, options: Options) -> SiteSettings:
    content: dict[str, object] = {
        "cameras": [{"name": f"camera{number}", "source": one} for number, one in enumerate(addresses)],
        "detection": {"model": DETECTOR[0], "size": DETECTOR[1]},
        "reid": {"model": REID},
        "runtime": {"models": str(options.models), "threads": min(2, os.cpu_count() or 1)},
        "budget": {"latency": BUDGET},
        "live": {"trust_clock": True},
        "storage": {"database": str(folder / "site.db")},
        "outputs": {"events": str(folder / "events.jsonl"), "spool": str(folder / "spool")},
        "web": {"on": False},
        "log": {"access": ""},
    }
    return checked(content, "bench live")


def _wait(service: Service, seconds: float) -> None:
    """Let the site run."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        service.wait(min(left, 0.5))


def _spent(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _sampled(service: Service) -> Iterator[list[SiteHealth]]:
    """Look at the site's health four times a second, in a thread of its own."""
    samples: list[SiteHealth] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.25):
            samples.append(service.health.snapshot())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
