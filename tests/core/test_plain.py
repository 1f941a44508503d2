"""Values as JSON."""

import json
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.events import Event, Evidence, PersonRecognised
from unbroken.core.plain import event_fields, json_text, type_of

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(PLAIN)
def test_every_reader_takes_whatever_is_written(value):
    def refused(text: str) -> None:
        raise AssertionError(f"{text} is no JSON")

    json.loads(json_text(value), parse_constant=refused)


def test_every_event_has_a_type_of_its_own():
    kinds = get_args(Event)
    assert len({type_of(kind) for kind in kinds}) == len(kinds)


def test_evidence_is_an_object_and_what_is_not_known_is_null():
    event = PersonRecognised(1.0, "hall", 2, 3, Evidence(3, 4.5))
    evidence = event_fields(event)["evidence"]
    assert evidence == {"person": 3, "score": 4.5, "appearance": 0.0, "time": 0.0, "place": 0.0, "distance": None}
