"""Which benchmarks there are. Each is a module of this room with `run(options: Options) -> Outcome`."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from unbroken.bench.outcome import Options, Outcome
from unbroken.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Entry:
    """A benchmark: its module, the folder of its set below `UNBROKEN_DATA`, and what it measures."""

    module: str
    folder: str
    summary: str


BENCHMARKS: dict[str, Entry] = {
    "appearance": Entry(
        "appearance", "data/video", "Who is told apart by looks: rank-1 and mAP on crops of real video."
    ),
    "crash": Entry("crash", "", "A site that is killed at random instants: nothing acknowledged is lost."),
    "detect": Entry("detect", "data/video", "Detectors on real video with ground truth: average precision and time."),
    "economy": Entry("economy", "data/video", "What each saving of work spares on real video, and what it costs."),
    "evaluation": Entry("evaluation", "data/mot17_half", "Scores and speed of the evaluation beside TrackEval."),
    "live": Entry("live", "data/video", "Four live cameras in real time, from an RTSP server: latency, drops, queues."),
    "world": Entry("world", "", "Identity managers over 8 synthetic cameras whose truth is known, with chaos too."),
    "scale": Entry("scale", "", "Cost of an identity step, by cameras (1 to 256) and people (10 to 10,000)."),
    "speed": Entry("speed", "data/mot17_half", "Pictures per second of the trackers alone, beside pyxtrackers."),
    "faults": Entry("faults", "", "Every fault of a live camera: seconds until it is named, and until it is mended."),
    "gallery": Entry("gallery", "", "100,000 people x 512 numbers, searched exactly: query, update, load."),
    "soak": Entry("soak", "", "A day of eight cameras with storage: whether memory, time or sizes grow."),
    "handoff": Entry("handoff", "data/nlpr_mct1", "The same person in the next camera, from times alone."),
    "market": Entry("market", "data/market_stream", "One Global ID per person by appearance and time, six cameras."),
    "mot17": Entry(
        "mot17", "data/mot17_half", "Trackers on recorded boxes of one camera, and the default taken apart."
    ),
    "multiview": Entry("multiview", "data/multiview", "Global IDs over overlapping views with homographies."),
    "storage": Entry("storage", "", "What 100,000 people cost on disk: to load, to add to, to copy, to forget one."),
    "wildtrack": Entry("wildtrack", "data/wildtrack", "People on the ground plane of seven overlapping cameras."),
}


def data_root() -> Path:
    """Where real data and nets lie: `UNBROKEN_DATA`, or `../shared`."""
    return Path(os.environ.get("UNBROKEN_DATA", "../shared"))


def runner(name: str) -> Callable[[Options], Outcome]:
    """The function of a benchmark.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in BENCHMARKS:
        raise ConfigError(f"benchmark {name!r} is not known; choose one of {', '.join(sorted(BENCHMARKS))}")
    module = importlib.import_module(f"unbroken.bench.{BENCHMARKS[name].module}")
    return cast("Callable[[Options], Outcome]", module.run)
