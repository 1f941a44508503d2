"""Files that results go to: MOTChallenge with Global and with local ids, JSON Lines of tracks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Literal

from unbroken.core.errors import StoreError
from unbroken.core.events import Event
from unbroken.core.frames import Frame
from unbroken.core.ledger import NOBODY, Ledger
from unbroken.core.names import file_stem
from unbroken.core.plain import json_text
from unbroken.core.ports import Listener, Sink
from unbroken.core.results import FrameResult
from unbroken.core.sightings import IdentityState
from unbroken.core.tracks import TrackState

SCHEMA = 1
"""The version of the lines in `tracks.jsonl`; it rises when a field changes its meaning or goes."""


class Sinks:
    """Several sinks as one: each gets everything, and all are closed even where one of them fails."""

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self._sinks = tuple(sinks)

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Hand one frame's result to every sink, in their order."""
        for sink in self._sinks:
            sink.write(frame, result, events)

    def hear(self, events: Sequence[Event]) -> None:
        """Hand events that go with no picture to every sink that listens."""
        for sink in self._sinks:
            if isinstance(sink, Listener):
                sink.hear(events)

    def close(self) -> None:
        """Close every sink, the last one first; an error is raised once all have been closed."""
        with ExitStack() as stack:
            for sink in self._sinks:
                stack.callback(sink.close)


@dataclass(frozen=True, slots=True)
class MotSettings:
    """What goes into the MOTChallenge files.

    Attributes:
        answers: "final" gives a whole track the person that it turned out to be, so that pictures before the decision
            and before a merge have the right Global ID; "live" keeps what was known at each picture.
        coast: seconds for which a track that is not seen still gets rows, where the tracker reports its prediction:
            the project's own trackers do so for pictures on which the detector did not run.
    """

    answers: Literal["final", "live"] = "final"
    coast: float = 2.0


class MotFiles:
    """Writes `CAM.local.txt` (the camera's own track ids) and `CAM.txt` (Global IDs, decided people only) per camera.

    Rows are `frame,id,x,y,w,h,score,-1,-1,-1` with frames from 1. Both files grow while the run goes on, so a run that
    is killed leaves valid files with the live answers. On `close`, with `answers="final"`, `CAM.txt` is written anew
    from `CAM.local.txt` and the journal of decisions, row by row, and takes its place in one step; only the journal is
    held in memory. A person is written once per picture: of two tracks that turned out to be one person, the one that
    was said to be this person at the time, then the one with the better score, keeps the row.
    """

    def __init__(self, folder: Path, settings: MotSettings | None = None) -> None:
        self._folder = folder
        self._settings = settings or MotSettings()
        self._ledger = Ledger()
        self._files: dict[str, tuple[IO[str], IO[str]]] = {}
        self._stems: dict[str, str] = {}
        self._seen: dict[str, dict[int, float]] = {}

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Append the rows of one picture.

        Raises:
            StoreError: the folder cannot be written.
        """
        self._ledger.note(result, events)
        if result.camera not in self._files:
            self._open(result.camera)
        local, live = self._files[result.camera]
        rows = [_Row.read(result, row) for row in self._due(result)]
        persons = result.identities.persons.tolist()
        persons_by_track = dict(zip(result.tracks.ids.tolist(), persons, strict=True))
        local.writelines(row.line(row.id) for row in rows)
        live.writelines(
            row.line(person) for row, person in _once(rows, persons_by_track, persons_by_track) if person != NOBODY
        )
        local.flush()
        live.flush()

    def _open(self, camera: str) -> None:
        # A camera called `door.local` would otherwise write into the files of the camera `door`.
        stem = file_stem(camera.removesuffix(".local"), taken=self._stems.values())
        self._stems[camera] = stem
        names = (f"{stem}.local.txt", f"{stem}.txt")
        first, second = (opened(self._folder / name) for name in names)
        self._files[camera] = (first, second)

    def _due(self, result: FrameResult) -> list[int]:
        """The rows of tracks that are seen, or were seen a moment ago and are still predicted inside of the picture."""
        before = self._seen.get(result.camera, {})
        seen: dict[int, float] = {}
        due = []
        width, height = result.size
        for row, (track, state) in enumerate(
            zip(result.tracks.ids.tolist(), result.tracks.state.tolist(), strict=True)
        ):
            last = result.time if state == TrackState.CONFIRMED else before.get(track, -math.inf)
            seen[track] = last
            x1, y1, x2, y2 = result.tracks.boxes[row].tolist()
            inside = not width or (0 <= x1 + x2 <= 2 * width and 0 <= y1 + y2 <= 2 * height)
            predicted = state == TrackState.COASTING and inside and result.time - last <= self._settings.coast
            if state == TrackState.CONFIRMED or predicted:
                due.append(row)
        self._seen[result.camera] = seen
        return due

    def close(self) -> None:
        """Finish the files; `CAM.txt` gets the final answers. May be called twice."""
        files, self._files = self._files, {}
        for local, live in files.values():
            local.close()
            live.close()
        if self._settings.answers == "final":
            for camera in files:
                self._finish(camera)

    def _finish(self, camera: str) -> None:
        local = self._folder / f"{self._stems[camera]}.local.txt"
        target = self._folder / f"{self._stems[camera]}.txt"
        draft = target.with_suffix(".txt.part")
        with opened(draft) as file, local.open(encoding="ascii") as lines:
            for _, group in groupby(map(_Row.parse, lines), key=lambda row: row.frame):
                file.writelines(row.line(person) for row, person in self._final(camera, list(group)))
        draft.replace(target)

    def _final(self, camera: str, rows: list[_Row]) -> Iterator[tuple[_Row, int]]:
        final = {row.id: self._ledger.final(camera, row.id) for row in rows}
        live = {row.id: self._ledger.live(camera, row.id, row.frame - 1) for row in rows}
        return ((row, person) for row, person in _once(rows, final, live) if person != NOBODY)


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a MOTChallenge file; `frame` counts from 1, `rest` is everything after the id."""

    frame: int
    id: int
    rest: str
    score: float

    @classmethod
    def read(cls, result: FrameResult, row: int) -> _Row:
        x1, y1, x2, y2 = result.tracks.boxes[row].tolist()
        score = float(result.tracks.scores[row])
        rest = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f},-1,-1,-1"
        return cls(result.index + 1, int(result.tracks.ids[row]), rest, score)

    @classmethod
    def parse(cls, line: str) -> _Row:
        frame, track, rest = line.rstrip("\n").split(",", 2)
        return cls(int(frame), int(track), rest, float(rest.split(",")[4]))

    def line(self, id_: int) -> str:
        return f"{self.frame},{id_},{self.rest}\n"


