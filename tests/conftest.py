"""How all tests run: the same examples every time, without a deadline, and Ctrl-C reaching whatever a test starts."""

import os
import signal

from hypothesis import settings
from hypothesis.internal.conjecture import providers

pytest_plugins = ("databases",)

# A property that fails must fail for everybody: examples follow from the test alone. HYPOTHESIS_PROFILE=explore draws
# new ones each time. A busy machine or a first compilation is no fault of the code, hence no deadline.
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Hypothesis also tries constants that it finds in whatever modules are loaded by then, which depends on the tests that
# ran before and on every edit of the code.
if settings.get_current_profile_name() == "same":
    providers.is_local_module_file = lambda path: False  # type: ignore[attr-defined]

# A shell starts what runs in its background with SIGINT ignored, which programs started from there inherit: a test
# that interrupts one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
