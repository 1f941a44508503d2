"""`unbroken bench world`: identity managers on a synthetic site, whose truth is known to the last row.

Nothing is painted: cameras report tracks, ground points and features with the errors of `ObservationSettings`. Each
manager gets the same stream and is scored on what it said at once and on what it knows at the end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from unbroken.bench.outcome import Options, Outcome
from unbroken.bench.parts import site_parts
from unbroken.core.arrays import Floats, Ints
from unbroken.core.detections import Detections
from unbroken.core.ledger import NOBODY as UNDECIDED
from unbroken.core.ledger import Ledger
from unbroken.core.ports import IdentityManager
from unbroken.core.results import FrameResult
from unbroken.core.sightings import Identities
from unbroken.core.tracks import Tracks
from unbroken.datasets.motchallenge import Rows, write_rows
from unbroken.datasets.synthetic import (
    NOBODY,
    Observation,
    ObservationSettings,
    World,
    WorldSettings,
    make_world,
    observe,
    truth_of,
    write_truth,
)
from unbroken.datasets.synthetic.chaos import ChaosSettings, disturbed
from unbroken.datasets.synthetic.observations import LEAST_SEEN
from unbroken.evaluation.crosscam import across_cameras
from unbroken.evaluation.identity import identity
from unbroken.evaluation.pairing import Trajectories, pair
from unbroken.geometry.boxes import clipped
from unbroken.identity.manager import CalibratedManager
from unbroken.identity.policies import POLICIES, by_name
from unbroken.identity.settings import ManagerSettings
from unbroken.render.plots import Labels, line_plot

DEFAULT = WorldSettings(cameras=8, people=60, seconds=1200.0, rate=2.0, arrivals=60.0, pause=(3.0, 20.0))
"""The site at default difficulty."""
QUICK = WorldSettings(cameras=4, people=20, seconds=240.0, rate=2.0, arrivals=30.0, pause=(3.0, 20.0))
"""A small site, for a first look."""
ABLATION = replace(DEFAULT, seconds=480.0)
"""A shorter day of the default site, for turning each part off."""
_COLUMNS = (
    "manager", "IDF1 live", "IDF1 final", "false merges %", "split %", "violations", "IDs", "people", "ms a step",
    "ms, p95",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a manager said: R rows. All are of people who were reported, false tracks included.

    Attributes:
        cameras: (R,) number of the camera.
        frames: (R,) number of the picture.
        tracks: (R,) of the camera.
        persons: (R,) who it is in truth, `NOBODY` for false tracks.
        boxes: (R, 4) pixels.
        arrival: (R,) the Global ID that was answered, -1 while undecided.
        final: (R,) the Global ID of the track as it is known at the end.
        seconds: (S,) that each step took.
    """

    cameras: Ints
    frames: Ints
    tracks: Ints
    persons: Ints
    boxes: Floats
    arrival: Ints
    final: Ints
    seconds: Floats


def run(options: Options) -> Outcome:
    """Score all managers on one site."""
    settings, difficulty = QUICK if options.quick else DEFAULT, ObservationSettings()
    world = make_world(settings, np.random.default_rng(options.seed))
    stream = observe(world, difficulty, np.random.default_rng([options.seed, 1]))
    chaos = disturbed(stream, ChaosSettings(), np.random.default_rng([options.seed, 2]))
    truths = fair_truth(world)
    rows = [("who it is in truth", *_row(world, truths, perfect(world, stream)))]
    for policy in POLICIES:
        answers = answered(by_name(policy), world, stream)
        rows.append((policy, *_row(world, truths, answers)))
        rows.append(
            (f"{policy}, with chaos", *_row(world, truths, answered(by_name(policy), world, chaos), clocks_agree=False))
        )
        if options.output:
            _keep(world, answers, options.output / policy)
            _plot(world, answers, options.output / f"{policy}_steps.svg")
    if not options.quick:
        rows += _ablation(options.seed)
    if options.output:
        write_truth(world, options.output / "truth")
    return Outcome("world", _COLUMNS, tuple(rows), _said(settings, difficulty), options.seed, _NOTES)


_NOTES = (
    "IDF1 over all cameras, as answered at once and as known at the end: a Global ID is right for one person only. "
    "Everybody of whom 30 % or more is to be seen counts, so the first row is the most that is possible here.",
    "False merges: tracks whose Global ID is rather another person's, of all tracks of people that have one. Split: "
    "IDs beyond each person's first, of all IDs. Violations: one ID twice in a picture, or at once in two halls.",
    "Chaos: each camera lost twice for 20 s, 5 % of the reports late by up to 2 s, 5 % repeated, clocks wrong by up to "
    "1 s. What never arrived is missing in IDF1; IDs in two halls within the error of the clocks are no violation.",
)


