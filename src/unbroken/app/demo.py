"""The demo: a synthetic world is filmed, the real chain watches the films, and the truth says how well it did."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unbroken.app.outputs import Outputs
from unbroken.app.track import Summary, Watch, track_site
from unbroken.app.wishes import settings_from
from unbroken.core.errors import ConfigError, StoreError
from unbroken.core.ports import Sink, Source
from unbroken.core.results import FrameResult
from unbroken.datasets.answers import across, find_cases
from unbroken.datasets.motchallenge import read_rows
from unbroken.datasets.synthetic import World, WorldSettings, make_world, truth_of, write_truth
from unbroken.datasets.synthetic.painting import Painter
from unbroken.evaluation.report import score
from unbroken.render.spans import Seen, joined
from unbroken.render.timeline import draw_person, draw_timeline
from unbroken.render.video import VideoSettings, VideoWriter

ACROSS = "all cameras"
"""The name of the row of scores in which Global IDs must hold across cameras."""
SHOWN = ("HOTA", "IDF1", "MOTA", "Recall", "Precision", "IDSW", "ids", "people")
"""The scores that are worth a column."""
_FOOTAGE, _TRUTH, _PEOPLE = "footage", "truth", "people"


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What the demo shows.

    Attributes:
        folder: where everything is written.
        cameras: how many.
        seconds: of video.
        seed: of the world.
        people: how many; 0 takes two and two more per camera.
    """

    folder: Path
    cameras: int = 3
    seconds: float = 30.0
    seed: int = 0
    people: int = 0

    @property
    def world(self) -> WorldSettings:
        """The world of this size. People come in during the first third, so that the halls are seen empty first."""
        people = self.people or 2 + 2 * self.cameras
        return WorldSettings(self.cameras, people, self.seconds, arrivals=min(9.0, 0.3 * self.seconds))


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What came of it.

    Attributes:
        scores: by camera, and by `ACROSS`, under the names of the field; accuracies in 0..1. Empty after an interrupt.
        summary: of the run.
        people: who was there to be seen.
    """

    scores: dict[str, dict[str, float | int]]
    summary: Summary
    people: int


@dataclass(frozen=True, slots=True)
class DemoWatch:
    """Who is told how far the demo is.

    Attributes:
        filmed: is told pictures done and pictures in all.
        tracked: is given the sources and returns what is told of every result.
        sinks: get every answer, such as a board that is looked at.
    """

    filmed: Callable[[int, int], None]
    tracked: Callable[[Sequence[Source]], Watch]
    sinks: Sequence[Sink] = ()


def run_demo(settings: DemoSettings, watch: DemoWatch) -> DemoOutcome:
    """Film a world, track it as `unbroken track site.toml` does, and score the Global IDs against the truth.

    Raises:
        ConfigError: a world of this size cannot be made.
        StoreError: the folder cannot be written.
    """
    if not 1 <= settings.cameras <= 16:
        raise ConfigError(f"--cameras is {settings.cameras}; give a number from 1 to 16")
    if not 3 <= settings.seconds <= 600:
        raise ConfigError(f"--seconds is {settings.seconds:g}; give a number from 3 to 600")
    folder = settings.folder
    generator = np.random.default_rng(settings.seed)
    world = make_world(settings.world, generator)
    try:
        write_truth(world, folder / _TRUTH)
        site = _write_site(world, folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror}); choose another --output") from error
    film(world, folder / _FOOTAGE, generator, watch.filmed)
    count = Counter[str]()
    whole = len(world.cameras) * world.settings.frames
    outputs = Outputs(folder, mosaic=True, scores=lambda: _columns(scored(folder)) if count.total() == whole else {})
    wanted = settings_from([str(site)], {})
    summary = track_site(wanted, outputs, watch=_counting(watch.tracked, count), sinks=watch.sinks)
    people = len({int(person) for camera in world.cameras for person in truth_of(world, camera.name).persons})
    if summary.interrupted:
        return DemoOutcome({}, summary, people)
    _write_timelines(world, folder)
    scores = scored(folder)
    (folder / "scores.json").write_text(json.dumps({"seed": settings.seed, "scores": scores}, indent=2) + "\n")
    return DemoOutcome(scores, summary, people)


def _counting(tracked: Callable[[Sequence[Source]], Watch], count: Counter[str]) -> Callable[[Sequence[Source]], Watch]:
    """The same watch, which counts the pictures of each camera: a run that was broken off is not scored."""

    def begin(sources: Sequence[Source]) -> Watch:
        told = tracked(sources)

        def note(result: FrameResult) -> None:
            count[result.camera] += 1
            told(result)

        return note

    return begin


def film(world: World, folder: Path, rng: np.random.Generator, told: Callable[[int, int], None]) -> None:
    """Write `CAM.mp4` for each camera of a world.

    Args:
        world: what is to be seen.
        folder: for the videos.
        rng: draws colour casts and noise.
        told: is told pictures done and pictures in all.
    """
    cameras, frames = world.cameras, world.settings.frames
    with ExitStack() as stack:
        for number, (camera, chance) in enumerate(zip(cameras, rng.spawn(len(cameras)), strict=True)):
            painter = Painter(world, camera.name, chance)
            video = stack.enter_context(VideoWriter(folder / f"{camera.name}.mp4", VideoSettings(quality=20)))
            for index in range(frames):
                video.write(painter.picture(index), float(world.walks.times[index]))
                told(number * frames + index + 1, len(cameras) * frames)
            video.close()


def scored(folder: Path) -> dict[str, dict[str, float | int]]:
    """The scores of each camera's Global IDs, and of all cameras as one site."""
    cases = find_cases(folder / _TRUTH, folder)
    scores = {case.name: score(case.pairing()).summary() for case in cases}
    return {**scores, ACROSS: score(across(cases)).summary()}


def _columns(scores: dict[str, dict[str, float | int]]) -> dict[str, dict[str, float]]:
    return {name: {measure: row[measure] for measure in SHOWN} for name, row in scores.items()}


def _write_site(world: World, folder: Path) -> Path:
    """A `site.toml` of the films, with which `unbroken track` and `unbroken run` do the same again."""
    lines = ["# The cameras of `unbroken demo`. Try other settings: unbroken track site.toml --every 3\n"]
    for camera in world.cameras:
        lines += [
            "\n[[cameras]]\n",
            f'name = "{camera.name}"\n',
            f'source = "{_FOOTAGE}/{camera.name}.mp4"\n',
            f'calibration = "{_TRUTH}/{camera.name}.calibration.json"\n',
        ]
    path = folder / "site.toml"
    path.write_text("".join(lines))
    return path


def _write_timelines(world: World, folder: Path) -> None:
    """`timeline.png` of everybody and `people/person-N.png` of each Global ID, from the tracks that were written."""
    cameras = [camera.name for camera in world.cameras]
    period = 1 / world.settings.rate
    pieces = []
    for name in cameras:
        rows = read_rows(folder / f"{name}.txt")
        for person, frame in zip(rows.ids.tolist(), rows.frames.tolist(), strict=True):
            pieces.append(Seen(person, name, (frame - 1) * period, frame * period))
    seen = joined(pieces, 0.5)
    (folder / _PEOPLE).mkdir(exist_ok=True)
    for old in (folder / _PEOPLE).glob("person-*.png"):
        old.unlink()
    cv2.imwrite(str(folder / "timeline.png"), draw_timeline(seen, cameras, "Who was seen where"))
    for person in sorted({piece.person for piece in seen}):
        cv2.imwrite(str(folder / _PEOPLE / f"person-{person}.png"), draw_person(seen, person, cameras))
