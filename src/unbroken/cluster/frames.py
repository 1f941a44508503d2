"""What goes over the line between a node and the writer: frames with a length, a number and a proof of who wrote them.

Both ends know a secret, which is never sent. Each proves that it knows it by a keyed hash (HMAC-SHA256) over a number
that the other has just drawn; from there on each frame carries a keyed hash over its place in the conversation, so
nobody in between can change, repeat or leave out a frame. Nothing is encrypted: where others can listen, a tunnel
(WireGuard, SSH) belongs around it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from unbroken.core.errors import BusError

VERSION: Final = 1
"""Of the conversation; rises when an older end would not understand it."""
LONGEST: Final = 1 << 26
"""Bytes of a frame."""
_LONGEST_GREETING = 1 << 20
_LENGTH = struct.Struct(">I")
_HEAD = struct.Struct(">cQ")
_TAG = 16
_NONCE = 32

BATCH, STEP, ANSWER, PING, BYE = b"B", b"S", b"A", b"P", b"Q"
"""Kinds of frames: sightings, events beside them, what became of either, a sign of life, the end."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its kind, the number that its sender gave it, and what is in it."""

    kind: bytes
    number: int
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a node is, and how it proves it.

    Attributes:
        node: its name.
        secret: what node and writer share.
        model: the fingerprint of its Re-ID net; empty without one.
        secret_name: the environment variable with the secret, for messages.
    """

    node: str
    secret: bytes
    model: str = ""
    secret_name: str = "the secret"


class Line:
    """One end of a connection. One thread at a time sends, one at a time receives.

    Args:
        connection: connected; `close` closes it.
        silence: seconds after which an end that says nothing counts as gone.
    """

    def __init__(self, connection: socket.socket, silence: float) -> None:
        self._connection = connection
        connection.settimeout(silence)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._key = b""
        self._mine, self._theirs = b"", b""
        self._sent = self._received = 0

    def prove(self, key: bytes, mine: bytes, theirs: bytes) -> None:
        """From here on every frame is proved, with the key of this conversation and the names of both ends."""
        self._key, self._mine, self._theirs = key, mine, theirs

    def send(self, frame: Frame) -> None:
        """Send a frame.

        Raises:
            OSError: the other end is gone.
        """
        body = _HEAD.pack(frame.kind, frame.number) + frame.content
        tag = _tag(self._key, self._mine, self._sent, body)
        self._sent += 1
        self._connection.sendall(_LENGTH.pack(len(body) + _TAG) + tag + body)

    def receive(self) -> Frame:
        """Wait for a frame.

        Raises:
            OSError: the other end is gone, or was silent for too long.
            BusError: what came was not written by the other end.
        """
        content = self._read(LONGEST)
        tag, body = content[:_TAG], content[_TAG:]
        if len(body) < _HEAD.size or not hmac.compare_digest(tag, _tag(self._key, self._theirs, self._received, body)):
            raise BusError("a frame was changed on its way; look at what lies between node and writer")
        self._received += 1
        kind, number = _HEAD.unpack_from(body)
        return Frame(kind, number, body[_HEAD.size :])

    def say(self, fields: Mapping[str, object]) -> None:
        """Send a part of the greeting."""
        content = json.dumps(fields).encode()
        self._connection.sendall(_LENGTH.pack(len(content)) + content)

    def hear(self) -> Mapping[str, object]:
        """Wait for a part of the greeting.

        Raises:
            OSError: the other end is gone.
            BusError: it speaks something else.
        """
        content = self._read(_LONGEST_GREETING)
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BusError("the other end does not speak as unbroken does; check address and port") from error
        if not isinstance(found, dict):
            raise BusError("the other end does not speak as unbroken does; check address and port")
        return found

    def close(self) -> None:
        """Hang up; whoever waits for a frame wakes. May be called twice."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _read(self, longest: int) -> bytes:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > longest:
            raise BusError(f"a frame of {length} bytes was announced, {longest} is the most; check address and port")
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self._connection.recv(min(count, 1 << 20))
            if not part:
                raise ConnectionResetError("the other end has hung up")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def greet_writer(line: Line, mine: Credentials) -> dict[str, int]:
    """Say who we are, prove it, and have the writer prove that it is the writer.

    Returns:
        The last epoch of each camera of this node, as the writer knows it.

    Raises:
        OSError: the writer is gone.
        BusError: it refuses, cannot prove itself, or is of another version.
    """
    challenge = line.hear()
    if challenge.get("version") != VERSION:
        raise BusError(_other_version("the writer", challenge.get("version")))
    theirs, own = _nonce(challenge), os.urandom(_NONCE)
    proof = _proof(mine.secret, b"node", theirs, own, mine.node)
    line.say({"version": VERSION, "node": mine.node, "model": mine.model, "nonce": own.hex()} | {"proof": proof.hex()})
    welcome = line.hear()
    if "refused" in welcome:
        raise BusError(str(welcome["refused"])[:1000])
    if not _same(_proof(mine.secret, b"writer", theirs, own, mine.node), welcome.get("proof")):
        raise BusError(f"the writer does not know {mine.secret_name}; set the same on both machines")
    line.prove(_proof(mine.secret, b"frames", theirs, own, mine.node), b"node", b"writer")
    epochs = welcome.get("epochs")
    if not isinstance(epochs, dict) or not all(type(epoch) is int for epoch in epochs.values()):
        raise BusError("the writer's welcome does not say which epochs it knows; use the same version on both")
    return epochs


