"""Values as JSON: what the API, the WebSocket and the event stream say, in one set of words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from unbroken.core.plain import event_fields, type_of
from unbroken.core.results import FrameResult
from unbroken.core.sightings import IdentityState
from unbroken.core.tracks import TrackState
from unbroken.pipeline.attendance import Line, Person, Zone
from unbroken.pipeline.board import BoardView, CameraView, Note

Fields = dict[str, object]


def note_fields(note: Note) -> Fields:
    """An event as `events.jsonl` has it, with its sequence number and when it came."""
    kind = type_of(type(note.event))
    return {"seq": note.number, "at": round(note.at, 3), "type": kind, **event_fields(note.event)}


def person_fields(person: Person, names: Mapping[int, str]) -> Fields:
    """A person who is here, or was lately."""
    return {
        "person": person.person,
        "name": names.get(person.person, ""),
        "state": IdentityState(person.state).name.lower(),
        "confidence": round(person.confidence, 4),
        "here": person.here,
        "since": round(person.since, 3),
        "last": round(person.last, 3),
        "seen": {camera: round(at, 3) for camera, at in person.seen.items()},
        "tracks": dict(person.tracks),
        "zones": list(person.zones),
        "visits": [[one.camera, round(one.start, 1), round(one.end, 1)] for one in person.visits],
    }


def camera_fields(camera: CameraView) -> Fields:
    """How a camera is."""
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(camera).items()}


def zone_fields(zone: Zone) -> Fields:
    """Who is in a zone."""
    return asdict(zone)


def line_fields(line: Line) -> Fields:
    """How many crossed a line."""
    return asdict(line)


def latency_fields(view: BoardView) -> Fields:
    """Seconds per picture, of late."""
    delay, busy = view.latency.delay, view.latency.busy
    return {"delay": {"p50": delay[0], "p95": delay[1]}, "busy": {"p50": busy[0], "p95": busy[1]}}


def track_rows(result: FrameResult) -> list[list[float | int]]:
    """Tracks that are believed: track, person, state, seen (1 or 0), then the box in shares of width and height."""
    width, height = result.size if all(result.size) else _extent(result)
    rows: list[list[float | int]] = []
    for row, state in enumerate(result.tracks.state.tolist()):
        if state == TrackState.TENTATIVE:
            continue
        x1, y1, x2, y2 = result.tracks.boxes[row].tolist()
        box = (x1 / width, y1 / height, x2 / width, y2 / height)
        head = [int(result.tracks.ids[row]), int(result.identities.persons[row]), int(result.identities.state[row])]
        rows.append([*head, int(state == TrackState.CONFIRMED), *(round(side, 4) for side in box)])
    return rows


def _extent(result: FrameResult) -> tuple[float, float]:
    """The size of a picture that nobody has: boxes fill it."""
    corners = result.tracks.boxes[:, 2:]
    return (max(float(corners[:, 0].max()), 1.0), max(float(corners[:, 1].max()), 1.0)) if len(corners) else (1.0, 1.0)