def _ablation(seed: int) -> list[tuple[str | float | int, ...]]:
    """The default manager on a shorter day of the same site, with each part off in turn."""
    world = make_world(ABLATION, np.random.default_rng(seed))
    stream = observe(world, ObservationSettings(), np.random.default_rng([seed, 1]))
    truths, minutes = fair_truth(world), ABLATION.seconds / 60
    managers = {f"calibrated, {minutes:g} minutes": ManagerSettings()}
    managers |= {f"{minutes:g} minutes without {part}": settings for part, settings in site_parts().items()}
    return [
        (name, *_row(world, truths, answered(CalibratedManager(settings), world, stream)))
        for name, settings in managers.items()
    ]


def answered(manager: IdentityManager, world: World, steps: Sequence[Sequence[Observation]]) -> Answers:
    """Drive a manager through a stream. Of reports that come twice, the first answer counts."""
    numbers = {camera.name: number for number, camera in enumerate(world.cameras)}
    said: dict[tuple[int, int], tuple[Observation, Ints]] = {}
    ledger, seconds = Ledger(), []
    for step in steps:
        start = perf_counter()
        identities, events = manager.observe([report.sightings for report in step])
        seconds.append(perf_counter() - start)
        for report, answer in zip(step, identities, strict=True):
            said.setdefault((numbers[answer.camera], report.frame), (report, answer.persons))
            ledger.note(_result(report, answer), ())
        if events:
            ledger.note(_nothing(), events)
    return _gathered(said, ledger, world, np.array(seconds))


def perfect(world: World, steps: Sequence[Sequence[Observation]]) -> Answers:
    """The answers of somebody who knows everybody and takes no false track for a person."""
    said = {
        (number, report.frame): (report, np.where(report.persons == NOBODY, UNDECIDED, report.persons))
        for step in steps
        for number, report in enumerate(step)
    }
    rows = _gathered(said, Ledger(), world, np.zeros(1))
    return replace(rows, final=rows.arrival)


def violations(world: World, answers: Answers, persons: Ints, *, clocks_agree: bool = True) -> int:
    """How often one Global ID is in two places: twice in a picture, or at once in halls that do not overlap.

    Args:
        world: which cameras overlap.
        answers: rows.
        persons: (R,) the Global IDs to be checked.
        clocks_agree: where they do not, only the first kind counts: who changes halls may seem to be in both.
    """
    places: Counter[tuple[int, int, int]] = Counter()
    halls: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for camera, frame, person in zip(answers.cameras.tolist(), answers.frames.tolist(), persons.tolist(), strict=True):
        if person > 0:
            places[camera, frame, person] += 1
            halls[frame, person].add(world.cameras[camera].area)
    twice = sum(count - 1 for count in places.values())
    return twice + (sum(len(areas) - 1 for areas in halls.values()) if clocks_agree else 0)


def fair_truth(world: World) -> list[Trajectories]:
    """Per camera, everybody of whom enough is to be seen to be found."""
    truths = []
    for camera in world.cameras:
        truth = truth_of(world, camera.name)
        seen = truth.visibility >= LEAST_SEEN
        boxes = clipped(truth.boxes[seen], camera.size)
        truths.append(Trajectories(truth.frames[seen], truth.persons[seen], boxes))
    return truths


def global_idf1(truths: Sequence[Trajectories], answers: Answers, persons: Ints) -> float:
    """IDF1 over all cameras as one site, boxes matched at an IoU of 0.5.

    Args:
        truths: of `fair_truth`.
        answers: rows.
        persons: (R,) the Global IDs to be scored.
    """
    results = []
    for number in range(len(truths)):
        rows = np.flatnonzero((answers.cameras == number) & (persons > 0))
        results.append(_once(answers.frames[rows], persons[rows], answers.boxes[rows]))
    return identity(pair(*across_cameras(truths, results))).idf1


def merges(answers: Answers) -> tuple[float, float]:
    """Shares: tracks of people under an ID that is rather another person's; IDs beyond each person's first."""
    votes: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    owners: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for camera, track, person, given in zip(
        answers.cameras.tolist(), answers.tracks.tolist(), answers.persons.tolist(), answers.final.tolist(), strict=True
    ):
        if given > 0 and person != NOBODY:
            votes[camera, track][person] += 1
            votes[camera, track][-given] += 1
            owners[given][person] += 1
    owner = {given: counts.most_common(1)[0][0] for given, counts in owners.items()}
    wrong = 0
    for counts in votes.values():
        person = max((who for who in counts if who > 0), key=lambda who: counts[who])
        given = -max((who for who in counts if who < 0), key=lambda who: counts[who])
        wrong += owner[given] != person
    extra = len(owner) - len(set(owner.values()))
    return wrong / max(len(votes), 1), extra / max(len(owner), 1)


