"""Numbers with gaps and without: one way and back."""

from hypothesis import given
from hypothesis import strategies as st

from unbroken.core.batches import Batch, Merge, Verdict
from unbroken.core.events import Evidence, PersonRecognised
from unbroken.pipeline.renumbering import Renumbering


@given(skipped=st.sets(st.integers(1, 40)))
def test_the_numbers_of_then_are_all_but_those_skipped_in_their_order(skipped: set[int]) -> None:
    numbers = Renumbering(skipped)
    wanted = [one for one in range(1, 200) if one not in skipped][:100]
    assert [numbers.outer(one) for one in range(1, 101)] == wanted
    assert [numbers.inner(one) for one in wanted] == list(range(1, 101))
    assert {numbers.inner(one) for one in skipped} <= {0}
    assert numbers.outer(-1) == -1


def test_everybody_who_is_named_is_renumbered_in_events_and_commands() -> None:
    numbers = Renumbering([2])
    event = PersonRecognised(1.0, "hall", 2, 2, Evidence(2, 0.5), (Evidence(1, 0.25), Evidence(-1, 0.0)))
    (told,) = numbers.verdict(Verdict((), (event,))).events
    assert told == PersonRecognised(1.0, "hall", 2, 3, Evidence(3, 0.5), (Evidence(1, 0.25), Evidence(-1, 0.0)))
    assert numbers.batch(Batch(1.0, (), (Merge(1, 3),))).commands == (Merge(1, 2),)
