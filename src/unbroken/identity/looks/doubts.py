"""When looks are not to be relied on: what whoever runs a site should know, each thing once."""

from __future__ import annotations

from unbroken.core.events import AppearanceDoubted
from unbroken.identity.looks.bootstrap import Pairs
from unbroken.identity.looks.calibration import Likeness

FEW = 50
"""Pairs of a kind below which nothing is said of how far they are from others."""
SEEN = 200
"""Tracks after which somebody should have been seen again."""
ALIKE = 0.2
"""Equal error rate of tracks above which the net does not tell the people of a site apart."""
ALIKE_AT_ONCE = 0.1
"""The same of views of one track against people seen together, which is the easiest that a net is asked."""
_MEND = "choose another Re-ID net, or give cameras, transit times and ground points more to say"


def doubts(likeness: Likeness, pairs: Pairs, tracks: int, time: float) -> list[AppearanceDoubted]:
    """What is wrong with looks here, at most one for each kind.

    Args:
        likeness: the fitted model.
        pairs: of the first minute.
        tracks: that were seen so far.
        time: seconds, of now.
    """
    densities = likeness.densities
    genuine, strangers = round(densities.genuine), densities.pairs - round(densities.genuine)
    found: list[AppearanceDoubted] = []
    if tracks >= SEEN and genuine < FEW:
        reason = (
            f"of {tracks} tracks {genuine} pairs seem to be somebody seen again, which is too few to calibrate on "
            f"(at least {FEW}): Global IDs rest on what common nets do; add cameras that see the same people"
        )
        found.append(AppearanceDoubted(time, "few", genuine, strangers, densities.equal_error, reason))
    elif genuine >= FEW and densities.equal_error > ALIKE:
        reason = (
            f"where as many are missed as confused, {densities.equal_error:.0%} of tracks are: this net does not "
            f"separate the people of this site; {_MEND}"
        )
        found.append(AppearanceDoubted(time, "alike", genuine, strangers, densities.equal_error, reason))
    own, others = pairs.measured
    if min(own, others) >= FEW and pairs.equal_error > ALIKE_AT_ONCE:
        reason = (
            f"where as many are missed as confused, {pairs.equal_error:.0%} of the views of people seen together are: "
            f"this net does not separate the people of this site; {_MEND}"
        )
        found.append(AppearanceDoubted(time, "alike", own, others, pairs.equal_error, reason))
    return found
