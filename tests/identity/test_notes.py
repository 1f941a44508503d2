"""What was corrected can be taken back as long as it is remembered and nothing rests on it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.errors import ContractError
from unbroken.identity.gallery import View
from unbroken.identity.notes import Notes, Undo


def correction(*persons, number=1):
    view = View(number, 0, 0.0, 1.0, np.ones(2, dtype=np.float32), np.ones(2))
    return Undo(dict.fromkeys(persons, (view,)), ((number, persons[0]),))


def test_the_last_correction_of_a_person_is_taken_and_then_gone():
    notes, first, then = Notes(8), correction(1, 2, number=1), correction(1, 2, number=2)
    notes.add(first)
    notes.add(then)
    assert notes.take(2) is then
    assert notes.take(2) is first
    with pytest.raises(ContractError, match="person 2 has no correction to undo"):
        notes.take(2)


def test_what_a_later_correction_rests_on_is_not_taken():
    notes = Notes(8)
    notes.add(correction(1, 2))
    notes.add(correction(2, 3))
    with pytest.raises(ContractError, match="a later correction of person 2 rests on the last one"):
        notes.take(1)
    notes.take(3)
    notes.take(1)


@given(st.integers(1, 6), st.lists(st.integers(1, 50), max_size=20))
def test_only_so_many_are_remembered_and_the_oldest_go(remembered, persons):
    notes = Notes(remembered)
    for person in persons:
        notes.add(correction(person))
        notes.keep_apart(person, person + 100)
    kept = persons[-remembered:]
    assert all(notes.apart(person + 100, person) for person in kept)
    for person in reversed(kept):
        notes.take(person)
    for person in persons:
        with pytest.raises(ContractError, match="no correction to undo"):
            notes.take(person)


def test_who_was_told_apart_may_be_let_meet_and_is_forgotten_with_either():
    notes = Notes(8)
    for other in (5, 6, 7):
        notes.keep_apart(other, 4)
    notes.let_meet(4, 5)
    notes.forget({6}, set())
    assert [notes.apart(4, other) for other in (5, 6, 7)] == [False, False, True]


def test_nothing_that_holds_a_view_of_somebody_forgotten_stays_under_older_names_too():
    notes = Notes(8)
    notes.add(correction(1, 2, number=30))
    notes.add(correction(3, number=30))
    notes.add(correction(4, number=31))
    notes.forget({2}, set())
    assert notes.take(4).tracks == ((31, 4),)
    for person in (1, 3):
        with pytest.raises(ContractError):
            notes.take(person)
