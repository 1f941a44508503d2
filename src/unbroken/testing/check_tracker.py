"""What every tracker must do, whoever wrote it: the conformance suite of the port `core.ports.Tracker`."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence

import numpy as np

from unbroken.core.detections import Detections
from unbroken.core.errors import ContractError
from unbroken.core.ports import Tracker
from unbroken.core.tracks import Tracks, TrackState

Make = Callable[[], Tracker]
Step = tuple[float, Detections]


def check_tracker(make: Make, *, seed: int = 0, streams: int = 5) -> None:
    """Run a tracker on random streams and check what the port promises.

    Empty pictures, no input changed, ids unique and never used again, two instances interleaved equal two alone, reset
    equals fresh, permuted detections permute rows and nothing else, gaps in time, coasting, pickling.

    Args:
        make: makes a new tracker.
        seed: of the streams.
        streams: how many.

    Raises:
        ContractError: names the promise that was broken, with stream and picture.
    """
    _check_empty(make)
    for number in range(streams):
        stream = random_stream(np.random.default_rng([seed, number]), features=16 * (number % 2))
        other = random_stream(np.random.default_rng([seed, number, 1]), features=16 * (number % 2))
        for check in (_check_answers, _check_reset, _check_order, _check_coasting, _check_pickle):
            try:
                check(make, stream)
            except ContractError as error:
                raise ContractError(f"{make()!r}, stream {number} of seed {seed}: {error}") from error
        _check_interleaved(make, stream, other)


def random_stream(rng: np.random.Generator, *, features: int = 0, length: int = 60) -> list[Step]:
    """People who walk, are missed, hide each other, and false alarms, at an unsteady frame rate with one long gap.

    Args:
        rng: what is drawn from.
        features: numbers of each feature; every tenth row is zeros, not computed; 0 for none.
        length: pictures, of which some are empty.
    """
    people = int(rng.integers(1, 12))
    places, speeds = rng.uniform(0, 1500, (people, 2)), rng.normal(0, 60, (people, 2))
    sizes = rng.uniform(30, 120, (people, 1)) * [1.0, 2.5]
    looks = rng.normal(size=(people, features))
    time, gap, stream = float(rng.uniform(0, 1e4)), int(rng.integers(length)), []
    for index in range(length):
        step = float(rng.uniform(0.02, 0.2)) + (5.0 if index == gap else 0.0)
        time, places = time + step, places + speeds * min(step, 1.0)
        seen = (rng.random(people) > 0.2) & (index % 17 != 16)
        false = rng.uniform(0, 1500, (int(rng.poisson(0.5)), 4))
        centres = np.concatenate([places[seen] + rng.normal(0, 2, (int(seen.sum()), 2)), false[:, :2]])
        halves = np.concatenate([sizes[seen], false[:, 2:] / 10]) / 2
        scores = np.clip(rng.normal(0.75, 0.25, len(centres)), 0.05, 1.0)
        rows = np.concatenate([looks[seen], rng.normal(size=(len(false), features))])
        boxes = np.concatenate([centres - halves, centres + halves], axis=1)
        stream.append((time, Detections(boxes, scores, features=_units(rng, rows))))
    return stream


def _units(
    rng: np.random.Generator, looks: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Noisy unit rows; every tenth is zeros."""
    noisy = looks + rng.normal(0, 0.3, looks.shape)
    lengths = np.maximum(np.linalg.norm(noisy, axis=1, keepdims=True), 1e-9)
    return (np.where(rng.random((len(looks), 1)) < 0.1, 0.0, noisy / lengths)).astype(np.float32)


def _run(tracker: Tracker, stream: Sequence[Step]) -> list[Tracks]:
    return [tracker.update(detections, time) for time, detections in stream]


def _same(first: Tracks, second: Tracks) -> bool:
    return (
        np.array_equal(first.ids, second.ids)
        and np.array_equal(first.rows, second.rows)
        and np.array_equal(first.state, second.state)
        and np.allclose(first.boxes, second.boxes, rtol=1e-9, atol=1e-9)
    )


def _demand(holds: bool, sentence: str) -> None:  # noqa: FBT001 - the claim itself
    if not holds:
        raise ContractError(sentence)