@dataclass(frozen=True, slots=True)
class Visitor:
    """A node that has greeted, whose proof is still to be judged and answered."""

    node: str
    model: str
    _ours: bytes
    _theirs: bytes
    _proof: object

    def knows(self, secret: bytes) -> bool:
        """Whether it has proved that it knows the secret."""
        return _same(_proof(secret, b"node", self._ours, self._theirs, self.node), self._proof)

    def welcome(self, line: Line, secret: bytes, epochs: Mapping[str, int]) -> None:
        """Let it in."""
        proof = _proof(secret, b"writer", self._ours, self._theirs, self.node)
        line.say({"proof": proof.hex(), "epochs": dict(epochs)})
        line.prove(_proof(secret, b"frames", self._ours, self._theirs, self.node), b"writer", b"node")


def greet_node(line: Line) -> Visitor:
    """Ask a node who it is.

    Raises:
        OSError: it is gone.
        BusError: it is none, or of another version.
    """
    ours = os.urandom(_NONCE)
    line.say({"unbroken": "writer", "version": VERSION, "nonce": ours.hex()})
    found = line.hear()
    if found.get("version") != VERSION:
        raise BusError(_other_version("the node", found.get("version")))
    names = [found.get(name) for name in ("node", "model")]
    if not all(isinstance(name, str) and len(name) <= 1000 for name in names):
        raise BusError("the node does not say who it is; use the same version on both machines")
    node, model = map(str, names)
    return Visitor(node, model, ours, _nonce(found), found.get("proof"))


def _other_version(who: str, version: object) -> str:
    return (
        f"{who} speaks version {str(version)[:20]} of the bus, this is {VERSION}; use the same version on both machines"
    )


def _nonce(found: Mapping[str, object]) -> bytes:
    try:
        nonce = bytes.fromhex(str(found.get("nonce")))
    except ValueError:
        nonce = b""
    if len(nonce) != _NONCE:
        raise BusError("the other end does not speak as unbroken does; check address and port")
    return nonce


def _proof(secret: bytes, what: bytes, writers: bytes, nodes: bytes, node: str) -> bytes:
    return hmac.digest(secret, b"|".join([b"unbroken", what, writers, nodes, node.encode()]), hashlib.sha256)


def _same(proof: bytes, claimed: object) -> bool:
    return isinstance(claimed, str) and hmac.compare_digest(proof.hex().encode(), claimed.encode())


def _tag(key: bytes, end: bytes, place: int, body: bytes) -> bytes:
    return hmac.digest(key, end + place.to_bytes(8, "big") + body, hashlib.sha256)[:_TAG]