def _once(rows: Sequence[_Row], persons: Mapping[int, int], live: Mapping[int, int]) -> list[tuple[_Row, int]]:
    """The rows of one picture with their persons, each person once; `persons` and `live` are by track."""
    best: dict[int, _Row] = {}

    def rank(row: _Row) -> tuple[bool, float]:
        return live[row.id] == persons[row.id], row.score

    for row in rows:
        held = best.get(persons[row.id])
        if held is None or rank(row) > rank(held):
            best[persons[row.id]] = row
    return [(row, persons[row.id]) for row in rows if best[persons[row.id]] is row]


class TrackLines:
    """Writes `tracks.jsonl`: one line per track and picture, as it was known then. See `docs/outputs.md`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Append one line for each track of the picture, also for those that are tentative or coast.

        Raises:
            StoreError: the file cannot be written.
        """
        self._file = self._file or opened(self._path)
        self._file.writelines(json_line(fields) for fields in track_fields(result))
        self._file.flush()

    def close(self) -> None:
        """Finish the file; a run without a picture leaves an empty one. May be called twice."""
        (self._file or opened(self._path)).close()


class TrackLog:
    """The lines of `TrackLines` for a site that runs for months: the file grows over restarts and is put aside by size.

    No file is held open between two pictures, so it may be rewritten meanwhile, when somebody is to be forgotten. A
    line that was cut off by a power cut is ended, not joined with the next one.

    Args:
        path: the file; older ones are beside it, as `NAME.1` (the newest) to `NAME.n`.
        megabytes: size at which it is put aside.
        rotations: how many of those are kept.
    """

    def __init__(self, path: Path, megabytes: float = 100.0, rotations: int = 5) -> None:
        self._path = path
        self._bytes = megabytes * 1e6
        self._rotations = rotations
        self._begun = False

    def write(self, frame: Frame, result: FrameResult, events: Sequence[Event]) -> None:
        """Append one line for each track.

        Raises:
            StoreError: the file cannot be written.
        """
        lines = "".join(json_line(fields) for fields in track_fields(result)).encode()
        if not lines:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                size = file.tell()
                file.write(b"" if self._begun or _ends_well(self._path) else b"\n")
                file.write(lines)
            if size + len(lines) > self._bytes:
                self._put_aside()
        except OSError as error:
            raise StoreError(
                f"{self._path}: cannot be written ({error.strerror}); choose another in outputs.tracks"
            ) from error
        self._begun = True

    def close(self) -> None:
        """Nothing is held."""

    def _put_aside(self) -> None:
        if not self._rotations:
            self._path.unlink()
            return
        names = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, self._rotations + 1))]
        for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
            if newer.exists():
                newer.replace(older)


def _ends_well(path: Path) -> bool:
    """Whether a file is empty or ends with a line's end."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return True
        file.seek(-1, 2)
        return file.read() == b"\n"


def track_fields(result: FrameResult) -> Iterator[dict[str, object]]:
    """What `tracks.jsonl` says of each track of a picture."""
    tracks, who = result.tracks, result.identities
    for row in range(len(tracks)):
        person = int(who.persons[row])
        yield {
            "schema": SCHEMA,
            "time": round(result.time, 6),
            "camera": result.camera,
            "frame": result.index,
            "track": int(tracks.ids[row]),
            "person": person if person != NOBODY else None,
            "state": IdentityState(int(who.state[row])).name.lower(),
            "confidence": round(float(who.confidence[row]), 4),
            "box": [round(value, 2) for value in tracks.boxes[row].tolist()],
            "score": round(float(tracks.scores[row]), 4),
            "seen": TrackState(int(tracks.state[row])).name.lower(),
        }


def json_line(fields: Mapping[str, object]) -> str:
    """One line of JSON that every reader takes: what is not a number (NaN, infinity) is `null`."""
    return json_text(fields) + "\n"


def opened(path: Path) -> IO[str]:
    """A new text file for writing, its folder made where it is missing.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); choose another folder with --output"
        ) from error
