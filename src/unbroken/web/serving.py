"""The server: in a thread of its own, so that the pipeline goes on whatever the web does, and ends when asked to."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

from unbroken.config.service import WebSettings
from unbroken.core.errors import ConfigError
from unbroken.core.tls import server_context
from unbroken.pipeline.board import Board
from unbroken.web.application import application
from unbroken.web.desk import Desk, Limits
from unbroken.web.guard import is_local
from unbroken.web.keys import Keys
from unbroken.web.pictures import Pictures, PictureSettings
from unbroken.web.ports import Neighbours

Stop = Callable[[], None]

_CONNECTIONS = 128
_MESSAGE = 4096
"""Bytes: no message of a page is longer."""


def _nothing() -> None:
    """Nobody waits."""


class Serving:
    """A server that runs while the block lasts: `with Serving(app, "127.0.0.1", 8642) as serving: ...`."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        keys: Keys | None = None,
        stop: Stop = _nothing,
        *,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        """Prepare.

        Args:
            app: what answers; it is guarded already.
            host: an address of this machine.
            port: 0 takes any free one.
            keys: of the guard, for addresses that log in.
            stop: is called first of all when the server is to end, so that whoever waits leaves.
            certificate: the PEM files of a certificate and of its key, which may be empty: then it serves over HTTPS.

        Raises:
            ConfigError: they are of no use.
        """
        if certificate is not None:
            server_context(*certificate)
        self._certificate = certificate
        self._app = app
        self._host = host
        self._port = port
        self._keys = keys
        self._stop = stop
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def url(self) -> str:
        """The address of the page."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._host, self._host)
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{'https' if self._certificate else 'http'}://{host}:{self._port}/"

    def door(self) -> str:
        """An address that can be clicked: where a token is needed it logs in, once and soon. It is a secret."""
        return f"{self.url}login?key={self._keys.one_time()}" if self._keys and self._keys.needed else self.url

    def start(self) -> None:
        """Listen, and answer from a thread.

        Raises:
            ConfigError: the address cannot be listened at.
        """
        listener = listening(self._host, self._port)
        self._port = listener.getsockname()[1]
        certificate, key = self._certificate or ("", "")
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=_MESSAGE,
            ws_per_message_deflate=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=16_384,
            server_header=False,
            ssl_certfile=certificate or None,
            ssl_keyfile=key or None,
        )
        self._server = uvicorn.Server(config)
        run = self._server.run
        self._thread = threading.Thread(target=lambda: run(sockets=[listener]), name="web", daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        if not self._server.started:
            raise ConfigError(f"web: the server at {self.url} does not start; see the log")

    def stop(self) -> None:
        """Stop listening, let those who watch go, end the thread; within about a second. May be called twice."""
        self._stop()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=5)

    def __enter__(self) -> Serving:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ConfigError: it cannot, because somebody else does or the address is not this machine's.
    """
    name = host.strip("[]")
    listener = socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((name, port))
        listener.listen(_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"web: cannot listen at {host} port {port} ({error.strerror or error}); set web.port to another one, "
            "or to 0 for any that is free"
        ) from error
    return listener


def serving_of(
    settings: WebSettings,
    board: Board,
    neighbours: Neighbours | None = None,
    *,
    limits: Limits | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Serving:
    """The server that `[web]` of a site.toml describes.

    Args:
        settings: of the web.
        board: what is shown.
        neighbours: whom else the web asks and tells.
        limits: what clients may take.
        environment: where the token is.

    Raises:
        ConfigError: the token is missing where one is needed, or could be guessed; the certificate is of no use.
    """
    around = neighbours or Neighbours()
    keys = Keys(token_of(settings, environment), time.time)
    desk = Desk(
        board=board,
        health=around.health,
        keys=keys,
        pictures=Pictures(PictureSettings(settings.pictures, settings.blur)),
        accessed=around.accessed,
        clock=time.time,
        corrections=around.corrections,
        history=around.history,
        rate=settings.rate,
        limits=limits or Limits(),
    )
    certificate = (settings.certificate, settings.key) if settings.certificate else None
    return Serving(application(desk), settings.host, settings.port, keys, desk.stop, certificate=certificate)


def token_of(settings: WebSettings, environment: Mapping[str, str]) -> str:
    """The access token; empty where none is needed.

    Raises:
        ConfigError: the variable is not set, or the page would be open to everybody in the network.
    """
    if settings.token:
        token = environment.get(settings.token, "")
        if not token:
            raise ConfigError(
                f"web.token: the environment variable {settings.token} is not set; set it to the access token"
            )
        return token
    if not is_local(f"[{settings.host}]" if ":" in settings.host.strip("[]") else settings.host):
        raise ConfigError(
            f"web.host: {settings.host} can be reached from other machines; name the environment variable with the "
            "access token in web.token, or leave the host at 127.0.0.1"
        )
    return ""