def _row(
    world: World, truths: Sequence[Trajectories], answers: Answers, *, clocks_agree: bool = True
) -> tuple[float | int, ...]:
    false, split = merges(answers)
    people = {int(person) for person in answers.persons if person != NOBODY}
    broken = sum(
        violations(world, answers, given, clocks_agree=clocks_agree) for given in (answers.arrival, answers.final)
    )
    return (
        global_idf1(truths, answers, answers.arrival), global_idf1(truths, answers, answers.final), 100 * false,
        100 * split, broken, len({int(given) for given in answers.final if given > 0}), len(people),
        1000 * float(np.median(answers.seconds)), 1000 * float(np.quantile(answers.seconds, 0.95)),
    )  # fmt: skip


def _result(report: Observation, answer: Identities) -> FrameResult:
    """What the ledger reads of a picture."""
    tracks = answer.tracks
    count = len(tracks)
    zeros = np.zeros(count)
    boxes = report.sightings.boxes
    seen = Tracks(tracks, boxes, zeros, np.zeros(count, np.int64), np.ones(count, np.int64), zeros, np.arange(count))
    return FrameResult(answer.camera, report.frame, answer.time, (0, 0), Detections.empty(), seen, answer, {}, {})


def _nothing() -> FrameResult:
    nobody = Identities.undecided("", 0.0, np.zeros(0, dtype=np.int64))
    return FrameResult("", 0, 0.0, (0, 0), Detections.empty(), Tracks.empty(), nobody, {}, {})


def _gathered(
    said: Mapping[tuple[int, int], tuple[Observation, Ints]], ledger: Ledger, world: World, seconds: Floats
) -> Answers:
    keys = sorted(said)
    reports = [said[key][0] for key in keys]
    counts = [len(report.persons) for report in reports]
    cameras, frames = (np.repeat(np.array([key[part] for key in keys], np.int64), counts) for part in (0, 1))
    tracks = np.concatenate([report.sightings.tracks for report in reports])
    names = [camera.name for camera in world.cameras]
    known: dict[tuple[int, int], int] = {}
    for key in zip(cameras.tolist(), tracks.tolist(), strict=True):
        if key not in known:
            known[key] = ledger.final(names[key[0]], key[1])
    final = [known[key] for key in zip(cameras.tolist(), tracks.tolist(), strict=True)]
    return Answers(
        cameras, frames, tracks,
        np.concatenate([report.persons for report in reports]),
        np.concatenate([report.sightings.boxes for report in reports]),
        np.concatenate([said[key][1] for key in keys]),
        np.array(final, dtype=np.int64), seconds,
    )  # fmt: skip


def _once(frames: Ints, persons: Ints, boxes: Floats) -> Trajectories:
    """The rows without those of an ID that was already in the picture: a violation is counted elsewhere."""
    _, first = np.unique(np.stack([frames, persons]), axis=1, return_index=True)
    return Trajectories(frames[first], persons[first], boxes[first])


def _keep(world: World, answers: Answers, folder: Path) -> None:
    """`CAM.txt` in MOTChallenge form with the Global IDs known at the end."""
    for number, camera in enumerate(world.cameras):
        rows = np.flatnonzero((answers.cameras == number) & (answers.final > 0))
        kept = _once(answers.frames[rows] + 1, answers.final[rows], answers.boxes[rows])
        count = len(kept.frames)
        write_rows(
            folder / f"{camera.name}.txt",
            Rows(kept.frames, kept.ids, kept.places, np.ones(count), np.zeros((count, 0))),
        )


def _plot(world: World, answers: Answers, path: Path) -> None:
    """What a step costs as time goes by: the mean of each minute, and the slowest of its steps but one in twenty."""
    minutes = (np.arange(len(answers.seconds)) / world.settings.rate / 60).astype(np.int64)
    each = [1000 * answers.seconds[minutes == minute] for minute in np.unique(minutes)]
    curves = {
        "mean": np.array([[minute, part.mean()] for minute, part in enumerate(each)]),
        "p95": np.array([[minute, np.quantile(part, 0.95)] for minute, part in enumerate(each)]),
    }
    labels = Labels("Cost of a step as time goes by", "minutes", "ms a step")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(line_plot(curves, labels)), encoding="utf-8")


def _said(settings: WorldSettings, difficulty: ObservationSettings) -> dict[str, object]:
    return {**asdict(settings), **asdict(difficulty)}
