"""Whatever comes over the line of a bus, from strangers or from who knows the secret: one sentence, no trace."""

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.cluster.frames import VERSION, Credentials, Line, greet_node, greet_writer
from unbroken.core.errors import BusError

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
nonces = st.just("ab" * 32)
greetings = st.fixed_dictionaries(
    {},
    optional={
        "version": st.just(VERSION) | plain,
        "nonce": nonces | plain,
        "node": st.just("one") | plain,
        "model": st.just("") | plain,
        "proof": plain,
        "epochs": plain,
        "refused": plain,
    },
)
messages = st.binary(max_size=60) | greetings.map(lambda fields: framed(json.dumps(fields).encode()))


def framed(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


@contextmanager
def line_with(sent: list[bytes]) -> Iterator[Line]:
    """A line from whose other end all this has come, and nothing more will."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    theirs.sendall(b"".join(sent))
    theirs.shutdown(socket.SHUT_WR)
    line = Line(ours, 5.0)
    try:
        yield line
    finally:
        line.close()
        theirs.close()


@given(sent=st.lists(messages, max_size=3))
def test_a_writer_greets_anybody_and_lets_nobody_in_who_proves_nothing(sent: list[bytes]) -> None:
    with line_with(sent) as line, suppress(BusError, OSError):
        assert not greet_node(line).knows(b"a secret of the tests")


@given(sent=st.lists(messages, max_size=3))
def test_a_node_believes_no_writer_that_proves_nothing(sent: list[bytes]) -> None:
    with line_with(sent) as line, pytest.raises((BusError, OSError)):
        greet_writer(line, Credentials("one", b"a secret of the tests"))


@given(sent=st.lists(st.binary(max_size=80) | st.binary(max_size=80).map(framed), max_size=3))
def test_no_frame_is_taken_from_who_does_not_know_the_key(sent: list[bytes]) -> None:
    with line_with(sent) as line:
        line.prove(b"key", b"writer", b"node")
        with pytest.raises((BusError, OSError)):
            line.receive()
