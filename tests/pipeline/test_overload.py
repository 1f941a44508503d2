"""Quality under overload: falls in the stated order, far enough at once, and comes back without swinging."""

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from unbroken.pipeline.overload import FULL, Limits, Load, Standing, decide, expected, ladder

shares = st.floats(0, 1)
limits = st.builds(
    Limits,
    latency=st.floats(0.02, 5),
    most_every=st.integers(1, 100),
    size=st.sampled_from([0, 224, 320, 416, 640]),
    least_size=st.integers(64, 320),
)


@st.composite
def loads(draw):
    busy = draw(shares)
    detect = draw(st.floats(0, busy))
    return Load(busy, detect, draw(st.floats(0, busy - detect)), draw(st.floats(0, 10)))


@st.composite
def standings(draw, limits):
    level = draw(st.integers(0, len(ladder(limits)) - 1))
    since = draw(st.floats(0, 100))
    patience = draw(st.floats(limits.patience, limits.longest_patience))
    return Standing(level, since, since + draw(st.floats(0, 50)), patience, draw(st.booleans()))


@given(limits)
def test_quality_falls_in_the_stated_order(limits):
    levels = ladder(limits)
    assert levels[0] == FULL
    for better, worse in itertools.pairwise(levels):
        changed = [
            name
            for name, before, after in (
                ("every", better.every, worse.every),
                ("refresh", better.refresh, worse.refresh),
                ("size", -(better.size or limits.size), -(worse.size or limits.size)),
            )
            if after != before and after > before
        ]
        assert len(changed) == 1
        assert changed[0] != "every" or better.refresh == 1
        assert changed[0] == "size" or worse.size == 0
    assert levels[-1].every == limits.most_every
    assert not levels[-1].size or levels[-1].size >= limits.least_size


@given(st.data())
def test_overload_never_raises_quality_and_ease_never_lowers_it(data):
    given_limits, load, time = data.draw(limits), data.draw(loads()), data.draw(st.floats(150, 1000))
    before = data.draw(standings(given_limits))
    after = decide(before, load, time, given_limits)
    assert 0 <= after.level < len(ladder(given_limits))
    if load.busy > 0.92 or load.latency > 0.9 * given_limits.latency:
        assert after.level > before.level or before.level == len(ladder(given_limits)) - 1
    else:
        assert before.level - 1 <= after.level <= before.level


@given(st.data())
def test_a_worse_load_never_means_a_better_quality(data):
    given_limits, load, time = data.draw(limits), data.draw(loads()), data.draw(st.floats(150, 1000))
    before = data.draw(standings(given_limits))
    worse = replace(load, busy=min(1.0, load.busy + data.draw(shares)), latency=load.latency + data.draw(shares))
    assert decide(before, worse, time, given_limits).level >= decide(before, load, time, given_limits).level


def load_of(level, demand, given_limits, idle=0.05):
    """What a machine measures that would be busy for `demand` of its time at full quality: a fifth of it is fixed."""
    full = Load(demand, 0.5 * demand, 0.3 * demand, 0.0)
    wanted = expected(full, FULL, ladder(given_limits)[level], given_limits)
    scale = min(1.0, 1.0 / wanted)
    now = ladder(given_limits)[level]
    detect = 0.5 * demand / now.every * scale
    embed = 0.3 * demand / now.every / now.refresh * scale
    return Load(wanted * scale, detect, embed, 0.1 if wanted < 1 else 0.5)


@given(st.floats(0.1, 20))
def test_under_a_steady_load_it_settles_and_does_not_swing(demand):
    given_limits, standing, changes = Limits(most_every=6, size=0), Standing(), []
    for second in range(1, 3601):
        after = decide(standing, load_of(standing.level, demand, given_limits), float(second), given_limits)
        changes += [second] * (after.level != standing.level)
        standing = after
    assert len(changes) <= 25
    assert len([second for second in changes if second > 1800]) <= 2 * 1800 / 300 + 2


@given(st.floats(1.0, 20))
def test_when_the_load_goes_quality_is_full_again(demand):
    given_limits, standing = Limits(), Standing()
    for second in range(1, 60):
        standing = decide(standing, load_of(standing.level, demand, given_limits), float(second), given_limits)
    assert standing.level > 0
    for second in range(60, 60 + 300 + 5 * len(ladder(given_limits)) * 60):
        standing = decide(standing, load_of(standing.level, 0.1, given_limits), float(second), given_limits)
    assert standing.level == 0


def test_one_bad_second_is_enough_to_fall_as_far_as_the_costs_say():
    given_limits = Limits(most_every=6)
    after = decide(Standing(), Load(1.0, 0.6, 0.3, 0.8), 10.0, given_limits)
    assert ladder(given_limits)[after.level].every == 2
    after = decide(Standing(), Load(1.0, 0.2, 0.1, 0.8), 10.0, given_limits)
    assert ladder(given_limits)[after.level].every == 4
