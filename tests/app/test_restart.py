"""Who hangs begins anew, but not for ever."""

from hypothesis import given
from hypothesis import strategies as st

from unbroken.app.restart import MOST, WITHIN, next_restart


@given(st.lists(st.floats(1, 2 * WITHIN), max_size=60), st.text(max_size=20))
def test_never_more_than_so_many_restarts_in_any_hour(gaps, rubbish):
    now, written, done = 1.8e9, rubbish if not any(c.isdigit() for c in rubbish) else "", []
    for gap in gaps:
        now += gap
        answer = next_restart(written, now)
        if answer is not None:
            done.append(now)
            written = answer
        assert len([time for time in done if now - time < WITHIN - 1]) <= MOST
    assert done[:1] == [1.8e9 + gaps[0]] if gaps else not done


def test_after_a_quiet_hour_it_may_begin_anew_again():
    written = ""
    for second in range(MOST):
        written = next_restart(written, 1000.0 + second)
    assert next_restart(written, 1010.0) is None
    assert next_restart(written, 1010.0 + WITHIN) == f"{int(1010 + WITHIN)}"
