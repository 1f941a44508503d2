"""Erasing a person from lines of events: nothing of him is left, and nothing of anybody else is touched."""

import json
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from unbroken.core.events import Event, Evidence, PersonSplit
from unbroken.outlets.envelope import Envelope, Sealer
from unbroken.outlets.erasing import Erasure

PERSONS = st.integers(1, 5)
EVIDENCE = st.builds(Evidence, PERSONS, st.just(1.0))
KNOWN = {
    "time": st.just(1.0),
    "camera": st.sampled_from(["door", "hall"]),
    "track": st.integers(1, 3),
    "person": PERSONS,
    "absorbed": PERSONS,
    "separated": PERSONS,
    "into": PERSONS,
    "reason": st.sampled_from(["asked", "left", "forgotten"]),
    "evidence": EVIDENCE,
    "alternatives": st.lists(EVIDENCE, max_size=3).map(tuple),
}
EVENTS = [
    st.builds(kind, **{name: KNOWN[name] for name in kind.__dataclass_fields__ if name in KNOWN})
    for kind in get_args(Event)
]


def erased(events, person):
    sealer = Sealer("shop", 1)
    lines = [sealer.seal(event).line().encode() for event in events]
    erasure = Erasure([person])
    erasure.learn(lines)
    return lines, [erasure.change(line) for line in lines]


def mentions(value):
    """Every number that stands where a Global ID stands."""
    if isinstance(value, dict):
        named = {value[name] for name in ("person", "absorbed", "separated", "into") if name in value}
        return named | {one for part in value.values() for one in mentions(part)}
    if isinstance(value, list):
        return {one for part in value for one in mentions(part)}
    return set()


@settings(deadline=None)
@given(events=st.lists(st.one_of(EVENTS), max_size=20), person=PERSONS)
def test_nobody_is_mentioned_any_more_save_in_the_notice(events, person):
    lines, after = erased(events, person)
    for before, line in zip(lines, after, strict=True):
        found = json.loads(line or b"{}")
        notice = found.get("type") == "person_forgotten" or found.get("reason") == "forgotten"
        assert notice or person not in mentions(found)
        if line is not None and line != before:
            assert Envelope.read(line).type == Envelope.read(before).type


@given(events=st.lists(st.one_of(EVENTS), max_size=20))
def test_somebody_who_was_never_there_changes_nothing(events):
    lines, after = erased(events, 99)
    assert after == lines


def test_evidence_for_somebody_else_loses_its_name_alone():
    [before], [after] = erased([PersonSplit(1.0, 2, 3, (("door", 1),), Evidence(9, 1.5))], 9)
    assert json.loads(after)["evidence"] == {**json.loads(before)["evidence"], "person": -1}


ODD = [
    b"[]\n",
    b'{"person":[1]}\n',
    b'{"type":"person_merged","person":7,"absorbed":[]}\n',
    b'{"track":{},"person":-1}\n',
]


@given(line=st.binary(max_size=40) | st.sampled_from(ODD))
def test_lines_that_are_no_events_are_kept_or_erased_and_stop_nothing(line):
    erasure = Erasure([7])
    erasure.learn([line])
    assert erasure.change(line) in (line, None)
