"""How all tests run: properties without a deadline, and Ctrl-C reaching whatever a test starts."""

import signal

from hypothesis import settings

pytest_plugins = ("databases",)

# A busy machine or a first compilation is no fault of the code.
settings.register_profile("unbroken", deadline=None)
settings.load_profile("unbroken")

# A shell starts what runs in its background with SIGINT ignored, which programs started from there inherit: a test
# that interrupts one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
