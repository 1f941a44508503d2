"""Batches and verdicts as bytes: back to the bit, and damage ends in one sentence."""

import typing
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nst

from unbroken.core.batches import Batch, Command, Report, Verdict
from unbroken.core.errors import StoreError
from unbroken.core.events import Event, PersonEnrolled
from unbroken.core.sightings import Identities, Sightings
from unbroken.core.wire import (
    batch_of_bytes,
    bytes_of_batch,
    bytes_of_verdict,
    event_of_plain,
    plain_of_event,
    verdict_of_bytes,
)

SECONDS = st.floats(-1e9, 1e9)
NAMES = st.text(max_size=8)
IDS = st.integers(0, 2**40)


@st.composite
def sightings(draw):
    rows, width = draw(st.integers(0, 4)), draw(st.sampled_from([0, 1, 7]))
    anything = st.floats(width=64)
    features = draw(nst.arrays(np.float32, (rows, width), elements=st.floats(-1, 1, width=32)))
    features[draw(nst.arrays(np.bool_, rows))] = 0
    return Sightings(
        draw(NAMES),
        draw(SECONDS),
        draw(nst.arrays(np.int64, rows)),
        draw(nst.arrays(np.float64, (rows, 4), elements=st.floats(-1e6, 1e6))),
        draw(nst.arrays(np.float64, (rows, 2), elements=anything)),
        draw(nst.arrays(np.float64, (rows, 2, 2), elements=anything)),
        features,
        draw(nst.arrays(np.float64, rows, elements=anything)),
        draw(nst.arrays(np.int64, draw(st.integers(0, 3)))),
    )


@st.composite
def identities(draw):
    rows = draw(st.integers(0, 4))
    ints = [draw(nst.arrays(np.int64, rows)) for _ in range(3)]
    return Identities(draw(NAMES), draw(SECONDS), *ints, draw(nst.arrays(np.float64, rows)))


def anything_of(union):
    return st.one_of(*(st.from_type(kind) for kind in typing.get_args(union)))


batches = st.builds(
    Batch,
    SECONDS,
    st.lists(st.builds(Report, IDS, IDS, sightings()), max_size=3).map(tuple),
    st.lists(anything_of(Command), max_size=3).map(tuple),
)
verdicts = st.builds(
    Verdict,
    st.lists(identities(), max_size=3).map(tuple),
    st.lists(anything_of(Event), max_size=3).map(tuple),
    st.lists(st.text(), max_size=2).map(tuple),
)


def bits(value):
    """A value as something that is equal only where every bit is."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    if hasattr(value, "__dataclass_fields__"):
        return type(value), tuple(bits(getattr(value, name)) for name in value.__dataclass_fields__)
    return repr(value)


@settings(deadline=None)
@given(batches)
def test_a_batch_comes_back_to_the_bit(batch):
    assert bits(batch_of_bytes(bytes_of_batch(batch))) == bits(batch)


@settings(deadline=None)
@given(verdicts)
def test_a_verdict_comes_back_to_the_bit(verdict):
    assert bits(verdict_of_bytes(bytes_of_verdict(verdict))) == bits(verdict)


@settings(deadline=None)
@given(anything_of(Event))
def test_every_kind_of_event_comes_back(event):
    assert bits(event_of_plain(plain_of_event(event))) == bits(event)


def test_features_of_rows_that_saw_nothing_new_take_no_room():
    def message(features):
        count = len(features)
        nothing = np.zeros((count, 4)), np.zeros((count, 2)), np.zeros((count, 2, 2))
        seen = Sightings("a", 0.0, np.arange(count), *nothing, features, np.ones(count), [])
        return bytes_of_batch(Batch(0.0, (Report(1, 0, seen),)))

    assert len(message(np.ones((10, 512)))) - len(message(np.zeros((10, 512)))) >= 10 * 512 * 4


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused_in_a_sentence(noise):
    for read in (batch_of_bytes, verdict_of_bytes):
        with pytest.raises(StoreError, match=r"message of unbroken|version|damaged"):
            read(noise)


def with_right_checksum(message):
    return message[:5] + zlib.crc32(message[13:]).to_bytes(4, "little") + message[9:]


@settings(deadline=None, max_examples=200)
@given(st.one_of(batches.map(bytes_of_batch), verdicts.map(bytes_of_verdict)), st.data())
def test_a_damaged_message_is_refused_or_read_and_never_breaks_anything(message, data):
    """Also where the checksum was made right again: whoever sends a message may be malicious."""
    damaged = bytearray(message)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(message)))
    for broken in (bytes(damaged), message[:cut], message + b"x", with_right_checksum(bytes(damaged))):
        for read in (batch_of_bytes, verdict_of_bytes):
            with suppress(StoreError):
                read(broken)


def test_what_a_head_counts_must_be_there():
    good = bytes_of_batch(
        Batch(
            1.0,
            (
                Report(
                    1,
                    0,
                    Sightings("a", 0.0, [1], *_nothing(1), []),
                ),
            ),
        )
    )
    for old, new in ((b'"rows":1', b'"rows":9'), (b'"width":3', b'"width":8'), (b'"rows":1', b'"rows":-')):
        with pytest.raises(StoreError, match="cannot be read"):
            batch_of_bytes(with_right_checksum(good.replace(old, new)))
    assert len(batch_of_bytes(good).reports) == 1


def _nothing(count):
    return np.zeros((count, 4)), np.zeros((count, 2)), np.zeros((count, 2, 2)), np.ones((count, 3)), np.ones(count)


def test_an_event_of_another_version_is_refused():
    plain = plain_of_event(PersonEnrolled(1.0, "a", 2, 3))
    for change in ({"kind": "PersonExploded"}, {"person": "three"}, {"colour": 1}):
        with pytest.raises(StoreError, match="no event"):
            event_of_plain(plain | change)
