"""Events, and a courier's helpers, for the tests of outlets."""

import time

from unbroken.core.events import TrackStarted
from unbroken.outlets.courier import CourierSettings, DeliveryError
from unbroken.outlets.envelope import Sealer

FAST = CourierSettings(first_retry=0.005, longest_retry=0.02)


def started(number, camera="door"):
    return TrackStarted(float(number), camera, number)


def sealed(count, first=1):
    sealer = Sealer("shop", 1)
    return [sealer.seal(started(number)) for number in range(first, first + count)]


def until(true, seconds=60.0):
    """Wait for something that happens in another thread; fails where it does not happen at all."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


class Collected:
    """An outlet that keeps what it gets, and fails as it is told to."""

    def __init__(self, name="collected"):
        self.name = name
        self.got = []
        self.fails = []
        self.closed = 0

    def deliver(self, envelopes):
        if self.fails:
            done, final = self.fails.pop(0)
            self.got += envelopes[:done]
            raise DeliveryError("told to fail", done, final=final)
        self.got += envelopes

    def close(self):
        self.closed += 1

    @property
    def tracks(self):
        return [envelope.event.track for envelope in self.got]
