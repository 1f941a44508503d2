"""Envelopes: an id that tells the same event again, fields that come back, and a schema that all of them fit."""

import json
import math
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import ContractError
from unbroken.core.events import Event, Evidence, PersonAppeared, PersonMerged, TrackStarted
from unbroken.outlets.envelope import TYPES, Envelope, Sealer, event_id
from unbroken.outlets.schema import event_schema, schema_text

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(float, NUMBERS)
EVENTS = st.one_of([st.from_type(kind) for kind in get_args(Event)])
VALIDATOR = jsonschema.Draft202012Validator(event_schema())


@given(event=EVENTS, epoch=st.integers(1, 9))
def test_every_event_fits_the_schema_and_comes_back_from_its_line(event, epoch):
    envelope = Sealer("shop", epoch).seal(event)
    line = envelope.line()
    assert line.count("\n") == 1
    assert line.endswith("\n")
    VALIDATOR.validate(json.loads(line))
    assert Envelope.read(line).line() == line


def test_the_schema_in_the_docs_is_that_of_this_version():
    path = Path(__file__).parents[2] / "docs" / "schema" / "event.json"
    assert path.read_text() == schema_text(), "run: python -m unbroken.outlets.schema > docs/schema/event.json"


def test_the_schema_refuses_what_is_not_an_event():
    line = json.loads(Sealer("shop", 1).seal(TrackStarted(1.0, "door", 3)).line())
    for wrong in ({"track": "three"}, {"type": "track_vanished"}, {"id": "x"}, {"schema": 1}):
        assert not VALIDATOR.is_valid({**line, **wrong})
    assert not VALIDATOR.is_valid({key: value for key, value in line.items() if key != "track"})
    assert VALIDATOR.is_valid({**line, "field_of_a_later_version": 1})


def test_the_same_event_has_the_same_id_in_every_epoch_and_another_site_has_another():
    event = PersonMerged(1.5, 2, 7, Evidence(2, 4.5))
    first, again = Sealer("shop", 1), Sealer("shop", 2)
    again.seal(TrackStarted(1.0, "door", 3))
    one, two = first.seal(event), again.seal(event)
    assert (one.id, one.sequence, one.epoch) == (two.id, 1, 1)
    assert (two.sequence, two.epoch) == (2, 2)
    assert event_id("bank", event) != one.id
    assert event_id("shop", PersonMerged(1.5, 7, 2, Evidence(2, 4.5))) != one.id


def test_ids_do_not_change_from_version_to_version():
    assert event_id("shop", TrackStarted(1.5, "door", 3)) == "3c1f4de96339323bff0e08cd80ec22bf"


def test_people_in_the_site_are_new_update_and_end():
    assert {"new", "update", "end", "person_merged", "zone_entered", "line_crossed", "camera_lost"} <= set(TYPES)
    assert Sealer("shop", 1).seal(PersonAppeared(1.0, 4, "door", 2)).type == "new"


def test_live_times_are_told_in_utc_and_times_of_a_file_are_not():
    live = Sealer("shop", 1).seal(TrackStarted(1_700_000_000.25, "door", 3)).fields()
    assert live["at"] == "2023-11-14T22:13:20.250Z"
    assert Sealer("shop", 1).seal(TrackStarted(12.0, "door", 3)).fields()["at"] is None


def test_what_is_not_a_number_is_null_and_comes_back():
    envelope = Sealer("shop", 1).seal(PersonMerged(1.0, 1, 2, Evidence(1, math.inf)))
    assert json.loads(envelope.line())["evidence"]["distance"] is None
    back = Envelope.read(envelope.line()).event
    assert isinstance(back, PersonMerged)
    assert math.isnan(back.evidence.distance)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "schema is None"),
        ('{"schema":3}', "schema is 3"),
        ('{"schema":2,"type":"dance"}', "'dance' is not known"),
        ('{"schema":2,"type":"track_started","time":1.0,"camera":"a"}', "track_started does not fit"),
        ('{"schema":2,"type":"track_started","time":1.0,"camera":"a","track":true}', "True is not int"),
        ('{"schema":2,"type":"track_started","time":1.0,"camera":"a","track":1}', "'id' is missing"),
    ],
)
def test_a_line_that_is_no_event_is_refused_in_one_sentence(line, said):
    with pytest.raises(ContractError, match=said):
        Envelope.read(line)


@given(
    text=st.one_of(
        st.text(max_size=60),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=9),
            lambda part: st.dictionaries(st.sampled_from(["schema", "type", "time", "id", "evidence"]), part),
        ).map(json.dumps),
    )
)
def test_no_line_makes_more_than_a_sentence(text):
    with pytest.raises(ContractError, match=r"^event: "):
        Envelope.read(text)
