"""The application: routes, the guard in front of them, and what becomes of errors."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from unbroken.core.errors import UnbrokenError
from unbroken.web import api
from unbroken.web.desk import Desk
from unbroken.web.guard import COOKIE, Guard, problem
from unbroken.web.live import event_stream, live
from unbroken.web.pages import page

_SAID = '<p id="said" role="alert"></p>'
_WRONG = "This token is wrong, or the address was used or is too old. Give the site's access token."
_ENDED = "The session has ended: the site was started again, or 12 hours have passed. Log in again."


def application(desk: Desk) -> ASGIApp:
    """The dashboard, the API, metrics and probes, behind the guard."""
    app = Starlette(
        routes=[
            Route("/", dashboard),
            Route("/login", login, methods=["GET", "POST"]),
            Route("/logout", logout, methods=["POST"]),
            Route("/favicon.ico", favicon),
            Route("/healthz", api.alive),
            Route("/readyz", api.ready),
            Route("/metrics", api.metrics),
            Route("/api/site", api.site),
            Route("/api/people", api.people),
            Route("/api/people/{person}", api.person),
            Route("/api/events", api.events),
            Route("/api/events/stream", event_stream),
            Route("/api/cameras", api.cameras),
            Route("/api/cameras/{camera:path}/picture.jpg", api.picture),
            Route("/api/zones", api.zones),
            Route("/api/corrections", api.correct, methods=["POST"]),
            Route("/api/corrections/{number}", api.reply),
            WebSocketRoute("/api/live", live),
        ],
        exception_handlers={api.WrongRequestError: _wrong, UnbrokenError: _refused, HTTPException: _known},
    )
    app.state.desk = desk
    return Guard(app, desk.keys, {"/": page("dashboard").policy, "/login": page("login").policy})


async def dashboard(request: Request) -> Response:
    """`GET /`: the page."""
    return HTMLResponse(page("dashboard").html)


async def login(request: Request) -> Response:
    """`/login`: a form for the token; with `?key=` of a one-time address, the way in."""
    desk = api.desk_of(request)
    if request.method == "POST":
        said = parse_qs((await api.limited(request, 4096)).decode("utf-8", "replace"), max_num_fields=4)
        key = said.get("token", [""])[0].strip()
    else:
        key = request.query_params.get("key", "")
    if not desk.keys.needed:
        return RedirectResponse("/", 303)
    session = desk.keys.session(key) if key else ""
    if session:
        answer: Response = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=secure, path="/")
        return answer
    sentence = _WRONG if key else _ENDED if "ended" in request.query_params else ""
    html = page("login").html.replace(_SAID, _SAID.replace("><", f">{sentence}<"))
    return HTMLResponse(html, 401 if key else 200)


async def logout(request: Request) -> Response:
    """`POST /logout`: the end of a session."""
    api.desk_of(request).keys.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


async def favicon(request: Request) -> Response:
    """No icon: the page has its own."""
    return Response(status_code=204)


async def _wrong(request: Request, error: Exception) -> Response:
    return problem(400, str(error))


async def _refused(request: Request, error: Exception) -> Response:
    return problem(409, str(error))


async def _known(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentence = {404: "nothing is here; the dashboard is at /", 405: "this address does not take that method"}
    return problem(status, sentence.get(status, "this request cannot be answered"))
