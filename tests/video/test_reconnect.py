"""The state machine of a live camera: whatever happens, it tries again, does not hammer, and says each thing once."""

import itertools
import random

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from unbroken.video.reconnect import Patience, Phase, Reconnect, Seen

PATIENCE = Patience()
GOOD = Seen(size=(64, 48), rate=10.0)


class Conversations(RuleBasedStateMachine):
    """Any order of what may happen to a camera, with the promises kept at every step."""

    def __init__(self):
        super().__init__()
        self.machine = Reconnect(PATIENCE, random.Random(0))
        self.now = 0.0
        self.open = self.stopped = False
        self.connected: list[tuple[float, bool]] = []
        self.told: list[tuple[str, str | None]] = []

    def obey(self, answer):
        if answer.leave:
            assert self.open, "left what was not open"
            self.open = False
        if answer.connect:
            assert not self.open, "two connections at a time"
            assert not self.stopped
            self.open = True
            self.connected.append((self.now, self.machine.fault == "denied"))
        self.told += [(told.kind, told.fault) for told in answer.told if told.kind != "changed"]
        return answer

    @initialize()
    def begin(self):
        self.obey(self.machine.tick(self.now))
        assert self.open

    @rule(seconds=st.floats(0.01, 20))
    def time_passes(self, seconds):
        self.now += seconds
        self.obey(self.machine.tick(self.now))

    @rule()
    def the_supervisor_sleeps_until_it_has_to_do_something(self):
        if not self.stopped:
            self.now = max(self.now, self.machine.due)
            self.obey(self.machine.tick(self.now))

    @precondition(lambda self: self.open)
    @rule()
    def it_opens(self):
        self.obey(self.machine.opened(self.now))

    @precondition(lambda self: self.open)
    @rule(fault=st.sampled_from(["unreachable", "unknown", "denied", "missing", "ended", "lost", "stalled"]))
    def it_fails(self, fault):
        self.open = False
        self.obey(self.machine.failed(self.now, fault, "it did"))
        assert self.machine.phase is Phase.WAITING

    @precondition(lambda self: self.machine.phase is Phase.WATCHING)
    @rule(
        count=st.integers(1, 60),
        step=st.floats(0.03, 1),
        seen=st.builds(
            Seen,
            damaged=st.booleans(),
            still=st.booleans(),
            black=st.booleans(),
            pace=st.sampled_from([1.0, 1.0, 0.3]),
            rate=st.sampled_from([0.0, 10.0, 20.0]),
            jump=st.sampled_from([0.0, 0.0, 5.0]),
        ),
    )
    def pictures_come(self, count, step, seen):
        for _ in range(count):
            self.now += step
            answer = self.obey(self.machine.picture(self.now, seen))
            assert not (answer.usable and seen.damaged)

    @precondition(lambda self: self.machine.phase is Phase.WATCHING)
    @rule()
    def it_is_well_for_some_seconds(self):
        for _ in range(100):
            self.now += 0.1
            answer = self.obey(self.machine.picture(self.now, GOOD))
        assert answer.usable
        assert self.machine.fault is None
        assert self.told[-1][0] == "online"

    @rule()
    def somebody_speaks_who_was_left(self):
        if not self.open:
            assert not self.machine.picture(self.now, GOOD).usable
            assert not self.machine.failed(self.now, "lost", "late").told
            self.machine.opened(self.now)
            assert self.machine.phase in (Phase.WAITING, Phase.STOPPED)

    @precondition(lambda self: len(self.told) > 5)
    @rule()
    def nobody_wants_it_any_more(self):
        self.obey(self.machine.stop())
        self.stopped = True
        assert not self.open

    @invariant()
    def each_thing_is_said_once(self):
        assert all(first != second for first, second in zip(self.told, self.told[1:], strict=False))

    @invariant()
    def it_never_waits_for_ever(self):
        if not self.stopped:
            longest = 10 * PATIENCE.denied_retry if self.machine.fault == "denied" else PATIENCE.stall
            longest = max(longest, PATIENCE.connect + 1.0, PATIENCE.longest_retry)
            assert self.machine.due <= self.now + longest

    @invariant()
    def a_camera_that_denies_is_not_hammered(self):
        for (before, _), (after, denied) in zip(self.connected, self.connected[1:], strict=False):
            if denied:
                assert after - before >= PATIENCE.denied_retry / 2


