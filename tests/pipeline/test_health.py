"""What is told of a running site agrees with what was noted, from whatever thread."""

import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unbroken.pipeline.health import BOUNDS, Health, Tally

seconds = st.floats(0, 20, allow_nan=False)


@given(st.lists(seconds, max_size=300))
def test_a_histogram_counts_as_numpy_does(samples):
    tally = Tally()
    for sample in samples:
        tally.add(sample)
    taken = tally.taken()
    bins = [-np.inf, *np.nextafter(BOUNDS, np.inf), np.inf]
    assert list(taken.counts) == np.histogram(samples, bins)[0].tolist()
    assert taken.count == len(samples)
    np.testing.assert_allclose(taken.total, sum(samples))


@given(st.lists(seconds, min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_a_sample_that_as_many_do_not_exceed(samples, share):
    tally = Tally()
    for sample in samples:
        tally.add(sample)
    value = tally.taken().quantile(share)
    assert value in samples
    assert sum(sample <= value for sample in samples) >= share * len(samples) - 1e-9


def test_counts_from_many_threads_all_arrive():
    health = Health(lambda: 5.0)
    health.camera("door", live=True)

    def note():
        for _ in range(500):
            health.arrived("door", 1.0, dropped=True)
            health.answered("door", 0.1, {"detector runs": 1})

    threads = [threading.Thread(target=note) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    camera = health.snapshot().cameras["door"]
    assert (camera.frames, camera.dropped, camera.answered, camera.latency.count) == (2000, 2000, 2000, 2000)
    assert health.snapshot().work == {"detector runs": 2000}


def test_rates_states_and_looks_are_those_of_the_last_seconds():
    now = [100.0]
    health = Health(lambda: now[0])
    health.camera("door", live=True)
    for picture in range(40):
        now[0] += 0.25
        health.arrived("door", now[0], dropped=False)
        health.answered(
            "door", 0.05, {"detector runs": int(picture % 4 == 0), "detector skipped": int(picture % 4 > 0)}
        )
    camera = health.snapshot().cameras["door"]
    np.testing.assert_allclose([camera.rate, camera.every], [4.0, 4.0])
    now[0] += 60
    assert health.snapshot().cameras["door"].rate == 0
    health.state("door", "online")
    health.state("door", "lost", "no route")
    health.state("door", "lost", "still no route")
    camera = health.snapshot().cameras["door"]
    assert (camera.state, camera.reason, camera.since, camera.connections) == ("lost", "still no route", 170.0, 1)
    health.gone("door")
    health.arrived("door", 1.0, dropped=False)
    assert health.snapshot().cameras == {}
