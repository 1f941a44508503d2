"""The JSON API: what is going on, who is here and why, and corrections; probes and metrics."""

from __future__ import annotations

import json
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from unbroken.core.batches import Command, Forget, Merge, Split, Undo
from unbroken.core.errors import UnbrokenError
from unbroken.core.plain import json_text
from unbroken.pipeline.board import persons_of
from unbroken.web.desk import Desk, client_of, problems, site_fields
from unbroken.web.guard import problem
from unbroken.web.metrics import CONTENT_TYPE, exposition
from unbroken.web.words import Fields, camera_fields, line_fields, note_fields, person_fields, zone_fields

_LARGEST = 2**53 - 1
"""The largest Global ID that JSON readers take."""


class Said(Response):
    """JSON without NaN."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The bytes of a value."""
        return json_text(content).encode()


class WrongRequestError(UnbrokenError):
    """A request that makes no sense; its sentence goes to whoever asked."""


def desk_of(request: Request) -> Desk:
    """What the application was made with."""
    return cast("Desk", request.app.state.desk)


async def site(request: Request) -> Response:
    """`GET /api/site`: everything but pictures and events."""
    desk = desk_of(request)
    await desk.log(request, "people")
    return Said(await run_in_threadpool(site_fields, desk, desk.board.view()))


async def people(request: Request) -> Response:
    """`GET /api/people`: those who are here, then those who left lately."""
    desk = desk_of(request)
    await desk.log(request, "people")
    names = await run_in_threadpool(desk.names)
    return Said({"people": [person_fields(person, names) for person in desk.board.view().people]})


async def person(request: Request) -> Response:
    """`GET /api/people/ID`: one person, and why it is this person: the decisions with their evidence."""
    desk = desk_of(request)
    wanted = whole(request.path_params["person"], 1, "a Global ID")
    await desk.log(request, "person", str(wanted))
    fields = await run_in_threadpool(_person, desk, wanted)
    if fields is None:
        return problem(404, f"nobody is known as {wanted} here; try `unbroken gallery show {wanted}`")
    return Said(fields)


def _person(desk: Desk, wanted: int) -> Fields | None:
    """What is known of a person, and why; `None` where nothing is."""
    found = [one for one in desk.board.view().people if one.person == wanted]
    why = [note_fields(note) for note in desk.board.events() if wanted in persons_of(note.event)]
    shown = {(event["type"], event["time"]) for event in why}
    earlier = desk.history(wanted) if desk.history else ()
    told = [{**event, "at": event["time"]} for event in earlier if (event["type"], event["time"]) not in shown]
    if not found and not why and not told:
        return None
    fields: Fields = person_fields(found[0], desk.names()) if found else {"person": wanted, "here": False}
    return {**fields, "why": [*told, *why][-desk.limits.events :]}


async def events(request: Request) -> Response:
    """`GET /api/events?after=SEQ&limit=N`: the next events after a number, oldest first; without it the newest."""
    desk = desk_of(request)
    asked = request.query_params
    limit = whole(asked.get("limit", "200"), 1, "limit", desk.limits.events)
    await desk.log(request, "events")
    if "after" in asked:
        notes = desk.board.events(whole(asked["after"], 0, "after"))[:limit]
    else:
        notes = desk.board.events(0, limit)
    newest = desk.board.latest
    return Said({"newest": newest, "events": [note_fields(note) for note in notes]})


async def cameras(request: Request) -> Response:
    """`GET /api/cameras`: how each camera is."""
    return Said({"cameras": [camera_fields(camera) for camera in desk_of(request).board.view().cameras]})


async def picture(request: Request) -> Response:
    """`GET /api/cameras/NAME/picture.jpg`: the newest picture with boxes and Global IDs."""
    desk = desk_of(request)
    name = request.path_params["camera"]
    shown = desk.board.newest(name)
    if shown is None:
        return problem(404, f"camera {name[:80]!r} has no picture; /api/cameras lists the cameras")
    await desk.log(request, "picture", name)
    jpeg = await run_in_threadpool(desk.pictures.drawn, shown)
    return Response(jpeg, media_type="image/jpeg") if jpeg else problem(404, "pictures are off; see web.pictures")


async def zones(request: Request) -> Response:
    """`GET /api/zones`: who is where, and the counts of zones and lines."""
    desk = desk_of(request)
    await desk.log(request, "people")
    view = desk.board.view()
    return Said({"zones": [zone_fields(one) for one in view.zones], "lines": [line_fields(one) for one in view.lines]})


async def metrics(request: Request) -> Response:
    """`GET /metrics`: for Prometheus."""
    desk = desk_of(request)
    view = desk.board.view()
    ready = not problems(desk, view)
    text = exposition(view, desk.health.figures(), ready=ready, watchers=desk.watchers)
    return Response(text, media_type=CONTENT_TYPE)