TestConversations = Conversations.TestCase


def attempts(fault: str, seconds: float) -> list[float]:
    """When a camera that always answers the same is tried."""
    machine, now, times = Reconnect(PATIENCE, random.Random(1)), 0.0, []
    while now < seconds:
        if machine.tick(now).connect:
            times.append(now)
            machine.failed(now, fault, "always")
        now = machine.due
    return times


def test_attempts_grow_rarer_and_never_end():
    times = attempts("unreachable", 600)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[0] <= PATIENCE.first_retry
    assert max(gaps) <= PATIENCE.longest_retry
    assert 600 / PATIENCE.longest_retry <= len(times) <= 2 * 600 / PATIENCE.longest_retry + 8


def test_a_wrong_password_is_tried_less_than_once_a_minute_in_the_long_run():
    assert len(attempts("denied", 3600)) < 20


def test_cameras_that_fail_together_come_back_apart():
    machines = [Reconnect(PATIENCE, random.Random(seed)) for seed in range(20)]
    for machine in machines:
        machine.tick(0.0)
        machine.failed(0.0, "lost", "all at once")
    assert len({machine.due for machine in machines}) == 20


def seen_for(seconds: float, seen: Seen, machine: Reconnect, now: float) -> tuple[float, list]:
    told = []
    for _ in range(round(seconds * 10)):
        now += 0.1
        told += machine.picture(now, seen).told
    return now, told


@pytest.fixture
def watching():
    """A machine whose camera has been well for 10 s."""
    machine = Reconnect(PATIENCE, random.Random(0))
    machine.tick(0.0)
    machine.opened(0.0)
    return machine, seen_for(10, Seen(size=(64, 48), rate=10.0), machine, 0.0)[0]


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        (Seen(still=True), "frozen"),
        (Seen(black=True), "black"),
        (Seen(black=True, still=True), "black"),
        (Seen(damaged=True), "damaged"),
        (Seen(pace=0.3, rate=10.0), "slow"),
    ],
)
def test_a_fault_in_the_pictures_is_told_within_five_seconds_and_so_is_its_end(watching, seen, fault):
    machine, now = watching
    now, told = seen_for(5, seen, machine, now)
    assert [(t.kind, t.fault) for t in told] == [("stalled", fault)]
    now, told = seen_for(5, GOOD, machine, now)
    assert [t.kind for t in told] == ["online"]


def renewals(fault: Seen, seconds: float, machine: Reconnect, now: float) -> list[float]:
    """When a camera that stays so is connected anew."""
    times, end = [], now + seconds
    while now < end:
        now += 0.1
        if machine.tick(now).connect:
            times.append(now)
            machine.opened(now)
        machine.picture(now, fault)
    return times


def test_a_frozen_camera_is_connected_anew_more_and_more_rarely(watching):
    machine, now = watching
    times = renewals(Seen(still=True), 3600, machine, now)
    gaps = [after - before for before, after in itertools.pairwise([now + PATIENCE.freeze, *times])]
    assert gaps[:3] == pytest.approx([PATIENCE.renew, 2 * PATIENCE.renew, 4 * PATIENCE.renew], abs=0.3)
    assert len(times) < 15
    assert machine.fault == "frozen"


def test_a_slow_camera_is_connected_anew_steadily_so_that_latency_does_not_grow(watching):
    machine, now = watching
    times = renewals(Seen(pace=0.4, rate=10.0), 600, machine, now)
    assert 600 / PATIENCE.renew - 5 <= len(times) <= 600 / PATIENCE.renew


def test_another_size_rate_or_clock_is_told_once_and_is_no_fault(watching):
    machine, now = watching
    machine.picture(now, Seen(size=(64, 48), rate=10.0))
    other = Seen(size=(128, 96), rate=20.0)
    now, told = seen_for(10, other, machine, now)
    assert [t.what for t in told] == ["size", "rate"]
    assert [t.what for t in machine.picture(now, Seen(size=(128, 96), jump=3.0)).told] == ["clock"]
    assert machine.fault is None
