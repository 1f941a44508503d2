"""Events as HTTP POST requests, signed, so that whoever gets one knows that it is true and new."""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b, sha256
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR
from threading import Event, Timer
from urllib.parse import urlsplit

from unbroken.core.errors import ConfigError
from unbroken.core.tls import client_context
from unbroken.outlets.courier import DeliveryError
from unbroken.outlets.envelope import Envelope

_LONGEST_ANSWER = 1 << 16
_LONGEST_WAIT = 300.0


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where events are posted.

    Attributes:
        url: `http://` or `https://`; user and password in it are sent as they are in basic authentication: use `secret`
            instead.
        secret: for the signature; empty: not signed.
        timeout: seconds for one request, from the connection to the last byte of the answer.
        authority: a PEM file with authorities that are trusted beside those of the system; for `https://`.
    """

    url: str
    secret: bytes = b""
    timeout: float = 5.0
    authority: str = ""


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What `X-Unbroken-Signature` says: HMAC-SHA256 over the timestamp, a full stop and the body, in hex digits."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, sha256).hexdigest()


class Webhook:
    """Posts each event as one request. An `Outlet`.

    2xx means taken. 408, 429, 5xx and whatever breaks the connection are tried again, after `Retry-After` where the
    other side says so; any other answer, redirects too, means that this event will never be taken.

    Args:
        target: where to.
        clock: seconds since 1970, for the timestamp that is signed.
    """

    def __init__(self, target: WebhookTarget, clock: Callable[[], float]) -> None:
        parts = urlsplit(target.url)
        try:
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"webhook {target.url}: {error}; give a port from 1 to 65535") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"webhook {target.url}: is no address; give http://host/path or https://host/path")
        self._target = target
        self._clock = clock
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._place = f"{parts.scheme}://{parts.hostname}{parts.path}"
        if parts.scheme == "https":
            context = client_context(target.authority)
            self._connection: HTTPConnection = HTTPSConnection(
                parts.hostname, port, timeout=target.timeout, context=context
            )
        else:
            self._connection = HTTPConnection(parts.hostname, port, timeout=target.timeout)

    @property
    def name(self) -> str:
        """After the address, without its secrets: two webhooks to one host differ by their path and query."""
        digest = blake2b(self._target.url.encode(), digest_size=4).hexdigest()
        return f"webhook-{urlsplit(self._target.url).hostname}-{digest}"

    def deliver(self, envelopes: Sequence[Envelope]) -> None:
        """Post the events one by one.

        Raises:
            DeliveryError: one was not taken; those behind it were not tried.
        """
        for done, envelope in enumerate(envelopes):
            try:
                self._post(envelope)
            except DeliveryError as error:
                error.done = done
                raise

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self._connection.close()

    def _post(self, envelope: Envelope) -> None:
        idle = self._connection.sock is not None
        for second in (False, True) if idle else (True,):
            try:
                self._request(envelope)
                return
            except (OSError, HTTPException) as error:
                self._connection.close()
                # A server may close a connection that was idle at any time: that is not a failure yet.
                if second or not isinstance(error, ConnectionError):
                    raise DeliveryError(f"{self._place}: {_reason(error)}") from error

    def _request(self, envelope: Envelope) -> None:
        body = envelope.line().encode()
        with self._deadline():
            self._connection.request("POST", self._path, body, self._headers(envelope, body))
            answer = self._connection.getresponse()
            rest = answer.read(_LONGEST_ANSWER)
        if len(rest) == _LONGEST_ANSWER:
            self._connection.close()
        self._judge(answer)

    def _headers(self, envelope: Envelope, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "unbroken",
            "X-Unbroken-Id": envelope.id,
            "X-Unbroken-Type": envelope.type,
            "X-Unbroken-Timestamp": timestamp,
        }
        if self._target.secret:
            headers["X-Unbroken-Signature"] = signature(self._target.secret, timestamp, body)
        return headers

    def _judge(self, answer: HTTPResponse) -> None:
        if 200 <= answer.status < 300:
            return
        text = f"{self._place} answers {answer.status} {answer.reason}".rstrip()
        if answer.status in (408, 429) or answer.status >= 500:
            raise DeliveryError(text, wait=_retry_after(answer.headers.get("Retry-After")))
        raise DeliveryError(f"{text}: the event is dropped", final=True)

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        """End a request that trickles: the timeout of a socket begins anew with every byte.

        Raises:
            TimeoutError: it was ended; what looks like an answer then may be half of one.
        """
        late = Event()

        def cut() -> None:
            late.set()
            with suppress(OSError, AttributeError):
                self._connection.sock.shutdown(SHUT_RDWR)

        timer = Timer(self._target.timeout, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if late.is_set():
            raise TimeoutError("no answer in time")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _retry_after(value: str | None) -> float:
    """Seconds; a date or nonsense counts as nothing asked for."""
    try:
        seconds = float(value or 0)
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_WAIT) if math.isfinite(seconds) else 0.0