async def alive(request: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return PlainTextResponse("alive\n")


async def ready(request: Request) -> Response:
    """`GET /readyz`: 200 where the site does all of its work, 503 otherwise; reasons for those who have a key."""
    desk = desk_of(request)
    reasons = problems(desk, desk.board.view())
    fields: Fields = {"ready": not reasons}
    if request.state.known:
        fields["reasons"] = reasons
    return Said(fields, 503 if reasons else 200)


async def correct(request: Request) -> Response:
    """`POST /api/corrections`: queue a correction: 202 and the number of the request. Names are given at once: 200.

    Bodies: `{"merge": [PERSON, ABSORBED]}`, `{"split": PERSON, "tracks": [[CAMERA, TRACK], ..]}`, `{"undo": PERSON}`,
    `{"forget": PERSON}`, `{"name": PERSON, "text": NAME}`.
    """
    desk = desk_of(request)
    if desk.corrections is None:
        return problem(404, "this site takes no corrections here; use `unbroken gallery`")
    said = await body_of(request, desk.limits.body)
    if "name" in said:
        return await _rename(request, desk, said)
    command = command_from(said)
    await desk.log(request, type(command).__name__.lower(), ",".join(map(str, sorted(_named(command)))))
    number = await run_in_threadpool(desk.corrections.submit, command, client_of(request))
    return Said({"request": number}, 202)


async def reply(request: Request) -> Response:
    """`GET /api/corrections/N`: what became of a request: `waiting`, `done` or `refused`, and one sentence."""
    desk = desk_of(request)
    number = whole(request.path_params["number"], 0, "a request")
    if desk.corrections is None or desk.corrections.reply is None:
        return problem(404, "this site does not tell what became of requests; events do")
    found = await run_in_threadpool(desk.corrections.reply, number)
    if found is None:
        return Said({"state": "waiting", "text": ""})
    return Said({"state": "done" if found.done else "refused", "text": found.text})


async def _rename(request: Request, desk: Desk, said: Fields) -> Response:
    wanted, text = person_in(said.get("name")), said.get("text")
    if desk.corrections is None or desk.corrections.rename is None:
        return problem(404, "this site keeps no names")
    if not isinstance(text, str) or len(text) > 64 or not (text.isprintable() or not text):
        raise WrongRequestError("text: is no name; give at most 64 printable characters, none takes the name away")
    await desk.log(request, "name", str(wanted))
    await run_in_threadpool(desk.corrections.rename, wanted, text)
    return Said({"state": "done", "text": ""})


def command_from(said: Fields) -> Command:
    """The command that a body asks for.

    Raises:
        WrongRequestError: it asks for none.
    """
    if "merge" in said:
        pair = said["merge"]
        if not isinstance(pair, list) or len(pair) != 2 or pair[0] == pair[1]:
            raise WrongRequestError("merge: give two different Global IDs, [kept, absorbed]")
        return Merge(person_in(pair[0]), person_in(pair[1]))
    if "split" in said:
        return Split(person_in(said["split"]), _tracks_in(said.get("tracks")))
    if "undo" in said:
        return Undo(person_in(said["undo"]))
    if "forget" in said:
        return Forget(person_in(said["forget"]), "asked for on the dashboard")
    raise WrongRequestError("give one of merge, split, undo, forget, name; see docs/web.md")


def _tracks_in(value: object) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= 1000:
        raise WrongRequestError("tracks: give a list of [camera, track]")
    tracks = []
    for one in value:
        if not isinstance(one, list) or len(one) != 2 or not isinstance(one[0], str) or len(one[0]) > 256:
            raise WrongRequestError("tracks: give a list of [camera, track]")
        tracks.append((one[0], person_in(one[1], "a track")))
    return tuple(tracks)


def _named(command: Command) -> set[int]:
    return {getattr(command, name) for name in ("person", "absorbed") if hasattr(command, name)}


def person_in(value: object, what: str = "a Global ID") -> int:
    """A whole number from 1.

    Raises:
        WrongRequestError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST:
        raise WrongRequestError(f"{str(value)[:40]!r} is not {what}; give a whole number from 1")
    return value


def whole(text: str, low: int, name: str, high: int = _LARGEST) -> int:
    """A whole number in a query or a path.

    Raises:
        WrongRequestError: it is none, or out of bounds.
    """
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else -1
    if not low <= value <= high:
        raise WrongRequestError(f"{name}: is {text[:40]!r}; give a whole number from {low} to {high}")
    return value


async def body_of(request: Request, most: int) -> Fields:
    """The JSON object in a request's body; never more than `most` bytes are read.

    Raises:
        WrongRequestError: it is too long, not JSON or not an object.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise WrongRequestError("the body is not declared as application/json; set the Content-Type")
    text = await limited(request, most)
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongRequestError("the body is not JSON; give an object") from error
    if not isinstance(said, dict):
        raise WrongRequestError("the body is not an object; give one")
    return said


async def limited(request: Request, most: int) -> bytes:
    """The body of a request.

    Raises:
        WrongRequestError: it is longer than `most` bytes.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise WrongRequestError(f"the body is too long; give at most {most} bytes")
        parts.append(part)
    return b"".join(parts)
