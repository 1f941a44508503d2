"""What a gallery answers: who is known, where somebody was, who looks like this."""

import json
from itertools import combinations

import numpy as np
import pytest

from batches_made import look, said, seen, step
from unbroken.core.batches import Merge
from unbroken.core.errors import ConfigError, StoreError
from unbroken.core.events import Evidence, PersonEnrolled, PersonMerged
from unbroken.storage import queries
from unbroken.storage.keeper import Store, StoreSettings, open_store


@pytest.fixture
def store(address: str) -> Store:
    made = open_store(address, StoreSettings("net"))
    for person in range(1, 6):
        event = PersonEnrolled(float(person), "hall", person, person, (Evidence(1, 0.1),) if person == 2 else ())
        made.keep(*step(seen("hall", float(person), [person], [look(person)]), [person], [event]))
    made.keep(*step(seen("door", 9.0, [1], [look(1)]), [1]))
    yield made
    made.close()


def test_people_are_listed_by_when_they_were_last_seen(store: Store) -> None:
    assert [one.id for one in queries.people(store.database)] == [1, 5, 4, 3, 2]
    assert [one.id for one in queries.people(store.database, limit=2)] == [1, 5]
    first = queries.person(store.database, 1)
    assert (first.cameras, first.tracks, first.views) == (("door", "hall"), 2, 2)
    assert (first.first_seen, first.last_seen, first.state) == (1.0, 9.0, "confirmed")
    assert queries.count(store.database) == 5


def test_who_was_merged_is_a_signpost(store: Store) -> None:
    store.keep(*said(10.0, [Merge(1, 3)], [PersonMerged(10.0, 1, 3, Evidence(1, 0.0))]))
    assert 3 not in [one.id for one in queries.people(store.database)]
    assert queries.person(store.database, 3).merged_into == 1
    assert queries.person(store.database, 1).tracks == 3
    assert [one.id for one in queries.people(store.database, merged=True)] == [1, 5, 4, 3, 2]


def test_where_somebody_was_comes_latest_first_with_what_happened(store: Store) -> None:
    assert [(stay.camera, stay.start) for stay in queries.stays(store.database, 1)] == [("door", 9.0), ("hall", 1.0)]
    store.keep(*said(10.0, [Merge(2, 1)], [PersonMerged(10.0, 2, 1, Evidence(2, 0.0))]))
    events = queries.events_of(store.database, 1)
    assert [(event["type"], event["person"]) for event in events] == [("person_merged", 2), ("person_enrolled", 1)]


def test_somebody_is_found_by_number_or_by_name(store: Store) -> None:
    queries.rename(store.database, 4, "Ada")
    assert queries.number_of(store.database, "4") == queries.number_of(store.database, "Ada") == 4
    with pytest.raises(ConfigError, match="nobody is called 'Bob'"):
        queries.number_of(store.database, "Bob")
    queries.rename(store.database, 5, "Ada")
    with pytest.raises(ConfigError, match=r"2 people are called 'Ada' \(4, 5\)"):
        queries.number_of(store.database, "Ada")
    with pytest.raises(ConfigError, match="person 77 is not known"):
        queries.number_of(store.database, "77")
    with pytest.raises(ConfigError, match="is a number"):
        queries.rename(store.database, 5, "12")


def test_the_nearest_are_those_of_brute_force(store: Store) -> None:
    wanted = look(3) + 0.3 * look(5)
    wanted /= np.linalg.norm(wanted)
    expected = sorted((1 - float(look(person) @ wanted), person) for person in range(1, 6))
    found = queries.nearest(store.database, store.seal, wanted, limit=3)
    assert [match.person for match in found] == [person for _, person in expected[:3]]
    np.testing.assert_allclose(
        [match.distance for match in found], [distance for distance, _ in expected[:3]], atol=1e-6
    )
    assert found[0].views == 1
    with pytest.raises(StoreError, match="have 64 numbers, the picture's 12"):
        queries.nearest(store.database, store.seal, look(1, 12))


def test_how_well_people_are_told_apart_is_measured_at_a_snapshot(store: Store) -> None:
    store.snapshot(b"")
    ((time, model, body),) = store.database.query("SELECT time, model, body FROM calibration")
    assert (time, model) == (9.0, "net")
    facts = json.loads(str(body))
    vectors = [look(person) for person in (1, 1, 2, 3, 4, 5)]
    different = [1 - float(a @ b) for a, b in combinations(vectors, 2) if a is not b and float(a @ b) < 0.99]
    assert facts["views"] == 6
    assert facts["same"]["pairs"] == 1
    assert facts["same"]["0.5"] == pytest.approx(0.0, abs=1e-3)
    assert facts["different"]["pairs"] == len(different) == 14
    assert facts["different"]["0.5"] == pytest.approx(np.median(different), abs=1e-3)