def _check_empty(make: Make) -> None:
    tracker = make()
    for number in range(3):
        _demand(len(tracker.update(Detections.empty(), number / 30)) == 0, "nobody was given, somebody is reported")
    _demand(len(tracker.alive) == 0, "nobody was given, somebody is alive")


def _check_answers(make: Make, stream: Sequence[Step]) -> None:
    """Ids, rows, numbers and inputs, picture by picture."""
    tracker, ended, before = make(), set[int](), set[int]()
    for index, (time, detections) in enumerate(stream):
        copy = pickle.dumps(detections)
        tracks = tracker.update(detections, time)
        alive = {int(number) for number in tracker.alive}
        _demand(pickle.dumps(detections) == copy, f"picture {index}: the detections were changed")
        _demand(len(set(tracks.ids.tolist())) == len(tracks), f"picture {index}: an id is there twice")
        _demand(bool((tracks.ids >= 1).all()), f"picture {index}: an id is below 1")
        _demand(set(tracks.ids.tolist()) <= alive, f"picture {index}: a track is reported that is not alive")
        ended |= before - alive
        _demand(not ended & alive, f"picture {index}: an id that had ended is used again")
        numbers = np.concatenate([tracks.boxes.ravel(), tracks.scores, tracks.since])
        _demand(bool(np.isfinite(numbers).all()), f"picture {index}: a number is not finite")
        rows = tracks.rows[tracks.rows >= 0]
        _demand(len(set(rows.tolist())) == len(rows), f"picture {index}: a detection belongs to two tracks")
        _demand(bool((rows < len(detections)).all()), f"picture {index}: a row points to no detection")
        coasts = tracks.state == TrackState.COASTING
        _demand(bool(((tracks.rows < 0) == coasts).all()), f"picture {index}: row -1 and COASTING go together")
        _demand(bool((tracks.since <= time).all()), f"picture {index}: a track began in the future")
        before = alive


def _check_reset(make: Make, stream: Sequence[Step]) -> None:
    tracker = make()
    _run(tracker, stream)
    tracker.reset()
    pairs = zip(_run(tracker, stream), _run(make(), stream), strict=True)
    _demand(all(_same(*pair) for pair in pairs), "after reset() it answers otherwise than a new one")


def _check_order(make: Make, stream: Sequence[Step]) -> None:
    rng, straight, mixed = np.random.default_rng(len(stream)), make(), make()
    for index, (time, detections) in enumerate(stream):
        order = rng.permutation(len(detections))
        first = straight.update(detections, time)
        second = mixed.update(detections.select(order), time)
        told = np.where(second.rows < 0, -1, order[second.rows] if len(order) else -1)
        same = np.array_equal(first.ids, second.ids) and np.allclose(first.boxes, second.boxes)
        _demand(same and np.array_equal(first.rows, told), f"picture {index}: the order of detections matters")


def _check_coasting(make: Make, stream: Sequence[Step]) -> None:
    tracker = make()
    for index, (time, detections) in enumerate(stream):
        if index % 3 == 0:
            tracker.update(detections, time)
            continue
        before = tracker.alive.tolist()
        tracks = tracker.coast(time)
        _demand(tracker.alive.tolist() == before, f"picture {index}: coast() began or ended tracks")
        _demand(bool((tracks.rows == -1).all()), f"picture {index}: a coasting track has a detection")
        _demand(bool(np.isfinite(tracks.boxes).all()), f"picture {index}: a predicted box is not finite")


def _check_pickle(make: Make, stream: Sequence[Step]) -> None:
    tracker, half = make(), len(stream) // 2
    _run(tracker, stream[:half])
    other = pickle.loads(pickle.dumps(tracker))
    pairs = zip(_run(tracker, stream[half:]), _run(other, stream[half:]), strict=True)
    _demand(all(_same(*pair) for pair in pairs), "a pickled copy goes on otherwise than the original")


def _check_interleaved(make: Make, stream: Sequence[Step], other: Sequence[Step]) -> None:
    first, second = make(), make()
    answers = [(first.update(a[1], a[0]), second.update(b[1], b[0])) for a, b in zip(stream, other, strict=True)]
    alone = zip(_run(make(), stream), _run(make(), other), strict=True)
    same = all(_same(a, c) and _same(b, d) for (a, b), (c, d) in zip(answers, alone, strict=True))
    _demand(same, f"{make()!r}: two instances side by side answer otherwise than each alone")
