"""The guard in front of everything: who asks, from where, for what; and what browsers are told not to do."""

from __future__ import annotations

import ipaddress
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unbroken.web.keys import Keys

COOKIE = "unbroken_session"
OPEN = frozenset({"/healthz", "/readyz", "/login", "/favicon.ico"})
"""Paths that need no key; `/readyz` says less to strangers."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware: checks Host, Origin and keys of requests and WebSockets, and adds the headers of security.

    Without a token the Host must name this machine, so that no name that somebody points at 127.0.0.1 (DNS rebinding)
    gets an answer. A page of another origin can neither open the WebSocket nor change anything.
    """

    def __init__(self, app: ASGIApp, keys: Keys, policies: dict[str, str]) -> None:
        """Guard `app`; `policies` are the Content-Security-Policies of its pages, by path."""
        self._app = app
        self._keys = keys
        self._policies = policies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["state"] = {**scope.get("state", {}), "known": self._knows(headers)}
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._app(scope, receive, self._sealed(scope, send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        else:
            await refusal(scope, receive, self._sealed(scope, send))

    def _knows(self, headers: Headers) -> bool:
        if not self._keys.needed:
            return True
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._keys.admits(token.strip()):
            return True
        return self._keys.knows(session_of(headers))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if not self._keys.needed and not is_local(host):
            return problem(
                421,
                f"the address {host[:80]!r} does not name this machine; use 127.0.0.1, or set web.token in site.toml",
            )
        if self._foreign(scope, headers, host):
            return problem(403, "this comes from a page of another origin; open the dashboard's own address")
        path = scope["path"]
        if scope["state"]["known"] or path in OPEN:
            return None
        if path == "/" and scope["type"] == "http" and scope["method"] in _SAFE:
            return RedirectResponse("/login", 303)
        answer = problem(401, "a token is needed; send it as `Authorization: Bearer TOKEN`, or log in at /login")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    def _foreign(self, scope: Scope, headers: Headers, host: str) -> bool:
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
        origin = headers.get("origin")
        if changes and origin is not None and not same_host(origin, host):
            return True
        site = headers.get("sec-fetch-site", "none")
        return site in ("cross-site", "same-site") and (changes or scope["path"].startswith("/api/"))

    def _sealed(self, scope: Scope, send: Send) -> Send:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                policy = self._policies.get(scope["path"], "default-src 'none'; frame-ancestors 'none'")
                headers["Content-Security-Policy"] = policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        return sealed


def problem(status: int, sentence: str) -> JSONResponse:
    """An answer that says what is wrong, in one sentence."""
    return JSONResponse({"error": sentence}, status)


def session_of(headers: Headers) -> str:
    """The session in a request's cookies; empty where there is none."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")[:4096]).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def is_local(host: str) -> bool:
    """Whether the Host of a request names this very machine: `localhost` or a loopback address, with any port.

    >>> is_local("127.0.0.1:8642"), is_local("[::1]:8642"), is_local("cams.example"), is_local("")
    (True, True, False, False)
    """
    name = host_name(host)
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def same_host(origin: str, host: str) -> bool:
    """Whether an Origin is that of the Host: schemes may differ, since TLS may end at a proxy."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower() and bool(host)
    except ValueError:
        return False


def host_name(host: str) -> str:
    """The Host without its port and brackets, in lower case; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
