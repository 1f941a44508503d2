"""What is in the queue is a command, or is refused with a sentence; it never stops those behind it."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.batches import Command, Forget, Merge, Split, Swap, Undo
from unbroken.core.errors import StoreError
from unbroken.storage import commands
from unbroken.storage.keeper import open_store

people, tracks = st.integers(1, 10**6), st.tuples(st.text(max_size=8), st.integers(0, 10**6))
wishes = st.one_of(
    st.builds(Merge, people, people),
    st.builds(Split, people, st.lists(tracks, max_size=3).map(tuple)),
    st.builds(Swap, tracks, tracks),
    st.builds(Undo, people),
    st.builds(Forget, people, st.text(max_size=20)),
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["merge", "split", "swap", "undo", "forget", "other"])
keys = st.sampled_from(["person", "absorbed", "tracks", "first", "second", "reason"])


@given(wish=wishes)
def test_a_command_is_the_same_after_the_queue(wish: Command) -> None:
    assert commands.decoded(commands.encoded(wish)) == wish


@given(st.builds(lambda name, rest: {"command": name, **rest}, names, st.dictionaries(keys, plain)) | plain)
def test_whatever_else_is_in_the_queue_is_refused_or_sound(content: object) -> None:
    with suppress(StoreError):
        command = commands.decoded(json.dumps(content))
        assert commands.decoded(commands.encoded(command)) == command


@pytest.mark.parametrize("number", ["1", True, 1.5, None, 2**63, [1]])
def test_a_number_that_is_none_is_refused(number: object) -> None:
    with pytest.raises(StoreError, match="no command"):
        commands.decoded(json.dumps({"command": "undo", "person": number}))


def test_a_row_that_is_no_command_is_refused_and_the_next_is_carried_out(address: str) -> None:
    store = open_store(address)
    for body in ("nonsense", json.dumps({"command": "merge", "person": "x", "absorbed": 1})):
        store.database.insert(
            "INSERT INTO commands (time, who, body, state, answer) VALUES (?, ?, ?, ?, ?)",
            (1.0, "mallory", body, commands.WAITING, ""),
        )
    number = commands.ask(store.database, Undo(1), "anna", 2.0)
    assert [request.number for request in store.pending_commands()] == [number]
    assert [request.number for request in store.pending_commands()] == [number]
    refused = commands.reply_to(store.database, number - 1)
    assert refused is not None
    assert not refused.done
    assert "no command" in refused.text
    store.close()


def test_a_reply_to_nobody_is_told(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "site.db"))
    with pytest.raises(StoreError, match="has no request 7"):
        commands.reply_to(store.database, 7)
    store.close()
