"""Couriers: at least once, in order, whatever fails in between."""

from random import Random
from time import monotonic

from hypothesis import given, settings
from hypothesis import strategies as st

from outlet_made import FAST, Collected, sealed, until
from unbroken.outlets.courier import Courier, CourierSettings, retry_delay
from unbroken.outlets.spool import Spool, SpoolSettings


def spooled(folder, count, first=1):
    spool = Spool(folder)
    for envelope in sealed(count, first):
        spool.append(envelope.line().encode())
    return spool


def courier(outlet, spool, folder, wanted=FAST, clock=monotonic):
    (folder / f"{outlet.name}.place").write_text("0\n")
    made = Courier(outlet, spool, folder, wanted, clock, random=Random(0))
    made.start()
    return made


@settings(deadline=None, max_examples=15)
@given(fails=st.lists(st.tuples(st.integers(0, 2), st.just(False)), max_size=6), batch=st.integers(3, 8))
def test_everything_arrives_in_order_through_failures(fails, batch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spool")
    outlet = Collected()
    outlet.fails = list(fails)
    made = courier(outlet, spooled(folder, 30), folder, CourierSettings(batch, 0.001, 0.002))
    until(lambda: made.place == 30)
    made.close(60.0)
    assert outlet.tracks == list(range(1, 31))
    assert (made.status.delivered, made.status.waiting, made.status.failing, made.status.error) == (30, 0, 0, "")


def test_an_event_that_is_refused_is_counted_and_holds_nobody_up(tmp_path):
    outlet = Collected()
    outlet.fails = [(2, True), (0, False)]
    made = courier(outlet, spooled(tmp_path, 6), tmp_path)
    until(lambda: made.place == 6)
    made.close(60.0)
    assert outlet.tracks == [1, 2, 4, 5, 6]
    assert made.status.refused == 1
    assert outlet.closed == 1


def test_after_a_restart_it_goes_on_where_it_was(tmp_path):
    first = Collected()
    made = courier(first, spooled(tmp_path, 5), tmp_path)
    until(lambda: made.place == 5)
    made.close(60.0)
    second = Collected()
    again = Courier(second, spooled(tmp_path, 3, first=6), tmp_path, FAST, monotonic)
    again.start()
    until(lambda: again.place == 8)
    again.close(60.0)
    assert second.tracks == [6, 7, 8]


def test_a_note_that_is_damaged_delivers_again_rather_than_not(tmp_path):
    spool = spooled(tmp_path, 5)
    (tmp_path / "collected.place").write_text("")
    outlet = Collected()
    again = Courier(outlet, spool, tmp_path, FAST, monotonic)
    again.start()
    until(lambda: again.place == 5)
    again.close(60.0)
    assert outlet.tracks == [1, 2, 3, 4, 5]


def test_only_wanted_types_are_delivered(tmp_path):
    outlet = Collected()
    made = courier(outlet, spooled(tmp_path, 5), tmp_path, CourierSettings(types=("new", "end")))
    until(lambda: made.place == 5)
    made.close(60.0)
    assert outlet.got == []


def test_what_the_full_spool_dropped_is_counted(tmp_path):
    spool = Spool(tmp_path, SpoolSettings(megabytes=2000e-6, segments=4))
    for envelope in sealed(40):
        spool.append(envelope.line().encode())
    outlet = Collected()
    first = spool.first
    assert first > 0
    made = courier(outlet, spool, tmp_path)
    until(lambda: made.place == 40)
    made.close(60.0)
    assert made.status.dropped == first
    assert outlet.tracks == list(range(first + 1, 41))


def test_an_event_that_never_succeeds_is_given_up_after_a_while(tmp_path):
    outlet = Collected()
    outlet.fails = [(0, False)] * 4
    times = iter(range(0, 1000, 10))
    wanted = CourierSettings(first_retry=0.001, longest_retry=0.002, give_up=25.0)
    made = courier(outlet, spooled(tmp_path, 3), tmp_path, wanted, lambda: next(times))
    until(lambda: made.place == 3)
    made.close(60.0)
    assert outlet.tracks == [2, 3]
    assert made.status.dropped == 1


def test_a_damaged_line_in_the_spool_is_skipped(tmp_path):
    spool = spooled(tmp_path, 1)
    spool.append(b"\0\0\0\n")
    spool.append(sealed(1, first=9)[0].line().encode())
    outlet = Collected()
    made = courier(outlet, spool, tmp_path)
    until(lambda: made.place == 3)
    made.close(60.0)
    assert outlet.tracks == [1, 9]


@given(failing=st.integers(1, 10_000), seed=st.integers(0, 99))
def test_retries_come_later_and_later_and_never_later_than_set(failing, seed):
    delay = retry_delay(CourierSettings(first_retry=0.5, longest_retry=60.0), failing, Random(seed))
    longest = min(60.0, 0.5 * 2 ** min(failing - 1, 20))
    assert longest / 2 <= delay <= longest
