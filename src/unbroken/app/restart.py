"""A site that hangs begins anew: the process replaces itself, since threads in native code cannot be ended."""

from __future__ import annotations

MOST, WITHIN = 5, 3600.0
"""So many restarts within so many seconds; whoever hangs more often than that has to be looked at."""
VARIABLE = "UNBROKEN_RESTARTS"
"""The environment variable in which a process leaves the times of its restarts to itself: seconds since 1970."""


def next_restart(written: str, now: float) -> str | None:
    """What to leave in `VARIABLE` for the next start; `None` where there were too many restarts lately.

    >>> next_restart("", 100.0)
    '100'
    >>> next_restart("1 2 3 4 5", 100.0) is None
    True

    Args:
        written: what the variable holds; what is no time in it does not count.
        now: seconds since 1970.
    """
    times = [int(word) for word in written.split() if word.isdigit()]
    lately = [time for time in times if 0 <= now - time < WITHIN]
    return None if len(lately) >= MOST else " ".join(map(str, [*lately, int(now)]))
