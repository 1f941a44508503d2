"""What moves: one WebSocket with the pictures and the words of all cameras, and a stream of events.

A page says when it is ready for more, and never has more than two rounds on the way: so pictures do not queue, neither
here nor in the network. A slow page sees fewer pictures, always the newest; it misses no event that the board holds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from unbroken.core.errors import UnbrokenError
from unbroken.core.plain import json_text
from unbroken.pipeline.board import Shown
from unbroken.web.desk import Desk, site_fields
from unbroken.web.guard import problem
from unbroken.web.pictures import WIDTHS
from unbroken.web.words import Fields, note_fields, track_rows

_AHEAD = 2
"""Rounds that may be on the way to a page."""
_SITE = 1.0
"""Seconds between two accounts of the site."""
_TICK = 0.1
"""Seconds between two looks for something new."""
_KEEP_ALIVE = 15.0
"""Seconds after which a silent stream says that it is there."""


@dataclass(slots=True)
class Viewer:
    """What one page wants and has.

    Attributes:
        width: pixels of a tile.
        cameras: that are wanted; `None` for all.
        credit: rounds that may still be sent.
        sent: the number of the newest picture that was sent, by camera.
        events: the number of the newest event that was sent.
        told: when the site was last told, by the loop's clock.
        called: is set when the page has said something.
    """

    width: int = 640
    cameras: frozenset[str] | None = None
    credit: int = _AHEAD
    sent: dict[str, int] = field(default_factory=dict)
    events: int = 0
    told: float = float("-inf")
    called: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, text: str) -> bool:
        """Take in a message of the page; `False` where it makes no sense.

        `{"ready": N}`: N rounds have arrived. `{"width": PIXELS}`, `{"cameras": [NAME, ..] | null}`: what is wanted.
        """
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(said, dict):
            return False
        ready, width, cameras = said.get("ready", 0), said.get("width", self.width), said.get("cameras", ())
        if not _whole(ready, 0, _AHEAD) or not _whole(width, 1, WIDTHS[-1]):
            return False
        if cameras is not None and not (
            isinstance(cameras, (list, tuple)) and all(isinstance(c, str) for c in cameras)
        ):
            return False
        self.credit = min(self.credit + ready, _AHEAD)
        self.width = width
        if "cameras" in said:
            self.cameras = None if cameras is None else frozenset(cameras)
        self.called.set()
        return True


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


async def live(websocket: WebSocket) -> None:
    """The WebSocket of a page: binary rounds out, small words in."""
    desk: Desk = websocket.app.state.desk
    with desk.watching() as admitted:
        await websocket.accept()
        if not admitted:
            await websocket.close(1013, "too many pages are open; close one")
            return
        try:
            await desk.log(websocket, "live")
        except UnbrokenError as error:
            await websocket.close(1011, str(error)[:120])
            return
        viewer = Viewer()
        tasks = [
            asyncio.create_task(_listen(websocket, viewer, desk)),
            asyncio.create_task(_show(websocket, viewer, desk)),
        ]
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for task in done:
            await _leave(websocket, task)


async def _leave(websocket: WebSocket, task: asyncio.Task[tuple[int, str]]) -> None:
    """Say why the server goes, where the page is still there."""
    try:
        code, reason = task.result()
        await websocket.close(code, reason)
    except (WebSocketDisconnect, RuntimeError, OSError):
        return


async def _listen(websocket: WebSocket, viewer: Viewer, desk: Desk) -> tuple[int, str]:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text")
        if text is None or len(text) > desk.limits.message or not viewer.hear(text):
            return 1008, "this is no message of the dashboard"


async def _show(websocket: WebSocket, viewer: Viewer, desk: Desk) -> tuple[int, str]:
    """Send rounds while the page takes them."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    waited = due
    while not desk.stopping:
        now = loop.time()
        if viewer.credit == 0 or now < due:
            if viewer.credit == 0 and now - waited > desk.limits.patience:
                return 1008, "the page takes no pictures any more"
            await _called(viewer, _TICK if viewer.credit == 0 else max(due - now, 0.001))
            continue
        message = await run_in_threadpool(_round, viewer, desk, now)
        due = loop.time() + 1 / desk.rate
        if message:
            viewer.credit -= 1
            await websocket.send_bytes(message)
        waited = loop.time()
    return 1001, "the site stops"


async def _called(viewer: Viewer, seconds: float) -> None:
    """Wait until the page says something, but not for longer."""
    viewer.called.clear()
    try:
        await asyncio.wait_for(viewer.called.wait(), seconds)
    except asyncio.TimeoutError:
        return


def _round(viewer: Viewer, desk: Desk, now: float) -> bytes:
    """What is new for a page: four bytes with the length of the JSON, the JSON, then the JPEGs one after another.

    Empty where nothing is new.
    """
    words: Fields = {}
    notes = desk.board.events(viewer.events, 200)
    if notes:
        words["events"] = [note_fields(note) for note in notes]
        viewer.events = notes[-1].number
    if notes or now - viewer.told >= _SITE:
        words["site"] = site_fields(desk, desk.view())
        viewer.told = now
    tiles, jpegs = [], []
    for camera in desk.board.cameras:
        shown = desk.board.newest(camera)
        wanted = viewer.cameras is None or camera in viewer.cameras
        if shown is None or not wanted or viewer.sent.get(camera) == shown.number:
            continue
        viewer.sent[camera] = shown.number
        jpegs.append(desk.pictures.small(shown, viewer.width))
        tiles.append({**_tile(shown), "bytes": len(jpegs[-1])})
    if tiles:
        words["tiles"] = tiles
    if not words:
        return b""
    head = json_text(words).encode()
    return b"".join([len(head).to_bytes(4, "big"), head, *jpegs])


def _tile(shown: Shown) -> Fields:
    frame, result = shown.frame, shown.result
    return {
        "camera": frame.camera,
        "number": shown.number,
        "at": round(shown.at, 3),
        "time": round(frame.time, 3),
        "size": list(result.size),
        "tracks": track_rows(result),
    }


async def event_stream(request: Request) -> Response:
    """Server-sent events: those after `?after=SEQ` or the header Last-Event-ID, then each as it happens."""
    desk: Desk = request.app.state.desk
    asked = request.headers.get("last-event-id") or request.query_params.get("after", "")
    after = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 18 else desk.board.latest
    if desk.watchers >= desk.limits.watchers:
        return problem(503, "too many pages and streams are open; close one")
    await desk.log(request, "events")
    return StreamingResponse(_lines(desk, after), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _lines(desk: Desk, after: int) -> AsyncIterator[str]:
    with desk.watching() as admitted:
        silent = 0.0
        yield "retry: 2000\n\n"
        while admitted and not desk.stopping:
            notes = desk.board.events(after, desk.limits.events)
            for note in notes:
                after = note.number
                fields = note_fields(note)
                yield f"id: {after}\nevent: {fields['type']}\ndata: {json_text(fields)}\n\n"
            silent = 0.0 if notes else silent + _TICK
            if silent >= _KEEP_ALIVE:
                silent = 0.0
                yield ": still here\n\n"
            await asyncio.sleep(_TICK)
