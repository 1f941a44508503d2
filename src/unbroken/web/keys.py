"""Who may look: an access token, the keys that open the page once, and the sessions that they begin."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from unbroken.core.errors import ConfigError

SHORTEST = 16
"""Characters: shorter tokens could be guessed."""


@dataclass(frozen=True, slots=True)
class KeySettings:
    """How long doors stay open.

    Attributes:
        session: seconds that a browser stays admitted.
        sessions: at most so many at a time; the oldest ends first.
        once: seconds for which a one-time key is good.
    """

    session: float = 12 * 3600.0
    sessions: int = 64
    once: float = 900.0


class Keys:
    """The access token of a site; without one, everybody who can reach the page may see it.

    Sessions and one-time keys are random, held as digests, and end with the process. Tokens are compared in constant
    time.
    """

    def __init__(self, token: str, clock: Callable[[], float], settings: KeySettings | None = None) -> None:
        """Take the token; empty for none.

        Raises:
            ConfigError: the token could be guessed.
        """
        if token and len(token) < SHORTEST:
            raise ConfigError(
                f"web: the access token has {len(token)} characters; give at least {SHORTEST}, "
                "such as `openssl rand -hex 24` prints"
            )
        self._token = _digest(token) if token else b""
        self._clock = clock
        self._settings = settings or KeySettings()
        self._sessions: dict[bytes, float] = {}
        self._once: dict[bytes, float] = {}

    @property
    def needed(self) -> bool:
        """Whether anybody has to show a key."""
        return bool(self._token)

    def admits(self, token: str) -> bool:
        """Whether this is the access token."""
        return self.needed and hmac.compare_digest(_digest(token), self._token)

    def knows(self, session: str) -> bool:
        """Whether this session has begun and not ended."""
        return self._sessions.get(_digest(session), 0.0) > self._clock()

    def one_time(self) -> str:
        """A key that begins one session, soon."""
        key = secrets.token_urlsafe(24)
        self._put(self._once, key, self._settings.once)
        return key

    def session(self, key: str) -> str:
        """A new session for the access token or a one-time key, which is used up; empty for anything else."""
        good_until = self._once.pop(_digest(key), 0.0)
        if not (self.admits(key) or good_until > self._clock()):
            return ""
        session = secrets.token_urlsafe(32)
        self._put(self._sessions, session, self._settings.session)
        return session

    def end(self, session: str) -> None:
        """This session is over."""
        self._sessions.pop(_digest(session), None)

    def _put(self, table: dict[bytes, float], key: str, seconds: float) -> None:
        while len(table) >= self._settings.sessions:
            del table[next(iter(table))]
        table[_digest(key)] = self._clock() + seconds


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
